// iota: each element is its own index along one axis.
import { constant } from '../dim.ts';
import { defineOp } from '../op.ts';
import { oneDType, shapes } from './arbitrary.ts';
import { dimsOf, dtypeOf, numberOf } from './attributes.ts';
import { arity, extent } from './shapes.ts';
import { build, resultShape } from './tensor.ts';

export default defineOp({
  name: 'iota',
  doc: 'Counts 0, 1, 2, … along `axis`.',
  attrs: { dtype: 'dtype of the result, not bool', shape: 'its shape', axis: 'the axis that counts' },
  infer(inputs, attrs) {
    arity(inputs, 0);
    const type = { dtype: dtypeOf(attrs), shape: dimsOf(attrs, 'shape') };
    extent(type, numberOf(attrs, 'axis'));
    return [type];
  },
  vjp: () => [],
  lower(k, _inputs, attrs) {
    const [dtype, axis] = [dtypeOf(attrs), numberOf(attrs, 'axis')];
    const counter = dtype === 'f16' || dtype === 'bool' ? 'i32' : dtype;
    return [k.map((i) => k.cast(dtype, k.index(i[axis] ?? 0, counter)))];
  },
  evaluate(_inputs, attrs, cx) {
    const axis = numberOf(attrs, 'axis');
    return [build(dtypeOf(attrs), resultShape(cx), (i) => i[axis] ?? 0)];
  },
  arbitrary: (fc) =>
    fc.tuple(oneDType(fc, 'f32', 'i32', 'u32'), shapes(fc, { minRank: 1 })).chain(([dtype, shape]) =>
      fc.integer({ min: 0, max: shape.length - 1 }).map((axis) => ({
        inputs: [],
        attrs: { dtype, shape: shape.map(constant), axis },
      })),
    ),
});
