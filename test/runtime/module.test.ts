// An emitted module on both targets: entries, weights, training, saving, errors.
import { beforeAll, afterAll, describe, expect, test } from 'vitest';
import { requestTestDevice } from '../support/webgpu.ts';
import { emitLine } from './line.ts';
import { importModule } from './load-module.ts';

interface Tensor {
  dtype: string;
  shape: number[];
  data(): Promise<Float32Array>;
  dispose(): void;
}
interface Line {
  device: { kind: string };
  predict(x: unknown, options?: object): Promise<Tensor>;
  weights: {
    keys(): string[];
    get(path: string): Promise<Tensor>;
    set(path: string, value: unknown): void;
    save(): Promise<Uint8Array>;
    load(source: unknown, options?: object): Promise<void>;
    hash(): Promise<string>;
  };
  dispose(): void;
}
interface Batch {
  x: unknown;
  y: unknown;
}
interface Fit {
  iteration: number;
  options: { lr: number };
  step(batch: Batch): Promise<{ iteration: number; loss: number; losses: object; metrics: object }>;
  run(data: unknown, options?: object): AsyncIterable<{ type: string; step: number; loss?: number }>;
  evaluate(data: unknown): Promise<{ loss: number }>;
  save(): Promise<Uint8Array>;
  restore(saved: Uint8Array): Promise<void>;
  dispose(): void;
}
interface LineModule {
  load(options?: object): Promise<Line>;
  loadLine: unknown;
  createFitLine(net: Line, options?: object): Promise<Fit>;
  meta: { models: Record<string, { parameters: object[] }> };
  DlmError: new () => Error;
}

const truth = [0.5, -1, 2];
// Deterministic rows, so that every failure repeats.
function batchOf(rows: number, from = 0): { x: Float32Array; y: Float32Array } {
  const x = Float32Array.from({ length: rows * 3 }, (_, at) => Math.sin(1 + 3.7 * (at + 3 * from) ** 2));
  const y = Float32Array.from({ length: rows }, (_, row) =>
    truth.reduce((sum, w, k) => sum + w * (x[3 * row + k] ?? 0), 0),
  );
  return { x, y };
}

let module: LineModule;
beforeAll(async () => {
  module = await importModule<LineModule>((await emitLine()).js);
});

const found = await requestTestDevice();
afterAll(() => {
  if ('device' in found) found.device.destroy();
});

const targets = [
  { kind: 'wasm', device: 'wasm' as unknown, missing: undefined },
  {
    kind: 'webgpu',
    device: 'device' in found ? found.device : undefined,
    missing: 'missing' in found ? found.missing : undefined,
  },
];

for (const { kind, device, missing } of targets) {
  const load = (options: object = {}): Promise<Line> => module.load({ device, ...options });

  const run = async (steps: number, from?: Uint8Array): Promise<[string, Uint8Array]> => {
    const net = await load({ seed: 3 });
    const fit = await module.createFitLine(net, { lr: 1e-2, seed: 5 });
    if (from) await fit.restore(from);
    while (fit.iteration < steps) await fit.step(batchOf(6, fit.iteration));
    const saved = await fit.save();
    const hash = await net.weights.hash();
    fit.dispose();
    net.dispose();
    return [hash, saved];
  };

  describe.skipIf(missing !== undefined)(`emitted module on ${kind}${missing ? ` (${missing})` : ''}`, () => {
    test('predicts, binding dims from typed arrays, nested arrays, shapes and tensors', async () => {
      const net = await load();
      expect(net.device.kind).toBe(kind);
      net.weights.set('w', [1, 10, 100]);
      const y = await net.predict(Float32Array.of(1, 2, 3, 4, 5, 6));
      expect([y.dtype, y.shape, [...(await y.data())]]).toEqual(['f32', [2], [321, 654]]);
      expect([
        ...(await (
          await net.predict([
            [1, 0, 0],
            [0, 1, 0],
            [0, 0, 1],
          ])
        ).data()),
      ]).toEqual([1, 10, 100]);
      expect([...(await (await net.predict({ data: Float32Array.of(1, 1, 1), shape: [1, 3] })).data())]).toEqual([111]);
      const w = await net.weights.get('tied');
      expect([...(await w.data())]).toEqual([1, 10, 100]);
      y.dispose();
      await expect(y.data()).rejects.toMatchObject({ code: 'E9106' });
      net.dispose();
      await expect(net.predict([[1, 2, 3]])).rejects.toMatchObject({ code: 'E9106' });
    });

    test('initialises from the seed', async () => {
      const [a, b, c] = await Promise.all([load({ seed: 7 }), load({ seed: 7 }), load({ seed: 8 })]);
      expect([...(await (await a.weights.get('w')).data())]).toEqual([7, 7, 7]);
      expect(await a.weights.hash()).toBe(await b.weights.hash());
      expect(await a.weights.hash()).not.toBe(await c.weights.hash());
      [a, b, c].forEach((net) => net.dispose());
    });

    test('trains: loss as computed by hand, then towards the truth', async () => {
      const net = await load({ seed: 0 });
      const fit = await module.createFitLine(net, { lr: 0.3 });
      const batch = batchOf(8);
      const first = await fit.step(batch);
      expect(first.loss).toBeCloseTo(batch.y.reduce((sum, y) => sum + y * y, 0) / 8, 5);
      expect(first).toMatchObject({ iteration: 1, losses: {}, metrics: {} });
      const events = [];
      for await (const event of fit.run(() => [batchOf(8), batchOf(5, 8)], { epochs: 60, every: 40 }))
        events.push(event);
      expect(events.filter(({ type }) => type === 'step').map(({ step }) => step)).toEqual([41, 81, 121]);
      expect(events.at(-1)).toMatchObject({ type: 'done', step: 121, epochs: 60 });
      expect(events.filter(({ type }) => type === 'epoch')).toHaveLength(60);
      const learned = await (await net.weights.get('w')).data();
      truth.forEach((w, k) => expect(learned[k]).toBeCloseTo(w, 3));
      fit.dispose();
      net.dispose();
    });

    test('the same seed gives the same bits, resumed or not', async () => {
      const [whole] = await run(9);
      const [again] = await run(9);
      const [, middle] = await run(4);
      const [resumed, end] = await run(9, middle);
      expect([again, resumed]).toEqual([whole, whole]);
      expect(Buffer.from(end).toString('latin1')).toContain('\\"iteration\\":9');
      expect((await run(8))[0]).not.toBe(whole);
    });

    test('options change the next step and are saved; slots start at their initial value', async () => {
      const net = await load({ seed: 1 });
      const fit = await module.createFitLine(net, { lr: 0 });
      const before = await net.weights.hash();
      await fit.step(batchOf(4));
      expect(await net.weights.hash()).toBe(before);
      fit.options.lr = 0.5;
      await fit.step(batchOf(4));
      expect(await net.weights.hash()).not.toBe(before);
      const saved = await fit.save();
      const other = await module.createFitLine(net);
      expect(other.options.lr).toBe(0.1);
      await other.restore(saved);
      expect([other.options.lr, other.iteration]).toEqual([0.5, 2]);
      const slots = await importSlots(saved);
      expect(slots).toEqual([7, 7, 7]);
      await expect(module.createFitLine(net, { rate: 1 })).rejects.toMatchObject({ code: 'E9109', path: 'rate' });
      [fit, other, net].forEach((each) => each.dispose());
    });

    test('evaluate averages by the size of the batch and trains nothing', async () => {
      const net = await load({ seed: 0 });
      const fit = await module.createFitLine(net);
      const hash = await net.weights.hash();
      const { loss } = await fit.evaluate([batchOf(2), batchOf(6, 2)]);
      const { loss: whole } = await fit.evaluate([batchOf(8)]);
      expect(loss).toBeCloseTo(whole, 5);
      expect(fit.iteration).toBe(0);
      expect(await net.weights.hash()).toBe(hash);
      await expect(fit.evaluate([])).rejects.toMatchObject({ code: 'E0806' });
      [fit, net].forEach((each) => each.dispose());
    });

    test('a loss that is not a number becomes the event nan', async () => {
      const net = await load();
      const fit = await module.createFitLine(net, { lr: 1e30 });
      const events = [];
      for await (const { type } of fit.run(Array.from({ length: 6 }, () => batchOf(4)))) events.push(type);
      expect(events).toContain('nan');
      [fit, net].forEach((each) => each.dispose());
    });

    test('weights go through safetensors; what does not fit changes nothing', async () => {
      const net = await load({ seed: 2 });
      const saved = await net.weights.save();
      net.weights.set('w', [4, 5, 6]);
      const hash = await net.weights.hash();
      const failing: [Uint8Array, string, RegExp][] = [
        [saved.slice(0, saved.length - 3), 'E0802', /truncated/],
        [saved.slice(0, 5), 'E0802', /5 bytes/],
        [
          safetensors({ w: { dtype: 'F32', shape: [1, 3], data_offsets: [0, 12] } }, 12),
          'E0801',
          /w +file f32\[1, 3\] +model f32\[3\]/,
        ],
        [safetensors({ w: { dtype: 'I32', shape: [3], data_offsets: [0, 12] } }, 12), 'E0801', /file i32\[3\]/],
        [
          safetensors({ v: { dtype: 'F32', shape: [3], data_offsets: [0, 12] } }, 12),
          'E0801',
          /not in the model[^]*w +missing/,
        ],
      ];
      for (const [file, code, message] of failing) {
        await expect(net.weights.load(file)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
        await expect(load({ weights: file })).rejects.toMatchObject({ code });
      }
      expect(await net.weights.hash()).toBe(hash);
      await net.weights.load(saved);
      expect([...(await (await net.weights.get('w')).data())]).toEqual([2, 2, 2]);
      const renamed = safetensors({ old: { dtype: 'F32', shape: [3], data_offsets: [0, 12] } }, 12);
      await net.weights.load(renamed, { keys: { old: 'w' } });
      expect([...(await (await net.weights.get('w')).data())]).toEqual([0, 0, 0]);
      net.dispose();
    });

    test('wrong inputs say what was expected, before anything runs', async () => {
      const net = await load();
      const fit = await module.createFitLine(net);
      const cases: [Promise<unknown>, string, RegExp][] = [
        [net.predict([[1, 2]]), 'E9101', /predict: x is f32\[1, 2\], expected \[b, 3\]/],
        [net.predict(new Float32Array(4)), 'E9101', /x is 4 values, expected \[b, 3\]/],
        [net.predict(new Float32Array(0)), 'E9101', /x is 0 values/],
        [net.predict(new Int32Array(3)), 'E9101', /x is Int32Array, expected f32/],
        [
          net.predict([
            [1, 2, 3],
            [1, 2],
          ]),
          'E9101',
          /ragged/,
        ],
        [net.predict([['a', 2, 3]]), 'E9101', /x is string/],
        [net.predict(undefined), 'E9101', /x is undefined/],
        [
          net.predict([
            [1, 2, 3],
            [1, NaN, 2],
          ]),
          'E0807',
          /x has NaN at \[1, 1\]/,
        ],
        [fit.step({ x: new Float32Array(6), y: [[1]] }), 'E9101', /FitLine.step: y is f32\[1, 1\], expected \[b\]/],
        [fit.step({ x: new Float32Array(6), y: [1, 2, 3] }), 'E9101', /x is 6 values, expected \[b, 3\] with b = 3/],
      ];
      for (const [promise, code, message] of cases)
        await expect(promise).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
      expect(fit.iteration).toBe(0);
      [fit, net].forEach((each) => each.dispose());
    });
  });
}

test.skipIf('missing' in found)(
  'training on the GPU creates no buffer after the first step, and the device stays the caller’s',
  async () => {
    if ('missing' in found) return;
    const { device } = found;
    const net = await module.load({ device });
    const fit = await module.createFitLine(net);
    const batch = batchOf(4);
    await fit.step(batch);
    const create = device.createBuffer.bind(device);
    let created = 0;
    device.createBuffer = (descriptor) => {
      created++;
      return create(descriptor);
    };
    for (let i = 0; i < 1000; i++) await fit.step(batch);
    expect([created, fit.iteration]).toEqual([0, 1001]);
    await fit.step(batchOf(9));
    expect(created).toBeGreaterThan(0);
    Reflect.deleteProperty(device, 'createBuffer');
    [fit, net].forEach((each) => each.dispose());
    const still = await module.load({ device });
    expect((await (await still.predict([[0, 0, 0]])).data())[0]).toBe(0);
    still.dispose();
  },
);

test('without WebGPU: auto falls back to WASM, webgpu is a clear error', async () => {
  const net = await module.load();
  expect(net.device.kind).toBe('wasm');
  net.dispose();
  await expect(module.load({ device: 'webgpu' })).rejects.toMatchObject({ code: 'E0804' });
  const cpuOnly = await importModule<LineModule>((await emitLine(['cpu'])).js);
  await expect(cpuOnly.load({ device: 'webgpu' })).rejects.toMatchObject({
    code: 'E0804',
    message: expect.stringMatching(/not compiled/),
  });
});

test('meta describes the module', () => {
  expect(module.meta.models['Line']?.parameters).toEqual([{ path: 'w', dtype: 'f32', shape: [3], role: 'param' }]);
  expect(module.meta).toMatchObject({
    source: 'line.dlm',
    models: {
      Line: {
        aliases: { tied: 'w' },
        entries: { predict: { dims: { b: { min: 1 } }, inputs: [{ name: 'x', shape: ['b', 3] }] } },
      },
    },
  });
});

function safetensors(header: object, bytes: number): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const file = new Uint8Array(8 + text.length + bytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  return file;
}

// The count slot of a saved session, read with nothing but the format's description.
async function importSlots(saved: Uint8Array): Promise<number[]> {
  const length = Number(new DataView(saved.buffer, saved.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(saved.subarray(8, 8 + length))) as Record<
    string,
    { data_offsets: [number, number] }
  >;
  const [from, to] = header['count:w']?.data_offsets ?? [0, 0];
  return [...new Float32Array(saved.slice(8 + length + from, 8 + length + to).buffer)];
}
