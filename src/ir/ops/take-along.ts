// take_along: elements of each row in a given order. With the inverse order at hand its gradient is the
// same op the other way: nothing is added up, nothing scatters.
import { defineOp } from '../op.ts';
import { oneDType, tensorOf } from './arbitrary.ts';
import { numberOf } from './attributes.ts';
import { placeOf } from './indexing.ts';
import { orderCases } from './order-cases.ts';
import { arity, extent, operand, requireDType, requireSameShape } from './shapes.ts';
import { build, element, tensorAt } from './tensor.ts';
import { inputAt } from './vjp.ts';

export default defineOp({
  name: 'take_along',
  doc: 'Element j of a row along `axis` is element order[j] of the row of operand 0; 0 where that is out of range. Operand 1 is the order, operand 2 its inverse (see `inverse_order`), which the gradient takes along.',
  attrs: { axis: 'the axis along which elements are taken' },
  infer(inputs, attrs, facts) {
    arity(inputs, 3);
    const [x, order, rank] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
    const axis = numberOf(attrs, 'axis');
    requireDType(order, 'i32', 'the order');
    requireDType(rank, 'i32', 'its inverse');
    const count = extent(order, axis);
    extent(x, axis);
    const taken = { dtype: x.dtype, shape: x.shape.with(axis, count) };
    requireSameShape(facts, taken, order);
    requireSameShape(facts, x, rank);
    return [taken];
  },
  vjp(b, { inputs, attrs, cotangents: [ct] }) {
    if (!ct) return [null, null, null];
    return [b.op('take_along', [ct, inputAt(inputs, 2), inputAt(inputs, 1)], attrs), null, null];
  },
  lower(k, [x, order], attrs) {
    if (!x || !order) return [];
    const axis = numberOf(attrs, 'axis');
    return [
      k.map((i) => {
        const { index, inRange } = placeOf(k, order.at(i), extent(x.type, axis));
        return k.select(inRange, x.at(i.map((d, at) => (at === axis ? index : d))), k.constant(x.type.dtype, 0));
      }),
    ];
  },
  evaluate(inputs, attrs) {
    const [x, order] = [tensorAt(inputs, 0), tensorAt(inputs, 1)];
    const axis = numberOf(attrs, 'axis');
    return [
      build(x.dtype, order.shape, (i) => {
        const place = element(order, i);
        return place < 0 || place >= (x.shape[axis] ?? 0) ? 0 : element(x, i.with(axis, place));
      }),
    ];
  },
  arbitrary: (fc) =>
    fc
      .tuple(oneDType(fc, 'f32', 'f32', 'f32', 'i32', 'bool'), orderCases(fc))
      .chain(([dtype, { order, rank, axis }]) =>
        tensorOf(fc, dtype, rank.shape).map((x) => ({ inputs: [x, order, rank], attrs: { axis } })),
      ),
});
