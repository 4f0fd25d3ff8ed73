// The elementwise ops of two operands, as a table. Operands have equal shapes and dtypes; values are
// defined in scalar-semantics.ts.
import type { Builder } from '../builder.ts';
import { product } from '../dim.ts';
import { isFloat } from '../dtype.ts';
import type { BinaryOp } from '../expr.ts';
import type { Value } from '../graph.ts';
import { defineOp, type OpDefinition, type RewriteContext } from '../op.ts';
import { evaluateBinary, isComparison } from '../scalar-semantics.ts';
import { oneDType, shapes, tensorOf, type Values } from './arbitrary.ts';
import { caseDTypes } from './scalar.ts';
import { arity, operand, requireClass, requireSameDType, requireSameShape, type DTypeClass } from './shapes.ts';
import { fill, itemAt, rounder, tensorAt } from './tensor.ts';
import { inputAt } from './vjp.ts';

interface BinaryVjp {
  readonly ct: Value;
  readonly x: Value;
  readonly y: Value;
  readonly out: Value;
}

interface BinaryRow {
  readonly doc: string;
  readonly accepts: DTypeClass;
  /** Float operands of random cases. */
  readonly values?: readonly [Values, Values];
  readonly vjp: null | readonly [(b: Builder, cx: BinaryVjp) => Value, (b: Builder, cx: BinaryVjp) => Value];
  readonly rewrites?: NonNullable<OpDefinition['rewrites']>;
  readonly flops: number;
}

// The share of the cotangent that goes to `winner`: 1 where it wins, ½ on a tie.
function share(b: Builder, ct: Value, smaller: Value, larger: Value): Value {
  const tie = b.select(b.binary('eq', smaller, larger), b.like(ct, 0.5), b.zero(ct));
  return b.mul(ct, b.select(b.binary('lt', smaller, larger), b.one(ct), tie));
}

function truncated(b: Builder, x: Value): Value {
  return b.select(b.binary('lt', x, b.zero(x)), b.unary('ceil', x), b.unary('floor', x));
}

// d/dx xʸ = y·x^(y−1); the exponent 0 is kept at 0 so that x = 0 gives 0·1 and not 0·∞.
function powBase(b: Builder, { ct, x, y }: BinaryVjp): Value {
  const exponent = b.select(b.binary('eq', y, b.zero(y)), b.zero(y), b.sub(y, b.one(y)));
  return b.mul(ct, b.mul(y, b.binary('pow', x, exponent)));
}

// d/dy xʸ = xʸ·log x, taken as 0 where x ≤ 0.
function powExponent(b: Builder, { ct, x, out }: BinaryVjp): Value {
  const positive = b.select(b.binary('lt', b.zero(x), x), x, b.one(x));
  return b.mul(ct, b.mul(out, b.unary('log', positive)));
}

/** The number that `value` is everywhere, when it is a constant or a broadcast one. */
function constantOf(value: Value, producer: RewriteContext['producer']): number | undefined {
  const node = producer(value);
  if (node?.op === 'constant' && typeof node.attrs['value'] === 'number') return node.attrs['value'];
  const [source] = node?.op === 'broadcast' ? node.inputs : [];
  return source && constantOf(source, producer);
}

const powers: ReadonlyMap<number, (b: Builder, x: Value) => Value> = new Map([
  [0, (b, x) => b.one(x)],
  [0.5, (b, x) => b.unary('sqrt', x)],
  [1, (_b, x) => x],
  [2, (b, x) => b.mul(x, x)],
  [3, (b, x) => b.mul(x, b.mul(x, x))],
  [-0.5, (b, x) => b.unary('rsqrt', x)],
  [-1, (b, x) => b.unary('recip', x)],
]);

const powerRewrite: NonNullable<OpDefinition['rewrites']>[string] = (b, { inputs, producer }) => {
  const exponent = constantOf(inputAt(inputs, 1), producer);
  const rewrite = exponent === undefined ? undefined : powers.get(exponent);
  return rewrite ? [rewrite(b, inputAt(inputs, 0))] : null;
};

const rows: Readonly<Record<BinaryOp, BinaryRow>> = {
  add: { doc: 'x + y. Integers wrap.', accepts: 'number', flops: 1, vjp: [(_b, { ct }) => ct, (_b, { ct }) => ct] },
  sub: {
    doc: 'x − y. Integers wrap.',
    accepts: 'number',
    flops: 1,
    vjp: [(_b, { ct }) => ct, (b, { ct }) => b.neg(ct)],
  },
  mul: {
    doc: 'x · y. Integers wrap.',
    accepts: 'number',
    flops: 1,
    vjp: [(b, { ct, y }) => b.mul(ct, y), (b, { ct, x }) => b.mul(ct, x)],
  },
  div: {
    doc: 'x / y. Integers truncate; x / 0 is 0 on integers, MIN / −1 is MIN.',
    accepts: 'number',
    flops: 1,
    values: [{}, { min: 0.5, max: 3 }],
    vjp: [(b, { ct, y }) => b.div(ct, y), (b, { ct, y, out }) => b.neg(b.mul(ct, b.div(out, y)))],
  },
  pow: {
    doc: 'xʸ. The gradient with respect to y is 0 where x ≤ 0.',
    accepts: 'float',
    flops: 20,
    values: [
      { min: 0.25, max: 3 },
      { min: -2, max: 3 },
    ],
    vjp: [powBase, powExponent],
    rewrites: { 'power-of-constant': powerRewrite },
  },
  min: {
    doc: 'The smaller of both; NaN is dropped. Ties split the gradient evenly.',
    accepts: 'number',
    flops: 1,
    vjp: [(b, { ct, x, y }) => share(b, ct, x, y), (b, { ct, x, y }) => share(b, ct, y, x)],
  },
  max: {
    doc: 'The larger of both; NaN is dropped. Ties split the gradient evenly.',
    accepts: 'number',
    flops: 1,
    vjp: [(b, { ct, x, y }) => share(b, ct, y, x), (b, { ct, x, y }) => share(b, ct, x, y)],
  },
  rem: {
    doc: 'x − y · trunc(x / y), with the sign of x; x rem 0 is 0 on integers.',
    accepts: 'number',
    flops: 3,
    values: [{}, { min: 0.5, max: 3 }],
    vjp: [(_b, { ct }) => ct, (b, { ct, x, y }) => b.neg(b.mul(ct, truncated(b, b.div(x, y))))],
  },
  lt: { doc: 'x < y, as bool.', accepts: 'number', flops: 1, vjp: null },
  le: { doc: 'x ≤ y, as bool.', accepts: 'number', flops: 1, vjp: null },
  eq: { doc: 'x = y, as bool.', accepts: 'any', flops: 1, vjp: null },
  ne: { doc: 'x ≠ y, as bool.', accepts: 'any', flops: 1, vjp: null },
  and: { doc: 'Logical and of bool; bitwise and of integers.', accepts: 'logical', flops: 1, vjp: null },
  or: { doc: 'Logical or of bool; bitwise or of integers.', accepts: 'logical', flops: 1, vjp: null },
  xor: { doc: 'Exclusive or of bool; bitwise exclusive or of integers.', accepts: 'logical', flops: 1, vjp: null },
  shl: { doc: 'x shifted left by y mod 32 bits.', accepts: 'integer', flops: 1, vjp: null },
  shr: {
    doc: 'x shifted right by y mod 32 bits: zeros come in on u32, the sign on i32.',
    accepts: 'integer',
    flops: 1,
    vjp: null,
  },
};

function binaryOp(name: BinaryOp, row: BinaryRow): OpDefinition {
  const { vjp, rewrites } = row;
  return defineOp({
    name,
    doc: row.doc,
    infer(inputs, _attrs, facts) {
      arity(inputs, 2);
      const [x, y] = [operand(inputs, 0), operand(inputs, 1)];
      requireClass(x, row.accepts);
      requireSameDType(x, y);
      requireSameShape(facts, x, y);
      return [{ dtype: isComparison(name) ? 'bool' : x.dtype, shape: x.shape }];
    },
    vjp:
      vjp &&
      ((b, { inputs, outputs, cotangents: [ct], needs }) => {
        if (!ct) return [null, null];
        const cx = { ct, x: inputAt(inputs, 0), y: inputAt(inputs, 1), out: inputAt(outputs, 0) };
        return vjp.map((rule, at) => (needs[at] ? rule(b, cx) : null));
      }),
    lower: (k, [x, y]) => (x && y ? [k.map((i) => k.binary(name, x.at(i), y.at(i)))] : []),
    evaluate(inputs, _attrs, cx) {
      const [x, y] = [tensorAt(inputs, 0), tensorAt(inputs, 1)];
      const dtype = isComparison(name) ? 'bool' : x.dtype;
      const round = rounder(dtype, cx);
      return [fill(dtype, x.shape, (e) => round(evaluateBinary(name, x.dtype, itemAt(x, e), itemAt(y, e))))];
    },
    cost: (_inputs, [out]) => ({ flops: product([row.flops, ...(out?.shape ?? [])]) }),
    ...(rewrites && { rewrites }),
    arbitrary: (fc) =>
      fc.tuple(oneDType(fc, ...caseDTypes[row.accepts]), shapes(fc)).chain(([dtype, shape]) => {
        const [xs, ys] = (isFloat(dtype) && row.values) || [
          { min: -7, max: 7 },
          { min: -7, max: 7 },
        ];
        return fc
          .tuple(tensorOf(fc, dtype, shape, xs), tensorOf(fc, dtype, shape, ys))
          .map((inputs) => ({ inputs, attrs: {} }));
      }),
  });
}

/** The elementwise ops of two operands. */
export const binaryOps: readonly OpDefinition[] = (Object.keys(rows) as BinaryOp[]).map((name) =>
  binaryOp(name, rows[name]),
);
