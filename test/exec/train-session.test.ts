// Caches carried between training steps: constants of a step, zeroed by reset and by each epoch, saved and restored.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { interpret } from '../../src/ir/interpreter.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { importModule } from '../runtime/load-module.ts';
import {
  argument,
  compileFile,
  emptyCaches,
  functionNamed,
  initialWeights,
  keys,
  type Program,
} from '../support/exec.ts';
import { requestTestDevice } from '../support/webgpu.ts';

interface Batch {
  readonly ids: number[][];
  readonly next: number[][];
}
interface Fit {
  step(batch: Batch): Promise<{ loss: number }>;
  run(data: Batch[], options?: object): AsyncIterable<{ type: string; loss?: number }>;
  evaluate(data: Batch[]): Promise<{ loss: number }>;
  reset(): void;
  save(): Promise<Uint8Array>;
  restore(saved: Uint8Array): Promise<void>;
}
interface TxlModule {
  load(options: object): Promise<{ dispose(): void }>;
  createFitTxl(net: object, options?: object): Promise<Fit>;
}

const path = 'test/exec/programs/transformer-xl.dlm';
const devices: Record<string, unknown> = { wasm: 'wasm' };
let program: Program;
let module: TxlModule;
let release = (): void => {};

beforeAll(async () => {
  program = await compileFile(path);
  module = await importModule<TxlModule>(program.js);
  const found = await requestTestDevice();
  if ('missing' in found) throw new Error(`WebGPU is missing: ${found.missing}`);
  devices['webgpu'] = found.device;
  release = () => found.device.destroy();
});
afterAll(() => release());

const segment = (from: number, rows = 2): Batch => {
  const ids = (shift: number): number[][] =>
    Array.from({ length: rows }, (_, row) => [0, 1, 2].map((t) => (3 * row + 2 * (from + t + shift)) % 11));
  return { ids: ids(0), next: ids(1) };
};

const scalar = (dtype: Tensor['dtype'], value: number): Tensor => ({ dtype, shape: [], data: Float64Array.of(value) });

test('what is carried in is a constant: gradients stop at the border of the segment', () => {
  const [model] = program.graph.models;
  const [train] = program.graph.trains;
  if (!model || !train) throw new Error('no model');
  const fn = functionNamed(program.graph, train.step);
  const batch = Object.fromEntries(train.batch.map(({ name, type }, at) => [name, argument(program, name, type, at)]));
  const fixed = { ...batch, ...keys(1, 1, 0), iteration: scalar('i32', 0), lr: scalar('f32', 1) };
  const weights = initialWeights(program.graph, model, 1, 'f64');
  const first = interpret(
    fn,
    { ...weights, ...emptyCaches(program, fn), ...fixed },
    { precision: 'f64', dims: program.dims },
  );
  const caches = Object.fromEntries(Object.keys(emptyCaches(program, fn)).map((name) => [name, first[name] as Tensor]));
  expect(caches['h.0.mem']?.data.some((x) => x !== 0)).toBe(true);
  const run = (own: Record<string, Tensor>): Record<string, Tensor> =>
    interpret(fn, { ...weights, ...caches, ...fixed, ...own }, { precision: 'f64', dims: program.dims });
  const after = run({});
  for (const name of ['wte.weight', 'h.0.kv.weight', 'h.1.u']) {
    const own = weights[name] as Tensor;
    for (const at of [0, Math.floor(own.data.length / 2), own.data.length - 1]) {
      const moved = (by: number): number => {
        const data = Float64Array.from(own.data);
        data[at] = (data[at] ?? 0) + by;
        return run({ [name]: { ...own, data } })['loss']?.data[0] ?? NaN;
      };
      const gradient = (own.data[at] ?? 0) - (after[name]?.data[at] ?? NaN);
      expect((moved(1e-5) - moved(-1e-5)) / 2e-5).toBeCloseTo(gradient, 7);
    }
  }
});

describe.each(['wasm', 'webgpu'])('on %s', (device) => {
  let net: { dispose(): void };
  beforeAll(async () => {
    net = await module.load({ device: devices[device], seed: 5 });
  });
  afterAll(() => net.dispose());

  test('the second segment sees the first, until reset', async () => {
    const fit = await module.createFitTxl(net, { lr: 0 });
    const alone = (await fit.step(segment(3))).loss;
    fit.reset();
    const first = (await fit.step(segment(0))).loss;
    const second = (await fit.step(segment(3))).loss;
    expect(second).not.toBe(alone);
    fit.reset();
    expect((await fit.step(segment(0))).loss).toBe(first);
    expect((await fit.step(segment(3))).loss).toBe(second);
    const losses: number[] = [];
    for await (const event of fit.run([segment(0), segment(3)], { epochs: 2 }))
      if (event.type === 'step') losses.push(event.loss ?? NaN);
    expect(losses).toEqual([first, second, first, second]);
  });

  test('an evaluation has a session of its own, which moves from batch to batch', async () => {
    const fit = await module.createFitTxl(net, { lr: 0 });
    await fit.step(segment(0));
    const second = (await fit.step(segment(3))).loss;
    fit.reset();
    const first = (await fit.step(segment(0))).loss;
    const { loss } = await fit.evaluate([segment(0), segment(3)]);
    expect(loss).toBeCloseTo((first + second) / 2, 5);
    expect((await fit.evaluate([segment(0, 3)])).loss).toBeGreaterThan(0);
    expect((await fit.step(segment(3))).loss).toBe(second);
  });

  test('dims hold from the first batch on, or from the start', async () => {
    const fit = await module.createFitTxl(net, { lr: 0 });
    await fit.step(segment(0));
    await expect(fit.step(segment(0, 3))).rejects.toMatchObject({ code: 'E9102', path: 'b', got: '3', expected: '2' });
    const fixed = await module.createFitTxl(net, { lr: 0, dims: { b: 3 } });
    await expect(fixed.step(segment(0))).rejects.toMatchObject({ code: 'E9102' });
    await fixed.step(segment(0, 3));
    await expect(module.createFitTxl(net, { dims: { b: 0 } })).rejects.toMatchObject({ code: 'E9101', path: 'dims.b' });
  });

  test('a restored training goes on bit for bit, caches included', async () => {
    const own = await module.load({ device: devices[device], seed: 9 });
    const fit = await module.createFitTxl(own);
    await fit.step(segment(0));
    const saved = await fit.save();
    const wanted = [(await fit.step(segment(3))).loss, (await fit.step(segment(6))).loss];
    const other = await module.createFitTxl(own);
    await other.step(segment(7, 1));
    await other.restore(saved);
    expect([(await other.step(segment(3))).loss, (await other.step(segment(6))).loss]).toEqual(wanted);
    own.dispose();
  });
});
