// Ranks, sorting and running extrema where the op suite does not look: NaN, ties, symbolic dims, results
// built from several ops, and gradients past the identity of an exclusive extremum.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Builder, tensorType } from '../../src/ir/builder.ts';
import { constant, sub, variable } from '../../src/ir/dim.ts';
import { Facts } from '../../src/ir/dim-solver.ts';
import type { GraphFunction, Value } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import { interpretNests } from '../../src/ir/nest-interpreter.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { tensorOf } from '../../src/ir/ops/arbitrary.ts';
import { argsort, sortValues, topk } from '../../src/ir/ops/sort-graph.ts';
import { autodiff } from '../../src/passes/autodiff.ts';
import { fuse } from '../../src/passes/fuse.ts';
import { lowerToNests } from '../../src/passes/lower-to-nests.ts';
import { functionOf, moduleOf, moved, partial, type Tensors } from '../support/op-case.ts';
import { runs } from '../support/property-settings.ts';
import { runNests } from '../wasm/run-nests.ts';

const cx = { count: () => undefined };
const [rows, n] = [variable('r'), variable('n')];

const only = <T>([item]: readonly T[]): T => {
  if (item === undefined) throw new Error('nothing there');
  return item;
};

/** A function of x: f32[r, n]. */
function functionOfX(make: (b: Builder, x: Value) => Record<string, Value>): GraphFunction {
  const facts = new Facts([
    { name: 'r', min: 1 },
    { name: 'n', min: 2 },
  ]);
  const b = new Builder(facts);
  const x: Value = { type: tensorType('f32', [rows, n]) };
  return only(autodiff.run(moduleOf(functionOf(b, { x }, make(b, x))), cx).functions);
}

const total = (b: Builder, x: Value): Value => b.reduce('sum', x, [...x.type.shape.keys()]);

// A loss that weighs every element differently.
function weighed(b: Builder, x: Value): Value {
  const weight = x.type.shape.map((_, axis) => b.op('iota', [], { dtype: 'f32', shape: x.type.shape, axis }));
  const sum = weight.reduce((a, c) => b.add(b.mul(a, b.like(a, 3)), c), b.one(x));
  return total(b, b.mul(b.mul(x, x), sum));
}

const lists = (x: Tensor | undefined): number[][] => {
  const [height = 0, width = 0] = x?.shape ?? [];
  return Array.from({ length: height }, (_, row) => [...(x?.data.slice(row * width, (row + 1) * width) ?? [])]);
};

const columns = (y: number[][]): number[][] => (y[0] ?? []).map((_, at) => y.map((row) => row[at] ?? 0));

const matrix = (data: number[][]): Tensor => ({
  dtype: 'f32',
  shape: [data.length, data[0]?.length ?? 0],
  data: Float64Array.from(data.flat()),
});

/** Results of the interpreter, after checking that nests, fused nests and WebAssembly give the same. */
function everywhere(fn: GraphFunction, x: Tensor): Tensors {
  const expected = interpret(fn, { x });
  const nests = lowerToNests.run(moduleOf(fn), cx);
  const fused = only(fuse.run(nests, cx).functions);
  const [r = 1, width = 1] = x.shape;
  const found = [
    interpretNests(only(nests.functions), { x }),
    interpretNests(fused, { x }),
    runNests(fused, { x }, { r, n: width }),
  ];
  for (const [name, { data }] of Object.entries(expected)) {
    const size = data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
    for (const results of found)
      data.forEach((value, at) =>
        expect(Math.abs((results[name]?.data[at] ?? Number.NaN) - value), `${name}[${at}]`).toBeLessThan(1e-5 * size),
      );
  }
  return expected;
}

const matrices = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 2, max: 7 }))
  .chain((shape) => tensorOf(fc, 'f32', shape));

/** Matrices without equal elements, next to which order is no smooth function. */
const distinct = matrices.filter((x) => {
  const sorted = [...x.data].sort((p, q) => p - q);
  return sorted.every((value, at) => at === 0 || value - (sorted[at - 1] ?? 0) > 0.01);
});

/** How often `gradient` of the scalar `loss` was compared with differences. */
function differ(fn: GraphFunction, x: Tensor, loss: string, gradient: string): number {
  const exact = interpret(fn, { x })[gradient];
  let compared = 0;
  x.data.forEach((_, at) => {
    const numeric = partial(
      (shift) => interpret(fn, { x: moved(x, at, shift) }, { outputs: [loss] })[loss]?.data[0] ?? 0,
    );
    if (numeric === undefined) return;
    compared++;
    expect(Math.abs((exact?.data[at] ?? Number.NaN) - numeric) / (1 + Math.abs(numeric))).toBeLessThan(1e-5);
  });
  return compared;
}

describe('sorting', () => {
  const fn = functionOfX((b, x) => {
    const up = sortValues(b, x, 1);
    const largest = topk(b, x, 2, 1);
    const loss = b.add(weighed(b, up), weighed(b, largest.values));
    return {
      up,
      order: argsort(b, x, 1),
      down: sortValues(b, x, 0, true),
      best: largest.values,
      where: largest.indices,
      loss,
      dx: only(b.node('gradient', [loss, x])),
    };
  });

  test('agrees with Array.sort', () => {
    fc.assert(
      fc.property(matrices, (x) => {
        const results = everywhere(fn, x);
        const sorted = lists(x).map((row) => [...row].sort((p, q) => p - q));
        expect(lists(results['up'])).toEqual(sorted);
        expect(lists(results['best'])).toEqual(sorted.map((row) => row.reverse().slice(0, 2)));
        lists(x).forEach((row, at) => {
          const order = [...row.keys()].sort((p, q) => (row[p] ?? 0) - (row[q] ?? 0));
          expect(lists(results['order'])[at]).toEqual(order);
          const best = [...row.keys()].sort((p, q) => (row[q] ?? 0) - (row[p] ?? 0)).slice(0, 2);
          expect(lists(results['where'])[at]).toEqual(best);
        });
        expect(columns(lists(results['down']))).toEqual(columns(lists(x)).map((row) => row.sort((p, q) => q - p)));
      }),
      { numRuns: runs(10) },
    );
  });

  test('its gradient goes back to where values came from', () => {
    let compared = 0;
    fc.assert(
      fc.property(distinct, (x) => {
        compared += differ(fn, x, 'loss', 'dx');
      }),
      { numRuns: runs(10) },
    );
    expect(compared).toBeGreaterThan(20);
  });

  test('NaN comes last, both ways, and rows stay permutations', () => {
    const x = matrix([[Number.NaN, 2, Number.NaN, -1, 2]]);
    const orders = functionOfX((b, v) => {
      const [up, down] = [argsort(b, v, 1), argsort(b, v, 1, true)];
      return { up, down, rank: b.op('inverse_order', [up], { axis: 1, extent: n }) };
    });
    const results = everywhere(orders, x);
    expect(lists(results['up'])).toEqual([[3, 1, 4, 0, 2]]);
    expect(lists(results['down'])).toEqual([[1, 4, 3, 0, 2]]);
    expect(lists(results['rank'])).toEqual([[3, 1, 4, 0, 2]]);
  });

  test('more than there is cannot be taken', () => {
    expect(() => functionOfX((b, x) => ({ y: topk(b, x, 3, 1).values }))).toThrow('cannot prove that 3 ≤ n');
  });
});

// All but the end at which an exclusive extremum has seen nothing.
const inner = (b: Builder, x: Value, reverse: boolean): Value =>
  b.op('slice', [x], {
    start: [constant(0), constant(reverse ? 0 : 1)],
    size: [rows, sub(n, 1)],
    stride: [1, 1],
  });

/** The gradient of the sum of running maxima of a row with equal elements. */
const gradientAtTies = (reverse: boolean): number[][] => {
  const fn = functionOfX((b, x) => {
    const y = b.op('cumreduce', [x], { kind: 'max', axis: 1, reverse, exclusive: false });
    return { dx: only(b.node('gradient', [total(b, y), x])) };
  });
  return lists(interpret(fn, { x: matrix([[1, 3, 3, 2]]) })['dx']);
};

describe('running reductions', () => {
  const cases = [false, true].flatMap((reverse) =>
    [false, true].flatMap((exclusive) =>
      ['sum', 'prod', 'max', 'min'].map((kind) => [kind, reverse, exclusive] as const),
    ),
  );
  test.each(cases)('%s, reverse %s, exclusive %s: first and second derivatives', (kind, reverse, exclusive) => {
    const fn = functionOfX((b, x) => {
      const y = b.op('cumreduce', [x], { kind, axis: 1, reverse, exclusive });
      const loss = weighed(b, inner(b, y, reverse));
      const dx = only(b.node('gradient', [loss, x]));
      const norm = total(b, b.mul(dx, dx));
      return { loss, dx, norm, ddx: only(b.node('gradient', [norm, x])) };
    });
    let compared = 0;
    fc.assert(
      fc.property(kind === 'max' || kind === 'min' ? distinct : matrices, (x) => {
        everywhere(fn, x);
        compared += differ(fn, x, 'loss', 'dx');
        // A product of zeros has a right gradient, whose own derivative is not right.
        if (kind !== 'prod' || !x.data.includes(0)) compared += differ(fn, x, 'norm', 'ddx');
      }),
      { numRuns: runs(6) },
    );
    expect(compared).toBeGreaterThan(20);
  });

  test('of equal elements the first in the direction of the run gets the gradient', () => {
    expect(gradientAtTies(false)).toEqual([[1, 3, 0, 0]]);
    expect(gradientAtTies(true)).toEqual([[0, 0, 3, 1]]);
  });

  test('a product with one zero has a gradient there', () => {
    const fn = functionOfX((b, x) => {
      const y = b.op('cumreduce', [x], { kind: 'prod', axis: 1, reverse: false, exclusive: false });
      return { dx: only(b.node('gradient', [total(b, y), x])) };
    });
    // y = [2, 0, 0]: dy₀/dx₀ = 1; d(y₁ + y₂)/dx₁ = 2 + 2·5.
    expect(lists(interpret(fn, { x: matrix([[2, 0, 5]]) })['dx'])).toEqual([[1, 12, 0]]);
  });
});

test('a box at a place computed at run time, and its gradient', () => {
  const fn = functionOfX((b, x) => {
    const start = b.cast(b.reduce('sum', x, [0, 1]), 'i32');
    const corner = b.full('i32', 0);
    const box = b.op('dynamic_slice', [x, corner, start], { size: [rows, constant(2)] });
    const y = b.op('dynamic_update_slice', [x, b.mul(box, box), corner, corner]);
    const loss = weighed(b, y);
    return { y, loss, dx: only(b.node('gradient', [loss, x])) };
  });
  let compared = 0;
  fc.assert(
    fc.property(matrices, (x) => {
      everywhere(fn, x);
      compared += differ(fn, x, 'loss', 'dx');
    }),
    { numRuns: runs(10) },
  );
  expect(compared).toBeGreaterThan(20);
});
