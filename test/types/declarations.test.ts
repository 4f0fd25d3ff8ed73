// The emitted .d.ts as users meet it: what must compile does, and what must not is an error at its line.
import * as prettier from 'prettier';
import { beforeAll, expect, test } from 'vitest';
import { emitLine } from '../runtime/line.ts';
import { typeErrors } from './type-errors.ts';

let dts = '';
beforeAll(async () => {
  ({ dts } = await emitLine());
});

const errorsOf = (user: string): Promise<string[]> => typeErrors(dts, user);

const setup = `import { load, createFitLine, meta, DlmError } from './line.dlm.js';
const net = await load({ seed: 1, device: 'wasm' });
const fit = await createFitLine(net, { lr: 0.1 });
`;

test('ordinary use type-checks', async () => {
  const user = `${setup}
await using other = await load({ device: net.device, weights: new Uint8Array(8), strict: false });
using y = await net.predict([[1, 2, 3]], { seed: 1 });
const shape: readonly [number] = y.shape;
const values: Float32Array = await y.data();
await net.predict(new Float32Array(6));
await net.predict({ data: new Float32Array(6), shape: [2, 3] });
const again: Float32Array = await (await net.weights.get('w')).data();
net.weights.set('w', [1, 2, 3]);
fit.options.lr = 1e-3;
const { loss, iteration }: { loss: number; iteration: number } = await fit.step({ x: values, y: [1] });
for await (const event of fit.run(() => [{ x: values, y: again }], { epochs: 2, every: 10 })) {
  if (event.type === 'step') event.loss.toFixed(3);
  else if (event.type === 'done') event.epochs.toFixed();
}
(await fit.evaluate([{ x: values, y: again }])).loss.toFixed();
await fit.restore(await fit.save());
meta.models['Line']?.parameters[0]?.path.length;
try { await load(); } catch (error) { if (error instanceof DlmError) error.code.length; }
void [shape, loss, iteration];
export {};
`;
  expect(await errorsOf(user)).toEqual([]);
});

test('mistakes are errors', async () => {
  const wrong = [
    'await net.predict([1, 2, 3]);',
    'await net.predict(new Int32Array(3));',
    "await net.predict([['a']]);",
    'await net.preddict([[1, 2, 3]]);',
    "await net.weights.get('v');",
    "net.weights.set('w', [[1]]);",
    'await fit.step({ x: [[1, 2, 3]] });',
    'fit.options.rate = 1;',
    'await createFitLine(net, { rate: 1 });',
    "await load({ device: 'gpu' });",
    'await net.predict(await net.predict([[1, 2, 3]]));',
  ];
  const errors = await errorsOf(`${setup}${wrong.join('\n')}\nexport {};\n`);
  expect([...new Set(errors.map((error) => error.replace(/ TS\d+$/, '')))]).toEqual(
    wrong.map((_, at) => `user.ts:${at + 4}`),
  );
});

test('is formatted as prettier formats it, and so are the exports of the module', async () => {
  const options = { printWidth: 120, singleQuote: true };
  expect(await prettier.check(dts, { ...options, parser: 'typescript' })).toBe(true);
  const { js } = await emitLine();
  expect(
    await prettier.check(`${js.slice(0, js.indexOf('// prettier-ignore')).trimEnd()}\n`, {
      ...options,
      parser: 'babel',
    }),
  ).toBe(true);
});
