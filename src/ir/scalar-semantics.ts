// What every scalar op means, number by number: the table behind the interpreters, constant folding
// and host scalars. Floats are float64 here (the caller rounds); integers wrap at 32 bits; bool is 0 or 1.
// Division by zero gives 0 on integers, as does the remainder; shifts count mod 32; casts from
// float to integer saturate; min and max drop NaN; round goes to even on ties.
import { isFloat, type DType } from './dtype.ts';
import type { BinaryOp, UnaryOp } from './expr.ts';

/** Brings a number into the range of `dtype` by wrapping: i32 and u32 modulo 2³², bool to 0 or 1. */
export function wrap(dtype: DType, value: number): number {
  if (dtype === 'i32') return value | 0;
  if (dtype === 'u32') return value >>> 0;
  if (dtype === 'bool') return value === 0 ? 0 : 1;
  return value;
}

/** Rounds to the nearest integer, ties to even. */
export function roundToEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** 1 / (1 + e⁻ˣ), without overflow on either side. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

/**
 * The error function to about 1e-15, relative: erf x = 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (2n+1)!!,
 * whose terms all have one sign. |erf x| is 1 in float64 from 6 on.
 */
export function erf(x: number): number {
  if (Math.abs(x) >= 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

const unaryTable: Readonly<Record<UnaryOp, (x: number) => number>> = {
  neg: (x) => -x,
  abs: Math.abs,
  sign: (x) => (x > 0 ? 1 : x < 0 ? -1 : 0),
  recip: (x) => 1 / x,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  exp: Math.exp,
  log: Math.log,
  log1p: Math.log1p,
  expm1: Math.expm1,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  sigmoid,
  erf,
  floor: Math.floor,
  ceil: Math.ceil,
  round: roundToEven,
  not: (x) => ~x,
};

/** op(x) for an operand and result of `dtype`. */
export function evaluateUnary(op: UnaryOp, dtype: DType, x: number): number {
  if (op === 'not' && dtype === 'bool') return x === 0 ? 1 : 0;
  return wrap(dtype, unaryTable[op](x));
}

const dropNaN =
  (pick: (a: number, b: number) => number) =>
  (a: number, b: number): number =>
    Number.isNaN(a) ? b : Number.isNaN(b) ? a : pick(a, b);
const bit = (truth: boolean): number => (truth ? 1 : 0);

const binaryTable: Readonly<
  Record<Exclude<BinaryOp, 'mul' | 'div' | 'rem' | 'shr'>, (a: number, b: number) => number>
> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  pow: (a, b) => a ** b,
  min: dropNaN(Math.min),
  max: dropNaN(Math.max),
  lt: (a, b) => bit(a < b),
  le: (a, b) => bit(a <= b),
  eq: (a, b) => bit(a === b),
  ne: (a, b) => bit(a !== b),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b) => a << (b & 31),
};

const compares: ReadonlySet<BinaryOp> = new Set<BinaryOp>(['lt', 'le', 'eq', 'ne']);

/** True for the binary ops whose result is bool whatever their operands are. */
export const isComparison = (op: BinaryOp): boolean => compares.has(op);

/** op(a, b) for operands of `dtype`; comparisons give 0 or 1. */
export function evaluateBinary(op: BinaryOp, dtype: DType, a: number, b: number): number {
  if (op === 'mul') return isFloat(dtype) ? a * b : wrap(dtype, Math.imul(a, b));
  if (op === 'div') return isFloat(dtype) ? a / b : b === 0 ? 0 : wrap(dtype, Math.trunc(a / b));
  if (op === 'rem') return isFloat(dtype) ? a % b : b === 0 ? 0 : wrap(dtype, a % b);
  if (op === 'shr') return dtype === 'u32' ? a >>> (b & 31) : a >> (b & 31);
  const result = binaryTable[op](a, b);
  return isComparison(op) ? result : wrap(dtype, result);
}

const limits = { i32: [-2147483648, 2147483647], u32: [0, 4294967295] } as const;

/** The value of type `from` as one of type `to`. Float to integer truncates and saturates, NaN gives 0. The caller rounds to f16. */
export function evaluateCast(from: DType, to: DType, x: number): number {
  if (to === 'bool') return bit(x !== 0);
  if (isFloat(to) || !isFloat(from)) return wrap(to, x);
  const [low, high] = limits[to === 'u32' ? to : 'i32'];
  return Number.isNaN(x) ? 0 : Math.max(low, Math.min(high, Math.trunc(x))) + 0;
}

const word = new DataView(new ArrayBuffer(4));

/** The 32 bits of `x`, read as another 32-bit type (f32, i32, u32). */
export function evaluateBitcast(from: DType, to: DType, x: number): number {
  if (from === 'f32') word.setFloat32(0, x);
  else word.setUint32(0, x >>> 0);
  if (to === 'f32') return word.getFloat32(0);
  return to === 'i32' ? word.getInt32(0) : word.getUint32(0);
}
