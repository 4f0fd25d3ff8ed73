// The elementwise ops of one operand, as a table: what each is, how its gradient reads, and where
// random operands come from. Values are defined in scalar-semantics.ts.
import type { Builder } from '../builder.ts';
import { product } from '../dim.ts';
import type { DType } from '../dtype.ts';
import { isFloat } from '../dtype.ts';
import type { UnaryOp } from '../expr.ts';
import type { Value } from '../graph.ts';
import { defineOp, type OpDefinition } from '../op.ts';
import { evaluateUnary } from '../scalar-semantics.ts';
import { oneDType, tensors, type Values } from './arbitrary.ts';
import { arity, operand, requireClass, type DTypeClass } from './shapes.ts';
import { fill, itemAt, rounder, tensorAt } from './tensor.ts';
import { inputAt } from './vjp.ts';

interface UnaryRow {
  readonly doc: string;
  readonly accepts: DTypeClass;
  /** Operands of random cases. */
  readonly values?: Values;
  /** ct · f′(x), from x and the result; null where f′ is zero almost everywhere. */
  readonly vjp: null | ((b: Builder, ct: Value, x: Value, out: Value) => Value);
  /** Rough flops of one element. */
  readonly flops: number;
}

const half = (b: Builder, x: Value): Value => b.mul(x, b.like(x, 0.5));
const above = (b: Builder, x: Value, bound: number): Value => b.binary('lt', b.like(x, bound), x);

const rows: Readonly<Record<UnaryOp, UnaryRow>> = {
  neg: { doc: '−x. Integers wrap.', accepts: 'number', flops: 1, vjp: (b, ct) => b.neg(ct) },
  abs: {
    doc: '|x|. The gradient at 0 is 0.',
    accepts: 'number',
    flops: 1,
    vjp: (b, ct, x) => b.mul(ct, b.unary('sign', x)),
  },
  sign: { doc: '−1, 0 or 1; 0 for NaN.', accepts: 'number', flops: 1, vjp: null },
  recip: {
    doc: '1 / x.',
    accepts: 'float',
    values: { min: 0.5, max: 3 },
    flops: 1,
    vjp: (b, ct, _x, out) => b.neg(b.mul(ct, b.mul(out, out))),
  },
  // The slope at 0 is infinite; 0 stands in for it, so that norms have a gradient everywhere.
  sqrt: {
    doc: 'Square root. The gradient at 0 is 0.',
    accepts: 'float',
    values: { min: 0.25, max: 4 },
    flops: 1,
    vjp: (b, ct, _x, out) => {
      const positive = above(b, out, 0);
      const root = b.select(positive, out, b.one(out));
      return b.select(positive, b.div(half(b, ct), root), b.zero(ct));
    },
  },
  rsqrt: {
    doc: '1 / √x.',
    accepts: 'float',
    values: { min: 0.25, max: 4 },
    flops: 2,
    vjp: (b, ct, _x, out) => b.neg(b.mul(half(b, ct), b.mul(out, b.mul(out, out)))),
  },
  exp: { doc: 'eˣ.', accepts: 'float', flops: 10, vjp: (b, ct, _x, out) => b.mul(ct, out) },
  log: {
    doc: 'Natural logarithm.',
    accepts: 'float',
    values: { min: 0.25, max: 4 },
    flops: 10,
    vjp: (b, ct, x) => b.div(ct, x),
  },
  log1p: {
    doc: 'log(1 + x), accurate near 0.',
    accepts: 'float',
    values: { min: -0.5, max: 3 },
    flops: 12,
    vjp: (b, ct, x) => b.div(ct, b.add(x, b.one(x))),
  },
  expm1: {
    doc: 'eˣ − 1, accurate near 0.',
    accepts: 'float',
    flops: 12,
    vjp: (b, ct, _x, out) => b.mul(ct, b.add(out, b.one(out))),
  },
  sin: { doc: 'Sine of radians.', accepts: 'float', flops: 12, vjp: (b, ct, x) => b.mul(ct, b.unary('cos', x)) },
  cos: {
    doc: 'Cosine of radians.',
    accepts: 'float',
    flops: 12,
    vjp: (b, ct, x) => b.neg(b.mul(ct, b.unary('sin', x))),
  },
  // d/dx tanh x = 1 − tanh² x. Reuses the result, so x need not stay alive.
  tanh: {
    doc: 'Hyperbolic tangent.',
    accepts: 'float',
    flops: 12,
    vjp: (b, ct, _x, out) => b.mul(ct, b.sub(b.one(out), b.mul(out, out))),
  },
  sigmoid: {
    doc: '1 / (1 + e⁻ˣ).',
    accepts: 'float',
    flops: 12,
    vjp: (b, ct, _x, out) => b.mul(ct, b.mul(out, b.sub(b.one(out), out))),
  },
  erf: {
    doc: 'The error function, 2/√π ∫₀ˣ e^(−t²) dt.',
    accepts: 'float',
    flops: 16,
    vjp: (b, ct, x) => b.mul(ct, b.mul(b.like(x, 2 / Math.sqrt(Math.PI)), b.unary('exp', b.neg(b.mul(x, x))))),
  },
  floor: { doc: 'The largest integer ≤ x.', accepts: 'float', flops: 1, vjp: null },
  ceil: { doc: 'The smallest integer ≥ x.', accepts: 'float', flops: 1, vjp: null },
  round: { doc: 'The nearest integer, ties to even.', accepts: 'float', flops: 1, vjp: null },
  not: { doc: 'Logical not of bool; all bits flipped of integers.', accepts: 'logical', flops: 1, vjp: null },
};

/** The dtypes that random cases of a class use. */
export const caseDTypes: Readonly<Record<DTypeClass, readonly DType[]>> = {
  float: ['f32'],
  number: ['f32', 'f32', 'i32', 'u32'],
  integer: ['i32', 'u32'],
  logical: ['bool', 'i32', 'u32'],
  any: ['f32', 'f32', 'i32', 'u32', 'bool'],
};

function unaryOp(name: UnaryOp, row: UnaryRow): OpDefinition {
  const { vjp } = row;
  return defineOp({
    name,
    doc: row.doc,
    infer(inputs) {
      arity(inputs, 1);
      const x = operand(inputs, 0);
      requireClass(x, row.accepts);
      return [x];
    },
    vjp:
      vjp &&
      ((b, { inputs, outputs, cotangents: [ct] }) => [ct ? vjp(b, ct, inputAt(inputs, 0), inputAt(outputs, 0)) : null]),
    lower: (k, [x]) => (x ? [k.map((i) => k.unary(name, x.at(i)))] : []),
    evaluate(inputs, _attrs, cx) {
      const x = tensorAt(inputs, 0);
      const round = rounder(x.dtype, cx);
      return [fill(x.dtype, x.shape, (e) => round(evaluateUnary(name, x.dtype, itemAt(x, e))))];
    },
    cost: (_inputs, [out]) => ({ flops: product([row.flops, ...(out?.shape ?? [])]) }),
    arbitrary: (fc) =>
      oneDType(fc, ...caseDTypes[row.accepts])
        .chain((dtype) => tensors(fc, dtype, isFloat(dtype) ? row.values : { min: -7, max: 7 }))
        .map((x) => ({ inputs: [x], attrs: {} })),
  });
}

/** The elementwise ops of one operand. */
export const unaryOps: readonly OpDefinition[] = (Object.keys(rows) as UnaryOp[]).map((name) =>
  unaryOp(name, rows[name]),
);
