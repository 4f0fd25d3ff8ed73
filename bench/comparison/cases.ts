// The cases: what each computes, over the ops of any engine.
import type { Case, Ops, Program } from './case.ts';

const mlp: Program = (ops, [x]) => {
  if (x === undefined) throw new Error('the mlp takes x');
  return ops.linear(ops.linear(ops.linear(x, 'fc1', 'relu'), 'fc2', 'relu'), 'fc3');
};

const linearShapes = (path: string, from: number, to: number): Record<string, readonly number[]> => ({
  [`${path}.weight`]: [to, from],
  [`${path}.bias`]: [to],
});

const normShapes = (path: string, size: number): Record<string, readonly number[]> => ({
  [`${path}.weight`]: [size],
  [`${path}.bias`]: [size],
});

const mlpCase = {
  workload: 'W3',
  source: 'mlp.dlm',
  model: 'Mlp',
  inputs: { x: [64, 784] },
  weights: { ...linearShapes('fc1', 784, 256), ...linearShapes('fc2', 256, 128), ...linearShapes('fc3', 128, 10) },
  program: mlp,
};

/** x applied by one function. */
const unary =
  (body: <T>(ops: Ops<T>, x: T) => T): Program =>
  (ops, [x]) => {
    if (x === undefined) throw new Error('the program takes x');
    return body(ops, x);
  };

function matmul(n: number): Case {
  return {
    workload: 'W1',
    name: `matmul ${n}`,
    source: 'matmul.dlm',
    model: 'Matmul',
    set: { 'Matmul.n': String(n) },
    inputs: { a: [n, n], b: [n, n] },
    weights: {},
    program: (ops, [a, b]) => {
      if (a === undefined || b === undefined) throw new Error('matmul takes a and b');
      return ops.matmul(a, b);
    },
  };
}

// What may not be seen: large and negative, finite in every engine.
const causal = (t: number): Float32Array =>
  Float32Array.from({ length: t * t }, (_, at) => (at % t > Math.floor(at / t) ? -1e9 : 0));

const block = (d: number, heads: number, t: number): Program =>
  unary((ops, x) => {
    const width = d / heads;
    const [q, k, v] = ops.split(ops.linear(ops.layerNorm(x, 'ln_1'), 'qkv'), 3);
    if (q === undefined || k === undefined || v === undefined) throw new Error('three parts');
    const fan = (y: typeof x, order: readonly number[]): typeof x =>
      ops.transpose(ops.reshape(y, [1, t, heads, width]), order);
    const scores = ops.mul(ops.matmul(fan(q, [0, 2, 1, 3]), fan(k, [0, 2, 3, 1])), 1 / Math.sqrt(width));
    const weights = ops.softmax(ops.add(scores, ops.constant(causal(t), [1, 1, t, t])));
    const seen = ops.transpose(ops.matmul(weights, fan(v, [0, 2, 1, 3])), [0, 2, 1, 3]);
    const y = ops.add(x, ops.linear(ops.reshape(seen, [1, t, d]), 'out'));
    return ops.add(y, ops.linear(ops.gelu(ops.linear(ops.layerNorm(y, 'ln_2'), 'fc')), 'proj'));
  });

function blockCase(d: number, heads: number, t: number): Case {
  return {
    workload: 'W6',
    name: `block d ${d}, seq ${t}`,
    source: 'block.dlm',
    model: 'Block',
    set: { 'Block.d': String(d), 'Block.heads': String(heads) },
    inputs: { x: [1, t, d] },
    weights: {
      ...normShapes('ln_1', d),
      ...linearShapes('qkv', d, 3 * d),
      ...linearShapes('out', d, d),
      ...normShapes('ln_2', d),
      ...linearShapes('fc', d, 4 * d),
      ...linearShapes('proj', 4 * d, d),
    },
    program: block(d, heads, t),
  };
}

/** All comparisons, by workload. */
export const cases: readonly Case[] = [
  matmul(512),
  matmul(1024),
  {
    workload: 'W1',
    name: 'matvec 4096',
    source: 'matvec.dlm',
    model: 'Matvec',
    inputs: { x: [1, 4096] },
    weights: linearShapes('fc', 4096, 4096),
    program: unary((ops, x) => ops.linear(x, 'fc')),
  },
  {
    workload: 'W2',
    name: 'conv 3×3, 56×56×64→64',
    source: 'conv.dlm',
    model: 'Conv',
    inputs: { x: [1, 64, 56, 56] },
    weights: { 'conv.weight': [64, 64, 3, 3], 'conv.bias': [64] },
    program: unary((ops, x) => ops.conv(x, 'conv')),
    images: true,
  },
  { ...mlpCase, name: 'MLP forward, batch 64' },
  { ...mlpCase, name: 'MLP training step, batch 64', train: { name: 'Fit', classes: 10 } },
  {
    workload: 'W5',
    name: 'LSTM forward, batch 16, seq 64, 32→128',
    source: 'lstm.dlm',
    model: 'Lstm',
    inputs: { x: [16, 64, 32] },
    weights: {
      'lstm.weight_ih_l0': [512, 32],
      'lstm.weight_hh_l0': [512, 128],
      'lstm.bias_ih_l0': [512],
      'lstm.bias_hh_l0': [512],
    },
    program: unary((ops, x) => ops.lstm(x, 'lstm')),
  },
  blockCase(64, 4, 32),
  blockCase(256, 8, 128),
  {
    workload: 'W8',
    name: 'tanh(a·x+b)·sigmoid(c·x)+d, 4 M',
    source: 'rows.dlm',
    model: 'Chain',
    inputs: { x: [2048, 2048] },
    weights: {},
    program: unary((ops, x) =>
      ops.add(ops.mul(ops.tanh(ops.add(ops.mul(x, 1.1), 0.2)), ops.sigmoid(ops.mul(x, 0.7))), 0.3),
    ),
  },
  {
    workload: 'W8',
    name: 'softmax 1024×4096',
    source: 'rows.dlm',
    model: 'Softmax',
    inputs: { x: [1024, 4096] },
    weights: {},
    program: unary((ops, x) => ops.softmax(x)),
  },
  {
    workload: 'W8',
    name: 'layer norm 1024×1024',
    source: 'rows.dlm',
    model: 'Norm',
    inputs: { x: [1024, 1024] },
    weights: normShapes('norm', 1024),
    program: unary((ops, x) => ops.layerNorm(x, 'norm')),
  },
];
