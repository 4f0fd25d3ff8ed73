// The import rules hold over src/, the scanner sees the files, and both it and the linter catch planted violations.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { importsOf, lintOverrides, violationsOf } from './import-rules.ts';

function sourceFiles(): Record<string, string> {
  const paths = readdirSync('src', { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(paths.map((path) => [relative('src', path), readFileSync(path, 'utf8')]));
}

describe('imports', () => {
  const files = sourceFiles();

  test('follow the table', () => {
    const imports = Object.values(files).reduce((sum, text) => sum + importsOf(text).length, 0);
    console.log(`imports: ${Object.keys(files).length} files, ${imports} imports`);
    expect(Object.keys(files).length).toBeGreaterThan(10);
    expect(imports).toBeGreaterThan(10);
    expect(violationsOf(files)).toEqual([]);
  });

  test.each([
    ['passes/planted.ts', "import { readFileSync } from 'node:fs';\n"],
    ['passes/planted.ts', "import type { Token } from '../parser/tokens.ts';\n"],
    ['elaborate/planted.ts', "import {\n  tokens,\n} from '../parser/tokens.ts';\n"],
    ['elaborate/deep/planted.ts', "export * from '../../codegen/wgsl/print.ts';\n"],
    ['ir/planted.ts', "import fc from 'fast-check';\n"],
    ['codegen/planted.ts', "const x = await import('../passes/fuse.ts');\n"],
    ['runtime/planted.ts', "import '../support/text.ts';\n"],
    ['cli/planted.ts', "import { parse } from '../parser/parse.ts';\n"],
    ['misc/planted.ts', ''],
  ])('a planted violation in %s is found (%#)', (file, text) => {
    expect(violationsOf({ [file]: text })).toHaveLength(1);
  });

  test.each([
    ['elaborate/fine.ts', "import type { Expr } from '../parser/ast.ts';\n"],
    ['ir/fine.ts', "import type * as fc from 'fast-check';\n"],
    ['cli/fine.ts', "import { readFileSync } from 'node:fs';\nimport { compile } from '../index.ts';\n"],
    ['compile.ts', "import { fuse } from './passes/fuse.ts';\n"],
  ])('an allowed import in %s passes (%#)', (file, text) => {
    expect(violationsOf({ [file]: text })).toEqual([]);
  });
});

describe('lint configuration', () => {
  const path = '.oxlintrc.json';
  const config = JSON.parse(readFileSync(path, 'utf8')) as { overrides: object[] };

  test('carries the same table (UPDATE=1 rewrites it)', () => {
    if (process.env['UPDATE'] === '1') {
      config.overrides = lintOverrides();
      writeFileSync(path, `${JSON.stringify(config, null, 2)}\n`);
    }
    expect(config.overrides).toEqual(lintOverrides());
  });

  test('makes oxlint fail on a planted violation', () => {
    const folder = mkdtempSync(join(tmpdir(), 'dlm-lint-'));
    try {
      mkdirSync(join(folder, 'src/passes'), { recursive: true });
      writeFileSync(join(folder, path), readFileSync(path));
      writeFileSync(
        join(folder, 'src/passes/planted.ts'),
        "import { readFileSync } from 'node:fs';\nimport { parse } from '../parser/parse.ts';\nexport { parse, readFileSync };\n",
      );
      mkdirSync(join(folder, 'src/elaborate'));
      writeFileSync(join(folder, 'src/elaborate/planted.ts'), "export { tokens } from '../parser/tokens.ts';\n");
      writeFileSync(join(folder, 'src/elaborate/allowed.ts'), "export { name } from '../parser/ast.ts';\n");
      const run = spawnSync(
        process.execPath,
        [join(process.cwd(), 'node_modules/oxlint/bin/oxlint'), '--no-ignore', '--format=unix', '.'],
        {
          cwd: folder,
          encoding: 'utf8',
        },
      );
      expect(run.stdout).toContain("src/passes/planted.ts:1:1: 'node:fs' import is restricted");
      expect(run.stdout).toContain("src/elaborate/planted.ts:1:1: '../parser/tokens.ts' import is restricted");
      expect(run.stdout).not.toContain('allowed.ts');
      expect(run.stdout).toContain("src/passes/planted.ts:2:1: '../parser/parse.ts' import is restricted");
      expect(run.status).toBe(1);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
