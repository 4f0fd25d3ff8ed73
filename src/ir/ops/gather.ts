// gather: rows of a tensor by id.
import { defineOp } from '../op.ts';
import { oneDType, shapes, tensorOf } from './arbitrary.ts';
import { numberOf } from './attributes.ts';
import { placeOf } from './indexing.ts';
import { arity, extent, operand, requireDType } from './shapes.ts';
import { build, element, tensorAt } from './tensor.ts';
import { inputAt } from './vjp.ts';

export default defineOp({
  name: 'gather',
  doc: 'Slices of operand 0 along `axis`, one per id of operand 1 (i32), whose axes take the place of `axis`. An id out of range gives 0.',
  attrs: { axis: 'axis of operand 0 that the ids index' },
  infer(inputs, attrs) {
    arity(inputs, 2);
    const [x, ids] = [operand(inputs, 0), operand(inputs, 1)];
    const axis = numberOf(attrs, 'axis');
    extent(x, axis);
    requireDType(ids, 'i32', 'the ids');
    return [{ dtype: x.dtype, shape: [...x.shape.slice(0, axis), ...ids.shape, ...x.shape.slice(axis + 1)] }];
  },
  vjp(b, { inputs, attrs, cotangents: [ct] }) {
    if (!ct) return [null, null];
    const none = b.zero(inputAt(inputs, 0));
    return [b.op('scatter', [none, inputAt(inputs, 1), ct], { axis: numberOf(attrs, 'axis'), combine: 'add' }), null];
  },
  lower(k, [x, ids], attrs) {
    if (!x || !ids) return [];
    const [axis, rank] = [numberOf(attrs, 'axis'), ids.type.shape.length];
    return [
      k.map((i) => {
        const { index, inRange } = placeOf(k, ids.at(i.slice(axis, axis + rank)), extent(x.type, axis));
        const found = x.at([...i.slice(0, axis), index, ...i.slice(axis + rank)]);
        return k.select(inRange, found, k.constant(x.type.dtype, 0));
      }),
    ];
  },
  evaluate(inputs, attrs) {
    const [x, ids] = [tensorAt(inputs, 0), tensorAt(inputs, 1)];
    const [axis, rank] = [numberOf(attrs, 'axis'), ids.shape.length];
    const shape = [...x.shape.slice(0, axis), ...ids.shape, ...x.shape.slice(axis + 1)];
    return [
      build(x.dtype, shape, (i) => {
        const id = element(ids, i.slice(axis, axis + rank));
        if (id < 0 || id >= (x.shape[axis] ?? 0)) return 0;
        return element(x, [...i.slice(0, axis), id, ...i.slice(axis + rank)]);
      }),
    ];
  },
  arbitrary: (fc) =>
    fc
      .tuple(oneDType(fc, 'f32', 'f32', 'i32', 'bool'), shapes(fc, { minRank: 1 }), shapes(fc, { maxRank: 2 }))
      .chain(([dtype, shape, idShape]) =>
        fc
          .nat({ max: shape.length - 1 })
          .chain((axis) =>
            fc
              .tuple(tensorOf(fc, dtype, shape), tensorOf(fc, 'i32', idShape, { min: -1, max: shape[axis] ?? 1 }))
              .map((inputs) => ({ inputs, attrs: { axis } })),
          ),
      ),
});
