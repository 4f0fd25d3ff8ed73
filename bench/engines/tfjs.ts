// TensorFlow.js on its WebAssembly backend, one thread. Dense kernels are kept [in, out] and images channels last, the
// layouts that its kernels are fast in.
import type { Case, Ops } from '../comparison/case.ts';
import type { Engine, Runner } from '../comparison/engine.ts';
import { transposed, type CaseData } from '../comparison/random.ts';
import { peerFolder, requirePeer } from './installed.ts';

interface Tensor {
  readonly shape: number[];
  dataSync(): Float32Array;
  dispose(): void;
}

interface Tf {
  tensor(data: Float32Array | Int32Array, shape: readonly number[], dtype: 'float32' | 'int32'): Tensor;
  variable(value: Tensor): Tensor;
  scalar(value: number): Tensor;
  zeros(shape: readonly number[]): Tensor;
  tidy<R extends Tensor>(body: () => R): R;
  matMul(a: Tensor, b: Tensor, transposeA?: boolean, transposeB?: boolean): Tensor;
  readonly fused: {
    matMul(given: { a: Tensor; b: Tensor; bias: Tensor; activation: 'relu' | 'linear' }): Tensor;
    conv2d(given: { x: Tensor; filter: Tensor; strides: number; pad: 'same'; bias: Tensor }): Tensor;
  };
  add(a: Tensor, b: Tensor | number): Tensor;
  sub(a: Tensor, b: Tensor): Tensor;
  mul(a: Tensor, b: Tensor | number): Tensor;
  neg(x: Tensor): Tensor;
  tanh(x: Tensor): Tensor;
  sigmoid(x: Tensor): Tensor;
  erf(x: Tensor): Tensor;
  rsqrt(x: Tensor): Tensor;
  square(x: Tensor): Tensor;
  softmax(x: Tensor): Tensor;
  logSoftmax(x: Tensor): Tensor;
  mean(x: Tensor, axis?: number, keepDims?: boolean): Tensor;
  sum(x: Tensor, axis?: number): Tensor;
  reshape(x: Tensor, shape: readonly number[]): Tensor;
  transpose(x: Tensor, order: readonly number[]): Tensor;
  split(x: Tensor, parts: number, axis: number): Tensor[];
  unstack(x: Tensor, axis: number): Tensor[];
  stack(xs: readonly Tensor[], axis: number): Tensor;
  oneHot(x: Tensor, depth: number): Tensor;
  readonly train: { adam(rate: number): { minimize(loss: () => Tensor, returnCost: true): Tensor; dispose(): void } };
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
}

interface TfWasm {
  setWasmPaths(folder: string): void;
  setThreadsCount(count: number): void;
}

type Stored = ReadonlyMap<string, Tensor>;

const floats = (tf: Tf, data: Float32Array, shape: readonly number[]): Tensor => tf.tensor(data, shape, 'float32');

// [o, i, h, w] becomes [h, w, i, o].
function filter(tf: Tf, data: Float32Array, shape: readonly number[]): Tensor {
  return tf.tidy(() => tf.transpose(floats(tf, data, shape), [2, 3, 1, 0]));
}

/** Weights in tfjs's layouts, by torch's paths. */
function stored(tf: Tf, one: Case, data: CaseData): Map<string, Tensor> {
  return new Map(
    [...data.weights].map(([path, values]) => {
      const shape = one.weights[path] ?? [];
      if (shape.length === 4) return [path, filter(tf, values, shape)];
      const [rows = 1, columns = 1] = shape;
      return [
        path,
        shape.length === 2 ? floats(tf, transposed(values, shape), [columns, rows]) : floats(tf, values, shape),
      ];
    }),
  );
}

function tfOps(tf: Tf, weights: Stored): Ops<Tensor> {
  const weight = (path: string): Tensor => {
    const found = weights.get(path);
    if (!found) throw new Error(`no weight ${path}`);
    return found;
  };
  const linear = (x: Tensor, path: string, activation: 'relu' | 'linear' = 'linear'): Tensor => {
    const rows = x.shape.slice(0, -1);
    const a = x.shape.length === 2 ? x : tf.reshape(x, [-1, x.shape.at(-1) ?? 1]);
    const y = tf.fused.matMul({ a, b: weight(`${path}.weight`), bias: weight(`${path}.bias`), activation });
    return x.shape.length === 2 ? y : tf.reshape(y, [...rows, y.shape[1] ?? 1]);
  };
  return {
    weight,
    constant: (data, shape) => floats(tf, data, shape),
    matmul: (a, b) => tf.matMul(a, b),
    linear,
    conv: (x, path) =>
      tf.fused.conv2d({ x, filter: weight(`${path}.weight`), strides: 1, pad: 'same', bias: weight(`${path}.bias`) }),
    lstm: (x, path) => lstm(tf, x, (name) => weight(`${path}.${name}_l0`)),
    layerNorm(x, path) {
      const centred = tf.sub(x, tf.mean(x, -1, true));
      const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), 1e-5));
      return tf.add(tf.mul(tf.mul(centred, scale), weight(`${path}.weight`)), weight(`${path}.bias`));
    },
    softmax: (x) => tf.softmax(x),
    add: (a, b) => tf.add(a, b),
    mul: (a, b) => tf.mul(a, b),
    tanh: (x) => tf.tanh(x),
    sigmoid: (x) => tf.sigmoid(x),
    gelu: (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)),
    reshape: (x, shape) => tf.reshape(x, shape),
    transpose: (x, order) => tf.transpose(x, order),
    split: (x, parts) => tf.split(x, parts, -1),
  };
}

// The projection of the inputs is one product before the loop.
function lstm(tf: Tf, x: Tensor, weight: (name: string) => Tensor): Tensor {
  const [b = 1, t = 1, inputs = 1] = x.shape;
  const right = weight('weight_hh');
  const hidden = right.shape[0] ?? 1;
  const bias = tf.add(weight('bias_ih'), weight('bias_hh'));
  const flat = tf.reshape(x, [b * t, inputs]);
  const projected = tf.fused.matMul({ a: flat, b: weight('weight_ih'), bias, activation: 'linear' });
  let [h, c] = [tf.zeros([b, hidden]), tf.zeros([b, hidden])];
  const seen: Tensor[] = [];
  for (const row of tf.unstack(tf.reshape(projected, [b, t, 4 * hidden]), 1)) {
    const [i, f, g, o] = tf.split(tf.add(row, tf.matMul(h, right)), 4, 1);
    if (!i || !f || !g || !o) throw new Error('four gates');
    c = tf.add(tf.mul(tf.sigmoid(f), c), tf.mul(tf.sigmoid(i), tf.tanh(g)));
    h = tf.mul(tf.sigmoid(o), tf.tanh(c));
    seen.push(h);
  }
  return tf.stack(seen, 1);
}

function trainRunner(tf: Tf, one: Case, data: CaseData, inputs: readonly Tensor[]): Runner {
  const weights = new Map([...stored(tf, one, data)].map(([path, value]) => [path, tf.variable(value)] as const));
  const ops = tfOps(tf, weights);
  const labels = tf.oneHot(tf.tensor(data.labels, [data.labels.length], 'int32'), one.train?.classes ?? 1);
  const adam = tf.train.adam(1e-3);
  const loss = (): Tensor => tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(one.program(ops, inputs)), labels), -1)));
  return {
    async run() {
      const cost = adam.minimize(loss, true);
      const value = cost.dataSync();
      cost.dispose();
      return value;
    },
    close() {
      adam.dispose();
      for (const tensor of [...weights.values(), ...inputs, labels]) tensor.dispose();
    },
  };
}

function forwardRunner(tf: Tf, one: Case, data: CaseData, inputs: readonly Tensor[]): Runner {
  const weights = stored(tf, one, data);
  const ops = tfOps(tf, weights);
  let shape: readonly number[] = [];
  return {
    // Of one image: [h · w, c] becomes [c, h · w].
    inOrder: (result) =>
      one.images === true ? transposed(result, [result.length / (shape[3] ?? 1), shape[3] ?? 1]) : result,
    async run() {
      const result = tf.tidy(() => one.program(ops, inputs));
      const values = result.dataSync();
      shape = result.shape;
      result.dispose();
      return values;
    },
    close() {
      for (const tensor of [...weights.values(), ...inputs]) tensor.dispose();
    },
  };
}

/** tfjs-backend-wasm as an engine. */
export async function tfjs(): Promise<Engine> {
  const tf = requirePeer('@tensorflow/tfjs') as Tf;
  const wasm = requirePeer('@tensorflow/tfjs-backend-wasm') as TfWasm;
  wasm.setWasmPaths(`${peerFolder('@tensorflow/tfjs-backend-wasm')}/dist/`);
  wasm.setThreadsCount(1);
  await tf.setBackend('wasm');
  await tf.ready();
  return {
    name: 'tfjs-wasm',
    async open(one, data) {
      const given = Object.values(one.inputs).map((shape, at) =>
        floats(tf, data.inputs[at] ?? new Float32Array(0), shape),
      );
      const inputs = one.images === true ? given.map((x) => tf.transpose(x, [0, 2, 3, 1])) : given;
      return one.train ? trainRunner(tf, one, data, inputs) : forwardRunner(tf, one, data, inputs);
    },
  };
}
