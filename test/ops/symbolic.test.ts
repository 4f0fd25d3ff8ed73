// Ops over symbolic dims: one chain of views, contractions and reductions whose nests must compute what the
// reference computes, for several values of the dims; and the rewrites that ops declare.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Builder, tensorType } from '../../src/ir/builder.ts';
import { add, constant, mul, sub, variable } from '../../src/ir/dim.ts';
import { Facts } from '../../src/ir/dim-solver.ts';
import type { Attrs, GraphFunction, Value } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import { interpretNests } from '../../src/ir/nest-interpreter.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { scalars, tensorOf } from '../../src/ir/ops/arbitrary.ts';
import { opNamed } from '../../src/ir/ops/registry.ts';
import { lowerToNests } from '../../src/passes/lower-to-nests.ts';
import { functionOf, moduleOf } from '../support/op-case.ts';
import { runs } from '../support/property-settings.ts';

const [b, n] = [variable('b'), variable('n')];
const symbolic = (): Builder => new Builder(new Facts(['b', 'n'].map((name) => ({ name, min: 1 }))));

/** x: [b, n, 2] through one op; `make` gives the result. */
const chains: Readonly<Record<string, (g: Builder, x: Value) => Value>> = {
  'merge and split': (g, x) => g.reshape(g.reshape(x, [b, mul(n, 2)]), [mul(b, n), 2]),
  'split across a permutation': (g, x) => g.reshape(g.permute(x, [1, 0, 2]), [n, 2, b]),
  'the last rows, backwards': (g, x) =>
    g.op('slice', [x], { start: [sub(b, 1), 0, 1], size: [b, n, 1], stride: [-1, 1, 1] }),
  'padding by a dim': (g, x) =>
    g.op('pad', [x], { lo: [n, constant(0), constant(1)], hi: [0, 1, 0], interior: [1, 0, 0], value: 7 }),
  'concat along a dim': (g, x) => g.op('concat', [x, g.unary('neg', x), x], { axis: 1 }),
  'broadcast to a dim': (g, x) => g.broadcast(g.reduce('sum', x, [2]), [2, 1], [3, n, b]),
  'a batched product': (g, x) => g.dot(x, x, [[0, 0]], [[2, 2]]),
  'a full contraction': (g, x) =>
    g.dot(
      x,
      x,
      [],
      [
        [0, 0],
        [1, 1],
        [2, 2],
      ],
    ),
  'the extremes': (g, x) => g.op('concat', [g.reduce('max', x, [0, 2]), g.reduce('min', x, [0, 2])], { axis: 0 }),
  counting: (g, x) => g.mul(x, g.op('iota', [], { dtype: 'f32', shape: x.type.shape, axis: 1 })),
  'random words': (g, x) => {
    const key = g.full('u32', 5);
    return g.add(x, g.cast(g.op('random_bits', [key, key], { shape: x.type.shape }), 'f32'));
  },
  'gather beyond the end': (g, x) =>
    g.op('gather', [x, g.op('iota', [], { dtype: 'i32', shape: [add(n, 1)], axis: 0 })], { axis: 1 }),
  'a dim as a number': (g, x) => g.mul(x, g.broadcast(g.cast(g.dimValue(add(b, n)), 'f32'), [], x.type.shape)),
};

function agree(fn: GraphFunction, inputs: Readonly<Record<string, Tensor>>): void {
  const [nests] = lowerToNests.run(moduleOf(fn), { count: () => undefined }).functions;
  if (!nests) throw new Error('nothing was lowered');
  const [expected, found] = [interpret(fn, inputs)['y'], interpretNests(nests, inputs)['y']];
  expect(found?.shape).toEqual(expected?.shape);
  expected?.data.forEach((value, e) => expect(found?.data[e]).toBeCloseTo(value, 9));
}

describe('nests over symbolic dims', () => {
  test.each(Object.entries(chains))('%s', (_name, make) => {
    const g = symbolic();
    const x: Value = { type: tensorType('f32', [b, n, 2]) };
    const fn = functionOf(g, { x }, { y: make(g, x) });
    const sizes = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }));
    const tensors = sizes.chain(([rows, columns]) => tensorOf(fc, 'f32', [rows, columns, 2]));
    fc.assert(
      fc.property(tensors, (tensor) => agree(fn, { x: tensor })),
      { numRuns: runs(20) },
    );
  });
});

// The result of one rewrite of a node of this op.
const rewritten = (
  op: string,
  rewrite: string,
  inputs: readonly Value[],
  attrs: Attrs,
  g: Builder,
): Value | undefined => {
  const outputs = g.node(op, inputs, attrs);
  const producer = (value: Value) => g.nodes.find((node) => node.outputs.includes(value));
  const results = opNamed(op).rewrites?.[rewrite]?.(g, { inputs, attrs, outputs, producer, facts: g.facts });
  return results?.[0];
};

describe('declared rewrites keep the meaning', () => {
  test.each([0, 0.5, 1, 2, 3, -0.5, -1])('x to the power of %d', (exponent) => {
    fc.assert(
      fc.property(scalars(fc, 'f32', { min: 0.25, max: 3 }), (at) => {
        const g = new Builder();
        const x: Value = { type: tensorType('f32', [2]) };
        const inputs = [x, g.like(x, exponent)];
        const y = rewritten('pow', 'power-of-constant', inputs, {}, g);
        expect(g.nodes.filter(({ op }) => op === 'pow')).toHaveLength(1);
        const fn = functionOf(g, { x }, { y: y ?? x });
        const [value] =
          interpret(fn, { x: { dtype: 'f32', shape: [2], data: Float64Array.of(at, at) } })['y']?.data ?? [];
        expect(y).toBeDefined();
        expect(value).toBeCloseTo(at ** exponent, 10);
      }),
      { numRuns: runs(20) },
    );
  });

  test('other powers, and powers that are not constant, stay', () => {
    const g = new Builder();
    const x: Value = { type: tensorType('f32', [2]) };
    expect(rewritten('pow', 'power-of-constant', [x, g.like(x, 1.7)], {}, g)).toBeUndefined();
    expect(rewritten('pow', 'power-of-constant', [x, x], {}, g)).toBeUndefined();
  });

  test('a reshape to the same shape is dropped, another stays', () => {
    const g = symbolic();
    const x: Value = { type: tensorType('f32', [b, n]) };
    expect(rewritten('reshape', 'reshape-to-itself', [x], { shape: [b, n] }, g)).toBe(x);
    expect(rewritten('reshape', 'reshape-to-itself', [x], { shape: [mul(b, n)] }, g)).toBeUndefined();
  });
});
