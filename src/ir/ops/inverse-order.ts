// inverse_order: from "position j holds element order[j]" to "element i stands at position rank[i]".
import { product } from '../dim.ts';
import { defineOp } from '../op.ts';
import { dimOf, numberOf } from './attributes.ts';
import { orderCases } from './order-cases.ts';
import { arity, extent, operand, requireDType } from './shapes.ts';
import { fill, forEachIndex, itemAt, positionOf, tensorAt } from './tensor.ts';

export default defineOp({
  name: 'inverse_order',
  doc: 'Where operand 0 (i32, no number twice in a row along `axis`) names each of the numbers 0 … `extent` − 1: its position along `axis`, −1 where it is not named.',
  attrs: { axis: 'the axis along which positions count', extent: 'how many numbers there are to find' },
  infer(inputs, attrs) {
    arity(inputs, 1);
    const order = operand(inputs, 0);
    requireDType(order, 'i32', 'the order');
    const axis = numberOf(attrs, 'axis');
    extent(order, axis);
    return [{ dtype: 'i32', shape: order.shape.with(axis, dimOf(attrs, 'extent')) }];
  },
  vjp: null,
  lower(k, [x], attrs) {
    if (!x) return [];
    const { held, nests } = k.held(x);
    return [
      ...nests,
      k.opaque([held], [k.output()], { axis: numberOf(attrs, 'axis'), extent: dimOf(attrs, 'extent') }),
    ];
  },
  evaluate(inputs, attrs, cx) {
    const order = tensorAt(inputs, 0);
    const [axis, count] = [numberOf(attrs, 'axis'), cx.dims(dimOf(attrs, 'extent'))];
    const out = fill('i32', order.shape.with(axis, count), () => -1);
    let e = 0;
    forEachIndex(order.shape, (i) => {
      const named = itemAt(order, e++);
      if (named >= 0 && named < count) out.data[positionOf(out.shape, i.with(axis, named))] = i[axis] ?? 0;
    });
    return [out];
  },
  cost: (_, outputs) => ({ flops: product(outputs[0]?.shape ?? []) }),
  arbitrary: (fc) =>
    orderCases(fc).map(({ order, axis, extent: count }) => ({ inputs: [order], attrs: { axis, extent: count } })),
});
