// `@remat`: the same numbers with less memory. A 12-layer transformer with and without it.
import { expect, test } from 'vitest';
import { evaluateDim } from '../../src/ir/dim.ts';
import { byteSize } from '../../src/ir/dtype.ts';
import type { Plan } from '../../src/ir/plan.ts';
import { check, lowerModule, type FileHost, type Lowered } from '../../src/index.ts';
import { peakMemory } from '../../src/inspect/peak-memory.ts';
import { packIntervals } from '../../src/runtime/arena.ts';
import type { BufferSpec } from '../../src/runtime/program.ts';
import { referenceTraining } from '../support/exec.ts';
import { sampleTensor } from '../support/graph-cases.ts';

const source = (mark: string, depth: number): string => `
import { TransformerEncoderLayer } from "std/nn"
import { SGD } from "std/optim"
export model Deep(d: int = 16) {
  ${mark} let h = for i in 0..${depth} => TransformerEncoderLayer(d, 2, dim_feedforward=4 * d, dropout=0.0)
  export fn forward(x: [b, t, d]) -> [b, t, d] = fold x = x over blk in h => blk(x)
}
export train Fit(net: Deep) {
  batch x: f32[b, t, net.d]
  minimize mean(net(x) ^ 2) using SGD(lr=0.1)
}`;

const recurrent = (mark: string, steps: string): string => `
import { LSTM } from "std/nn"
import { SGD } from "std/optim"
export model Recurrent(d: int = 16) {
  ${mark} let rnn = LSTM(d, 4 * d)
  export fn forward(x: [b, ${steps}, d]) -> [b, 4 * d] = rnn(x)[1][0]
}
export train Fit(net: Recurrent) {
  batch x: f32[b, ${steps}, net.d]
  minimize mean(net(x) ^ 2) using SGD(lr=0.1)
}`;

const lowered = (mark: string, depth: number): Lowered => lower(source(mark, depth));

function lower(text: string): Lowered {
  const files: FileHost = { read: () => text, resolve: (_, specifier) => specifier };
  const { module, diagnostics } = check(files, 'deep.dlm');
  if (!module) throw new Error(diagnostics.map(({ message }) => message).join('; '));
  return lowerModule(module, ['wasm']);
}

const dims: Readonly<Record<string, number>> = { b: 2, t: 24 };
const value = (d: Parameters<typeof evaluateDim>[0], sizes = dims): number => evaluateDim(d, (name) => sizes[name]);

function stepPlan({ programs }: Lowered): Plan {
  const plan = programs[0]?.plans.find(({ name }) => name === 'Fit.step');
  if (!plan) throw new Error('no step');
  return plan;
}

/** Bytes of the arena as the runtime packs it. */
function arenaBytes({ buffers }: Plan, sizes = dims): number {
  const specs = buffers
    .filter(({ pool, alias }) => pool === 'arena' && alias === undefined)
    .map(({ shape, dtype, first, last }): BufferSpec => [
      0,
      shape.reduce((size, d) => size * value(d, sizes), byteSize[dtype]),
      first,
      last,
    ]);
  return packIntervals(specs, 0).bytes;
}

test('halves the arena of a transformer of 12 layers, as the summary predicts', () => {
  const [kept, again] = [stepPlan(lowered('', 12)), stepPlan(lowered('@remat', 12))];
  expect(arenaBytes(again)).toBeLessThan(arenaBytes(kept) / 2);
  const lasting = ({ buffers }: Plan): number =>
    buffers
      .filter(({ pool, alias }) => pool === 'persistent' && alias === undefined)
      .reduce((sum, { shape, dtype }) => sum + shape.reduce((size, d) => size * value(d), byteSize[dtype]), 0);
  for (const plan of [kept, again]) {
    const predicted = value(peakMemory(plan)) - lasting(plan);
    expect(arenaBytes(plan)).toBeGreaterThanOrEqual(0.9 * predicted);
    expect(arenaBytes(plan)).toBeLessThanOrEqual(1.1 * predicted);
  }
});

test('keeps one carry per segment of a loop, about √T of T', () => {
  const bytes = (mark: string, steps: string, t: number): number =>
    arenaBytes(stepPlan(lower(recurrent(mark, steps))), { b: 2, t });
  expect(bytes('@remat', 't', 900)).toBeLessThan(bytes('', 't', 900) / 12);
  expect(bytes('@remat', '900', 0)).toBeLessThan(2.2 * bytes('@remat', '225', 0));
});

test('trains to the same numbers', () => {
  const run = (mark: string): readonly number[] => {
    const { graph } = lowered(mark, 2);
    const train = graph.trains[0];
    if (!train) throw new Error('no train');
    const batches = [1, 2].map((seed) => ({ x: sampleTensor([2, 3, 16], seed) }));
    const { state } = referenceTraining({ graph, dims: {} }, train, batches, 7, 'f64');
    return Object.values(state).flatMap(({ data }) => [...data]);
  };
  const [kept, again] = [run(''), run('@remat')];
  expect(again).toHaveLength(kept.length);
  again.forEach((x, at) => expect(x).toBeCloseTo(kept[at] ?? NaN, 9));
});
