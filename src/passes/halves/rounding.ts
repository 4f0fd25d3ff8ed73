// Rounding an f32 to the nearest f16 with 32-bit integers: one formula for both targets, ties to even, the same
// bits everywhere. What is too large for f16, infinite or NaN becomes NaN.
import { roundToHalf } from '../../ir/half.ts';
import type { BinaryOp, Expr } from '../../ir/expr.ts';

const word = (value: number): Expr => ({ kind: 'const', dtype: 'u32', value });
const bits = (op: BinaryOp, a: Expr, b: Expr | number): Expr => ({
  kind: 'binary',
  dtype: op === 'lt' ? 'bool' : 'u32',
  op,
  a,
  b: typeof b === 'number' ? word(b) : b,
});
const asWord = (x: Expr): Expr => ({ kind: 'bitcast', dtype: 'u32', x });
const asFloat = (x: Expr): Expr => ({ kind: 'bitcast', dtype: 'f32', x });
const float = (op: 'add' | 'mul', a: Expr, value: number): Expr => ({
  kind: 'binary',
  dtype: 'f32',
  op,
  a,
  b: { kind: 'const', dtype: 'f32', value },
});
const select = (cond: Expr, then: Expr, otherwise: Expr): Expr => ({
  kind: 'select',
  dtype: then.dtype,
  cond,
  then,
  otherwise,
});

const smallestNormal = 0x38800000;
const half = 0x3f000000;
const tooLarge = 0x47800000;
const nan = 0x7fc00000;

// Below 2⁻¹⁴ the numbers are multiples of 2⁻²⁴, which is the unit of f32 between 1/2 and 1.
function roundedSmall(size: Expr): Expr {
  const units = bits('sub', asWord(float('add', asFloat(size), 0.5)), half);
  return asWord(float('mul', { kind: 'cast', dtype: 'f32', x: units }, 2 ** -24));
}

/** The f16 nearest to `x` (an f32), as an f32. */
export function roundedToHalf(x: Expr): Expr {
  if (x.kind === 'const') return { ...x, value: roundToHalf(x.value) };
  const all = asWord(x);
  const size = bits('and', all, 0x7fffffff);
  const odd = bits('and', bits('shr', size, 13), 1);
  const normal = bits('and', bits('add', bits('add', size, 0xfff), odd), 0xffffe000);
  const rounded = select(bits('lt', size, smallestNormal), roundedSmall(size), normal);
  const fitting = select(bits('lt', rounded, tooLarge), rounded, word(nan));
  return asFloat(bits('or', fitting, bits('and', all, 0x80000000)));
}
