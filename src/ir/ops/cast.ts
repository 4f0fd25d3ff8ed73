// cast: the same value in another dtype.
import { product } from '../dim.ts';
import { highest, isFloat, lowest, type DType } from '../dtype.ts';
import type { Expr } from '../expr.ts';
import type { LowerContext } from '../lower.ts';
import { defineOp } from '../op.ts';
import { evaluateCast } from '../scalar-semantics.ts';
import { oneDType, tensors } from './arbitrary.ts';
import { dtypeOf } from './attributes.ts';
import { arity, operand } from './shapes.ts';
import { fill, itemAt, rounder, tensorAt } from './tensor.ts';
import { inputAt } from './vjp.ts';

// What does not fit stops at the largest f16. Comparisons, because min and max would drop NaN.
function saturated(k: LowerContext, x: Expr): Expr {
  const wide = k.cast('f32', x);
  const [low, high] = [k.constant('f32', lowest.f16), k.constant('f32', highest.f16)];
  return k.select(k.binary('lt', high, wide), high, k.select(k.binary('lt', wide, low), low, wide));
}

const alwaysFits = (dtype: DType): boolean => dtype === 'f16' || dtype === 'bool';

const limited = (x: number): number => (x > highest.f16 ? highest.f16 : x < lowest.f16 ? lowest.f16 : x);

export default defineOp({
  name: 'cast',
  doc: 'The value in another dtype. Float to integer truncates and saturates (NaN gives 0), integers wrap, bool is x ≠ 0. f16 rounds to even and stops at ±65504.',
  attrs: {
    dtype: 'dtype of the result',
    overflow: '`nan`: what is too large for f16 becomes NaN (gradients, so that it is noticed)',
  },
  infer(inputs, attrs) {
    arity(inputs, 1);
    return [{ dtype: dtypeOf(attrs), shape: operand(inputs, 0).shape }];
  },
  vjp(b, { inputs, cotangents: [ct] }) {
    const { dtype } = inputAt(inputs, 0).type;
    if (!ct || !isFloat(dtype)) return [null];
    const narrows = dtype === 'f16' && ct.type.dtype !== 'f16';
    return [narrows ? b.op('cast', [ct], { dtype, overflow: 'nan' }) : b.cast(ct, dtype)];
  },
  lower(k, [x], attrs) {
    if (!x) return [];
    const dtype = dtypeOf(attrs);
    const saturates = dtype === 'f16' && !alwaysFits(x.type.dtype) && attrs['overflow'] !== 'nan';
    return [k.map((i) => k.cast(dtype, saturates ? saturated(k, x.at(i)) : x.at(i)))];
  },
  evaluate(inputs, attrs, cx) {
    const x = tensorAt(inputs, 0);
    const dtype = dtypeOf(attrs);
    const round = rounder(dtype, cx);
    const limit = dtype === 'f16' && attrs['overflow'] !== 'nan' ? limited : (value: number) => value;
    return [fill(dtype, x.shape, (e) => round(limit(evaluateCast(x.dtype, dtype, itemAt(x, e)))))];
  },
  cost: (_inputs, [out]) => ({ flops: product(out?.shape ?? []) }),
  arbitrary: (fc) =>
    fc
      .tuple(oneDType(fc, 'f32', 'i32', 'u32', 'bool'), oneDType(fc, 'f32', 'i32', 'u32', 'bool'))
      .chain(([from, to]) =>
        tensors(fc, from, { min: -7, max: 7 }).map((x) => ({ inputs: [x], attrs: { dtype: to } })),
      ),
});
