// The emitted .d.ts of models with caches, optional arguments and counts.
import * as prettier from 'prettier';
import { beforeAll, expect, test } from 'vitest';
import { compile } from '../../src/index.ts';
import { fileHost } from '../support/file-host.ts';
import { typeErrors } from './type-errors.ts';

const dts: Record<string, string> = {};
beforeAll(async () => {
  for (const name of ['tiny-gpt', 'transformer-xl', 'arguments'])
    dts[name] = (await compile(fileHost, `test/exec/programs/${name}.dlm`)).dts ?? '';
});

const linesOf = (setup: string, wrong: readonly string[]): string[] =>
  wrong.map((_, at) => `user.ts:${at + setup.split('\n').length}`);
const places = (errors: readonly string[]): string[] => [
  ...new Set(errors.map((error) => error.replace(/ TS\d+$/, ''))),
];

const gpt = `import { load, type TinyGptSession } from './line.dlm.js';
const net = await load({ seed: 1 });
const chat: TinyGptSession = await net.session({ b: 1, cap: 16, seed: 2 });
`;

test('sessions: ordinary use type-checks', async () => {
  const user = `${gpt}
await using again = await net.session({ b: 1, cap: 16 });
const logits = await chat.decode([[1, 2]], chat.pos);
chat.pos += 2;
const size: number = chat.dims.cap + again.pos;
const ids: number[] = [];
for await (const id of chat.stream({
  logits, step: (id) => chat.decode([[id]], chat.pos++), next: async (l) => (await l.data()).length, until: 3, max: 5,
})) ids.push(id);
for await (const id of chat.stream({ logits, step: (id: number) => chat.decode([[id]], 0), next: () => 1, until: (id) => id > 2 }))
  id.toFixed();
chat.reset();
(await net.forward([[1]], { keep: [[true]], seed: 3 })).dispose();
void size;
export {};
`;
  expect(await typeErrors(dts['tiny-gpt'] ?? '', user)).toEqual([]);
});

test('sessions: mistakes are errors', async () => {
  const wrong = [
    'await net.session({ b: 1 });',
    'await net.session();',
    "await net.session({ b: 1, cap: '16' });",
    'await net.decode([[1]], 0);',
    'await chat.decode([[1]]);',
    'await chat.forward([[1]]);',
    'chat.dims.cap = 3;',
    'await net.forward([[1]], { keep: [[1]] });',
    'await net.forward([[1]], { kept: [[true]] });',
    "chat.stream({ logits: 1, step: async () => 1, next: () => 1, until: 'end' });",
  ];
  const errors = await typeErrors(dts['tiny-gpt'] ?? '', `${gpt}${wrong.join('\n')}\nexport {};\n`);
  expect(places(errors)).toEqual(linesOf(gpt, wrong));
});

test('training with caches, counts and options', async () => {
  const txl = `import { load, createFitTxl } from './line.dlm.js';
const net = await load();
const fit = await createFitTxl(net, { lr: 0.1, dims: { b: 2 } });
fit.reset();
await createFitTxl(net);
`;
  const wrong = ['await createFitTxl(net, { dims: { m: 2 } });', 'await net.forward([[1]]);'];
  const errors = await typeErrors(dts['transformer-xl'] ?? '', `${txl}${wrong.join('\n')}\nexport {};\n`);
  expect(places(errors)).toEqual(linesOf(txl, wrong));
  const entries = `import { load } from './line.dlm.js';
const net = await load();
const rows: readonly [number, 3] = (await net.sample(4, { seed: 1 })).shape;
await net.scale([1, 2], { by: 3, shift: [1, 2], keep: [true, false] });
`;
  const mistakes = [
    'await net.sample();',
    "await net.sample('4');",
    'await net.scale([1], { by: [3] });',
    'await net.roll([[1]]);',
  ];
  const found = await typeErrors(dts['arguments'] ?? '', `${entries}${mistakes.join('\n')}\nvoid rows;\nexport {};\n`);
  expect(places(found)).toEqual(linesOf(entries, mistakes));
});

test('is formatted as prettier formats it', async () => {
  for (const text of Object.values(dts))
    expect(await prettier.check(text, { printWidth: 120, singleQuote: true, parser: 'typescript' })).toBe(true);
});
