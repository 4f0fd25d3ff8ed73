// window_pick: the element under one chosen tap of each window. It is the adjoint of window_unpick.
import { constant, product, sub, mul, zero, type Dim } from '../dim.ts';
import type { Expr, Index } from '../expr.ts';
import type { LowerContext } from '../lower.ts';
import { defineOp, type OpCase } from '../op.ts';
import { oneDType, shapes, tensorOf, windowCases, windowShape } from './arbitrary.ts';
import { dimsOf } from './attributes.ts';
import { placeOf } from './indexing.ts';
import { arity, operand, requireDType, requireSameShape } from './shapes.ts';
import { build, element, resultShape, sizeOf, tensorAt } from './tensor.ts';
import { inputAt } from './vjp.ts';
import { pooledAxes, poolingAttrs, requireWindows, sourceOf, unravelTap, type WindowAxis } from './window-axes.ts';

/** The taps per axis of a row-major position in the window. */
const tapsOf = (k: LowerContext, position: Expr, axes: readonly WindowAxis[]): Expr[] =>
  axes.map(({ taps }, at) => {
    const inner = product(axes.slice(at + 1).map((axis) => axis.taps));
    return k.binary('rem', k.binary('div', position, k.index(inner)), k.index(taps));
  });

// Where the tap of window y lies in the operand, and whether there is an element.
function pickedPlace(k: LowerContext, axis: WindowAxis, y: Dim, tap: Expr): { index: Index; inRange: Expr } {
  const start = k.index(sub(mul(y, axis.stride), axis.lo));
  const position = k.binary('add', k.binary('mul', tap, k.constant('i32', axis.dilation)), start);
  if (axis.base === 1) return placeOf(k, position, axis.extent);
  const [none, base] = [k.constant('i32', 0), k.constant('i32', axis.base)];
  const { index, inRange } = placeOf(k, k.binary('div', position, base), axis.extent);
  const onElement = k.binary('eq', k.binary('rem', position, base), none);
  return { index, inRange: k.binary('and', inRange, k.binary('and', k.binary('le', none, position), onElement)) };
}

export default defineOp({
  name: 'window_pick',
  doc: 'The element of operand 0 under the tap that operand 1 (i32, row-major positions in the window) names, for each window along the last axes. A tap outside the operand gives 0.',
  attrs: poolingAttrs,
  infer(inputs, attrs, facts) {
    arity(inputs, 2);
    const [x, taps] = [operand(inputs, 0), operand(inputs, 1)];
    const { lead, axes } = pooledAxes(x.shape, attrs);
    requireDType(taps, 'i32', 'the taps');
    const result = { dtype: x.dtype, shape: [...lead, ...requireWindows(facts, axes)] };
    requireSameShape(facts, result, taps);
    return [result];
  },
  vjp(b, { inputs, attrs, cotangents: [ct] }) {
    if (!ct) return [null, null];
    const { lead } = pooledAxes(inputAt(inputs, 0).type.shape, attrs);
    const shape = inputAt(inputs, 0).type.shape.slice(lead.length);
    return [b.op('window_unpick', [ct, inputAt(inputs, 1)], { ...attrs, shape }), null];
  },
  lower(k, [x, taps], attrs) {
    if (!x || !taps) return [];
    const { lead, axes } = pooledAxes(x.type.shape, attrs);
    return [
      k.map((i) => {
        const named = tapsOf(k, taps.at(i), axes);
        const places = axes.map((axis, at) =>
          pickedPlace(k, axis, i[lead.length + at] ?? zero, named[at] ?? k.constant('i32', 0)),
        );
        const value = x.at([...i.slice(0, lead.length), ...places.map(({ index }) => index)]);
        const none = k.constant(x.type.dtype, 0);
        return places.reduceRight((picked, { inRange }) => k.select(inRange, picked, none), value);
      }),
    ];
  },
  evaluate(inputs, attrs, cx) {
    const [x, named] = [tensorAt(inputs, 0), tensorAt(inputs, 1)];
    const { lead, axes } = pooledAxes(x.shape.map(constant), attrs);
    const window = dimsOf(attrs, 'window').map(cx.dims);
    return [
      build(x.dtype, resultShape(cx), (i) => {
        const source = sourceOf(axes, cx.dims, i.slice(lead.length), unravelTap(element(named, i), window));
        return source ? element(x, [...i.slice(0, lead.length), ...source]) : 0;
      }),
    ];
  },
  arbitrary: (fc) =>
    fc
      .tuple(windowCases(fc), shapes(fc, { maxRank: 1 }), oneDType(fc, 'f32', 'f32', 'i32'))
      .chain(([one, lead, dtype]) => {
        const values = tensorOf(fc, dtype, [...lead, ...one.extents]);
        const taps = tensorOf(fc, 'i32', [...lead, ...windowShape(one)], { min: 0, max: sizeOf(one.taps) - 1 });
        const attrs = { window: one.taps, ...one.attrs };
        return fc.tuple(values, taps).map((inputs): OpCase => ({ inputs, attrs }));
      }),
});
