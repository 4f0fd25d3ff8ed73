// The prelude and the operators against plain JavaScript.
import { describe, expect, test } from 'vitest';
import { evaluateText, type Nested } from './evaluate.ts';

const xs = [-2.5, -1, -0.25, 0, 0.5, 1.75, 3];
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.log1p(Math.exp(x));

/** Φ(x), from the series of erf. */
function normalCdf(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 80; n++) sum += (term *= (-x * x) / 2 / n) / (2 * n + 1);
  return 0.5 + sum / Math.sqrt(2 * Math.PI);
}

const unary: Readonly<Record<string, (x: number) => number>> = {
  'relu(x)': (x) => Math.max(x, 0),
  'relu6(4 * x)': (x) => Math.min(Math.max(4 * x, 0), 6),
  'leaky_relu(x)': (x) => (x > 0 ? x : 0.01 * x),
  'elu(x)': (x) => (x > 0 ? x : Math.expm1(x)),
  'gelu(x)': (x) => x * normalCdf(x),
  'gelu(x, approximate="tanh")': (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  'silu(x)': (x) => x * sigmoid(x),
  'softplus(x)': softplus,
  'mish(x)': (x) => x * Math.tanh(softplus(x)),
  'log_sigmoid(x)': (x) => Math.log(sigmoid(x)),
  'softsign(x)': (x) => x / (1 + Math.abs(x)),
  'hardsigmoid(x)': (x) => Math.min(Math.max(x / 6 + 0.5, 0), 1),
  'hardswish(x)': (x) => x * Math.min(Math.max(x / 6 + 0.5, 0), 1),
  'clamp(x, -1, 1)': (x) => Math.min(Math.max(x, -1), 1),
  'x ^ 3 - 2 * x': (x) => x ** 3 - 2 * x,
  '-x % 2': (x) => -x - 2 * Math.floor(-x / 2),
  'where(x < 0, -x, x / 2)': (x) => (x < 0 ? -x : x / 2),
  'if sum(x) > 100 { x } else { 2 * x }': (x) => 2 * x,
  'x |> (fn (z: [n]) => z + 1)': (x) => x + 1,
};

describe('elementwise', () => {
  test.each(Object.entries(unary))('%s', (text, f) => {
    const result = evaluateText('x: [n]', text, { x: xs });
    expect(result).toHaveLength(xs.length);
    result.forEach((value, i) => expect(value).toBeCloseTo(f(xs[i] ?? 0), 9));
  });
});

const rows = [
  [0.5, -1, 2],
  [3, 0.25, -0.5],
];
const sums = (row: readonly number[]): number => row.reduce((a, b) => a + b, 0);
const softmax = (row: readonly number[]): number[] => row.map((v) => Math.exp(v) / sums(row.map(Math.exp)));
const mean = (row: readonly number[]): number => sums(row) / row.length;

const matrix: Readonly<Record<string, Nested>> = {
  'sum(x, axis=0)': [3.5, -0.75, 1.5],
  'sum(x)': 4.25,
  'mean(x, axis=-1)': rows.map(mean),
  'mean(x)': 4.25 / 6,
  'max(x, axis=1)': [2, 3],
  'min(x, axis=[0, 1])': -1,
  'prod(x, axis=1)': [-1, -0.375],
  'argmax(x)': [2, 0],
  'argmin(x, axis=0)': [0, 0, 1],
  'softmax(x)': rows.map(softmax),
  'log_softmax(x, axis=-1)': rows.map((row) => softmax(row).map(Math.log)),
  'logsumexp(x)': rows.map((row) => Math.log(sums(row.map(Math.exp)))),
  'var(x, axis=1)': rows.map((row) => sums(row.map((v) => (v - mean(row)) ** 2)) / 2),
  'moments(x, axes=1).var': rows.map((row) => sums(row.map((v) => (v - mean(row)) ** 2)) / 3),
  'l2_normalize(x)': rows.map((row) => row.map((v) => v / Math.hypot(...row))),
  'x[1]': [3, 0.25, -0.5],
  'x[:, 1:]': [
    [-1, 2],
    [0.25, -0.5],
  ],
  'x[-1, -2:]': [0.25, -0.5],
  'flip(x, axis=1)': [
    [2, -1, 0.5],
    [-0.5, 0.25, 3],
  ],
  'transpose(x)': [
    [0.5, 3],
    [-1, 0.25],
    [2, -0.5],
  ],
  'flatten(x)': [0.5, -1, 2, 3, 0.25, -0.5],
  'reshape(x, [3, -1])': [
    [0.5, -1],
    [2, 3],
    [0.25, -0.5],
  ],
  'concat([x, x[:1]], axis=0)': [
    [0.5, -1, 2],
    [3, 0.25, -0.5],
    [0.5, -1, 2],
  ],
  'stack([x[0], x[1]], axis=1)': [
    [0.5, 3],
    [-1, 0.25],
    [2, -0.5],
  ],
  'split(x, [1, 2], axis=1)[1]': [
    [-1, 2],
    [0.25, -0.5],
  ],
  'pad(x, 1, 0, axis=1, value=9.0)': [
    [9, 0.5, -1, 2],
    [9, 3, 0.25, -0.5],
  ],
  'gather(x, stack([1, 0, 1]), axis=0)': [
    [3, 0.25, -0.5],
    [0.5, -1, 2],
    [3, 0.25, -0.5],
  ],
  'x @ transpose(x)': [
    [5.25, 0.25],
    [0.25, 9.3125],
  ],
  'x @ stack([1.0, 2.0, 4.0])': [6.5, 1.5],
  'rearrange[a c -> c a](x)': [
    [0.5, 3],
    [-1, 0.25],
    [2, -0.5],
  ],
  'rearrange[a c -> (a c) 1](x)': [[0.5], [-1], [2], [3], [0.25], [-0.5]],
  'rearrange[a (c d) -> d a c](x, d=1)': [
    [
      [0.5, -1, 2],
      [3, 0.25, -0.5],
    ],
  ],
  'rearrange[... c -> c ...](x)': [
    [0.5, 3],
    [-1, 0.25],
    [2, -0.5],
  ],
  'rearrange[a c -> a k c](x, k=2)': [
    [
      [0.5, -1, 2],
      [0.5, -1, 2],
    ],
    [
      [3, 0.25, -0.5],
      [3, 0.25, -0.5],
    ],
  ],
  'reduce[a c -> a](x, sum)': [1.5, 2.75],
  'reduce[a c -> 1 a](x, max)': [[2, 3]],
  'reduce[a c -> c](x, mean)': [1.75, -0.375, 0.75],
  'reduce[a c -> a](x, logsumexp)': rows.map((row) => Math.log(sums(row.map(Math.exp)))),
  'einsum[a c, k c -> a k](x, x)': [
    [5.25, 0.25],
    [0.25, 9.3125],
  ],
  'einsum[a c, a c -> a](x, x)': [5.25, 9.3125],
  'einsum[a c -> c](x)': [3.5, -0.75, 1.5],
  'einsum[a c, a -> c](x, x[:, 0])': [9.25, 0.25, -0.5],
  'x + x[0]': [
    [1, -2, 4],
    [3.5, -0.75, 1.5],
  ],
  'x - mean(x, axis=1, keepdim=true)': rows.map((row) => row.map((v) => v - mean(row))),
  'one_hot(argmax(x), 3)': [
    [0, 0, 1],
    [1, 0, 0],
  ],
  'for i < 2, j < 3 => f32(i * 10 + j)': [
    [0, 1, 2],
    [10, 11, 12],
  ],
  'f32(for i < 3, j < 3 => j <= i)': [
    [1, 0, 0],
    [1, 1, 0],
    [1, 1, 1],
  ],
  'for i < 4 => if i % 2 == 0 { 1.0 } else { -1.0 }': [1, -1, 1, -1],
  'fold s = x over k in [1, 2, 3] => s * k': rows.map((row) => row.map((v) => 6 * v)),
  'for i < 3, j < 2 => x[j, i]': [
    [0.5, 3],
    [-1, 0.25],
    [2, -0.5],
  ],
  'for i < 2, j < 3 => x[i, j - 1] ?? 9.0': [
    [9, 0.5, -1],
    [9, 3, 0.25],
  ],
  'for i < 2, j < 2 => x[i, j + 1] - x[i, j]': [
    [-1.5, 3],
    [-2.75, -0.75],
  ],
  'for i < 2, j < 4 => x[1 - i, floor_div(j, 2)] * f32(j)': [
    [0, 3, 0.5, 0.75],
    [0, 0.5, -2, -3],
  ],
  'for i < 2 => x[i, argmax(x)[i]] ?? 0.0': [2, 3],
  'for i < 2 => relu(x[i, 1]) + (if x[i, 0] > 1 { 10.0 } else { x[i, 2] })': [2, 10.25],
  'stack(for row in [x[0], x[1]] => sum(row))': [1.5, 2.75],
  'put(x, 7 * ones([2, 1]), at=1, axis=1)': [
    [0.5, 7, 2],
    [3, 7, -0.5],
  ],
  'grad(fn (z: [2, 3]) => sum(z ^ 3), x)': rows.map((row) => row.map((v) => 3 * v ** 2)),
  'grad(fn (z: [2, 3]) => sum(grad(fn (w: [2, 3]) => sum(w ^ 3), z)), x)': rows.map((row) => row.map((v) => 6 * v)),
  'f32(size(x)) / rank(x)': 3,
  // Bodies that are no scalars run step by step.
  'for i < 2 => x[1 - i]': [
    [3, 0.25, -0.5],
    [0.5, -1, 2],
  ],
  'for i < 2, j < 2 => x[i] * f32(j)': [
    [
      [0, 0, 0],
      [0.5, -1, 2],
    ],
    [
      [0, 0, 0],
      [3, 0.25, -0.5],
    ],
  ],
  'for i < 2, j < 2 => sum(x[i] * x[j])': [
    [5.25, 0.25],
    [0.25, 9.3125],
  ],
  'for i < 2, j < 2 => sum(for k < 3 => x[i, k] * x[j, k])': [
    [5.25, 0.25],
    [0.25, 9.3125],
  ],
  'for row in x, j < 2 => row[j] * 2.0': [
    [1, -2],
    [6, 0.5],
  ],
  'for i < 2 => fold s = 0.0 over k < 3 => s + x[i, k]': [1.5, 2.75],
  'for i < 2 => x[i - 1] ?? (x[0] * 10)': [
    [5, -10, 20],
    [0.5, -1, 2],
  ],
  'for i < 2 => x[:, i + 2] ?? 0.0': [
    [2, -0.5],
    [0, 0],
  ],
  'x[argmax(x[:, 0])]': [3, 0.25, -0.5],
  'x[i32(sum(x)) % 2, min(max(i32(x[0, 1]), 0), 2)]': 0.5,
  'x[i32(sum(x))] ?? 7.0': [7, 7, 7],
  'x[5] ?? 7.0': [7, 7, 7],
  'grad(fn (z: [2, 3]) => sum(for i < 2 => z[i] * x[1 - i] ^ 2), x)': [
    [9, 0.0625, 0.25],
    [0.25, 1, 4],
  ],
  'grad(fn (z: [2, 3]) => sum(for i < 2 => z[i - 1] ?? (z[i] * 3.0)), x)': [
    [4, 4, 4],
    [0, 0, 0],
  ],
  'sinusoid(2, 4)': [
    [0, 0, 1, 1],
    [Math.sin(1), Math.sin(0.01), Math.cos(1), Math.cos(0.01)],
  ],
};

describe('matrices', () => {
  test.each(Object.entries(matrix))('%s', (text, expected) => {
    const result = evaluateText('x: [2, 3]', text, { x: rows });
    const flat = [expected].flat(3) as number[];
    expect(result).toHaveLength(flat.length);
    result.forEach((value, i) => expect(value).toBeCloseTo(flat[i] ?? NaN, 9));
  });
});

describe('losses', () => {
  const logp = rows.map((row) => softmax(row).map(Math.log));
  const nll = -((logp[0]?.[2] ?? 0) + (logp[1]?.[1] ?? 0)) / 2;
  const cases: Readonly<Record<string, number>> = {
    'cross_entropy(x, y)': nll,
    'cross_entropy(x, y, ignore_index=2)': -(logp[1]?.[1] ?? 0),
    'cross_entropy(x, y, label_smoothing=0.1)': 0.9 * nll - 0.1 * mean(logp.map(mean)),
    'nll_loss(log_softmax(x), y)': nll,
    'mse_loss(x, 2 * x)': mean(rows.flat().map((v) => v * v)),
    'l1_loss(x, 2 * x)': mean(rows.flat().map(Math.abs)),
    'huber_loss(x, zeros([2, 3]))': mean(rows.flat().map((v) => (Math.abs(v) <= 1 ? 0.5 * v * v : Math.abs(v) - 0.5))),
    'mean(bce_with_logits(x, ones([2, 3])))': mean(rows.flat().map((v) => -Math.log(sigmoid(v)))),
    'mean(binary_cross_entropy(sigmoid(x), zeros([2, 3])))': mean(rows.flat().map((v) => -Math.log(1 - sigmoid(v)))),
  };
  test.each(Object.entries(cases))('%s', (text, expected) => {
    expect(evaluateText('x: [2, 3], y: i32[2]', text, { x: rows, y: [2, 1] })[0]).toBeCloseTo(expected, 8);
  });
});

describe('integers', () => {
  const cases: Readonly<Record<string, readonly number[]>> = {
    'floor_div(x, 3)': [-3, -1, 0, 2],
    'x % 3': [2, 2, 0, 1],
    'max(x, 0)': [0, 0, 0, 7],
    'abs(x)': [7, 1, 0, 7],
    'where(x == 0, 5, x)': [-7, -1, 5, 7],
    'x ^ 2': [49, 1, 0, 49],
  };
  test.each(Object.entries(cases))('%s', (text, expected) => {
    expect(evaluateText('x: i32[n]', text, { x: [-7, -1, 0, 7] })).toEqual(expected);
  });
});

const draw = (): number[] => evaluateText('x: [n]', 'stack([uniform([8]), uniform([8])])', { x: [1] });

describe('random numbers', () => {
  test('uniform numbers lie in their range and have its mean', () => {
    const values = evaluateText('x: [n]', 'uniform([4000], low=-1.0, high=3.0)', { x: [1] });
    expect(Math.min(...values)).toBeGreaterThanOrEqual(-1);
    expect(Math.max(...values)).toBeLessThan(3);
    expect(mean(values)).toBeCloseTo(1, 1);
  });

  test('normal numbers have mean 0 and variance 1', () => {
    const values = evaluateText('x: [n]', 'normal([4000])', { x: [1] });
    expect(Math.abs(mean(values))).toBeLessThan(0.06);
    expect(Math.abs(mean(values.map((v) => v * v)) - 1)).toBeLessThan(0.08);
  });

  test('two calls draw different numbers, the same program the same ones', () => {
    const values = draw();
    expect(values.slice(0, 8)).not.toEqual(values.slice(8));
    expect(draw()).toEqual(values);
  });
});
