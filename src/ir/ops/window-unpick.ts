// window_unpick: the adjoint of window_pick, in gather form: each element of the result sums the windows
// whose chosen tap lies on it, so no two threads write to one place.
import { asConstant, constant, product, zero, type Dim } from '../dim.ts';
import type { Expr } from '../expr.ts';
import type { Attrs } from '../graph.ts';
import { rowMajor } from '../lower.ts';
import { defineOp, ShapeError, type OpCase } from '../op.ts';
import { evaluateBinary } from '../scalar-semantics.ts';
import { oneDType, shapes, tensorOf, windowCases, windowShape } from './arbitrary.ts';
import { dimsOf } from './attributes.ts';
import { arity, operand, requireClass, requireDType, requireSameShape } from './shapes.ts';
import { element, fill, forEachIndex, itemAt, positionOf, resultShape, rounder, sizeOf, tensorAt } from './tensor.ts';
import { inputAt } from './vjp.ts';
import {
  coverOf,
  pooledAxes,
  poolingAttrs,
  requireWindows,
  sourceOf,
  unravelTap,
  type WindowAxis,
} from './window-axes.ts';

/** The axes of the result under the window, and the extents of the axes before them. */
function axesOf(ct: readonly Dim[], attrs: Attrs): { lead: readonly Dim[]; shape: Dim[]; axes: WindowAxis[] } {
  const shape = dimsOf(attrs, 'shape');
  const lead = ct.slice(0, ct.length - shape.length);
  if (shape.length > ct.length || shape.length !== dimsOf(attrs, 'window').length)
    throw new ShapeError('attribute', 'window_unpick needs an extent of the result for each axis of its window');
  return { lead, shape, axes: pooledAxes(shape, attrs).axes };
}

export default defineOp({
  name: 'window_unpick',
  doc: 'Adjoint of `window_pick`: each element sums the elements of operand 0 of those windows whose tap, named by operand 1 (i32), lies on it. f16 accumulates in f32.',
  attrs: { ...poolingAttrs, shape: 'extents of the result along the last axes' },
  infer(inputs, attrs, facts) {
    arity(inputs, 2);
    const [ct, taps] = [operand(inputs, 0), operand(inputs, 1)];
    requireClass(ct, 'number');
    requireDType(taps, 'i32', 'the taps');
    requireSameShape(facts, ct, taps);
    const { lead, shape, axes } = axesOf(ct.shape, attrs);
    requireSameShape(facts, { dtype: ct.dtype, shape: [...lead, ...requireWindows(facts, axes)] }, ct);
    return [{ dtype: ct.dtype, shape: [...lead, ...shape] }];
  },
  vjp(b, { inputs, attrs, cotangents: [ct] }) {
    if (!ct) return [null, null];
    const { shape: _, ...window } = attrs;
    return [b.op('window_pick', [ct, inputAt(inputs, 1)], window), null];
  },
  lower(k, [ct, taps], attrs) {
    if (!ct || !taps) return [];
    const { lead, axes } = axesOf(ct.type.shape, attrs);
    const window = dimsOf(attrs, 'window');
    const covers = axes.map(coverOf);
    const windows = covers.map((cover) => cover.windows);
    const isOne = windows.every((count) => asConstant(count) === 1);
    const dtype = ct.type.dtype === 'f16' && !isOne ? 'f32' : ct.type.dtype;
    const none = k.constant(dtype, 0);
    const picked = (i: readonly Dim[], q: readonly Dim[]): Expr => {
      const found = covers.map((cover, at) => cover.at(i[lead.length + at] ?? zero, q[at] ?? zero));
      const index = [...i.slice(0, lead.length), ...found.map((one) => one.index)];
      const tap = rowMajor(
        found.map((one) => one.tap),
        window,
      );
      const isNamed = k.binary('eq', taps.at(index), k.index(tap));
      const value = k.select(isNamed, k.cast(dtype, ct.at(index)), none);
      return k.guard(
        found.flatMap(({ conditions }) => conditions),
        value,
        none,
      );
    };
    if (isOne) return [k.map((i) => picked(i, []))];
    return [k.reduce(windows, { name: 'sum', arity: 1 }, (i, q) => [picked(i, q)])];
  },
  evaluate(inputs, attrs, cx) {
    const [ct, taps] = [tensorAt(inputs, 0), tensorAt(inputs, 1)];
    const { lead, axes } = axesOf(ct.shape.map(constant), attrs);
    const window = dimsOf(attrs, 'window').map(cx.dims);
    const out = fill(ct.dtype, resultShape(cx), () => 0);
    const round = rounder(ct.dtype, cx);
    forEachIndex(ct.shape, (i) => {
      const source = sourceOf(axes, cx.dims, i.slice(lead.length), unravelTap(element(taps, i), window));
      if (!source) return;
      const at = positionOf(out.shape, [...i.slice(0, lead.length), ...source]);
      out.data[at] = round(evaluateBinary('add', ct.dtype, itemAt(out, at), element(ct, i)));
    });
    return [out];
  },
  cost([ct], [out], attrs) {
    const windows = ct ? axesOf(ct.shape, attrs).axes.map((axis) => coverOf(axis).windows) : [];
    return { flops: product([...(out?.shape ?? []), ...windows]) };
  },
  arbitrary: (fc) =>
    fc
      .tuple(windowCases(fc), shapes(fc, { maxRank: 1 }), oneDType(fc, 'f32', 'f32', 'i32'))
      .chain(([one, lead, dtype]) => {
        const counts = [...lead, ...windowShape(one)];
        const attrs = { window: one.taps, ...one.attrs, shape: one.extents };
        return fc
          .tuple(tensorOf(fc, dtype, counts), tensorOf(fc, 'i32', counts, { min: 0, max: sizeOf(one.taps) - 1 }))
          .map((inputs): OpCase => ({ inputs, attrs }));
      }),
});
