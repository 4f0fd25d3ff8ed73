// The registry and its documentation: one definition per name, and a page that says what they say.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { expect, test } from 'vitest';
import { generateOpsDoc } from '../../scripts/generate-ops-doc.ts';
import { allOps, opFamilies, opNamed } from '../../src/ir/ops/registry.ts';

const page = 'docs/ops.md';

test('docs/ops.md is what the registry says (UPDATE=1 rewrites it)', async () => {
  const text = await format(generateOpsDoc(opFamilies), { parser: 'markdown' });
  if (process.env['UPDATE'] === '1') {
    mkdirSync('docs', { recursive: true });
    writeFileSync(page, text);
  }
  expect(readFileSync(page, 'utf8')).toBe(text);
});

test('names are unique and unknown ones are refused', () => {
  expect(new Set(allOps.map(({ name }) => name)).size).toBe(allOps.length);
  expect(() => opNamed('nothing')).toThrow("there is no op named 'nothing'");
});

test('every op says what it is, in a sentence', () => {
  for (const { doc } of allOps) expect(doc).toMatch(/\S.*\.$/);
});
