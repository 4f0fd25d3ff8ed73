// pow: a^b = e^(b·ln a) with ln a and the product held as sums of two floats (Dekker, "A floating-point
// technique for extending the available precision"), so that a large exponent costs no digits.
import type { KernelExpr } from '../../ir/kernel.ts';
import { exp, keepNaN, splitExponent } from './exponential.ts';
import type { Formula } from './formula.ts';

interface Pair {
  readonly high: KernelExpr;
  readonly low: KernelExpr;
}

// The upper 12 bits of the mantissa; the product of two such parts is exact.
const upper = (f: Formula, x: KernelExpr): KernelExpr => f.bitcast('f32', f.bits('and', f.bitcast('i32', x), -4096));

function exactProduct(f: Formula, a: KernelExpr, b: KernelExpr): Pair {
  const high = f.mul(a, b);
  const [a1, b1] = [upper(f, a), upper(f, b)];
  const [a2, b2] = [f.sub(a, a1), f.sub(b, b1)];
  const cross = f.add(f.add(f.sub(f.mul(a1, b1), high), f.mul(a1, b2)), f.mul(a2, b1));
  return { high, low: f.add(cross, f.mul(a2, b2)) };
}

// |a| ≥ |b|, or a = 0.
function exactSum(f: Formula, a: KernelExpr, b: KernelExpr): Pair {
  const high = f.add(a, b);
  return { high, low: f.sub(b, f.sub(high, a)) };
}

// ln(1 + r) = 2q + 2q³/3 + 2q⁵/5 + …, q = r / (2 + r).
function logarithm(f: Formula, x: KernelExpr): Pair {
  const { k, r } = splitExponent(f, x);
  const divisor = exactSum(f, f.number(2), r);
  const q = f.div(r, divisor.high);
  const back = exactProduct(f, q, divisor.high);
  const left = f.sub(f.sub(f.sub(r, back.high), back.low), f.mul(q, divisor.low));
  const z = f.mul(q, q);
  const series = f.mul(f.mul(f.polynomial(z, [2 / 11, 2 / 9, 2 / 7, 2 / 5, 2 / 3]), z), q);
  const low = f.add(f.add(f.mul(f.div(left, divisor.high), 2), series), f.mul(k, -2.121944400546906e-4));
  const sum = exactSum(f, f.mul(k, 0.693359375), f.mul(q, 2));
  const total = exactSum(f, sum.high, f.add(sum.low, low));
  return total;
}

/** aᵇ; a negative base needs a whole exponent, else the result is NaN. */
export function pow(f: Formula, a: KernelExpr, b: KernelExpr): KernelExpr {
  const { high, low } = logarithm(f, f.unary('abs', a));
  const product = exactProduct(f, f.clamp(b, -1e20, 1e20), high);
  const rest = f.add(product.low, f.mul(b, low));
  const sure = f.clamp(product.high, -200, 200);
  const tail = f.select(f.compare('eq', sure, product.high), rest, 0);
  const e = exp(f, sure);
  const size = f.add(e, f.mul(e, tail));
  const atZero = f.select(f.compare('eq', b, 0), 1, f.select(f.compare('lt', b, 0), 3.4028234663852886e38, 0));
  const half = f.mul(b, 0.5);
  const isWhole = f.compare('eq', f.unary('floor', b), b);
  const isEven = f.compare('eq', f.unary('floor', half), half);
  const signed = f.select(isEven, size, f.unary('neg', size));
  const negative = f.select(isWhole, signed, f.unary('sqrt', a));
  const nonZero = f.select(f.compare('lt', a, 0), negative, size);
  return keepNaN(f, a, f.select(f.compare('eq', a, 0), atZero, nonZero));
}
