// docs/tour.md: its program compiles, and its dumps are what the compiler prints. UPDATE=1 rewrites them.
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { dumpLevels, fillTour, partOf } from '../../scripts/tour-dumps.ts';
import { snippetsOf } from './snippets.ts';

const file = 'docs/tour.md';

test('docs/tour.md is what the compiler prints', async () => {
  const page = readFileSync(file, 'utf8');
  const source = snippetsOf(page).find(({ options }) => options['file'] === 'tiny.dlm');
  expect(source).toBeDefined();
  const filled = fillTour(page, await dumpLevels('tiny.dlm', source?.text ?? ''));
  expect(filled.match(/<!-- dump: /g)?.length).toBeGreaterThan(10);
  if (process.env['UPDATE'] === '1') writeFileSync(file, filled);
  expect(readFileSync(file, 'utf8'), 'UPDATE=1 rewrites the dumps').toBe(filled);
});

test('a dump that is out of date is replaced, and a part that is gone is an error', () => {
  const page = '<!-- dump: graph | func @a -->\n\n```\nold\n```\n';
  const dump = 'func @a(\n) {\n  new\n}\n\nfunc @b(\n) {\n}\n';
  expect(fillTour(page, new Map([['graph', dump]]))).toBe(page.replace('old', 'func @a(\n) {\n  new\n}'));
  expect(() => partOf(dump, 'func @c')).toThrow('func @c');
});
