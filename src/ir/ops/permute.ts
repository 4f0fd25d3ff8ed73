// permute: the axes in another order.
import { zero, type Dim } from '../dim.ts';
import { defineOp, ShapeError } from '../op.ts';
import { oneDType, orders, tensors } from './arbitrary.ts';
import { numbersOf } from './attributes.ts';
import { arity, extent, operand, requireAxes, typeText } from './shapes.ts';
import { build, element, tensorAt } from './tensor.ts';

/** inverse[order[i]] = i. */
export function invert(order: readonly number[]): number[] {
  const inverse = order.map(() => 0);
  order.forEach((axis, at) => {
    inverse[axis] = at;
  });
  return inverse;
}

export default defineOp({
  name: 'permute',
  doc: 'Axes in another order: axis i of the result is axis `order[i]` of the operand.',
  attrs: { order: 'axis of the operand for each axis of the result' },
  infer(inputs, attrs) {
    arity(inputs, 1);
    const x = operand(inputs, 0);
    const order = numbersOf(attrs, 'order');
    requireAxes(x, order);
    if (order.length !== x.shape.length) {
      throw new ShapeError('attribute', `order [${order.join(', ')}] does not name every axis of ${typeText(x)}`);
    }
    return [{ dtype: x.dtype, shape: order.map((axis) => extent(x, axis)) }];
  },
  vjp: (b, { attrs, cotangents: [ct] }) => [ct ? b.permute(ct, invert(numbersOf(attrs, 'order'))) : null],
  lower(k, [x], attrs) {
    if (!x) return [];
    const at = invert(numbersOf(attrs, 'order'));
    return [k.map((i) => x.at(at.map((axis): Dim => i[axis] ?? zero)))];
  },
  evaluate(inputs, attrs) {
    const x = tensorAt(inputs, 0);
    const order = numbersOf(attrs, 'order');
    const at = invert(order);
    const shape = order.map((axis) => x.shape[axis] ?? 0);
    return [
      build(x.dtype, shape, (i) =>
        element(
          x,
          at.map((axis) => i[axis] ?? 0),
        ),
      ),
    ];
  },
  arbitrary: (fc) =>
    oneDType(fc, 'f32', 'i32', 'bool')
      .chain((dtype) => tensors(fc, dtype))
      .chain((x) => orders(fc, x.shape.length).map((order) => ({ inputs: [x], attrs: { order } }))),
});
