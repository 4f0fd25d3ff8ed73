// TensorFlow.js on any of its backends. Dense kernels are kept [in, out] and images channels last, the layouts that its
// kernels are fast in.
import type { Case, Ops } from '../comparison/case.ts';
import type { Engine, Runner } from '../comparison/engine.ts';
import { channelsLast, transposed, type CaseData } from '../comparison/random.ts';

interface Tensor {
  readonly shape: number[];
  data(): Promise<Float32Array>;
  dispose(): void;
}

interface Conv {
  readonly x: Tensor;
  readonly filter: Tensor;
  readonly strides: number;
  readonly pad: number;
  readonly bias?: Tensor;
  readonly activation: 'relu' | 'linear';
}

/** The part of tfjs that the cases take. */
export interface Tf {
  tensor(data: Float32Array | Int32Array, shape: readonly number[], dtype: 'float32' | 'int32'): Tensor;
  variable(value: Tensor): Tensor;
  scalar(value: number): Tensor;
  zeros(shape: readonly number[]): Tensor;
  tidy<R extends Tensor>(body: () => R): R;
  matMul(a: Tensor, b: Tensor, transposeA?: boolean, transposeB?: boolean): Tensor;
  readonly fused: {
    matMul(given: { a: Tensor; b: Tensor; bias: Tensor; activation: 'relu' | 'linear' }): Tensor;
    conv2d(given: Conv): Tensor;
    depthwiseConv2d(given: Conv): Tensor;
  };
  add(a: Tensor, b: Tensor | number): Tensor;
  sub(a: Tensor, b: Tensor): Tensor;
  mul(a: Tensor, b: Tensor | number): Tensor;
  neg(x: Tensor): Tensor;
  relu(x: Tensor): Tensor;
  tanh(x: Tensor): Tensor;
  sigmoid(x: Tensor): Tensor;
  erf(x: Tensor): Tensor;
  rsqrt(x: Tensor): Tensor;
  square(x: Tensor): Tensor;
  softmax(x: Tensor): Tensor;
  logSoftmax(x: Tensor): Tensor;
  mean(x: Tensor, axis?: number | readonly number[], keepDims?: boolean): Tensor;
  sum(x: Tensor, axis?: number): Tensor;
  reshape(x: Tensor, shape: readonly number[]): Tensor;
  transpose(x: Tensor, order: readonly number[]): Tensor;
  split(x: Tensor, parts: number, axis: number): Tensor[];
  slice(x: Tensor, begin: readonly number[], size: readonly number[]): Tensor;
  gather(x: Tensor, ids: Tensor): Tensor;
  maxPool(x: Tensor, size: number, strides: number, pad: number): Tensor;
  batchNorm(x: Tensor, mean: Tensor, variance: Tensor, offset: Tensor, scale: Tensor, epsilon: number): Tensor;
  unstack(x: Tensor, axis: number): Tensor[];
  stack(xs: readonly Tensor[], axis: number): Tensor;
  oneHot(x: Tensor, depth: number): Tensor;
  readonly train: { adam(rate: number): { minimize(loss: () => Tensor, returnCost: true): Tensor; dispose(): void } };
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
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
      if (shape.length !== 2 || one.tables?.includes(path) === true) return [path, floats(tf, values, shape)];
      const [rows = 1, columns = 1] = shape;
      const image = one.flattened?.[path.replace(/\.weight$/, '')];
      const ordered = image ? channelsLast(values, rows, image) : values;
      return [path, floats(tf, transposed(ordered, shape), [columns, rows])];
    }),
  );
}

function tfOps(tf: Tf, one: Case, weights: Stored): Ops<Tensor> {
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
    table: (path) => weight(`${path}.weight`),
    constant: (data, shape) => floats(tf, data, shape),
    matmul: (a, b) => tf.matMul(a, b),
    linear,
    conv(x, path, { stride = 1, padding = 0, depthwise = false, activation }) {
      const filter = weight(`${path}.weight`);
      const bias = weights.get(`${path}.bias`);
      const given: Conv = {
        x,
        filter,
        strides: stride,
        pad: padding,
        activation: activation ?? 'linear',
        ...(bias ? { bias } : {}),
      };
      if (!depthwise) return tf.fused.conv2d(given);
      // [h, w, 1, c] lies in memory as [h, w, c, 1].
      const [h = 1, w = 1, , c = 1] = filter.shape;
      return tf.fused.depthwiseConv2d({ ...given, filter: tf.reshape(filter, [h, w, c, 1]) });
    },
    batchNorm(x, path) {
      const part = (name: string): Tensor => weight(`${path}.${name}`);
      return tf.batchNorm(x, part('running_mean'), part('running_var'), part('bias'), part('weight'), 1e-5);
    },
    maxPool: (x, size, { stride = size, padding = 0 }) => tf.maxPool(x, size, stride, padding),
    meanOfPixels: (x) => tf.mean(x, [1, 2]),
    flatten: (x) => tf.reshape(x, [x.shape[0] ?? 1, -1]),
    embedding(ids, path) {
      const rows = weight(`${path}.weight`);
      if (!one.train) return tf.gather(rows, ids);
      // The gradient of a gather is not among its WebAssembly kernels.
      const [count = 1, width = 1] = rows.shape;
      return tf.reshape(tf.matMul(tf.oneHot(tf.reshape(ids, [-1]), count), rows), [...ids.shape, width]);
    },
    last(x) {
      const [b = 1, t = 1, h = 1] = x.shape;
      return tf.reshape(tf.slice(x, [0, t - 1, 0], [b, 1, h]), [b, h]);
    },
    lstm: (x, path) => lstm(tf, x, (name) => weight(`${path}.${name}_l0`)),
    layerNorm(x, path) {
      const centred = tf.sub(x, tf.mean(x, -1, true));
      const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), 1e-5));
      return tf.add(tf.mul(tf.mul(centred, scale), weight(`${path}.weight`)), weight(`${path}.bias`));
    },
    softmax: (x) => tf.softmax(x),
    add: (a, b) => tf.add(a, b),
    mul: (a, b) => tf.mul(a, b),
    relu: (x) => tf.relu(x),
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
  const ops = tfOps(tf, one, weights);
  const labels = tf.oneHot(tf.tensor(data.labels, [data.labels.length], 'int32'), one.train?.classes ?? 1);
  const adam = tf.train.adam(1e-3);
  const loss = (): Tensor => {
    const logits = tf.reshape(one.program(ops, inputs), [-1, one.train?.classes ?? 1]);
    return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), labels), -1)));
  };
  return {
    async run() {
      const cost = adam.minimize(loss, true);
      const value = await cost.data();
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
  const ops = tfOps(tf, one, weights);
  let shape: readonly number[] = [];
  return {
    // Of one image: [h · w, c] becomes [c, h · w].
    inOrder: (result) =>
      one.images === true && shape.length === 4
        ? transposed(result, [result.length / (shape[3] ?? 1), shape[3] ?? 1])
        : result,
    async run() {
      const result = tf.tidy(() => one.program(ops, inputs));
      const values = await result.data();
      shape = result.shape;
      result.dispose();
      return values;
    },
    close() {
      for (const tensor of [...weights.values(), ...inputs]) tensor.dispose();
    },
  };
}

/** tfjs, on the backend that it is set to, as an engine. */
export function tfjsEngine(name: string, tf: Tf): Engine {
  return {
    name,
    async open(one, data) {
      const given = Object.values(one.inputs).map((shape, at) =>
        tf.tensor(data.inputs[at] ?? new Float32Array(0), shape, one.ids === undefined ? 'float32' : 'int32'),
      );
      const inputs = one.images === true ? given.map((x) => tf.transpose(x, [0, 2, 3, 1])) : given;
      return one.train ? trainRunner(tf, one, data, inputs) : forwardRunner(tf, one, data, inputs);
    },
  };
}
