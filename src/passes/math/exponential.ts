// exp, expm1, log, log1p and what is made of them, from + − × ÷ and bits. Range reduction as in Cody and
// Waite, "Software Manual for the Elementary Functions"; log and erf by the polynomials of the Cephes library, exp by
// one of least error (relative to e^r − 1) for its degree.
import type { KernelExpr } from '../../ir/kernel.ts';
import type { Formula } from './formula.ts';

const ln2High = 0.693359375;
const ln2Low = -2.1219444e-4;

// x = n·ln 2 + r with |r| ≤ ln 2 / 2, n plus `bias` as {@link Formula.round} gives it; `tail` is e^r − 1.
function reduceExponent(
  f: Formula,
  x: KernelExpr,
  bias: number,
): { whole: KernelExpr; n: KernelExpr; tail: KernelExpr } {
  const { whole, n } = f.round(f.mul(x, Math.LOG2E), bias);
  const r = f.sub(f.sub(x, f.mul(whole, ln2High)), f.mul(whole, ln2Low));
  const z = f.mul(r, r);
  const p = f.polynomialByPairs(r, z, [1.388251782e-3, 8.366359398e-3, 4.166679457e-2, 1.666653752e-1, 0.5]);
  return { whole, n, tail: f.add(f.mul(p, z), r) };
}

/** eˣ; the largest finite number where it would overflow, 0 where it would not be a normal number. */
export function exp(f: Formula, x: KernelExpr): KernelExpr {
  // What is computed for x < −87.3 is not used.
  const { n, tail } = reduceExponent(f, f.atMost(x, 88.72283), 0);
  return f.select(f.compare('lt', x, -87.3), 0, f.scale(f.add(tail, 1), n));
}

// eˣ = s + s·(eʳ − 1) with s = 2ⁿ, for |x| ≤ 87.3, as two summands.
function expWithin(f: Formula, x: KernelExpr): { s: KernelExpr; rest: KernelExpr } {
  const { n, tail } = reduceExponent(f, x, 127);
  const s = f.powerOfTwo(n);
  return { s, rest: f.mul(tail, s) };
}

/** eˣ − 1 = 2·(s·(eʳ − 1) + (s − ½)) with s = 2ⁿ⁻¹. */
export function expm1(f: Formula, x: KernelExpr): KernelExpr {
  const { whole, n, tail } = reduceExponent(f, f.clamp(x, -25, 88.72283), 126);
  const s = f.powerOfTwo(n);
  const scaled = f.mul(f.add(f.mul(tail, s), f.sub(s, 0.5)), 2);
  return f.select(f.compare('eq', whole, 0), tail, scaled);
}

/** x = 2ᵏ·(1 + r) with √½ ≤ 1 + r < √2, for positive x, denormals included. */
export function splitExponent(f: Formula, x: KernelExpr): { k: KernelExpr; r: KernelExpr } {
  const isTiny = f.compare('lt', x, 1.17549435e-38);
  const word = f.bitcast('i32', f.select(isTiny, f.mul(x, 8388608), x));
  const shifted = f.bits('add', word, 0x3f800000 - 0x3f3504f3);
  const exponent = f.cast('f32', f.bits('sub', f.bits('shr', shifted, 23), 127));
  const mantissa = f.bitcast('f32', f.bits('add', f.bits('and', shifted, 0x007fffff), 0x3f3504f3));
  return { k: f.sub(exponent, f.select(isTiny, 23, 0)), r: f.sub(mantissa, 1) };
}

/** ln x; −1e30 stands for −∞ at 0; NaN below. */
export function log(f: Formula, x: KernelExpr): KernelExpr {
  const { k, r } = splitExponent(f, x);
  const z = f.mul(r, r);
  const p = f.polynomial(
    r,
    [
      7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
      2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    ],
  );
  const tail = f.sub(f.add(f.mul(f.mul(p, r), z), f.mul(k, ln2Low)), f.mul(z, 0.5));
  const value = f.add(f.add(r, tail), f.mul(k, ln2High));
  const positive = f.select(f.compare('eq', x, 0), -1e30, value);
  return keepNaN(f, x, f.select(f.compare('lt', x, 0), f.unary('sqrt', x), positive));
}

/** `x` where it is NaN, else `value`. */
export const keepNaN = (f: Formula, x: KernelExpr, value: KernelExpr): KernelExpr =>
  f.select(f.compare('ne', x, x), x, value);

/** ln(1 + x) = ln u + (x − (u − 1))/u, u = 1 + x rounded: the second part is what rounding lost. */
export function log1p(f: Formula, x: KernelExpr): KernelExpr {
  const u = f.add(x, 1);
  const lost = f.sub(x, f.sub(u, 1));
  const divisor = f.select(f.compare('eq', u, 0), 1, u);
  return f.add(log(f, u), f.div(lost, divisor));
}

/** eˣ / (eˣ + 1) */
export function sigmoid(f: Formula, x: KernelExpr): KernelExpr {
  const { s, rest } = expWithin(f, f.clamp(x, -87.3, 30));
  const e = f.add(rest, s);
  return f.div(e, f.add(e, 1));
}

/** tanh x = m / (m + 2) with m = e²ˣ − 1. */
export function tanh(f: Formula, x: KernelExpr): KernelExpr {
  const clamped = f.clamp(x, -10, 10);
  const { s, rest } = expWithin(f, f.add(clamped, clamped));
  const m = f.add(rest, f.sub(s, 1));
  return f.div(m, f.add(m, 2));
}

/** The size of `value` with the sign of `x`. */
export const withSign = (f: Formula, x: KernelExpr, value: KernelExpr): KernelExpr =>
  f.select(f.compare('lt', x, 0), f.unary('neg', value), value);

/** erf: x + x·P(x²) below 1, 1 − e^(−x²)·Q(1/x²)/x above (it is 1 in f32 from 4 on). */
export function erf(f: Formula, x: KernelExpr): KernelExpr {
  const z = f.mul(x, x);
  const small = f.add(
    x,
    f.mul(
      x,
      f.polynomial(
        z,
        [
          7.853861353153693e-5, -8.010193625184903e-4, 5.188327685732524e-3, -2.685381193529856e-2,
          1.128358514861418e-1, -3.7612625824233e-1, 0.12837916572671,
        ],
      ),
    ),
  );
  const size = f.clamp(f.unary('abs', x), 0.5, 5);
  const q = f.div(1, size);
  const p = f.polynomial(
    f.mul(q, q),
    [
      2.326819970068386e-2, -1.387039388740657e-1, 3.687424674597105e-1, -5.824733027278666e-1, 6.210004621745983e-1,
      -4.944515323274145e-1, 3.404879937665872e-1, -2.741127028184656e-1, 5.638259427386472e-1,
    ],
  );
  const rest = f.mul(f.mul(exp(f, f.unary('neg', f.mul(size, size))), q), p);
  return f.select(f.compare('lt', f.unary('abs', x), 1), small, withSign(f, x, f.sub(1, rest)));
}
