// docs/library.md has a row for every member of the standard library, and everything in it ran on both devices.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { libraryMembers } from '../../scripts/library-members.ts';

const rows = readFileSync('docs/library.md', 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

test('the page names every member (`npm run library` writes it)', () => {
  const listed = rows.map(([name, file]) => `${file} ${name}`);
  expect(listed).toEqual(libraryMembers().map(({ name, file }) => `${file} \`${name}\``));
});

test('no cell is empty', () => {
  expect(rows.length).toBeGreaterThan(200);
  expect(rows.flat().filter((cell) => cell === '' || cell === 'not run')).toEqual([]);
});

test('a member has one home and documentation', () => {
  const seen = new Map<string, string>();
  for (const { name, file, what } of libraryMembers()) {
    expect(what, `${file} ${name}`).not.toBe('');
    const key = `${file.split('/')[0]} ${name}`;
    expect(seen.get(key), `${name} in ${file}`).toBeUndefined();
    seen.set(key, file);
  }
});
