// The MLP of mlp.ts through all passes and both targets, against the reference interpreter.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { emit, lowerModule } from '../../src/compile.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { runKey } from '../../src/runtime/threefry.ts';
import { requestTestDevice } from '../support/webgpu.ts';
import { importModule } from './load-module.ts';
import { mlpModule, parameters } from './mlp.ts';

interface Result {
  shape: number[];
  data(): Promise<ArrayLike<number>>;
}
interface Mlp {
  predict(x: unknown): Promise<{ logits: Result; best: Result }>;
  weights: {
    get(path: string): Promise<Result>;
    save(): Promise<Uint8Array>;
    load(bytes: Uint8Array): Promise<void>;
    hash(): Promise<string>;
  };
  dispose(): void;
}
interface Fit {
  step(batch: object): Promise<{ loss: number }>;
  evaluate(data: unknown): Promise<{ loss: number }>;
  save(): Promise<Uint8Array>;
  restore(bytes: Uint8Array): Promise<void>;
  dispose(): void;
}
interface MlpModule {
  load(options: object): Promise<Mlp>;
  createFitMlp(net: Mlp, options?: object): Promise<Fit>;
}

const wave = (size: number, speed: number): Float32Array =>
  Float32Array.from({ length: size }, (_, at) => Math.sin(speed * (at + 1) ** 2));
const batch = { x: wave(7 * 5, 1.3), y: wave(7 * 3, 0.7) };
const tensor = (data: ArrayLike<number>, ...shape: number[]): Tensor => ({
  dtype: 'f32',
  shape,
  data: Float64Array.from(data),
});
const scalar = (value: number, dtype: Tensor['dtype']): Tensor => ({ dtype, shape: [], data: Float64Array.of(value) });

const lowered = lowerModule(mlpModule());
const named = (name: string) => {
  const fn = lowered.graph.functions.find((each) => each.name === name);
  if (!fn) throw new RangeError(name);
  return fn;
};

// Steps of the reference interpreter from given parameters.
function reference(
  start: ReadonlyMap<string, Tensor>,
  steps: number,
  seed: number,
): { losses: number[]; values: Map<string, Tensor> } {
  const values = new Map(start);
  for (const [path, type] of parameters) {
    const shape = type.shape.map((dim) => Number(dim.key));
    values.set(`momentum:${path}`, tensor(new Float64Array(shape.reduce((a, c) => a * c, 1)), ...shape));
  }
  const losses: number[] = [];
  for (let iteration = 0; iteration < steps; iteration++) {
    const [k0, k1] = runKey(seed, 1, iteration);
    const out = interpret(named('FitMlp.step'), {
      ...Object.fromEntries(values),
      x: tensor(batch.x, 7, 5),
      y: tensor(batch.y, 7, 3),
      lr: scalar(0.05, 'f32'),
      iteration: scalar(iteration, 'i32'),
      'key.0': scalar(k0, 'u32'),
      'key.1': scalar(k1, 'u32'),
    });
    losses.push(out['loss']?.data[0] ?? NaN);
    for (const path of values.keys()) values.set(path, out[path] ?? tensor([]));
  }
  return { losses, values };
}

let module: MlpModule;
beforeAll(async () => {
  module = await importModule<MlpModule>((await emit(lowered, 'mlp.dlm')).js, 'mlp.dlm.mjs');
});
const found = await requestTestDevice();
afterAll(() => {
  if ('device' in found) found.device.destroy();
});

const weightsOf = async (net: Mlp): Promise<Map<string, Tensor>> => {
  const read = async ([path]: (typeof parameters)[number]) => {
    const value = await net.weights.get(path);
    return [path, tensor(await value.data(), ...value.shape)] as const;
  };
  return new Map(await Promise.all(parameters.map(read)));
};

const targets = [
  { kind: 'wasm', device: 'wasm' as unknown, missing: undefined },
  {
    kind: 'webgpu',
    device: 'device' in found ? found.device : undefined,
    missing: 'missing' in found ? found.missing : undefined,
  },
];

for (const { kind, device, missing } of targets) {
  const train = async (from: number, to: number, saved?: Uint8Array): Promise<[string, Uint8Array]> => {
    const net = await module.load({ device, seed: 4 });
    const fit = await module.createFitMlp(net, { seed: 9 });
    if (saved) await fit.restore(saved);
    for (let i = from; i < to; i++) await fit.step(batch);
    const result: [string, Uint8Array] = [await net.weights.hash(), await fit.save()];
    [fit, net].forEach((each) => each.dispose());
    return result;
  };

  describe.skipIf(missing !== undefined)(`MLP on ${kind}${missing ? ` (${missing})` : ''}`, () => {
    test('initialises and predicts like the interpreter', async () => {
      const net = await module.load({ device, seed: 11 });
      const weights = await weightsOf(net);
      const [k0, k1] = runKey(11, 0, 0);
      const expected = interpret(named('Mlp.init'), { 'key.0': scalar(k0, 'u32'), 'key.1': scalar(k1, 'u32') });
      for (const [path] of parameters)
        expect([...(weights.get(path)?.data ?? [])]).toEqual([...(expected[path]?.data ?? [])]);
      const { logits, best } = await net.predict(batch.x);
      const wanted = interpret(named('Mlp.predict'), { ...Object.fromEntries(weights), x: tensor(batch.x, 7, 5) });
      expect([logits.shape, best.shape]).toEqual([[7, 3], [7]]);
      Array.from(await logits.data()).forEach((value, at) =>
        expect(value).toBeCloseTo(wanted['logits']?.data[at] ?? NaN, 5),
      );
      expect(Array.from(await best.data())).toEqual([...(wanted['best']?.data ?? [])]);
      net.dispose();
    });

    test('twelve training steps follow the interpreter, and the loss falls', async () => {
      const net = await module.load({ device, seed: 4 });
      const wanted = reference(await weightsOf(net), 12, 9);
      const fit = await module.createFitMlp(net, { seed: 9 });
      const losses: number[] = [];
      for (let i = 0; i < 12; i++) losses.push((await fit.step(batch)).loss);
      losses.forEach((loss, at) => expect(loss).toBeCloseTo(wanted.losses[at] ?? NaN, 4));
      const weights = await weightsOf(net);
      for (const [path] of parameters)
        weights
          .get(path)
          ?.data.forEach((value, at) => expect(value).toBeCloseTo(wanted.values.get(path)?.data[at] ?? NaN, 4));
      expect((await fit.evaluate([batch])).loss).toBeLessThan(losses[0] ?? 0);
      [fit, net].forEach((each) => each.dispose());
    });

    test('saved at step 5 and resumed is the same run, bit for bit', async () => {
      const [whole, end] = await train(0, 10);
      const [, middle] = await train(0, 5);
      const [resumed, other] = await train(5, 10, middle);
      expect(resumed).toBe(whole);
      expect(Buffer.compare(end, other)).toBe(0);
    });
  });
}
