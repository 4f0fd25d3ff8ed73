// The cases: what each computes, over the ops of any engine.
import type { Case, Ops, Program } from './case.ts';
import { cnnCases, convCases, resnetCases } from './image-cases.ts';
import { transformerCases } from './transformer-cases.ts';
import { linearShapes, lstmShapes, normShapes } from './weight-shapes.ts';

const mlp: Program = (ops, [x]) => {
  if (x === undefined) throw new Error('the mlp takes x');
  return ops.linear(ops.linear(ops.linear(x, 'fc1', 'relu'), 'fc2', 'relu'), 'fc3');
};

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

const matmulCases = [256, 512, 1024].map(matmul);

/** All comparisons, by workload. */
export const cases: readonly Case[] = [
  ...matmulCases,
  {
    workload: 'W1',
    name: 'matvec 4096',
    source: 'matvec.dlm',
    model: 'Matvec',
    inputs: { x: [1, 4096] },
    weights: linearShapes('fc', 4096, 4096),
    program: unary((ops, x) => ops.linear(x, 'fc')),
  },
  ...convCases,
  { ...mlpCase, name: 'MLP forward, batch 64' },
  { ...mlpCase, name: 'MLP training step, batch 64', train: { name: 'Fit', classes: 10 } },
  ...cnnCases,
  {
    workload: 'W5',
    name: 'LSTM forward, batch 16, seq 64, 32→128',
    source: 'lstm.dlm',
    model: 'Lstm',
    inputs: { x: [16, 64, 32] },
    weights: lstmShapes('lstm', 32, 128),
    program: unary((ops, x) => ops.lstm(x, 'lstm')),
  },
  {
    workload: 'W5',
    name: 'LSTM training step, batch 16, seq 64',
    source: 'lstm.dlm',
    model: 'LstmClassifier',
    inputs: { x: [16, 64, 32] },
    weights: { ...lstmShapes('lstm', 32, 128), ...linearShapes('fc', 128, 10) },
    program: unary((ops, x) => ops.linear(ops.last(ops.lstm(x, 'lstm')), 'fc')),
    train: { name: 'Fit', classes: 10 },
    pytorch: 1,
    slow: ['jax-js'],
  },
  ...transformerCases,
  ...resnetCases,
  {
    workload: 'W8',
    name: 'tanh(a·x+b)·sigmoid(c·x)+d, 4 M',
    goal: 5,
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
    goal: 1.3,
    source: 'rows.dlm',
    model: 'Softmax',
    inputs: { x: [1024, 4096] },
    weights: {},
    program: unary((ops, x) => ops.softmax(x)),
  },
  {
    workload: 'W8',
    name: 'layer norm 1024×1024',
    goal: 2,
    source: 'rows.dlm',
    model: 'Norm',
    inputs: { x: [1024, 1024] },
    weights: normShapes('norm', 1024),
    program: unary((ops, x) => ops.layerNorm(x, 'norm')),
  },
];
