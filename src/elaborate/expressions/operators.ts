// Operators: on static values at compile time, on tensors as elementwise nodes with broadcasting.
import { staticBinary } from './static-operators.ts';
import { negate, type Dim } from '../../ir/dim.ts';
import { isFloat, isInteger } from '../../ir/dtype.ts';
import type { BinaryOp } from '../../ir/expr.ts';
import type { Value as GraphValue } from '../../ir/graph.ts';
import type { BinaryExpr, Expr, RangeExpr, UnaryExpr } from '../../parser/ast.ts';
import { messages } from '../../support/messages.gen.ts';
import { spanText } from '../../support/source.ts';
import { equalDims, resolved } from '../dims.ts';
import { reject, Rejected, type Frame } from '../frame.ts';
import { asNumber, bool, describe, int, real, sameStatic, tensor, typeText, unknown, type Value } from '../values.ts';
import { evaluate } from './evaluate.ts';
import { evaluateIndex } from './access.ts';
import { rangeOfResult } from './index-range.ts';
import { derivationOf, rejectShapes } from './shape-clash.ts';
import { broadcastShapes, graphOf, isAdaptable, NotScalar, stretch, toTensor, unify } from './tensors.ts';

/** `left operator right`. */
export function evaluateBinary(frame: Frame, expr: BinaryExpr): Value {
  const { operator } = expr;
  if (operator === '??') return readOrDefault(frame, expr);
  const left = evaluate(frame, expr.left);
  if (operator === '&&' && left.kind === 'bool' && !left.value) return left;
  if (operator === '||' && left.kind === 'bool' && left.value) return left;
  const right = evaluate(frame, expr.right);
  if (left.kind === 'unknown' || right.kind === 'unknown') return unknown;
  if (operator === '==' || operator === '!=') return compareEqual(frame, expr, left, right);
  if (left.kind === 'bool' && right.kind === 'bool' && (operator === '&&' || operator === '||')) return right;
  const fixed = staticBinary(frame, expr, left, right);
  return fixed ?? tensorBinary(frame, expr, left, right);
}

const opNames: Readonly<
  Partial<Record<BinaryExpr['operator'], { readonly op: BinaryOp; readonly swap?: boolean; readonly verb: string }>>
> = {
  '+': { op: 'add', verb: 'add' },
  '-': { op: 'sub', verb: 'subtract' },
  '*': { op: 'mul', verb: 'multiply' },
  '/': { op: 'div', verb: 'divide' },
  '^': { op: 'pow', verb: 'raise' },
  '<': { op: 'lt', verb: 'compare' },
  '<=': { op: 'le', verb: 'compare' },
  '>': { op: 'lt', swap: true, verb: 'compare' },
  '>=': { op: 'le', swap: true, verb: 'compare' },
  '==': { op: 'eq', verb: 'compare' },
  '!=': { op: 'ne', verb: 'compare' },
  '&&': { op: 'and', verb: 'combine' },
  '||': { op: 'or', verb: 'combine' },
  '%': { op: 'rem', verb: 'divide' },
};

function tensorBinary(frame: Frame, expr: BinaryExpr, left: Value, right: Value): Value {
  const { operator } = expr;
  if (operator === '@') return matmul(frame, expr, left, right);
  if (operator === '^' && right.kind === 'int') return integerPower(frame, expr, left, right);
  const [a, b] = operandPair(frame, expr, left, right);
  if ((operator === '&&' || operator === '||') && a.type.dtype !== 'bool')
    return reject(frame, messages.E0406(expr.span, { got: typeText(a.type, true) }));
  if (operator === '/' && isInteger(a.type.dtype)) return integerDivision(frame, expr);
  if (a.type.dtype === 'bool' && !['==', '!=', '&&', '||'].includes(operator))
    return reject(
      frame,
      messages.E0412(
        expr.span,
        {
          operation: opNames[operator]?.verb ?? operator,
          operands: `${typeText(a.type, true)} and ${typeText(b.type, true)}`,
        },
        { helps: [{ text: 'cast first: `f32(x)` or `i32(x)`' }] },
      ),
    );
  if (operator === '^' && !isFloat(a.type.dtype))
    return reject(
      frame,
      messages.E0412(expr.span, { operation: 'raise', operands: `${typeText(a.type, true)} to a run-time power` }),
    );
  const { op, swap, verb } = opNames[operator] ?? { op: 'add' as const, verb: 'combine' };
  const index = isInteger(a.type.dtype) ? rangeOfResult(frame, operator, left, right) : undefined;
  const result = elementwise(
    frame,
    swap ? [b, a] : [a, b],
    swap ? [right, left] : [left, right],
    verb,
    expr,
    ([x, y]) => (operator === '%' ? flooredRemainder(frame, x, y) : graphOf(frame).builder.binary(op, x, y)),
  );
  return index ? { ...tensor(result), index } : keep(result, left, right);
}

// `left ?? right`: the left side unless it is `none`, or an index read that is out of bounds.
function readOrDefault(frame: Frame, { left, right }: BinaryExpr): Value {
  if (left.kind === 'index') return evaluateIndex(frame, left, right);
  const value = evaluate(frame, left);
  return value.kind === 'none' ? evaluate(frame, right) : value;
}

function operandPair(frame: Frame, expr: BinaryExpr, left: Value, right: Value): readonly [GraphValue, GraphValue] {
  for (const [value, side] of [
    [left, expr.left],
    [right, expr.right],
  ] as const)
    if (!['tensor', 'int', 'real', 'bool', 'computed', 'parameter'].includes(value.kind))
      reject(
        frame,
        messages.E0412(side.span, {
          operation: opNames[expr.operator]?.verb ?? 'combine',
          operands: `${describe(left)} and ${describe(right)}`,
        }),
      );
  return unify(frame, left, right, `\`${expr.operator}\``, expr.operatorSpan, [expr.left.span, expr.right.span]);
}

// `/` between ints of different dims at run time is not exact; literals beside an i32 tensor are no better.
function integerDivision(frame: Frame, expr: BinaryExpr): never {
  const [a, b] = [spanText(expr.left.span), spanText(expr.right.span)];
  return reject(
    frame,
    messages.E0405(expr.operatorSpan, {
      helps: [
        {
          text: `write \`floor_div(${a}, ${b})\``,
          fix: { edits: [{ span: expr.span, text: `floor_div(${a}, ${b})` }] },
        },
        { text: `or cast: \`f32(${a}) / f32(${b})\`` },
      ],
    }),
  );
}

// The language's % is floored, the graph's rem truncates: add the divisor where the signs differ.
function flooredRemainder(frame: Frame, x: GraphValue, y: GraphValue): GraphValue {
  const b = graphOf(frame).builder;
  const r = b.binary('rem', x, y);
  const wrong = b.binary(
    'and',
    b.binary('ne', r, b.zero(r)),
    b.binary('lt', b.mul(b.unary('sign', r), b.unary('sign', y)), b.zero(r)),
  );
  return b.select(wrong, b.add(r, y), r);
}

// x ^ n for a small static int is a product: exact, with a simple gradient, and defined for x < 0.
function integerPower(frame: Frame, expr: BinaryExpr, left: Value, right: Value): Value {
  const b = graphOf(frame).builder;
  const n = asNumber(right);
  const x = toTensor(frame, left, isAdaptable(left) ? 'f32' : undefined, expr.left.span);
  if (n === undefined || Math.abs(n) > 16 || (n < 0 && !isFloat(x.type.dtype))) {
    const exponent = toTensor(frame, right, isFloat(x.type.dtype) ? x.type.dtype : 'i32', expr.right.span);
    if (!isFloat(x.type.dtype))
      return reject(
        frame,
        messages.E0412(expr.span, { operation: 'raise', operands: `${describe(left)} to ${describe(right)}` }),
      );
    return tensor(b.binary('pow', x, stretch(frame, exponent, x.type.shape)), derivationOf(left));
  }
  let result: GraphValue | null = null;
  for (let i = 0; i < Math.abs(n); i++) result = result ? b.mul(result, x) : x;
  const powered = result ?? b.one(x);
  return tensor(n < 0 ? b.unary('recip', powered) : powered, derivationOf(left));
}

const keep = (value: GraphValue, left: Value, right: Value): Value =>
  tensor(value, derivationOf(left) ?? derivationOf(right));

/** Broadcasts operands of one dtype and applies `make`; E0302 or E0303 where the shapes do not fit. */
export function elementwise(
  frame: Frame,
  [a, b]: readonly [GraphValue, GraphValue],
  [left, right]: readonly [Value, Value],
  verb: string,
  place: Expr,
  make: (operands: readonly [GraphValue, GraphValue]) => GraphValue,
): GraphValue {
  const common = broadcastShapes(frame, [a.type.shape, b.type.shape]);
  if ('clash' in common) return rejectShapes(frame, a, b, [left, right], verb, place, common);
  return make([stretch(frame, a, common.shape), stretch(frame, b, common.shape)]);
}

function compareEqual(frame: Frame, expr: BinaryExpr, left: Value, right: Value): Value {
  const same = sameStatic(left, right);
  const flip = expr.operator === '!=';
  const isTensor = [left, right].some((v) => v.kind === 'tensor' || v.kind === 'computed' || v.kind === 'parameter');
  if (left.kind === 'none' || right.kind === 'none') return bool((left.kind === right.kind) !== flip);
  if (!isTensor && same !== undefined) return bool(same !== flip);
  if (left.kind === 'int' && right.kind === 'int') {
    const answer = equalDimsQuietly(frame, left.dim, right.dim);
    if (answer !== undefined) return bool(answer !== flip);
  }
  if (!isTensor && left.kind === 'list' && right.kind === 'list')
    return listEqual(frame, expr, left.items, right.items);
  const [a, b] = comparable(frame, expr, left, right);
  return keep(
    elementwise(frame, [a, b], [left, right], 'compare', expr, ([x, y]) =>
      graphOf(frame).builder.binary(flip ? 'ne' : 'eq', x, y),
    ),
    left,
    right,
  );
}

// Comparing must not solve holes or assume facts.
function equalDimsQuietly(frame: Frame, a: Dim, b: Dim): boolean | undefined {
  const answer = frame.graph?.builder.facts.equal(resolved(frame, a), resolved(frame, b)) ?? 'unknown';
  return answer === 'unknown' ? undefined : answer === 'proved';
}

function listEqual(frame: Frame, expr: BinaryExpr, a: readonly Value[], b: readonly Value[]): Value {
  const all =
    a.length === b.length &&
    a.every((item, i) => {
      const other = b[i];
      if (other === undefined) return false;
      if (item.kind === 'int' && other.kind === 'int') return equalDims(frame, item.dim, other.dim) === 'proved';
      return sameStatic(item, other) === true;
    });
  return bool(all !== (expr.operator === '!='));
}

function comparable(frame: Frame, expr: BinaryExpr, left: Value, right: Value): readonly [GraphValue, GraphValue] {
  const [a, b] = [left, right].map((v) => (v.kind === 'tensor' ? v.value.type : null));
  if (a && b && a.dtype !== b.dtype) {
    const shapes = a.shape.length === b.shape.length ? 'dtypes differ' : 'shapes and dtypes differ';
    const classes = isFloat(a.dtype) && isInteger(b.dtype) && a.shape.length === b.shape.length + 1;
    const [l, r] = [spanText(expr.left.span), spanText(expr.right.span)];
    const suggestion = `argmax(${l}, axis=-1)`;
    reject(
      frame,
      messages.E0401(
        expr.operatorSpan,
        { operation: `\`${expr.operator}\``, left: typeText(a, true), right: typeText(b, true), problem: shapes },
        {
          secondary: [
            { span: expr.left.span, label: typeText(a, true) },
            { span: expr.right.span, label: typeText(b, true) },
          ],
          helps: classes
            ? [
                {
                  text: `compare predicted classes: \`${suggestion} ${expr.operator} ${r}\``,
                  fix: { edits: [{ span: expr.left.span, text: suggestion }] },
                },
              ]
            : [{ text: `cast one side to what you mean, such as \`${a.dtype}(${r})\`` }],
        },
      ),
    );
  }
  return operandPair(frame, expr, left, right);
}

/** `-x`, `!x`. */
export function evaluateUnary(frame: Frame, expr: UnaryExpr): Value {
  const value = evaluate(frame, expr.operand);
  if (value.kind === 'unknown') return value;
  if (expr.operator === '-') {
    if (value.kind === 'int') return int(negate(resolved(frame, value.dim)));
    if (value.kind === 'real') return real(-value.value);
  } else if (value.kind === 'bool') return bool(!value.value);
  const x = toTensor(frame, value, undefined, expr.operand.span);
  if ((expr.operator === '!') !== (x.type.dtype === 'bool'))
    return expr.operator === '!'
      ? reject(frame, messages.E0406(expr.operand.span, { got: describe(value) }))
      : reject(frame, messages.E0412(expr.span, { operation: 'negate', operands: describe(value) }));
  return tensor(graphOf(frame).builder.unary(expr.operator === '!' ? 'not' : 'neg', x), derivationOf(value));
}

/** Most ints of a static range: each is one copy of what is unrolled over it. */
const longestRange = 10_000;

/** The ints of a static range. */
export function rangeOf(frame: Frame, expr: RangeExpr): readonly number[] {
  const [from, to] = [evaluate(frame, expr.from), evaluate(frame, expr.to)];
  const [a, b] = [asNumber(from), asNumber(to)];
  if (a === undefined || b === undefined) {
    if (from.kind === 'unknown' || to.kind === 'unknown') throw new Rejected();
    if ([from, to].every((end) => end.kind === 'int' && frame.graph?.leavesOpen(resolved(frame, end.dim)))) {
      frame.session.undecided.push(expr.span);
      throw new Rejected();
    }
    return reject(frame, messages.E0404(expr.span, { what: `the range \`${spanText(expr.span)}\`` }));
  }
  if (b - a > longestRange) return reject(frame, messages.E0105(expr.span, { what: 'this range' }));
  return Array.from({ length: Math.max(0, b - a) }, (_, i) => a + i);
}

// a @ b: [...s, m, k] @ [...s, k, n], or a right side of rank 1.
function matmul(frame: Frame, expr: BinaryExpr, left: Value, right: Value): Value {
  if (frame.tabulating) throw new NotScalar();
  const [a, b] = operandPair(frame, expr, left, right);
  const [ra, rb] = [a.type.shape.length, b.type.shape.length];
  const [k1, k2] = [a.type.shape[ra - 1], b.type.shape[rb === 1 ? 0 : rb - 2]];
  const ranks = ra >= 1 && rb >= 1 && (rb === 1 || rb === 2 || ra === rb);
  const batch = rb <= 2 ? [] : a.type.shape.slice(0, -2).map((d, i) => [d, b.type.shape[i]] as const);
  const answer = k1 && k2 && ranks ? equalDims(frame, k1, k2) : 'refuted';
  const batched = batch.every(([x, y]) => y !== undefined && equalDims(frame, x, y) === 'proved');
  if (answer === 'unknown' && k1 && k2)
    return reject(
      frame,
      messages.E0303(expr.span, { left: k1.key, right: k2.key }, { label: `needs ${k1.key} = ${k2.key}` }),
    );
  if (answer !== 'proved' || !batched)
    return reject(
      frame,
      messages.E0302(
        expr.operatorSpan,
        { operation: 'multiply', left: typeText(a.type), right: typeText(b.type) },
        {
          secondary: [
            { span: expr.left.span, label: typeText(a.type) },
            { span: expr.right.span, label: typeText(b.type) },
          ],
          notes: ['`@` contracts the last axis of the left side with the one before the last of the right side'],
        },
      ),
    );
  const pairs = batch.map((_, i) => [i, i] as const);
  const result = graphOf(frame).builder.dot(a, b, pairs, [[ra - 1, rb === 1 ? 0 : rb - 2]]);
  return keep(result, left, right);
}
