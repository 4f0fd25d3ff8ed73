// window_sum: sums under a sliding window (average pooling divides it). It is its own adjoint.
import { constant, product, zero } from '../dim.ts';
import { defineOp } from '../op.ts';
import { evaluateBinary } from '../scalar-semantics.ts';
import { oneDType, shapes, tensorOf, windowCases } from './arbitrary.ts';
import { dimsOf } from './attributes.ts';
import { arity, operand, requireClass } from './shapes.ts';
import { build, element, forEachIndex, resultShape, rounder, tensorAt } from './tensor.ts';
import { inputAt } from './vjp.ts';
import { adjointPads, pooledAxes, poolingAttrs, requireWindows, sourceOf, tapAt } from './window-axes.ts';

export default defineOp({
  name: 'window_sum',
  doc: 'Sum of the elements under a window that slides along the last axes. Positions outside the operand count as 0. f16 accumulates in f32.',
  attrs: poolingAttrs,
  infer(inputs, attrs, facts) {
    arity(inputs, 1);
    const x = operand(inputs, 0);
    requireClass(x, 'number');
    const { lead, axes } = pooledAxes(x.shape, attrs);
    return [{ dtype: x.dtype, shape: [...lead, ...requireWindows(facts, axes)] }];
  },
  vjp(b, { inputs, attrs, cotangents: [ct] }) {
    if (!ct) return [null];
    const { axes } = pooledAxes(inputAt(inputs, 0).type.shape, attrs);
    const steps = { stride: axes.map(({ base }) => base), base: axes.map(({ stride }) => stride) };
    return [b.op('window_sum', [ct], { ...attrs, ...steps, ...adjointPads(axes) })];
  },
  lower(k, [x], attrs) {
    if (!x) return [];
    const { lead, axes } = pooledAxes(x.type.shape, attrs);
    const accumulator = x.type.dtype === 'f16' ? 'f32' : x.type.dtype;
    return [
      k.reduce(dimsOf(attrs, 'window'), { name: 'sum', arity: 1 }, (i, taps) => {
        const found = axes.map((axis, at) => tapAt(axis, i[lead.length + at] ?? zero, taps[at] ?? zero));
        const value = k.cast(accumulator, x.at([...i.slice(0, lead.length), ...found.map(({ index }) => index)]));
        return [
          k.guard(
            found.flatMap(({ conditions }) => conditions),
            value,
            k.constant(accumulator, 0),
          ),
        ];
      }),
    ];
  },
  evaluate(inputs, attrs, cx) {
    const x = tensorAt(inputs, 0);
    const { lead, axes } = pooledAxes(x.shape.map(constant), attrs);
    const window = dimsOf(attrs, 'window').map(cx.dims);
    const round = rounder(x.dtype, cx);
    return [
      build(x.dtype, resultShape(cx), (i) => {
        let sum = 0;
        forEachIndex(window, (taps) => {
          const source = sourceOf(axes, cx.dims, i.slice(lead.length), taps);
          if (source)
            sum = round(evaluateBinary('add', x.dtype, sum, element(x, [...i.slice(0, lead.length), ...source])));
        });
        return sum;
      }),
    ];
  },
  cost: (_inputs, [out], attrs) => ({ flops: product([...(out?.shape ?? []), ...dimsOf(attrs, 'window')]) }),
  arbitrary: (fc) =>
    fc
      .tuple(windowCases(fc), shapes(fc, { maxRank: 1 }), oneDType(fc, 'f32', 'f32', 'i32'))
      .chain(([{ extents, taps, attrs }, lead, dtype]) =>
        tensorOf(fc, dtype, [...lead, ...extents]).map((x) => ({ inputs: [x], attrs: { window: taps, ...attrs } })),
      ),
});
