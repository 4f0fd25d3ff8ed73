// What every source file owes its reader: an opening comment, a name that says what is inside, a size one can read.
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';

const folders = ['src', 'test', 'scripts', 'bench'];
const vagueNames = new Set(['utils', 'util', 'helpers', 'helper', 'common', 'misc']);
const longestFile = 800;

function sourceFiles(): [path: string, text: string][] {
  return folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name) && !entry.name.endsWith('.gen.ts'))
      .map((entry): [string, string] => {
        const path = join(entry.parentPath, entry.name);
        return [path, readFileSync(path, 'utf8')];
      }),
  );
}

/** What is wrong with one file, if anything. */
function faults(path: string, text: string): string[] {
  const stem = basename(path).replace(/\..*$/, '');
  return [
    /^(#!.*\n)?\/[/*]/.test(text) ? '' : 'does not open with a comment',
    path.split('/').some((part) => vagueNames.has(part.replace(/\..*$/, ''))) ? 'has a name that says nothing' : '',
    /^[a-z0-9]+(-[a-z0-9]+)*$/.test(stem) ? '' : 'is not named in kebab-case',
    text.split('\n').length <= longestFile ? '' : `is longer than ${longestFile} lines`,
  ]
    .filter((fault) => fault !== '')
    .map((fault) => `${path} ${fault}`);
}

test('files open with a comment, are named for what they hold, and are short enough to read', () => {
  const files = sourceFiles();
  expect(files.length).toBeGreaterThan(20);
  expect(files.flatMap(([path, text]) => faults(path, text))).toEqual([]);
});

test('planted faults are found', () => {
  expect(faults('src/ir/Utils.ts', `export {};${'\n'.repeat(longestFile)}`)).toHaveLength(3);
  expect(faults('src/common/x.ts', '// Fine.\n')).toHaveLength(1);
});
