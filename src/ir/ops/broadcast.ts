// broadcast: repeats a tensor along new axes, and along axes of extent 1.
import { asConstant, constant, zero, type Dim } from '../dim.ts';
import { defineOp, ShapeError } from '../op.ts';
import { oneDType, shapes, someAxes, tensorOf } from './arbitrary.ts';
import { dimsOf, numbersOf } from './attributes.ts';
import { arity, axesWithout, extent, operand, requireAxes, requireEqual, typeText } from './shapes.ts';
import { build, element, resultShape, tensorAt } from './tensor.ts';
import { inputAt } from './vjp.ts';
import type { Attrs, TensorType } from '../graph.ts';

/** Axes of the operand that have extent 1 and are repeated to something else. */
function stretched(x: TensorType, attrs: Attrs): number[] {
  const [axes, shape] = [numbersOf(attrs, 'axes'), dimsOf(attrs, 'shape')];
  return x.shape.flatMap((d, axis) => {
    const target = shape[axes[axis] ?? -1];
    return asConstant(d) === 1 && target && asConstant(target) !== 1 ? [axis] : [];
  });
}

export default defineOp({
  name: 'broadcast',
  doc: 'Repeats the operand: its axis i becomes axis `axes[i]` of the result, which it fills, or repeats along where its extent is 1.',
  attrs: { axes: 'axis of the result for each axis of the operand', shape: 'shape of the result' },
  infer(inputs, attrs, facts) {
    arity(inputs, 1);
    const x = operand(inputs, 0);
    const axes = numbersOf(attrs, 'axes');
    const out = { dtype: x.dtype, shape: dimsOf(attrs, 'shape') };
    requireAxes(out, axes);
    if (axes.length !== x.shape.length) {
      throw new ShapeError('attribute', `axes [${axes.join(', ')}] do not place every axis of ${typeText(x)}`);
    }
    x.shape.forEach((d, axis) => {
      if (asConstant(d) === 1) return;
      requireEqual(
        facts,
        d,
        extent(out, axes[axis] ?? -1),
        `axis ${axis} of ${typeText(x)} broadcast to ${typeText(out)}`,
      );
    });
    return [out];
  },
  vjp(b, { inputs, attrs, cotangents: [ct] }) {
    if (!ct) return [null];
    const x = inputAt(inputs, 0);
    const axes = numbersOf(attrs, 'axes');
    const repeated = new Set(stretched(x.type, attrs).map((axis) => axes[axis]));
    const kept = axes.filter((axis) => !repeated.has(axis));
    const sum = b.reduce('sum', ct, axesWithout(ct.type.shape.length, kept));
    const inOrder = [...kept].sort((p, q) => p - q);
    const isSorted = kept.every((axis, at) => axis === inOrder[at]);
    const permuted = isSorted
      ? sum
      : b.permute(
          sum,
          kept.map((axis) => inOrder.indexOf(axis)),
        );
    return [repeated.size === 0 ? permuted : b.reshape(permuted, x.type.shape)];
  },
  lower(k, [x], attrs) {
    if (!x) return [];
    const axes = numbersOf(attrs, 'axes');
    const ones = x.type.shape.map((d) => asConstant(d) === 1);
    return [k.map((i) => x.at(axes.map((axis, at): Dim => (ones[at] ? zero : (i[axis] ?? zero)))))];
  },
  evaluate(inputs, attrs, cx) {
    const x = tensorAt(inputs, 0);
    const axes = numbersOf(attrs, 'axes');
    return [
      build(x.dtype, resultShape(cx), (i) =>
        element(
          x,
          axes.map((axis, at) => (x.shape[at] === 1 ? 0 : (i[axis] ?? 0))),
        ),
      ),
    ];
  },
  arbitrary: (fc) =>
    fc.tuple(oneDType(fc, 'f32', 'f32', 'i32', 'bool'), shapes(fc)).chain(([dtype, to]) =>
      fc.tuple(someAxes(fc, to.length), fc.infiniteStream(fc.boolean())).chain(([axes, ones]) => {
        const shape = axes.map((axis) => (ones.next().value ? 1 : (to[axis] ?? 1)));
        return tensorOf(fc, dtype, shape).map((x) => ({ inputs: [x], attrs: { axes, shape: to.map(constant) } }));
      }),
    ),
});
