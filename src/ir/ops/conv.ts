// conv: products of a window's taps with weights, summed over channels and taps, for each group.
// Its two gradients are convs again: with stride and base exchanged for the operand, with stride and
// dilation (and batch and channels) exchanged for the weights.
import type { Builder } from '../builder.ts';
import { add, constant, mul, product, sub, variable, zero, type Dim } from '../dim.ts';
import type { Condition, Expr } from '../expr.ts';
import type { Attrs, TensorType, Value } from '../graph.ts';
import type { LowerContext, Operand } from '../lower.ts';
import type { Axis, Nest } from '../nest.ts';
import { defineOp, ShapeError } from '../op.ts';
import { evaluateBinary } from '../scalar-semantics.ts';
import { oneDType, tensorOf, windowCases } from './arbitrary.ts';
import {
  arity,
  axesWithout,
  extent,
  operand,
  requireClass,
  requireEqual,
  requireSameDType,
  typeText,
} from './shapes.ts';
import { build, element, forEachIndex, resultShape, rounder, tensorAt } from './tensor.ts';
import { inputAt } from './vjp.ts';
import {
  adjointPads,
  requireWindows,
  sourceOf,
  walkOf,
  windowAttrs,
  windowAxes,
  type WindowAxis,
} from './window-axes.ts';

const axesOf = (x: TensorType, w: TensorType, attrs: Attrs): WindowAxis[] =>
  windowAxes(x.shape.slice(3), w.shape.slice(3), attrs);

const all = (axes: readonly WindowAxis[], name: 'stride' | 'dilation' | 'base'): number[] =>
  axes.map((axis) => axis[name]);

/** How far the last of `count` things lies from the first, `step` apart. */
const apart = (count: Dim, step: number): Dim => mul(sub(count, 1), step);

/** The first three axes in this order, then the others. */
const reordered = (b: Builder, x: Value, first: readonly number[]): Value =>
  b.permute(x, [...first, ...axesWithout(x.type.shape.length, first)]);

// w [g, o, c, ...k] -> [g, c, o, ...k], taps from last to first.
function flipped(b: Builder, w: Value, spatial: number): Value {
  const turned = reordered(b, w, [0, 2, 1]);
  const { shape } = turned.type;
  return b.op('slice', [turned], {
    start: shape.map((d, axis) => (axis < shape.length - spatial ? zero : sub(d, 1))),
    size: shape,
    stride: shape.map((_, axis) => (axis < shape.length - spatial ? 1 : -1)),
  });
}

// dx[s] = Σ over y, k with y·stride + k·dilation − lo = s·base of ct[y] · w[k]
function operandVjp(b: Builder, ct: Value, w: Value, axes: readonly WindowAxis[]): Value {
  const [stride, dilation, base] = [all(axes, 'base'), all(axes, 'dilation'), all(axes, 'stride')];
  return b.op('conv', [ct, flipped(b, w, axes.length)], { stride, dilation, base, ...adjointPads(axes) });
}

// dw[k] = Σ_y ct[y] · x[y·stride + k·dilation − lo]: ct is the window, its taps `stride` apart.
function weightVjp(b: Builder, ct: Value, x: Value, axes: readonly WindowAxis[]): Value {
  const windows = reordered(b, ct, [1, 2, 0]);
  const hi = axes.map(({ extent: s, taps, stride, dilation, base, lo }, at) => {
    const y = windows.type.shape[3 + at] ?? zero;
    return sub(sub(add(apart(taps, dilation), apart(y, stride)), apart(s, base)), lo);
  });
  const attrs = { stride: all(axes, 'dilation'), dilation: all(axes, 'stride'), base: all(axes, 'base') };
  const lo = axes.map((axis) => axis.lo);
  const taps = b.op('conv', [reordered(b, x, [2, 1, 0]), windows], { ...attrs, lo, hi });
  return reordered(b, taps, [1, 2, 0]);
}

const positions = (axes: readonly Axis[]): Dim[] => axes.map(({ name }) => variable(name));

// One sum of products over channels and taps, so that schedules see a matrix product.
function productNest(k: LowerContext, x: Operand, w: Operand, windows: readonly WindowAxis[]): Nest {
  const accumulator = x.type.dtype === 'f16' ? 'f32' : x.type.dtype;
  const walks = windows.map(walkOf);
  const lead = k.axes(k.type().shape.slice(0, 3));
  const slid = walks.map((walk) => k.axes(walk.axes));
  const inner = k.axes([extent(w.type, 2), ...walks.map(({ taps }) => taps)]);
  const [[b = zero, g = zero, o = zero], [c = zero, ...taps]] = [positions(lead), positions(inner)];
  const found = walks.map((walk, at) => walk.at(positions(slid[at] ?? []), taps[at] ?? zero));
  const value = k.cast(accumulator, x.at([b, g, c, ...found.map(({ index }) => index)]));
  const weight = k.cast(accumulator, w.at([g, o, c, ...found.map((tap) => tap.k)]));
  const exists = (e: Expr, conditions: readonly Condition[]): Expr =>
    k.guard(conditions, e, k.constant(accumulator, 0));
  const product = k.binary(
    'mul',
    exists(
      value,
      found.flatMap(({ conditions }) => conditions),
    ),
    exists(
      weight,
      found.flatMap((tap) => tap.inside),
    ),
  );
  const id = `r${inner[0]?.name ?? ''}`;
  return k.nest(
    [...lead, ...slid.flat()],
    [
      { kind: 'reduce', id, axes: inner, monoid: { name: 'sum', arity: 1 }, args: [product], dtypes: [accumulator] },
      k.store(
        [b, g, o, ...found.map(({ y }) => y)],
        k.cast(x.type.dtype, { kind: 'reduced', dtype: accumulator, stage: id, part: 0 }),
      ),
    ],
  );
}

export default defineOp({
  name: 'conv',
  doc: 'Convolution (without flipping): operand [b, g, c, …s] and weights [g, o, c, …k] give [b, g, o, …y], the sum over c and k of the weight times the element under tap k of window y. Positions outside the operand count as 0. f16 accumulates in f32.',
  attrs: windowAttrs,
  infer(inputs, attrs, facts) {
    arity(inputs, 2);
    const [x, w] = [operand(inputs, 0), operand(inputs, 1)];
    requireSameDType(x, w);
    requireClass(x, 'number');
    if (x.shape.length < 3 || x.shape.length !== w.shape.length)
      throw new ShapeError('rank', `operands are ${typeText(x)} and ${typeText(w)}, not [b, g, c, …] and [g, o, c, …]`);
    requireEqual(facts, extent(x, 1), extent(w, 0), `groups of ${typeText(x)} and of the weights ${typeText(w)}`);
    requireEqual(facts, extent(x, 2), extent(w, 2), `channels of ${typeText(x)} and of the weights ${typeText(w)}`);
    const counts = requireWindows(facts, axesOf(x, w, attrs));
    return [{ dtype: x.dtype, shape: [extent(x, 0), extent(x, 1), extent(w, 1), ...counts] }];
  },
  vjp(b, { inputs, attrs, cotangents: [ct], needs }) {
    if (!ct) return [null, null];
    const [x, w] = [inputAt(inputs, 0), inputAt(inputs, 1)];
    const axes = axesOf(x.type, w.type, attrs);
    return [needs[0] ? operandVjp(b, ct, w, axes) : null, needs[1] ? weightVjp(b, ct, x, axes) : null];
  },
  lower: (k, [x, w], attrs) => (x && w ? [productNest(k, x, w, axesOf(x.type, w.type, attrs))] : []),
  evaluate(inputs, attrs, cx) {
    const [x, w] = [tensorAt(inputs, 0), tensorAt(inputs, 1)];
    const typed = ({ shape, dtype }: typeof x): TensorType => ({ dtype, shape: shape.map(constant) });
    const axes = axesOf(typed(x), typed(w), attrs);
    const round = rounder(x.dtype, cx);
    return [
      build(x.dtype, resultShape(cx), ([b = 0, g = 0, o = 0, ...y]) => {
        let sum = 0;
        forEachIndex(w.shape.slice(2), ([c = 0, ...taps]) => {
          const source = sourceOf(axes, cx.dims, y, taps);
          if (!source) return;
          const [p, q] = [element(x, [b, g, c, ...source]), element(w, [g, o, c, ...taps])];
          sum = round(evaluateBinary('add', x.dtype, sum, round(evaluateBinary('mul', x.dtype, p, q))));
        });
        return sum;
      }),
    ];
  },
  cost([x, w], [out], attrs) {
    const taps = x && w ? axesOf(x, w, attrs).map((axis) => walkOf(axis).taps) : [];
    return { flops: product([2, ...(out?.shape ?? []), w ? extent(w, 2) : 1, ...taps]) };
  },
  arbitrary: (fc) => {
    const few = fc.integer({ min: 1, max: 3 });
    return fc
      .tuple(
        windowCases(fc),
        fc.tuple(few, fc.integer({ min: 1, max: 2 }), few, few),
        oneDType(fc, 'f32', 'f32', 'f32', 'i32'),
      )
      .chain(([{ extents, taps, attrs }, [b, g, c, o], dtype]) =>
        fc
          .tuple(tensorOf(fc, dtype, [b, g, c, ...extents]), tensorOf(fc, dtype, [g, o, c, ...taps]))
          .map((inputs) => ({ inputs, attrs })),
      );
  },
});
