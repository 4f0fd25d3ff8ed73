// Reads of single elements in a tabulation, `x[i, j - 1]`: proved in bounds from the ranges of the index
// variables, or with a default (`x[i, j - 1] ?? 0.0`) that stands in where an index is out of bounds.
import { add, asConstant, asVariable, constant, mul, one, product, sub, type Dim } from '../../ir/dim.ts';
import type { Value as GraphValue } from '../../ir/graph.ts';
import type { Expr, IndexExpr } from '../../parser/ast.ts';
import { messages } from '../../support/messages.gen.ts';
import { spanText } from '../../support/source.ts';
import { equalDims, lessEqualDims, resolved } from '../dims.ts';
import { reject, type Frame } from '../frame.ts';
import { describe, tensor, unknown, type TensorValue, type Value } from '../values.ts';
import { evaluate } from './evaluate.ts';
import { elementwiseSelect } from './select.ts';
import { broadcastShapes, graphOf, stretch, toTensor, unify } from './tensors.ts';

/** Whether an index expression in a tabulation reads one element of a whole tensor. */
export function readsElement(frame: Frame, expr: IndexExpr, object: TensorValue): boolean {
  const rank = object.value.type.shape.length;
  return (
    frame.tabulating?.owns(object.value) === false &&
    expr.indices.length === rank &&
    expr.indices.every((item) => item.kind === 'at-index')
  );
}

/** One index: its value per element, and as a dim where it has one. */
interface Position {
  readonly expr: Expr;
  readonly value: GraphValue;
  readonly dim: Dim | undefined;
  /** A written minus counts from the end. */
  readonly extent: Dim;
}

/** The element at run-time indices. Without a default every index must be proved in bounds. */
export function readElement(frame: Frame, expr: IndexExpr, object: TensorValue, otherwise: Expr | null): Value {
  const x = object.value;
  const positions: Position[] = [];
  for (const [axis, item] of expr.indices.entries()) {
    const found = item.kind === 'at-index' ? positionOf(frame, item.value, x.type.shape[axis] ?? one) : null;
    if (!found) return unknown;
    positions.push(found);
  }
  const open = positions.map((p, axis) => checkBounds(frame, p, axis, otherwise !== null));
  const straight = otherwise === null || !open.includes(true) ? broadcastRead(frame, x, positions) : null;
  if (straight) {
    frame.tabulating?.adopt(straight);
    return tensor(straight);
  }
  const value = gatherRead(frame, x, positions, open);
  return otherwise && open.includes(true) ? withDefault(frame, value, positions, open, otherwise) : tensor(value);
}

function positionOf(frame: Frame, expr: Expr, extent: Dim): Position | null {
  const value = evaluate(frame, expr);
  if (value.kind === 'unknown') return null;
  const fromEnd = expr.kind === 'unary' && expr.operator === '-';
  if (value.kind === 'int') {
    const d = fromEnd ? add(extent, resolved(frame, value.dim)) : resolved(frame, value.dim);
    return { expr, value: toTensor(frame, { kind: 'int', dim: d }, 'i32', expr.span), dim: d, extent };
  }
  const ids = toTensor(frame, value, 'i32', expr.span);
  if (ids.type.dtype !== 'i32')
    return reject(
      frame,
      messages.E0402(expr.span, { what: 'an index', expected: 'an int or `i32[]`', got: describe(value) }),
    );
  return { expr, value: ids, dim: value.kind === 'tensor' ? value.index : undefined, extent };
}

// True where the index may be out of bounds (and a default stands in).
function checkBounds(frame: Frame, { expr, dim, extent }: Position, axis: number, hasDefault: boolean): boolean {
  const above = dim !== undefined && lessEqualDims(frame, constant(0), dim) === 'proved';
  const below = dim !== undefined && lessEqualDims(frame, dim, sub(extent, 1)) === 'proved';
  if (above && below) return false;
  if (hasDefault) return true;
  const index = spanText(expr.span);
  return reject(
    frame,
    messages.E0307(
      expr.span,
      { index, axis, bound: above ? `below ${extent.key}` : 'not negative' },
      {
        helps: [{ text: 'give a default for what lies outside: `x[…] ?? 0.0`' }],
      },
    ),
  );
}

// x[i, j] with plain, different indices over whole axes is x itself, its axes in their places.
function broadcastRead(frame: Frame, x: GraphValue, positions: readonly Position[]): GraphValue | null {
  const { tabulating } = frame;
  if (!tabulating) return null;
  const axes = positions.map((p) => Number(/^%i(\d+)$/.exec((p.dim && asVariable(p.dim)) ?? '')?.[1] ?? -1));
  const different = axes.every((axis) => axis >= 0) && new Set(axes).size === axes.length;
  if (
    !different ||
    !positions.every((p, i) => equalDims(frame, p.extent, tabulating.shape[axes[i] ?? 0] ?? one) === 'proved')
  )
    return null;
  const order = axes.map((_, i) => i).sort((i, j) => (axes[i] ?? 0) - (axes[j] ?? 0));
  const { builder } = graphOf(frame);
  return builder.broadcast(
    builder.permute(x, order),
    order.map((i) => axes[i] ?? 0),
    tabulating.shape,
  );
}

// Row-major position of the element; indices that may be outside are clamped, their value is masked later.
function gatherRead(frame: Frame, x: GraphValue, positions: readonly Position[], open: readonly boolean[]): GraphValue {
  const { builder } = graphOf(frame);
  const common = broadcastShapes(
    frame,
    positions.map((p) => p.value.type.shape),
  );
  if ('clash' in common) throw new RangeError('indices of one tabulation have its shape');
  const { shape } = common;
  const number = (d: Dim): GraphValue =>
    stretch(frame, toTensor(frame, { kind: 'int', dim: d }, 'i32', positions[0]?.expr.span ?? missing(frame)), shape);
  let flat: GraphValue | null = null;
  positions.forEach((p, axis) => {
    const at = stretch(frame, p.value, shape);
    const safe = open[axis]
      ? builder.binary('max', builder.binary('min', at, number(sub(p.extent, 1))), number(constant(0)))
      : at;
    const stride = product(x.type.shape.slice(axis + 1));
    const part = asConstant(stride) === 1 ? safe : builder.mul(safe, number(stride));
    flat = flat ? builder.add(flat, part) : part;
  });
  const whole = builder.reshape(x, [x.type.shape.reduce((a, b) => mul(a, b), one)]);
  return flat ? builder.op('gather', [whole, flat], { axis: 0 }) : builder.reshape(x, []);
}

const missing = (frame: Frame): never => {
  throw new RangeError(`an index read without indices at depth ${frame.depth}`);
};

function withDefault(
  frame: Frame,
  value: GraphValue,
  positions: readonly Position[],
  open: readonly boolean[],
  otherwise: Expr,
): Value {
  const { builder } = graphOf(frame);
  const fallback = evaluate(frame, otherwise);
  if (fallback.kind === 'unknown') return unknown;
  const [read, other] = unify(frame, tensor(value), fallback, '`??`', otherwise.span);
  const common = broadcastShapes(frame, [
    read.type.shape,
    other.type.shape,
    ...positions.map((p) => p.value.type.shape),
  ]);
  if ('clash' in common)
    return reject(
      frame,
      messages.E0407(otherwise.span, { left: describe(tensor(read)), right: describe(tensor(other)) }),
    );
  const { shape } = common;
  const number = (d: Dim): GraphValue =>
    stretch(frame, toTensor(frame, { kind: 'int', dim: d }, 'i32', otherwise.span), shape);
  const inside = positions
    .flatMap((p, axis) => {
      if (!open[axis]) return [];
      const at = stretch(frame, p.value, shape);
      return [builder.binary('le', number(constant(0)), at), builder.binary('lt', at, number(p.extent))];
    })
    .reduce((a, b) => builder.binary('and', a, b));
  return tensor(elementwiseSelect(frame, inside, stretch(frame, read, shape), stretch(frame, other, shape)));
}
