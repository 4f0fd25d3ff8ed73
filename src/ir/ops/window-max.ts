// window_max: the largest element of each window, and which tap holds it: max pooling.
import { constant, product, zero } from '../dim.ts';
import { lowest } from '../dtype.ts';
import { rowMajor } from '../lower.ts';
import { defineOp } from '../op.ts';
import { oneDType, shapes, tensorOf, windowCases } from './arbitrary.ts';
import { dimsOf } from './attributes.ts';
import { arity, operand, requireClass } from './shapes.ts';
import { build, element, forEachIndex, positionOf, resultShape, tensorAt } from './tensor.ts';
import { inputAt } from './vjp.ts';
import { pooledAxes, poolingAttrs, requireWindows, sourceOf, tapAt } from './window-axes.ts';

export default defineOp({
  name: 'window_max',
  doc: 'The largest element under a window that slides along the last axes, and its tap (i32) as a row-major position in the window; the lowest on ties. Positions outside the operand count as the lowest number of the dtype.',
  attrs: poolingAttrs,
  infer(inputs, attrs, facts) {
    arity(inputs, 1);
    const x = operand(inputs, 0);
    requireClass(x, 'number');
    const { lead, axes } = pooledAxes(x.shape, attrs);
    const shape = [...lead, ...requireWindows(facts, axes)];
    return [
      { dtype: x.dtype, shape },
      { dtype: 'i32', shape },
    ];
  },
  vjp(b, { inputs, outputs, attrs, cotangents: [ct] }) {
    if (!ct) return [null];
    const { lead } = pooledAxes(inputAt(inputs, 0).type.shape, attrs);
    const shape = inputAt(inputs, 0).type.shape.slice(lead.length);
    return [b.op('window_unpick', [ct, inputAt(outputs, 1)], { ...attrs, shape })];
  },
  lower(k, [x], attrs) {
    if (!x) return [];
    const { lead, axes } = pooledAxes(x.type.shape, attrs);
    const window = dimsOf(attrs, 'window');
    const accumulator = x.type.dtype === 'f16' ? 'f32' : x.type.dtype;
    return [
      k.reduce(
        window,
        { name: 'argmax', arity: 2 },
        (i, taps) => {
          const found = axes.map((axis, at) => tapAt(axis, i[lead.length + at] ?? zero, taps[at] ?? zero));
          const value = k.cast(accumulator, x.at([...i.slice(0, lead.length), ...found.map(({ index }) => index)]));
          const conditions = found.flatMap((tap) => tap.conditions);
          const outside = k.constant(accumulator, lowest[x.type.dtype]);
          return [k.guard(conditions, value, outside), k.index(rowMajor(taps, window))];
        },
        [(_i, [largest]) => largest ?? k.constant(accumulator, 0), (_i, [, tap]) => tap ?? k.constant('i32', 0)],
      ),
    ];
  },
  evaluate(inputs, attrs, cx) {
    const x = tensorAt(inputs, 0);
    const { lead, axes } = pooledAxes(x.shape.map(constant), attrs);
    const window = dimsOf(attrs, 'window').map(cx.dims);
    const found = (i: readonly number[]): [number, number] => {
      let [best, at] = [lowest[x.dtype], 0];
      forEachIndex(window, (taps) => {
        const source = sourceOf(axes, cx.dims, i.slice(lead.length), taps);
        const value = source ? element(x, [...i.slice(0, lead.length), ...source]) : lowest[x.dtype];
        if (value > best) [best, at] = [value, positionOf(window, taps)];
      });
      return [best, at];
    };
    return [build(x.dtype, resultShape(cx), (i) => found(i)[0]), build('i32', resultShape(cx), (i) => found(i)[1])];
  },
  cost: (_inputs, [out], attrs) => ({ flops: product([...(out?.shape ?? []), ...dimsOf(attrs, 'window')]) }),
  arbitrary: (fc) =>
    fc
      .tuple(windowCases(fc), shapes(fc, { maxRank: 1 }), oneDType(fc, 'f32', 'i32', 'u32'))
      .chain(([{ extents, taps, attrs }, lead, dtype]) =>
        tensorOf(fc, dtype, [...lead, ...extents]).map((x) => ({ inputs: [x], attrs: { window: taps, ...attrs } })),
      ),
});
