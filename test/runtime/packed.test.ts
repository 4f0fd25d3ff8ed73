// Weights of f16 that lie in pairs on the device: what is loaded, set, got and saved.
import { expect, test } from 'vitest';
import { compile, type FileHost } from '../../src/index.ts';
import { roundToHalf } from '../../src/ir/half.ts';
import { packHalves, unpackHalves } from '../../src/runtime/packed.ts';
import { readSafetensors, writeSafetensors } from '../../src/runtime/safetensors.ts';
import { importModule } from './load-module.ts';

// What numbers are after they were packed.
const stored = (numbers: readonly number[]): number[] => [
  ...unpackHalves(new Uint16Array(packHalves(Float32Array.from(numbers)).buffer)),
];

test('every f16 stays what it is, and what lies between two goes to the nearer, ties to even', () => {
  const bits = Uint16Array.from({ length: 65536 }, (_, at) => at);
  const numbers = unpackHalves(bits);
  const finite = [...bits].filter((at) => ((at >> 10) & 31) !== 31);
  const packed = new Uint16Array(packHalves(Float32Array.from(finite, (at) => numbers[at] ?? NaN)).buffer);
  expect([...packed]).toEqual(finite);
  const between = finite.slice(0, -1).flatMap((at) => {
    const [low, high] = [numbers[at] ?? NaN, numbers[at + 1] ?? NaN];
    return [0.25, 0.5, 0.75].map((part) => Math.fround(low + part * (high - low)));
  });
  const near = between.filter((x) => Math.abs(x) < 65504);
  expect(stored(near).slice(0, near.length)).toEqual(near.map(roundToHalf));
});

test('NaN stays NaN, and what is too large stops at the largest', () => {
  expect(stored([NaN, 1e6, -1e6, 65520, Infinity]).slice(0, 5)).toEqual([NaN, 65504, -65504, 65504, 65504]);
});

const body = `
export model Net() {
  param w: f16[3, 3] = normal(0.5)
  param b: f32[3] = zeros()
  export fn forward(x: [n, 3]) -> [n, 3] = f32(f16(x) @ w) + b
}`;

interface Weights {
  get(path: string): Promise<{ dtype: string; data(): Promise<Float32Array> }>;
  set(path: string, value: Float32Array): void;
  save(): Promise<Uint8Array<ArrayBuffer>>;
  load(file: Uint8Array): Promise<void>;
  hash(): Promise<string>;
}
interface Net {
  forward(x: object): Promise<{ data(): Promise<Float32Array> }>;
  readonly weights: Weights;
}

async function compiled(source: string): Promise<{ js: string; load(): Promise<Net> }> {
  const host: FileHost = { read: () => source, resolve: (_, path) => path };
  const { js = '', diagnostics } = await compile(host, 'net.dlm', { targets: ['wasm'] });
  expect(diagnostics).toEqual([]);
  const module = await importModule<{ load(options: object): Promise<Net> }>(js);
  return { js, load: () => module.load({ device: 'wasm', seed: 3 }) };
}

const table = Float32Array.from({ length: 9 }, (_, at) => Math.sin(at ** 2));

test('what is set is rounded, and calls, copies and files agree on it', async () => {
  const module = await compiled(body);
  const [net, other] = [await module.load(), await module.load()];
  net.weights.set('w', table);
  const rounded = [...table].map((x) => Math.fround(roundToHalf(x)));
  const got = await net.weights.get('w');
  expect([got.dtype, [...(await got.data())]]).toEqual(['f32', rounded]);
  const x = { data: Float32Array.of(1, 0, 0, 0, 0, 1), shape: [2, 3] };
  expect([...(await (await net.forward(x)).data())]).toEqual([...rounded.slice(0, 3), ...rounded.slice(6)]);

  const file = await net.weights.save();
  const { tensors } = readSafetensors(file, 'file');
  expect([...tensors].map(([name, { dtype, shape }]) => [name, dtype, shape])).toEqual([
    ['b', 'F32', [3]],
    ['w', 'F16', [3, 3]],
  ]);
  await other.weights.load(file);
  expect(await other.weights.hash()).toBe(await net.weights.hash());
  await other.weights.load(
    writeSafetensors([
      ['w', 'f32', [3, 3], table],
      ['b', 'f32', [3], new Float32Array(3)],
    ]),
  );
  expect(await other.weights.save()).toEqual(file);
});

test('weights that a train of the file has stay f32', async () => {
  const train = `
import { SGD } from "std/optim"
export train Fit(net: Net) {
  batch x: [n, 3]
  minimize mean(net(x)) of net using SGD(lr=0.1)
}`;
  const [packed, trained] = [await compiled(body), await compiled(body + train)];
  expect([packed, trained].map(({ js }) => js.includes('packHalves'))).toEqual([true, false]);
});
