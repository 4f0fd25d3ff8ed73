// Identities of arithmetic and casts, and constant folding of scalars and what they fill.
import type { Builder } from '../../ir/builder.ts';
import { asConstant } from '../../ir/dim.ts';
import { highest, isDType, isFloat, type DType } from '../../ir/dtype.ts';
import type { BinaryOp, UnaryOp } from '../../ir/expr.ts';
import type { Value } from '../../ir/graph.ts';
import type { RewriteContext } from '../../ir/op.ts';
import { evaluateBinary, evaluateCast, evaluateUnary } from '../../ir/scalar-semantics.ts';
import { input, isUniform, operandOf, output, uniformValue, type Rule, type Rules } from './rule.ts';

const left: Rule = (_, cx) => [input(cx, 0)];
const right: Rule = (_, cx) => [input(cx, 1)];
const when =
  (test: (cx: RewriteContext) => boolean, rule: Rule): Rule =>
  (b, cx) =>
    test(cx) ? rule(b, cx) : null;
const rightIs = (value: number, rule: Rule): Rule => when((cx) => isUniform(input(cx, 1), value, cx), rule);
const leftIs = (value: number, rule: Rule): Rule => when((cx) => isUniform(input(cx, 0), value, cx), rule);

// op(x, −y) becomes other(x, y).
const flipSign =
  (other: BinaryOp): Rule =>
  (b, cx) => {
    const y = operandOf(input(cx, 1), 'neg', cx);
    return y ? [b.binary(other, input(cx, 0), y)] : null;
  };

const undo =
  (op: UnaryOp): Rule =>
  (_, cx) => {
    const x = operandOf(input(cx, 0), op, cx);
    return x ? [x] : null;
  };

// Casts that keep every value: a cast of one is a cast of its operand.
const widens = (from: DType, to: DType): boolean => from === 'bool' || (from === 'f16' && to === 'f32');

const castOfCast: Rule = (b, cx) => {
  const x = operandOf(input(cx, 0), 'cast', cx);
  return x && widens(x.type.dtype, input(cx, 0).type.dtype) ? [b.cast(x, output(cx).type.dtype)] : null;
};

const identities: Rules = {
  add: { 'add-zero': rightIs(0, left), 'zero-add': leftIs(0, right), 'add-neg': flipSign('sub') },
  sub: {
    'sub-zero': rightIs(0, left),
    'sub-neg': flipSign('add'),
    'zero-sub': leftIs(0, (b, cx) => [b.neg(input(cx, 1))]),
  },
  mul: {
    'mul-one': rightIs(1, left),
    'one-mul': leftIs(1, right),
    'mul-minus-one': rightIs(-1, (b, cx) => [b.neg(input(cx, 0))]),
    'minus-one-mul': leftIs(-1, (b, cx) => [b.neg(input(cx, 1))]),
  },
  div: { 'div-one': rightIs(1, left) },
  pow: { 'pow-one': rightIs(1, left), 'pow-two': rightIs(2, (b, cx) => [b.mul(input(cx, 0), input(cx, 0))]) },
  neg: { 'neg-neg': undo('neg') },
  not: { 'not-not': undo('not') },
  and: {
    'and-true': when((cx) => isBool(cx) && isUniform(input(cx, 1), 1, cx), left),
    'true-and': when((cx) => isBool(cx) && isUniform(input(cx, 0), 1, cx), right),
  },
  or: { 'or-false': rightIs(0, left), 'false-or': leftIs(0, right) },
  select: {
    'select-same': when((cx) => input(cx, 1) === input(cx, 2), right),
    'select-true': leftIs(1, right),
    'select-false': leftIs(0, (_, cx) => [input(cx, 2)]),
  },
  cast: {
    'cast-same': when((cx) => input(cx, 0).type.dtype === output(cx).type.dtype, left),
    'cast-of-cast': castOfCast,
  },
  bitcast: { 'bitcast-same': when((cx) => input(cx, 0).type.dtype === output(cx).type.dtype, left) },
  dim: { 'dim-constant': (b, cx) => foldDim(b, cx) },
};

const isBool = (cx: RewriteContext): boolean => output(cx).type.dtype === 'bool';

function foldDim(b: Builder, cx: RewriteContext): readonly Value[] | null {
  const d = cx.attrs['dim'];
  const value = typeof d === 'object' && 'terms' in d ? asConstant(d) : undefined;
  return value === undefined ? null : [b.full('i32', value)];
}

const fold =
  (evaluate: (values: readonly number[], cx: RewriteContext) => number): Rule =>
  (b, cx) => {
    const values = cx.inputs.map((value) => uniformValue(value, cx));
    const known = values.filter((value) => value !== undefined);
    if (known.length < values.length) return null;
    const { dtype, shape } = output(cx).type;
    const value = evaluate(known, cx);
    const largest = dtype === 'f16' ? highest.f16 : 3.4e38;
    const finite = Number.isFinite(value) && !(isFloat(dtype) && Math.abs(value) > largest);
    return finite ? [b.full(dtype, value, shape)] : null;
  };

const unaryOps: readonly UnaryOp[] = [
  'neg',
  'abs',
  'sign',
  'recip',
  'sqrt',
  'rsqrt',
  'exp',
  'log',
  'log1p',
  'expm1',
  'sin',
  'cos',
  'tanh',
  'sigmoid',
  'erf',
  'floor',
  'ceil',
  'round',
  'not',
];
const binaryOps: readonly BinaryOp[] = [
  'add',
  'sub',
  'mul',
  'div',
  'pow',
  'min',
  'max',
  'rem',
  'lt',
  'le',
  'eq',
  'ne',
  'and',
  'or',
  'xor',
  'shl',
  'shr',
];

const dtypeOf = (cx: RewriteContext): DType => input(cx, 0).type.dtype;

const foldCast = fold(([x = 0], cx) => {
  const to = cx.attrs['dtype'];
  return typeof to === 'string' && isDType(to) ? evaluateCast(dtypeOf(cx), to, x) : NaN;
});

const folding: Rules = Object.fromEntries([
  ...unaryOps.map((op) => [op, { 'fold-constant': fold(([x = 0], cx) => evaluateUnary(op, dtypeOf(cx), x)) }] as const),
  ...binaryOps.map(
    (op) => [op, { 'fold-constant': fold(([x = 0, y = 0], cx) => evaluateBinary(op, dtypeOf(cx), x, y)) }] as const,
  ),
  ['cast', { 'fold-constant': foldCast }] as const,
]);

/** Arithmetic rules by op. */
export const algebraRules: readonly Rules[] = [folding, identities];
