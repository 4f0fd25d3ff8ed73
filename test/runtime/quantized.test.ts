// Quantized weights of an emitted module: floats of a file are quantized when it is loaded, and what is saved loads as it is.
import { beforeAll, expect, test } from 'vitest';
import { compile, type FileHost } from '../../src/index.ts';
import { writeSafetensors } from '../../src/runtime/safetensors.ts';
import { importModule } from './load-module.ts';

const source = `import { Embedding, Linear } from "std/nn"
@quantize
export model Lm() {
  let wte = Embedding(12, 64)
  let head = Linear(64, 12, bias=false) with { weight=wte.weight }
  export fn forward(ids: i32[b]) -> [b, 12] = ids |> wte |> head
}`;

interface Net {
  forward(ids: Int32Array): Promise<{ data(): Promise<Float32Array> }>;
  weights: { keys(): string[]; save(): Promise<Uint8Array>; load(file: Uint8Array, options?: object): Promise<void> };
}
let module: { load(options: object): Promise<Net> };

beforeAll(async () => {
  const host: FileHost = { read: () => source, resolve: (_, path) => path };
  const { js } = await compile(host, 'lm.dlm', { targets: ['wasm'] });
  module = await importModule(js ?? '');
});

const load = (): Promise<Net> => module.load({ device: 'wasm', seed: 3 });
const table = Float32Array.from({ length: 12 * 64 }, (_, at) => Math.sin(at ** 2));
const fileOf = (name: string, shape: readonly number[]): Uint8Array =>
  writeSafetensors([[name, 'f32', shape, table]], {});
const scores = async (net: Net): Promise<number[]> => [...(await (await net.forward(Int32Array.of(3, 7))).data())];

test('a file of floats is quantized, under any name of the weight', async () => {
  const [net, other] = [await load(), await load()];
  expect(net.weights.keys()).toEqual(['wte.weight', 'wte.weight.scale']);
  await net.weights.load(fileOf('wte.weight', [12, 64]));
  await other.weights.load(fileOf('old', [12, 64]), { keys: { old: 'head.weight' } });
  const got = await scores(net);
  expect(await scores(other)).toEqual(got);
  [3, 7].forEach((id, row) =>
    Array.from({ length: 12 }, (_, word) => {
      const dot = Array.from({ length: 64 }, (_unused, k) => (table[id * 64 + k] ?? 0) * (table[word * 64 + k] ?? 0));
      // Each of 64 products of two numbers of size 1 is off by two half steps at most.
      expect(Math.abs((got[row * 12 + word] ?? NaN) - dot.reduce((a, b) => a + b))).toBeLessThan(64 / 127);
    }),
  );
});

test('a saved file holds words and scales, and loads as it is', async () => {
  const [net, other] = [await load(), await load()];
  await net.weights.load(fileOf('wte.weight', [12, 64]));
  const saved = await net.weights.save();
  expect(saved.length).toBeLessThan(12 * 64 + 12 * 2 * 4 + 400);
  await other.weights.load(saved);
  expect(await scores(other)).toEqual(await scores(net));
  expect(await other.weights.save()).toEqual(saved);
});

test('a file of another shape is refused as what the weight stands for', async () => {
  const net = await load();
  const before = await scores(net);
  await expect(net.weights.load(fileOf('wte.weight', [64, 12]))).rejects.toThrow(
    /wte\.weight +file f32\[64, 12\] +model f32\[12, 64\] +looks transposed/,
  );
  expect(await scores(net)).toEqual(before);
});
