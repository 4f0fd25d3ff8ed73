// Operators on values that are known at compile time: exact arithmetic on dims, reals, lists, strings.
// What the sizes alone do not decide is left to the graph.
import { add, asConstant, floorDiv, mod, mul, power, sub, type Dim } from '../../ir/dim.ts';
import type { BinaryExpr } from '../../parser/ast.ts';
import { messages } from '../../support/messages.gen.ts';
import { spanText } from '../../support/source.ts';
import { divides, exactQuotient, lessEqualDims, resolved } from '../dims.ts';
import { reject, type Frame } from '../frame.ts';
import { asNumber, bool, int, list, real, str, type Value } from '../values.ts';

// Both sides static numbers: decided here. Undefined: it needs the graph.
export function staticBinary(frame: Frame, expr: BinaryExpr, left: Value, right: Value): Value | undefined {
  const { operator } = expr;
  if (operator === '+' && left.kind === 'list' && right.kind === 'list') {
    if (left.items.length + right.items.length > longestList) return tooLong(frame, expr, 'this list');
    return list([...left.items, ...right.items]);
  }
  if (operator === '+' && left.kind === 'str' && right.kind === 'str') {
    if (left.value.length + right.value.length > longestText) return tooLong(frame, expr, 'this text');
    return str(left.value + right.value);
  }
  if (left.kind === 'int' && right.kind === 'int')
    return exact(
      frame,
      expr,
      intOperators[operator]?.(resolved(frame, left.dim), resolved(frame, right.dim), frame, expr),
    );
  const [a, b] = [asNumber(left), asNumber(right)];
  return a === undefined || b === undefined ? undefined : realOperators[operator]?.(a, b);
}

const longestList = 10_000;
const longestText = 1_000_000;

const tooLong = (frame: Frame, expr: BinaryExpr, what: string): never =>
  reject(frame, messages.E0105(expr.span, { what }));

type Operators<Rule> = Readonly<Partial<Record<BinaryExpr['operator'], Rule>>>;

const realOperators: Operators<(a: number, b: number) => Value> = {
  '+': (a, b) => real(a + b),
  '-': (a, b) => real(a - b),
  '*': (a, b) => real(a * b),
  '/': (a, b) => real(a / b),
  '%': (a, b) => real(a - b * Math.floor(a / b)),
  '^': (a, b) => real(a ** b),
  '<': (a, b) => bool(a < b),
  '<=': (a, b) => bool(a <= b),
  '>': (a, b) => bool(a > b),
  '>=': (a, b) => bool(a >= b),
};

// Undefined: the sizes alone do not decide it.
const intOperators: Operators<(a: Dim, b: Dim, frame: Frame, expr: BinaryExpr) => Value | undefined> = {
  '+': (a, b) => int(add(a, b)),
  '-': (a, b) => int(sub(a, b)),
  '*': (a, b) => int(mul(a, b)),
  '/': (a, b, frame, expr) => exactDivision(frame, expr, a, b),
  '%': (a, b, frame, expr) => int(mod(a, positive(frame, expr, b))),
  '^': (a, b) => intPower(a, b),
  '<': (a, b, frame) => decided(lessEqualDims(frame, add(a, 1), b)),
  '<=': (a, b, frame) => decided(lessEqualDims(frame, a, b)),
  '>': (a, b, frame) => decided(lessEqualDims(frame, add(b, 1), a)),
  '>=': (a, b, frame) => decided(lessEqualDims(frame, b, a)),
};

const decided = (answer: 'proved' | 'refuted' | 'unknown'): Value | undefined =>
  answer === 'unknown' ? undefined : bool(answer === 'proved');

// Ints are exact: what a double cannot hold is refused.
function exact(frame: Frame, expr: BinaryExpr, value: Value | undefined): Value | undefined {
  const n = value?.kind === 'int' ? asConstant(value.dim) : undefined;
  if (n === undefined || Number.isSafeInteger(n)) return value;
  return reject(frame, messages.E0411(expr.span, { value: spanText(expr.span), dtype: 'int' }));
}

/** Largest power of a symbolic dim: a polynomial of this degree is no size that anybody means. */
const highestPower = 16;

function intPower(a: Dim, b: Dim): Value | undefined {
  const [x, n] = [asConstant(a), asConstant(b)];
  if (n === undefined) return undefined;
  if (x !== undefined) return n >= 0 ? int(x ** n) : real(x ** n);
  return n >= 0 && n <= highestPower ? int(power(a, n)) : undefined;
}

function positive(frame: Frame, expr: BinaryExpr, divisor: Dim): Dim {
  if (lessEqualDims(frame, toOne, divisor) !== 'proved')
    reject(
      frame,
      messages.E0304(expr.span, {
        expression: spanText(expr.span),
        reason: `the divisor is ${divisor.key}, which may not be positive`,
      }),
    );
  return divisor;
}
const toOne = floorDiv(1, 1);

function exactDivision(frame: Frame, expr: BinaryExpr, a: Dim, b: Dim): Value {
  const divisor = positive(frame, expr, b);
  const answer = divides(frame, divisor, a);
  if (answer === 'proved') return int(exactQuotient(frame, a, divisor));
  const [x, y] = [asConstant(a), asConstant(divisor)];
  const text = spanText(expr.span);
  const rounded = `for a rounded result use floor_div(${spanText(expr.left.span)}, ${spanText(expr.right.span)})`;
  if (x === undefined || y === undefined) {
    return reject(
      frame,
      messages.E0304(
        expr.span,
        { expression: text, reason: `cannot prove that ${divisor.key} divides ${a.key}` },
        {
          helps: [{ text: `require it: \`requires ${a.key} % ${divisor.key} == 0\`` }, { text: rounded }],
        },
      ),
    );
  }
  const below = x - (x % y);
  return reject(
    frame,
    messages.E0304(
      expr.span,
      { expression: text, reason: `${x} / ${y} leaves ${x % y}` },
      {
        helps: [
          { text: `nearest valid ${spanText(expr.left.span)}: ${below > 0 ? `${below} or ` : ''}${below + y}` },
          { text: rounded },
        ],
      },
    ),
  );
}
