// The numbers of f16: 11 bits, exponents -14 … 15. Like f32 here it has no infinity: what is too large is NaN,
// so that an overflow is seen wherever it leads. A cast that was asked for stops at the limit instead.
import { highest, lowest } from './dtype.ts';
import { roundToEven } from './scalar-semantics.ts';

/** The nearest f16, ties to even; NaN where that would be larger than 65504. */
export function roundToHalf(x: number): number {
  const size = Math.abs(x);
  if (size === 0) return x;
  const unit = 2 ** (Math.max(-14, Math.floor(Math.log2(size))) - 10);
  const rounded = Math.sign(x) * roundToEven(size / unit) * unit;
  return Math.abs(rounded) <= highest.f16 ? rounded : NaN;
}

/** Ops whose result is an f16 without rounding where their operands are. */
export const exactInHalf: ReadonlySet<string> = new Set(['neg', 'abs', 'sign', 'min', 'max', 'floor', 'ceil', 'round']);

/** The f16 that a number is written as: the nearest one, the limit for what is larger. */
export const nearestHalf = (x: number): number => roundToHalf(Math.max(lowest.f16, Math.min(highest.f16, x)));
