// Entry points compiled for `training` and `trace`: behaviour as in training, and intermediate values by path.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile, type FileHost } from '../../src/index.ts';
import { importModule } from '../runtime/load-module.ts';
import { fileHost } from '../support/file-host.ts';
import { requestTestDevice } from '../support/webgpu.ts';
import { typeErrors } from '../types/type-errors.ts';

const text = `
import { Linear, Dropout, BatchNorm1d } from "std/nn"

fn squash(x: [...s]) -> [...s] {
  let half = x / 2
  tanh(half)
}

layer Block(d: int) {
  let fc = Linear(d, d)
  fn twice(x: [b, d]) -> [b, d] = x |> fc |> fc
  fn forward(x: [b, d], keep: bool[b, d]? = none) -> [b, d] {
    let y = twice(x)
    let shown = if keep != none { where(keep, y, 0.0) } else { y }
    squash(shown)
  }
}

export model Net(d: int = 4, depth: int = 2) {
  let norm = BatchNorm1d(d)
  let drop = Dropout(0.5)
  let h = for i in 0..depth => Block(d)
  export fn forward(x: [b, d], keep: bool[b, d]? = none) -> [b, d] {
    let z = norm(x)
    fold z = z over blk in h => blk(z, keep)
  }
  export fn dropped(x: [b, d]) -> [b, d] = drop(x) + 0 * x
  export fn best(x: [b, d], n: int) -> (sum: f32[b], at: i32[b, n]) {
    let y = forward(x)
    let total = fold t = 0.0 over value in x[0] => {
      let inside = t + value
      inside
    }
    (sum=sum(y, axis=-1) + total, at=for i < b, k < n => argmax(y[i], axis=0))
  }
}
`;

interface Tensor {
  readonly shape: number[];
  data(): Promise<ArrayLike<number>>;
  dispose(): void;
}
type Traced<R = Tensor> = Promise<{ result: R; trace: Record<string, Tensor> }>;
interface Net {
  forward(x: unknown, options?: object): Promise<Tensor>;
  dropped(x: unknown, options?: object): Promise<Tensor>;
  best(x: unknown, n: number, options?: object): Promise<{ sum: Tensor; at: Tensor }>;
  weights: { get(path: string): Promise<Tensor>; hash(): Promise<string> };
  dispose(): void;
}
interface NetModule {
  load(options: object): Promise<Net>;
}

const host: FileHost = { ...fileHost, read: (path) => (path === 'net.dlm' ? text : fileHost.read(path)) };
const devices: Record<string, unknown> = { wasm: 'wasm' };
let [module, dts]: [NetModule | undefined, string] = [undefined, ''];
let release = (): void => {};

beforeAll(async () => {
  const compiled = await compile(host, 'net.dlm', { modes: ['training', 'trace'] });
  expect(compiled.diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual([]);
  dts = compiled.dts ?? '';
  module = await importModule<NetModule>(compiled.js ?? '');
  const found = await requestTestDevice();
  if ('missing' in found) throw new Error(`WebGPU is missing: ${found.missing}`);
  devices['webgpu'] = found.device;
  release = () => found.device.destroy();
});
afterAll(() => release());

const x = [
  [1, -2, 3, 0.5],
  [0.25, 4, -1, 2],
  [-3, 1, 0.5, 1],
];
const numbers = async (tensor: Tensor | undefined): Promise<number[]> => Array.from((await tensor?.data()) ?? []);

describe.each(['wasm', 'webgpu'])('on %s', (device) => {
  let net: Net;
  beforeAll(async () => {
    if (!module) throw new Error('not compiled');
    net = await module.load({ device: devices[device], seed: 4 });
  });
  afterAll(() => net.dispose());

  test('trace gives the values of lets, layers and functions by path', async () => {
    const { result, trace } = await (net.forward(x, { trace: true }) as unknown as Traced);
    expect(await numbers(result)).toEqual(await numbers(await net.forward(x)));
    expect(Object.keys(trace)).toEqual(
      [
        'norm',
        'z',
        ...[0, 1].flatMap((at) =>
          ['fc', 'fc#2', 'twice', 'y', 'shown', 'squash.half', 'squash', ''].map((name) =>
            name === '' ? `h.${at}` : `h.${at}.${name}`,
          ),
        ),
      ].filter((path) => path in trace),
    );
    const [half, out] = [await numbers(trace['h.0.squash.half']), await numbers(trace['h.0'])];
    out.forEach((value, at) => expect(value).toBeCloseTo(Math.tanh(half[at] ?? NaN), 5));
    expect(await numbers(trace['h.1'])).toEqual(await numbers(result));
    const [weight, bias] = [
      await numbers(await net.weights.get('h.0.fc.weight')),
      await numbers(await net.weights.get('h.0.fc.bias')),
    ];
    const [from, to] = [await numbers(trace['h.0.fc']), await numbers(trace['h.0.fc#2'])];
    to.forEach((value, at) => {
      const [row, column] = [Math.floor(at / 4), at % 4];
      const expected = [0, 1, 2, 3].reduce(
        (sum, k) => sum + (from[4 * row + k] ?? 0) * (weight[4 * column + k] ?? 0),
        bias[column] ?? 0,
      );
      expect(value).toBeCloseTo(expected, 5);
    });
  });

  test('trace gives only what is asked for, beside optional arguments, counts and named results', async () => {
    const keep = x.map((row) => row.map((value) => value > 0));
    const { result, trace } = await (net.forward(x, { keep, trace: ['h.1.shown'] }) as unknown as Traced);
    expect(Object.keys(trace)).toEqual(['h.1.shown']);
    const shown = await numbers(trace['h.1.shown']);
    expect(shown.map((value) => value !== 0)).toEqual(keep.flat());
    expect(await numbers(result)).toEqual(await numbers(await net.forward(x, { keep })));
    const best = await (net.best(x, 2, { trace: ['forward.z', 'y'] }) as unknown as Traced<{
      sum: Tensor;
      at: Tensor;
    }>);
    expect(best.result.at.shape).toEqual([3, 2]);
    expect(Object.keys(best.trace)).toEqual(['forward.z', 'y']);
    await expect(net.forward(x, { trace: ['nothing'] })).rejects.toMatchObject({ code: 'E9109', path: 'nothing' });
  });

  test('training drops, normalises by the batch, and moves running statistics', async () => {
    const ones = x.map((row) => row.map(() => 1));
    expect(await numbers(await net.dropped(ones, { training: false }))).toEqual(ones.flat());
    const dropped = await numbers(await net.dropped(ones, { training: true, seed: 3 }));
    expect(new Set(dropped)).toEqual(new Set([0, 2]));
    expect(await numbers(await net.dropped(ones, { training: true, seed: 3 }))).toEqual(dropped);
    const before = await net.weights.hash();
    await net.forward(x, { trace: ['z'] });
    expect(await net.weights.hash()).toBe(before);
    const { trace } = await (net.forward(x, { training: true, trace: ['z'] }) as unknown as Traced);
    const z = await numbers(trace['z']);
    for (let column = 0; column < 4; column++)
      expect([0, 4, 8].reduce((sum, row) => sum + (z[row + column] ?? NaN), 0)).toBeCloseTo(0, 4);
    expect(await net.weights.hash()).not.toBe(before);
  });
});

test('the declarations know both', async () => {
  const user = `import { load } from './line.dlm.js';
const net = await load();
const plain: Promise<Float32Array> = (await net.forward([[1, 2, 3, 4]], { training: true, keep: [[true]] })).data();
const { result, trace } = await net.forward([[1, 2, 3, 4]], { trace: ['h.0.y'] });
const values: Float32Array = await trace['h.0.y'].data();
const wrong = trace['h.7.y'];
(await net.forward([[1, 2, 3, 4]])).trace;
void [plain, result, values, wrong];
export {};
`;
  expect(await typeErrors(dts, user)).toEqual(['user.ts:6 TS2551', 'user.ts:7 TS2339']);
});

test('a module that was not compiled for them has neither', async () => {
  const { js = '', lowered } = await compile(host, 'net.dlm');
  expect(js).not.toContain('function arrangeTraced');
  expect(lowered?.graph.functions.map(({ name }) => name)).not.toContain('Net.forward.training');
});
