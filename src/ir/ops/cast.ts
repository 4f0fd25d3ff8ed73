// cast: the same value in another dtype.
import { product } from '../dim.ts';
import { isFloat } from '../dtype.ts';
import { defineOp } from '../op.ts';
import { evaluateCast } from '../scalar-semantics.ts';
import { oneDType, tensors } from './arbitrary.ts';
import { dtypeOf } from './attributes.ts';
import { arity, operand } from './shapes.ts';
import { fill, itemAt, rounder, tensorAt } from './tensor.ts';
import { inputAt } from './vjp.ts';

export default defineOp({
  name: 'cast',
  doc: 'The value in another dtype. Float to integer truncates and saturates (NaN gives 0), integers wrap, bool is x ≠ 0.',
  attrs: { dtype: 'dtype of the result' },
  infer(inputs, attrs) {
    arity(inputs, 1);
    return [{ dtype: dtypeOf(attrs), shape: operand(inputs, 0).shape }];
  },
  vjp(b, { inputs, cotangents: [ct] }) {
    const { dtype } = inputAt(inputs, 0).type;
    return [ct && isFloat(dtype) ? b.cast(ct, dtype) : null];
  },
  lower: (k, [x], attrs) => (x ? [k.map((i) => k.cast(dtypeOf(attrs), x.at(i)))] : []),
  evaluate(inputs, attrs, cx) {
    const x = tensorAt(inputs, 0);
    const dtype = dtypeOf(attrs);
    const round = rounder(dtype, cx);
    return [fill(dtype, x.shape, (e) => round(evaluateCast(x.dtype, dtype, itemAt(x, e))))];
  },
  cost: (_inputs, [out]) => ({ flops: product(out?.shape ?? []) }),
  arbitrary: (fc) =>
    fc
      .tuple(oneDType(fc, 'f32', 'i32', 'u32', 'bool'), oneDType(fc, 'f32', 'i32', 'u32', 'bool'))
      .chain(([from, to]) =>
        tensors(fc, from, { min: -7, max: 7 }).map((x) => ({ inputs: [x], attrs: { dtype: to } })),
      ),
});
