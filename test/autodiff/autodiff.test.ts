// The pass autodiff on whole functions: gradients against central differences in float64, first and
// second order, and what it makes of values that no gradient reaches.
import { describe, expect, test } from 'vitest';
import { Builder, tensorType } from '../../src/ir/builder.ts';
import { variable } from '../../src/ir/dim.ts';
import { Facts } from '../../src/ir/dim-solver.ts';
import type { GraphFunction, Value } from '../../src/ir/graph.ts';
import { verifyGraph } from '../../src/ir/graph-verify.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { autodiff } from '../../src/passes/autodiff.ts';
import { createSource, createSpan } from '../../src/support/source.ts';
import { functionOf, moduleOf, moved, partial, type Tensors } from '../support/op-case.ts';

const value = (dtype: 'f32' | 'i32', ...shape: number[]): Value => ({ type: tensorType(dtype, shape) });

/** A tensor of reproducible numbers in (−1, 1). */
function numbers(shape: readonly number[], phase: number): Tensor {
  const data = new Float64Array(shape.reduce((size, n) => size * n, 1)).map((_, e) =>
    Math.sin(12.9898 * (e + 1) + phase),
  );
  return { dtype: 'f32', shape, data };
}

const ones: Tensor = { dtype: 'f32', shape: [], data: Float64Array.of(1) };

function expand(fn: GraphFunction): GraphFunction {
  const module = autodiff.run(moduleOf(fn), { count: () => undefined });
  expect(verifyGraph(module)).toEqual([]);
  const [expanded] = module.functions;
  if (!expanded) throw new Error('the function is gone');
  expect(expanded.nodes.filter(({ op }) => op === 'gradient')).toEqual([]);
  return expanded;
}

/** Checks result `d.<name>` of the expanded function against differences of result `of`, everywhere. */
function checkGradients(
  fn: GraphFunction,
  inputs: Tensors,
  names: readonly string[],
  of = 'loss',
  suffix = 'd.',
): void {
  const expanded = expand(fn);
  const results = interpret(expanded, inputs);
  const loss = (given: Tensors): number => interpret(expanded, given, { outputs: [of] })[of]?.data[0] ?? Number.NaN;
  for (const name of names) {
    const x = inputs[name] ?? ones;
    x.data.forEach((_, e) => {
      const numeric = partial((shift) => loss({ ...inputs, [name]: moved(x, e, shift) }));
      expect(numeric, `${name}[${e}] lies on a kink`).toBeDefined();
      expect(results[suffix + name]?.data[e]).toBeCloseTo(numeric ?? Number.NaN, 6);
    });
  }
}

const gradient = (b: Builder, loss: Value, ...params: Value[]): readonly Value[] =>
  b.node('gradient', [loss, ...params]);

// x·Wᵀ + bias, with the bias repeated over the rows.
function linear(b: Builder, x: Value, weight: Value, bias: Value): Value {
  const product = b.dot(x, weight, [], [[1, 1]]);
  return b.add(product, b.broadcast(bias, [1], product.type.shape));
}

// Mean cross-entropy of logits [rows, classes] against one-hot targets, by a shifted logsumexp.
function crossEntropy(b: Builder, logits: Value, target: Value): Value {
  const { shape } = logits.type;
  const shift = b.broadcast(b.op('stop_gradient', [b.reduce('max', logits, [1])]), [0], shape);
  const total = b.unary('log', b.reduce('sum', b.unary('exp', b.sub(logits, shift)), [1]));
  const logp = b.sub(b.sub(logits, shift), b.broadcast(total, [0], shape));
  const sum = b.reduce('sum', b.mul(logp, target), [0, 1]);
  return b.div(b.neg(sum), b.cast(b.dimValue(shape[0] ?? variable('rows')), 'f32'));
}

function mlp(): { fn: GraphFunction; inputs: Tensors } {
  const b = new Builder(new Facts([{ name: 'rows', min: 1 }]));
  const rows = variable('rows');
  const x: Value = { type: tensorType('f32', [rows, 4]) };
  const y: Value = { type: tensorType('f32', [rows, 3]) };
  const [w1, b1, w2, b2] = [value('f32', 5, 4), value('f32', 5), value('f32', 3, 5), value('f32', 3)];
  const hidden = b.unary('tanh', linear(b, x, w1, b1));
  const loss = crossEntropy(b, linear(b, hidden, w2, b2), y);
  const [d1, e1, d2, e2] = gradient(b, loss, w1, b1, w2, b2);
  if (!d1 || !e1 || !d2 || !e2) throw new Error('missing gradients');
  const fn = functionOf(b, { x, y, w1, b1, w2, b2 }, { loss, 'd.w1': d1, 'd.b1': e1, 'd.w2': d2, 'd.b2': e2 });
  const target: Tensor = { dtype: 'f32', shape: [2, 3], data: Float64Array.of(0, 1, 0, 1, 0, 0) };
  const inputs = {
    x: numbers([2, 4], 0),
    y: target,
    w1: numbers([5, 4], 1),
    b1: numbers([5], 2),
    w2: numbers([3, 5], 3),
    b2: numbers([3], 4),
  };
  return { fn, inputs };
}

describe('first order', () => {
  test('every parameter of an MLP with cross-entropy, over a symbolic batch', () => {
    const { fn, inputs } = mlp();
    checkGradients(fn, inputs, ['w1', 'b1', 'w2', 'b2']);
  });

  test('a value that is used several times collects all its cotangents', () => {
    const b = new Builder();
    const x = value('f32', 3);
    const y = b.mul(b.unary('sin', x), b.add(x, b.mul(x, x)));
    const loss = b.reduce('sum', b.mul(y, b.add(y, x)), [0]);
    const [dx = x] = gradient(b, loss, x);
    checkGradients(functionOf(b, { x }, { loss, 'd.x': dx }), { x: numbers([3], 1) }, ['x']);
  });

  test('with respect to a value in the middle, through a copy', () => {
    const b = new Builder();
    const x = value('f32', 2);
    const middle = b.op('copy', [b.unary('exp', x)]);
    const loss = b.reduce('sum', b.mul(middle, b.mul(middle, x)), [0]);
    const [dm = x] = gradient(b, loss, middle);
    const results = interpret(expand(functionOf(b, { x }, { dm })), { x: numbers([2], 1) });
    numbers([2], 1).data.forEach((v, e) => expect(results['dm']?.data[e]).toBeCloseTo(2 * Math.exp(v) * v, 12));
  });

  test('the loss with respect to itself is 1', () => {
    const b = new Builder();
    const loss = value('f32');
    const [d = loss] = gradient(b, loss, loss);
    expect(interpret(expand(functionOf(b, { loss }, { d })), { loss: numbers([], 0) })['d']?.data).toEqual(
      Float64Array.of(1),
    );
  });

  test('ties of max and min split evenly', () => {
    const b = new Builder();
    const x = value('f32', 3);
    const y = value('f32', 3);
    const loss = b.reduce('sum', b.add(b.binary('max', x, y), b.mul(x, b.like(x, 2))), [0]);
    const [dx = x, dy = y] = gradient(b, loss, x, y);
    const fn = functionOf(b, { x, y }, { dx, dy });
    const results = interpret(expand(fn), {
      x: { dtype: 'f32', shape: [3], data: Float64Array.of(2, 1, 2) },
      y: { dtype: 'f32', shape: [3], data: Float64Array.of(2, 3, 0) },
    });
    expect([...(results['dx']?.data ?? [])]).toEqual([2.5, 2, 3]);
    expect([...(results['dy']?.data ?? [])]).toEqual([0.5, 1, 0]);
  });
});

const slopeAt = (build: (b: Builder, x: Value) => Value, point: number): number | undefined => {
  const b = new Builder();
  const x = value('f32');
  const [d = x] = gradient(b, build(b, x), x);
  return interpret(expand(functionOf(b, { x }, { d })), {
    x: { dtype: 'f32', shape: [], data: Float64Array.of(point) },
  })['d']?.data[0];
};

describe('edge cases have finite gradients', () => {
  test.each<[string, (b: Builder, x: Value) => Value, number, number]>([
    ['sqrt at 0', (b, x) => b.unary('sqrt', x), 0, 0],
    ['a norm at 0', (b, x) => b.unary('sqrt', b.mul(x, x)), 0, 0],
    ['x² at 0', (b, x) => b.binary('pow', x, b.like(x, 2)), 0, 0],
    ['x² below 0', (b, x) => b.binary('pow', x, b.like(x, 2)), -3, -6],
    ['x¹ at 0', (b, x) => b.binary('pow', x, b.one(x)), 0, 1],
    ['x⁰ at 0', (b, x) => b.binary('pow', x, b.zero(x)), 0, 0],
    ['2ˣ', (b, x) => b.binary('pow', b.like(x, 2), x), 0, Math.LN2],
    ['0ˣ', (b, x) => b.binary('pow', b.zero(x), x), 1, 0],
    ['|x| at 0', (b, x) => b.unary('abs', x), 0, 0],
  ])('%s', (_what, build, point, expected) => {
    expect(slopeAt(build, point)).toBeCloseTo(expected, 12);
  });

  test('products keep their gradient next to zeros', () => {
    const b = new Builder();
    const x = value('f32', 3, 3);
    const loss = b.reduce('sum', b.reduce('prod', x, [1]), [0]);
    const [d = x] = gradient(b, loss, x);
    const data = Float64Array.of(2, 3, 4, 0, 3, 4, 0, 0, 4);
    const results = interpret(expand(functionOf(b, { x }, { d })), { x: { dtype: 'f32', shape: [3, 3], data } });
    expect([...(results['d']?.data ?? [])]).toEqual([12, 8, 6, 12, 0, 0, 0, 0, 0]);
  });

  test('of repeated ids, scatter(set) gives the cotangent to the last', () => {
    const b = new Builder();
    const [x, u] = [value('f32', 3), value('f32', 3)];
    const ids = b.op('constant', [], { dtype: 'i32', shape: [3], values: [1, 1, 5] });
    const out = b.op('scatter', [x, ids, u], { axis: 0, combine: 'set' });
    const [dx = x, du = u] = gradient(b, b.reduce('sum', b.mul(out, out), [0]), x, u);
    const results = interpret(expand(functionOf(b, { x, u }, { dx, du })), {
      x: { dtype: 'f32', shape: [3], data: Float64Array.of(1, 2, 3) },
      u: { dtype: 'f32', shape: [3], data: Float64Array.of(4, 5, 6) },
    });
    expect([...(results['dx']?.data ?? [])]).toEqual([2, 0, 6]);
    expect([...(results['du']?.data ?? [])]).toEqual([0, 10, 0]);
  });
});

describe('second order, by a gradient of a gradient', () => {
  test('the gradient penalty of a small network', () => {
    const b = new Builder();
    const [x, w1, c1, w2] = [value('f32', 2, 3), value('f32', 4, 3), value('f32', 4), value('f32', 1, 4)];
    const score = b.reduce('sum', b.dot(b.unary('sigmoid', linear(b, x, w1, c1)), w2, [], [[1, 1]]), [0, 1]);
    const [dx = x] = gradient(b, score, x);
    const norm = b.unary('sqrt', b.reduce('sum', b.mul(dx, dx), [1]));
    const loss = b.reduce('sum', b.binary('pow', b.sub(norm, b.one(norm)), b.like(norm, 2)), [0]);
    const [d1 = x, e1 = x, d2 = x, dd = x] = gradient(b, loss, w1, c1, w2, x);
    const fn = functionOf(b, { x, w1, c1, w2 }, { loss, 'd.w1': d1, 'd.c1': e1, 'd.w2': d2, 'd.x': dd });
    const inputs = { x: numbers([2, 3], 0), w1: numbers([4, 3], 1), c1: numbers([4], 2), w2: numbers([1, 4], 3) };
    checkGradients(fn, inputs, ['w1', 'c1', 'w2', 'x']);
  });

  test('third derivative of a polynomial', () => {
    const b = new Builder();
    const x = value('f32');
    const y = b.mul(x, b.mul(x, b.mul(x, x)));
    const [d1 = x] = gradient(b, y, x);
    const [d2 = x] = gradient(b, d1, x);
    const [d3 = x] = gradient(b, d2, x);
    const fn = functionOf(b, { x }, { d1, d2, d3 });
    const results = interpret(expand(fn), { x: { dtype: 'f32', shape: [], data: Float64Array.of(1.5) } });
    expect([results['d1']?.data[0], results['d2']?.data[0], results['d3']?.data[0]]).toEqual([13.5, 27, 36]);
  });
});

describe('what no gradient reaches', () => {
  test('gets zeros of its shape', () => {
    const b = new Builder();
    const [x, y, z] = [value('f32', 2), value('f32', 3), value('f32', 2)];
    const blocked = b.op('stop_gradient', [b.mul(z, z)]);
    const loss = b.reduce('sum', b.mul(b.mul(x, blocked), b.unary('floor', z)), [0]);
    const [dx = x, dy = y, dz = z] = gradient(b, loss, x, y, z);
    const results = interpret(expand(functionOf(b, { x, y, z }, { dx, dy, dz })), {
      x: numbers([2], 0),
      y: numbers([3], 1),
      z: { dtype: 'f32', shape: [2], data: Float64Array.of(1.5, -2.5) },
    });
    expect([...(results['dx']?.data ?? [])]).toEqual([2.25, -18.75]);
    expect([...(results['dy']?.data ?? [])]).toEqual([0, 0, 0]);
    expect([...(results['dz']?.data ?? [])]).toEqual([0, 0]);
  });
});

// Nodes of the gradient of a chain of layers that share one weight.
const deep = (layers: number): number => {
  const b = new Builder();
  const w = value('f32', 2, 2);
  let x = w;
  for (let layer = 0; layer < layers; layer++) x = b.unary('tanh', b.dot(x, w, [], [[1, 0]]));
  const [d = w] = gradient(b, b.reduce('sum', x, [0, 1]), w);
  return expand(functionOf(b, { w }, { d })).nodes.length;
};

describe('the graph it makes', () => {
  test('grows in proportion to the forward graph', () => {
    expect(deep(40) - deep(20)).toBe(2 * (deep(20) - deep(10)));
  });

  test('leaves out nodes that lie off the path to the parameters', () => {
    const b = new Builder();
    const [x, w] = [value('f32', 2), value('f32', 2)];
    const off = b.unary('exp', b.unary('sin', x));
    const [d = w] = gradient(b, b.reduce('sum', b.mul(off, w), [0]), w);
    const { nodes } = expand(functionOf(b, { x, w }, { d }));
    expect(nodes.map(({ op }) => op)).not.toContain('cos');
  });

  test('names the source of the forward node', () => {
    const b = new Builder();
    const span = createSpan(createSource('a.dlm', 'sin(x)'), 0, 3);
    const x = value('f32');
    b.origin = [span];
    const y = b.unary('sin', x);
    b.origin = [];
    const [d = x] = gradient(b, y, x);
    const cos = expand(functionOf(b, { x }, { d })).nodes.find(({ op }) => op === 'cos');
    expect(cos?.origin).toEqual([span]);
  });
});
