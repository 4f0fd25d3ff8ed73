// The MLP with each of its activations: sixty steps on digits, and the loss falls by a third.
import { afterAll, expect, test } from 'vitest';
import { batches, readTable } from '../../examples/data/labelled.ts';
import { readFileSync } from 'node:fs';
import { compileProgram } from '../../scripts/example-modules.ts';
import { importModule } from '../runtime/load-module.ts';

interface MlpModule {
  load(options: object): Promise<{ dispose(): void }>;
  createFit(net: object, options: object): Promise<{ step(batch: object): Promise<{ loss: number }> }>;
}

const source = readFileSync('examples/mlp/mlp.dlm', 'utf8');
const names = [...(/type Activation = ([^]*?)\n\n/.exec(source)?.[1] ?? '').matchAll(/"(\w+)"/g)].map(
  ([, name = '']) => name,
);
const four = [...batches(readTable('examples/data/digits.csv'), 64)].slice(0, 4);
const open: { dispose(): void }[] = [];
afterAll(() => open.forEach((net) => net.dispose()));

test('the example offers them all', () => expect(names.length).toBe(15));

test.each(names)('%s', async (name) => {
  const { js } = await compileProgram('examples/mlp/mlp.dlm', {
    set: { 'Mlp.activation': name, 'Mlp.hidden': '32', 'Mlp.drop': '0.0' },
    targets: ['wasm'],
  });
  const module = await importModule<MlpModule>(js);
  const net = await module.load({ device: 'wasm', seed: 1 });
  open.push(net);
  const fit = await module.createFit(net, { lr: 1e-2 });
  const losses: number[] = [];
  for (let epoch = 0; epoch < 15; epoch++) for (const batch of four) losses.push((await fit.step(batch)).loss);
  expect(losses.at(-1)).toBeLessThan(0.7 * (losses[0] ?? 0));
});
