// Axes whose positions are divided are split, so that lanes move linearly: gradients of pooling, larger images.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Builder, tensorType } from '../../src/ir/builder.ts';
import { asConstant, dim, mul, variable, type DimLike } from '../../src/ir/dim.ts';
import { Facts } from '../../src/ir/dim-solver.ts';
import { walkExprs } from '../../src/ir/expr-rewrite.ts';
import type { GraphFunction, Value } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import type { Nest, NestFunction, Stage } from '../../src/ir/nest.ts';
import { interpretNests } from '../../src/ir/nest-interpreter.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { autodiff } from '../../src/passes/autodiff.ts';
import { fuse } from '../../src/passes/fuse.ts';
import { lowerToNests } from '../../src/passes/lower-to-nests.ts';
import { splitLastAxis, type Split } from '../../src/passes/schedule/cpu/split-axis.ts';
import { flattenNest, stageDims } from '../../src/passes/schedule/flatten.ts';
import { sampleTensor } from '../support/graph-cases.ts';
import { functionOf, moduleOf } from '../support/op-case.ts';
import { runs } from '../support/property-settings.ts';
import { runNests } from '../wasm/run-nests.ts';

const cx = { count: () => undefined };

interface Axis {
  readonly extent: DimLike;
  readonly taps: number;
  readonly stride: number;
  readonly dilation: number;
  readonly lo: number;
  readonly hi: number;
}

const pair = (extent: DimLike, taps: number, stride: number, lo = 0): Axis => ({
  extent,
  taps,
  stride,
  dilation: 1,
  lo,
  hi: lo,
});

/** The gradient of max pooling after relu. */
function pooled(axes: readonly Axis[], facts?: Facts): GraphFunction {
  const of = (name: 'taps' | 'stride' | 'dilation' | 'lo' | 'hi'): number[] => axes.map((axis) => axis[name]);
  const g = new Builder(facts);
  const x: Value = { type: tensorType('f32', [2, 3, ...axes.map(({ extent }) => dim(extent))]) };
  const attrs = { window: of('taps'), stride: of('stride'), dilation: of('dilation'), lo: of('lo'), hi: of('hi') };
  const y = g.op('window_max', [g.binary('max', x, g.like(x, 0))], { ...attrs, base: axes.map(() => 1) });
  const loss = g.reduce('sum', g.unary('sin', y), [...y.type.shape.keys()]);
  const [dx = x] = g.node('gradient', [loss, x]);
  const [fn] = autodiff.run(moduleOf(functionOf(g, { x }, { dx })), cx).functions;
  if (!fn) throw new Error('a function was expected');
  return fn;
}

function fused(fn: GraphFunction): NestFunction {
  const [nests] = fuse.run(lowerToNests.run(moduleOf(fn), cx), cx).functions;
  if (!nests) throw new Error('a function was expected');
  return nests;
}

/** The last nest, flat, before and after. */
function lastNest(fn: GraphFunction): { before: Nest; after: Nest; split: Split } {
  const nests = fused(fn);
  const last = nests.body.at(-1);
  if (last?.kind !== 'nest') throw new Error('a nest was expected');
  const before = flattenNest(last, nests);
  const split = splitLastAxis(before, new Facts(fn.dims, fn.facts));
  return { before, after: split.nest, split };
}

const dividesAlong = (nest: Nest): boolean => {
  const name = nest.axes.at(-1)?.name ?? '';
  const atoms = nest.stages.flatMap(stageDims).flatMap(({ terms }) => terms.flatMap(({ factors }) => factors));
  return atoms.some((atom) => atom.kind !== 'var' && atom.a.key.includes(name));
};

function agree(fn: GraphFunction, x: Tensor, dims: Readonly<Record<string, number>> = {}): void {
  const expected = interpret(fn, { x }, { dims })['dx'];
  const nests = fused(fn);
  for (const found of [interpretNests(nests, { x }, { dims }), runNests(nests, { x }, dims)])
    expected?.data.forEach((value, at) => expect(found['dx']?.data[at], `${at}`).toBeCloseTo(value, 4));
}

test('windows that lie apart have one each: no sum, and no division along lanes', () => {
  const { before, after } = lastNest(pooled([pair(6, 2, 2), pair(16, 2, 2)]));
  expect(dividesAlong(before)).toBe(true);
  expect(dividesAlong(after)).toBe(false);
  expect(after.stages.map(({ kind }) => kind)).toEqual(['store', 'store']);
  expect(asConstant(after.axes.at(-1)?.extent ?? dim(0))).toBe(8);
});

test('windows that overlap: each copy has its sum', () => {
  const { after } = lastNest(pooled([pair(8, 3, 2, 1), pair(16, 3, 2, 1)]));
  expect(dividesAlong(after)).toBe(false);
  expect(after.stages.map(({ kind }) => kind)).toEqual(['reduce', 'reduce', 'store', 'store']);
});

test('extents of the run are split, too', () => {
  const n = variable('n');
  const facts = new Facts([{ name: 'n', min: 4 }]);
  const even = lastNest(pooled([pair(4, 2, 2), pair(mul(2, n), 2, 2)], facts));
  expect(dividesAlong(even.after)).toBe(false);
  expect(even.after.axes.at(-1)?.extent.key).toBe('n');
  const any = lastNest(pooled([pair(4, 2, 2), pair(n, 2, 2)], facts));
  expect(any.after.axes.at(-1)?.extent.key).toBe('floor_div(n, 2)');
  for (const size of [4, 7, 10]) {
    agree(pooled([pair(4, 3, 2, 1), pair(mul(2, n), 3, 2, 1)], facts), sampleTensor([2, 3, 4, 2 * size]), { n: size });
    agree(pooled([pair(4, 2, 2), pair(n, 2, 2)], facts), sampleTensor([2, 3, 4, size]), { n: size });
  }
});

test('what is left after the last whole step is done as before, and no border lies in front of it', () => {
  const { split, before } = lastNest(pooled([pair(4, 2, 2), pair(17, 2, 2)]));
  expect(split.rest).toEqual({ from: dim(16), to: dim(17), stages: before.stages });
  const guarded = (stages: readonly Stage[]): number => {
    let found = 0;
    walkExprs(
      stages.flatMap((stage) => (stage.kind === 'store' ? [stage.value] : [])),
      (e) => (found += e.kind === 'guard' ? 1 : 0),
    );
    return found;
  };
  expect([guarded(before.stages), guarded(split.nest.stages)]).toEqual([1, 0]);
});

test('few elements and far strides stay', () => {
  for (const axis of [pair(6, 2, 2), pair(40, 8, 8)]) {
    const { before, after } = lastNest(pooled([pair(4, 2, 2), axis]));
    expect(after).toBe(before);
  }
});

test('the interpreter and WebAssembly agree', () => {
  const axis = fc
    .record({
      extent: fc.integer({ min: 1, max: 20 }).chain((n) => fc.constantFrom(n, 2 * n)),
      taps: fc.integer({ min: 1, max: 4 }),
      stride: fc.integer({ min: 1, max: 4 }),
      dilation: fc.constantFrom(1, 1, 1, 2),
      lo: fc.integer({ min: -1, max: 2 }),
      hi: fc.integer({ min: -1, max: 2 }),
    })
    .map((one) => ({ ...one, hi: Math.max(one.hi, (one.taps - 1) * one.dilation - (one.extent - 1) - one.lo) }));
  fc.assert(
    fc.property(fc.array(axis, { minLength: 1, maxLength: 2 }), (axes) => {
      agree(pooled(axes), sampleTensor([2, 3, ...axes.map(({ extent }) => extent)]));
    }),
    { numRuns: runs(60) },
  );
});
