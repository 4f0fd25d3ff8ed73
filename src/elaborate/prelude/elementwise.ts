// Primitives that map elements: unary functions, min and max, where, integer division.
import { ceilDiv, floorDiv, max, min } from '../../ir/dim.ts';
import { isFloat, isInteger } from '../../ir/dtype.ts';
import type { UnaryOp } from '../../ir/expr.ts';
import type { Value as GraphValue } from '../../ir/graph.ts';
import { messages } from '../../support/messages.gen.ts';
import { rangeOfResult } from '../expressions/index-range.ts';
import { elementwiseSelect } from '../expressions/select.ts';
import { broadcastShapes, stretch, unify } from '../expressions/tensors.ts';
import { reject } from '../frame.ts';
import { asNumber, int, real, tensor, typeText, type Value } from '../values.ts';
import type { Primitive, PrimitiveCall } from './primitive.ts';

// Static numbers are computed here; `erf` has no JavaScript twin and stays in the graph.
const floats: Readonly<Partial<Record<UnaryOp, { readonly doc: string; readonly fixed?: (x: number) => number }>>> = {
  sqrt: { doc: 'Square root.', fixed: Math.sqrt },
  rsqrt: { doc: '1 / sqrt(x).', fixed: (x) => 1 / Math.sqrt(x) },
  recip: { doc: '1 / x.', fixed: (x) => 1 / x },
  exp: { doc: 'Exponential.', fixed: Math.exp },
  log: { doc: 'Natural logarithm.', fixed: Math.log },
  log1p: { doc: 'log(1 + x), accurate near 0.', fixed: Math.log1p },
  expm1: { doc: 'exp(x) - 1, accurate near 0.', fixed: Math.expm1 },
  sin: { doc: 'Sine.', fixed: Math.sin },
  cos: { doc: 'Cosine.', fixed: Math.cos },
  tanh: { doc: 'Hyperbolic tangent.', fixed: Math.tanh },
  sigmoid: { doc: '1 / (1 + exp(-x)).', fixed: (x) => 1 / (1 + Math.exp(-x)) },
  erf: { doc: 'Error function.' },
  floor: { doc: 'Largest integer below, as a float.', fixed: Math.floor },
  ceil: { doc: 'Smallest integer above, as a float.', fixed: Math.ceil },
  round: {
    doc: 'Nearest integer, ties to even, as a float.',
    fixed: (x) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x)),
  },
};

function floatFunction(op: UnaryOp, doc: string, fixed: ((x: number) => number) | undefined): Primitive {
  return {
    name: op,
    params: ['x'],
    doc,
    elementwise: true,
    run: (call) => {
      const n = asNumber(call.value('x'));
      if (n !== undefined && fixed) return real(fixed(n));
      return call.result(call.builder.unary(op, call.float('x')), 'x');
    },
  };
}

const numeric = (op: 'abs' | 'sign', fixed: (x: number) => number, doc: string): Primitive => ({
  name: op,
  params: ['x'],
  doc,
  elementwise: true,
  run: (call) => {
    const value = call.value('x');
    const n = asNumber(value);
    if (n !== undefined) return value.kind === 'int' ? int(fixed(n)) : real(fixed(n));
    const x = call.tensor('x');
    if (x.type.dtype === 'bool') call.wrong('x', 'a tensor of numbers');
    return call.result(call.builder.unary(op, x), 'x');
  },
});

/** Both operands broadcast to one shape, of one dtype. */
export function broadcastPair(call: PrimitiveCall, left: string, right: string): readonly [GraphValue, GraphValue] {
  const [a, b] = unify(call.frame, call.value(left), call.value(right), `\`${call.name}\``, call.span);
  const common = broadcastShapes(call.frame, [a.type.shape, b.type.shape]);
  if ('clash' in common)
    return reject(
      call.frame,
      messages.E0302(
        call.span,
        { operation: `take \`${call.name}\` of`, left: typeText(a.type), right: typeText(b.type) },
        {
          notes: [
            `aligned from the right, \`${common.clash[0].key}\` meets \`${common.clash[1].key}\`; symbolic dims never broadcast`,
          ],
        },
      ),
    );
  return [stretch(call.frame, a, common.shape), stretch(call.frame, b, common.shape)];
}

/** min(a, b) or max(a, b), element by element. */
export function extremum(call: PrimitiveCall, op: 'min' | 'max', left: string, right: string): Value {
  const [a, b] = [call.value(left), call.value(right)];
  if (a.kind === 'int' && b.kind === 'int') return int((op === 'min' ? min : max)(a.dim, b.dim));
  const [x, y] = [asNumber(a), asNumber(b)];
  if (x !== undefined && y !== undefined) return real(op === 'min' ? Math.min(x, y) : Math.max(x, y));
  const pair = broadcastPair(call, left, right);
  if (pair[0].type.dtype === 'bool') call.wrong(left, 'a tensor of numbers');
  const result = call.builder.binary(op, ...pair);
  const index = pair[0].type.dtype === 'i32' ? rangeOfResult(call.frame, op, a, b) : undefined;
  return index ? { ...tensor(result), index } : call.result(result, left);
}

const where: Primitive = {
  name: 'where',
  params: ['condition', 'a', 'b'],
  elementwise: true,
  doc: 'Element by element: a where the condition is true, else b.',
  run: (call) => {
    const c = call.tensor('condition');
    if (c.type.dtype !== 'bool') call.wrong('condition', 'a tensor of bool');
    const [a, b] = unify(call.frame, call.value('a'), call.value('b'), '`where`', call.span);
    const common = broadcastShapes(call.frame, [c.type.shape, a.type.shape, b.type.shape]);
    if ('clash' in common)
      return reject(
        call.frame,
        messages.E0302(
          call.span,
          { operation: 'choose between', left: typeText(a.type), right: typeText(b.type) },
          {
            notes: [
              `the condition is ${typeText(c.type, true)}`,
              `aligned from the right, \`${common.clash[0].key}\` meets \`${common.clash[1].key}\``,
            ],
          },
        ),
      );
    const [x, y] = [stretch(call.frame, a, common.shape), stretch(call.frame, b, common.shape)];
    return call.result(elementwiseSelect(call.frame, c, x, y), 'a');
  },
};

// ⌊a / b⌋ on int tensors: truncated division, one less where the rest has the other sign.
function floorDivide(call: PrimitiveCall): Value {
  const [a, b] = [call.value('a'), call.value('b')];
  if (a.kind === 'int' && b.kind === 'int') return int(floorDiv(call.dim('a'), call.divisor('b')));
  const [x, y] = broadcastPair(call, 'a', 'b');
  const g = call.builder;
  if (isFloat(x.type.dtype)) return call.result(g.unary('floor', g.div(x, y)), 'a');
  if (!isInteger(x.type.dtype)) call.wrong('a', 'a tensor of numbers');
  const q = g.div(x, y);
  const rest = g.sub(x, g.mul(q, y));
  if (x.type.dtype === 'u32') return call.result(q, 'a');
  const index = rangeOfResult(call.frame, 'floor_div', a, b);
  const wrong = g.binary('lt', g.mul(g.unary('sign', rest), g.unary('sign', y)), g.zero(rest));
  const floored = g.select(wrong, g.sub(q, g.one(q)), q);
  return index ? { ...tensor(floored), index } : call.result(floored, 'a');
}

/** The elementwise primitives. */
export const elementwisePrimitives: readonly Primitive[] = [
  ...Object.entries(floats).map(([op, { doc, fixed }]) => floatFunction(op as UnaryOp, doc, fixed)),
  numeric('abs', Math.abs, 'Absolute value.'),
  numeric('sign', Math.sign, '-1, 0 or 1.'),
  where,
  {
    name: 'pow',
    params: ['a', 'b'],
    doc: 'a to the power of b, on floats.',
    elementwise: true,
    run: (call) => {
      const [x, y] = [asNumber(call.value('a')), asNumber(call.value('b'))];
      if (x !== undefined && y !== undefined) return real(x ** y);
      const [a, b] = broadcastPair(call, 'a', 'b');
      if (!isFloat(a.type.dtype)) call.wrong('a', 'a tensor of floats');
      return call.result(call.builder.binary('pow', a, b), 'a');
    },
  },
  { name: 'floor_div', params: ['a', 'b'], doc: 'Quotient rounded down.', elementwise: true, run: floorDivide },
  {
    name: 'ceil_div',
    params: ['a', 'b'],
    doc: 'Quotient of static ints rounded up.',
    elementwise: true,
    run: (call) => int(ceilDiv(call.dim('a'), call.divisor('b'))),
  },
  {
    name: 'stop_gradient',
    params: ['x'],
    doc: 'x as a constant of differentiation.',
    elementwise: true,
    run: (call) => call.result(call.builder.op('stop_gradient', [call.tensor('x')]), 'x'),
  },
];
