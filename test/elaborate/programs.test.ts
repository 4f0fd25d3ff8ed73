// Whole programs elaborate without a word, and their graphs verify.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { verifyGraph } from '../../src/ir/graph-verify.ts';
import { renderTerminal } from '../../src/support/render-terminal.ts';
import { program } from './files.ts';

const folder = 'test/elaborate/programs';

test.each(readdirSync(folder))('%s', (name) => {
  const { module, diagnostics } = program(readFileSync(join(folder, name), 'utf8'));
  expect(renderTerminal(diagnostics)).toBe('');
  expect(verifyGraph(module)).toEqual([]);
  expect(module.models.length).toBeGreaterThan(0);
  expect(module.trains).toHaveLength(1);
  for (const fn of module.functions) expect(fn.nodes.length, fn.name).toBeGreaterThan(0);
});
