// bitcast: the same 32 bits read as another dtype.
import type { DType } from '../dtype.ts';
import { defineOp, ShapeError } from '../op.ts';
import { evaluateBitcast } from '../scalar-semantics.ts';
import { oneDType, tensors } from './arbitrary.ts';
import { dtypeOf } from './attributes.ts';
import { arity, operand } from './shapes.ts';
import { fill, itemAt, tensorAt } from './tensor.ts';

function requireWord(dtype: DType): void {
  if (dtype === 'f16' || dtype === 'bool') throw new ShapeError('dtype', `bitcast needs f32, i32 or u32, got ${dtype}`);
}

export default defineOp({
  name: 'bitcast',
  doc: 'The same 32 bits read as another of f32, i32, u32.',
  attrs: { dtype: 'dtype of the result' },
  infer(inputs, attrs) {
    arity(inputs, 1);
    const x = operand(inputs, 0);
    requireWord(x.dtype);
    requireWord(dtypeOf(attrs));
    return [{ dtype: dtypeOf(attrs), shape: x.shape }];
  },
  vjp: null,
  lower: (k, [x], attrs) => (x ? [k.map((i) => k.bitcast(dtypeOf(attrs), x.at(i)))] : []),
  evaluate(inputs, attrs) {
    const x = tensorAt(inputs, 0);
    const dtype = dtypeOf(attrs);
    return [fill(dtype, x.shape, (e) => evaluateBitcast(x.dtype, dtype, itemAt(x, e)))];
  },
  arbitrary: (fc) =>
    fc
      .tuple(oneDType(fc, 'f32', 'i32', 'u32'), oneDType(fc, 'i32', 'u32'))
      .chain(([from, to]) =>
        tensors(fc, from, { min: -7, max: 7 }).map((x) => ({ inputs: [x], attrs: { dtype: to } })),
      ),
});
