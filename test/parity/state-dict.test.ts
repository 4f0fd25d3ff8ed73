// The state dict of a whole PyTorch model, as safetensors: it loads by name, gives PyTorch's numbers, and is saved
// again under the same names with the same bits.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compile, type FileHost } from '../../src/index.ts';
import { renderTerminal } from '../../src/support/render-terminal.ts';
import { readSafetensors } from '../../src/runtime/safetensors.ts';
import { importModule } from '../runtime/load-module.ts';
import { requestTestDevice } from '../support/webgpu.ts';

const program = `
import { Embedding, LSTM, GRU, BatchNorm1d, MultiheadAttention, TransformerEncoder, TransformerDecoderLayer, Sequential,
         Conv1d, WeightNormConv1d, ReLU, Linear } from "std/nn"

export model Whole() {
  let embed    = Embedding(11, 6, padding_idx=0)
  let rnn      = LSTM(6, 4, num_layers=2, bidirectional=true)
  let norm     = BatchNorm1d(8)
  let attn     = MultiheadAttention(8, 2)
  let cross    = MultiheadAttention(8, 2, kdim=6, vdim=6)
  let encoder  = TransformerEncoder(8, 2, 2, 12, norm=true)
  let decoder  = TransformerDecoderLayer(8, 2, 12)
  let features = Sequential([Conv1d(8, 4, 3, padding=1), BatchNorm1d(4), ReLU(), WeightNormConv1d(4, 6, 2)])
  let gru      = GRU(6, 5)
  let blocks   = [Linear(5, 5), Linear(5, 5, bias=false)]
  let head     = Linear(5, 3)

  export fn forward(ids: i32[2, 6]) -> [2, 5, 3] {
    let e = embed(ids)
    let x = transpose(norm(transpose(rnn(e).out)))
    let x = x + attn(x, x, x).out + cross(x, e, e).out
    let y = decoder(x, encoder(x))
    let z = gru(transpose(features(transpose(y)))).out
    head(fold z = z over f in blocks => tanh(f(z)))
  }
}
`;

interface Model {
  readonly weights: {
    load(bytes: Uint8Array, options?: { strict?: boolean }): Promise<void>;
    save(): Promise<Uint8Array<ArrayBuffer>>;
    get(path: string): Promise<{ data(): Promise<ArrayLike<number>> }>;
  };
  forward(ids: unknown): Promise<{ data(): Promise<ArrayLike<number>> }>;
}
interface Expected {
  readonly ids: readonly (readonly number[])[];
  readonly data: readonly number[];
  readonly shapes: Readonly<Record<string, readonly number[]>>;
}

const folder = 'test/parity/fixtures/state-dict';
const file = Uint8Array.from(readFileSync(`${folder}/model.safetensors`));
const expected = JSON.parse(readFileSync(`${folder}/expected.json`, 'utf8')) as Expected;

const devices: Record<string, unknown> = { wasm: 'wasm' };
let release = (): void => {};
let load: (options: unknown) => Promise<Model>;

beforeAll(async () => {
  const found = await requestTestDevice();
  if ('missing' in found) throw new Error(`WebGPU is missing: ${found.missing}`);
  devices['webgpu'] = found.device;
  release = () => found.device.destroy();
  const host: FileHost = { read: (path) => (path === 'whole.dlm' ? program : undefined), resolve: (_, to) => to };
  const { js, diagnostics } = await compile(host, 'whole.dlm', {});
  if (!js) throw new Error(renderTerminal(diagnostics));
  ({ load } = await importModule<{ load: typeof load }>(js));
});
afterAll(() => release());

test.each(['wasm', 'webgpu'])('a state dict loads by name on %s', async (device) => {
  const model = await load({ device: devices[device], seed: 0 });
  await model.weights.load(file, { strict: true });
  const ids = { data: Int32Array.from(expected.ids.flat()), shape: [2, 6] };
  const got = await (await model.forward(ids)).data();
  expect(got).toHaveLength(expected.data.length);
  for (const [at, v] of expected.data.entries()) expect(Math.abs((got[at] ?? NaN) - v)).toBeLessThan(1e-5);
  expect(Array.from(await (await model.weights.get('norm.num_batches_tracked')).data())).toEqual([17]);
});

test('it is saved under the names, shapes and bits that PyTorch gave', async () => {
  const model = await load({ device: 'wasm', seed: 0 });
  await model.weights.load(file, { strict: true });
  const [given, saved] = [readSafetensors(file, 'model'), readSafetensors(await model.weights.save(), 'saved')];
  const shapes = [...saved.tensors].map(([name, { shape }]) => [name, shape] as const);
  expect(Object.fromEntries(shapes)).toEqual(expected.shapes);
  for (const [name, { dtype, bytes }] of given.tensors) {
    // Counters have 64 bits in PyTorch and 32 here.
    if (dtype === 'F32') expect(saved.tensors.get(name)?.bytes, name).toEqual(bytes);
  }
});

test('a name that differs is told', async () => {
  const model = await load({ device: 'wasm', seed: 0 });
  const text = Buffer.from(file).toString('latin1').replace('"gru.weight_hh_l0"', '"gru.weight_hh_l1"');
  const renamed = Uint8Array.from(Buffer.from(text, 'latin1'));
  await expect(model.weights.load(renamed, { strict: true })).rejects.toThrow('gru.weight_hh_l0');
});
