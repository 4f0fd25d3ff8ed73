// The generators: a runtime file becomes a chunk that can be pasted, and what cannot be pasted is refused by name.
import { describe, expect, test } from 'vitest';
import { chunkOf, generateRuntime } from '../../scripts/generate-runtime.ts';
import { generateStdlib } from '../../scripts/generate-stdlib.ts';

describe('runtime chunks', () => {
  test('lose types, imports and exports, and record them', async () => {
    const chunk = await chunkOf(
      'wasm/memory.ts',
      "import type { Plan } from './plan.ts';\nimport { align, type Bytes } from '../layout.ts';\n" +
        '/** Pages for a plan. */\nexport function pages(plan: Plan): Bytes {\n  // 64 KiB each\n' +
        '  return align(plan.bytes as number) / 65536;\n}\nexport const pageSize = 65536 as const;\n',
    );
    expect(chunk).toEqual({
      name: 'wasm/memory',
      imports: ['layout'],
      exports: ['pageSize', 'pages'],
      code: expect.stringContaining('function pages(plan) {') as string,
    });
    expect(chunk.code).not.toMatch(/\b(import|export|Plan)\b/);
  });

  test.each([
    ['a renamed import', "import { a as b } from './x.ts';\nexport const c = b;\n", 'must keep their names'],
    ['a renamed export', 'const a = 1;\nexport { a as b };\n', 'must keep their names'],
    ['a default export', 'export default function f() {}\n', 'must keep their names'],
    ['a namespace import', "import * as x from './x.ts';\nexport const c = x.c;\n", 'import names'],
    ['a package', "import { format } from 'prettier';\nexport const c = format;\n", 'no dependencies'],
    ['a star export', "export * from './x.ts';\n", 'cannot be pasted'],
  ])('refuse %s', async (_what, text, why) => {
    await expect(chunkOf('a.ts', text)).rejects.toThrow(why);
  });

  test('refuse a name that two files declare, and an import of no file', async () => {
    const twice = { 'a.ts': 'export const pool = 1;\n', 'b.ts': 'function pool() {}\nexport const b = pool;\n' };
    await expect(generateRuntime(twice)).rejects.toThrow("'pool' is declared in a.ts and b.ts");
    const lost = { 'a.ts': "import { b } from './b.ts';\nexport const a = b;\n" };
    await expect(generateRuntime(lost)).rejects.toThrow("no runtime file 'b'");
  });
});

test('the standard library table keeps texts exactly', async () => {
  const files = { 'nn.dlm': 'layer `x` ${y} \\ "z"\n', 'optim/sgd.dlm': '' };
  const url = `data:text/javascript,${encodeURIComponent(generateStdlib(files).replace(/: Readonly<[^=]*=/, ' ='))}`;
  const table = (await import(/* @vite-ignore */ url)) as { stdlib: unknown };
  expect(table.stdlib).toEqual(files);
});
