// From values to tensors of the graph, and the one place where operands are broadcast and brought to
// one dtype. Alignment is from the right; only scalars, suffixes and a literal 1 stretch.
import { asConstant, type Dim } from '../../ir/dim.ts';
import { infinity, isFloat, type DType } from '../../ir/dtype.ts';
import type { Value as GraphValue } from '../../ir/graph.ts';
import { messages } from '../../support/messages.gen.ts';
import { spanText, type Span } from '../../support/source.ts';
import { equalDims, resolved } from '../dims.ts';
import { reject, Rejected, report, type Frame } from '../frame.ts';
import type { GraphContext } from '../graph-context.ts';
import { readSlot } from '../instances.ts';
import { floatOf } from '../precision.ts';
import { asNumber, describe, typeText, type Value } from '../values.ts';

/** Thrown where a tensor is needed and no graph is under construction: the value is made later. */
export class NeedsGraph extends Error {}

/** Thrown where the body of a tabulation is no scalar at each index: the loop then runs step by step. */
export class NotScalar extends Error {}

/** The graph under construction. @throws NeedsGraph */
export function graphOf(frame: Frame): GraphContext {
  if (frame.graph === null) throw new NeedsGraph();
  return frame.graph;
}

/** A scalar constant; its graph type is that of the value, or `dtype`. */
export function toTensor(frame: Frame, value: Value, dtype: DType | undefined, span: Span): GraphValue {
  if (value.kind === 'unknown') throw new Rejected();
  const { builder } = graphOf(frame);
  if (value.kind === 'tensor') return checkElement(frame, value.value);
  if (value.kind === 'computed') return toTensor(frame, value.make(frame), dtype, span);
  if (value.kind === 'parameter') return readSlot(frame, graphOf(frame), value.slot);
  if (value.kind === 'bool') return builder.full(dtype ?? 'bool', value.value ? 1 : 0);
  const number = asNumber(value);
  if (number !== undefined) {
    const own = checkedDType(frame, value, number, dtype, span);
    return builder.full(own, own === 'f16' ? toHalf(frame, number, span) : number);
  }
  if (value.kind === 'int') return builder.cast(builder.dimValue(resolved(frame, value.dim)), dtype ?? 'i32');
  return reject(frame, messages.E0402(span, { what: 'this', expected: 'a tensor or a number', got: describe(value) }));
}

/** The same, where only a number of the source takes the dtype: a tensor and a condition keep theirs. */
export const toOwnTensor = (frame: Frame, value: Value, dtype: DType | undefined, span: Span): GraphValue =>
  toTensor(frame, value, isAdaptable(value) ? dtype : undefined, span);

const largestHalf = 65504;

// `inf` has a smaller stand-in in f16; what else is too large is probably a mask.
function toHalf(frame: Frame, number: number, span: Span): number {
  if (Math.abs(number) === infinity.f32) return Math.sign(number) * infinity.f16;
  if (Math.abs(number) > largestHalf)
    report(
      frame,
      messages.W1401(span, { value: number }, { helps: [{ text: `write \`${number < 0 ? '-' : ''}inf\` in a mask` }] }),
    );
  return number;
}

// In a tabulation a whole tensor is no scalar: an element of it must be read.
function checkElement(frame: Frame, value: GraphValue): GraphValue {
  if (frame.tabulating && value.type.shape.length > 0 && !frame.tabulating.owns(value)) throw new NotScalar();
  return value;
}

function checkedDType(frame: Frame, value: Value, number: number, wanted: DType | undefined, span: Span): DType {
  const dtype = wanted ?? (value.kind === 'int' ? 'i32' : floatOf(frame));
  if (!isFloat(dtype) && !Number.isInteger(number)) reject(frame, messages.E0411(span, { value: number, dtype }));
  const [low, high] =
    dtype === 'i32' ? [-(2 ** 31), 2 ** 31 - 1] : dtype === 'u32' ? [0, 2 ** 32 - 1] : [-Infinity, Infinity];
  if (number < low || number > high) reject(frame, messages.E0411(span, { value: number, dtype }));
  return dtype;
}

/** Whether the value takes the dtype of the tensor beside it. */
export const isAdaptable = (value: Value): boolean => value.kind === 'int' || value.kind === 'real';

/** Both operands as tensors of one dtype; numbers adapt. Rejects other mixes with E0401. */
export function unify(
  frame: Frame,
  left: Value,
  right: Value,
  operation: string,
  span: Span,
  sides?: Sides,
): readonly [GraphValue, GraphValue] {
  if (isAdaptable(left) && isAdaptable(right)) {
    const dtype = left.kind === 'real' || right.kind === 'real' ? floatOf(frame) : 'i32';
    return [toTensor(frame, left, dtype, span), toTensor(frame, right, dtype, span)];
  }
  if (isAdaptable(left)) {
    const b = toTensor(frame, right, undefined, span);
    return [adapted(frame, left, b, operation, span, [left, right], sides), b];
  }
  const a = toTensor(frame, left, undefined, span);
  if (isAdaptable(right)) return [a, adapted(frame, right, a, operation, span, [left, right], sides)];
  const b = toTensor(frame, right, undefined, span);
  if (isFloat(a.type.dtype) && isFloat(b.type.dtype)) return wider(frame, a, b);
  if (a.type.dtype !== b.type.dtype)
    rejectDTypes(frame, operation, typeText(a.type, true), typeText(b.type, true), span, sides);
  return [a, b];
}

// Where f16 meets f32 the result is f32.
function wider(frame: Frame, a: GraphValue, b: GraphValue): readonly [GraphValue, GraphValue] {
  if (a.type.dtype === b.type.dtype) return [a, b];
  const { builder } = graphOf(frame);
  return [builder.cast(a, 'f32'), builder.cast(b, 'f32')];
}

function adapted(
  frame: Frame,
  number: Value,
  beside: GraphValue,
  operation: string,
  span: Span,
  [left, right]: readonly [Value, Value],
  sides?: Sides,
): GraphValue {
  const dtype = beside.type.dtype;
  const fits = dtype !== 'bool' && (isFloat(dtype) || number.kind === 'int');
  if (!fits) rejectDTypes(frame, operation, describe(left), describe(right), span, sides);
  return toTensor(frame, number, dtype, span);
}

/** Where the operands stand, for labels and fixes. */
export type Sides = readonly [Span, Span];

// The integer side is the one to cast: a float cast to an integer would lose its fraction.
function rejectDTypes(frame: Frame, operation: string, left: string, right: string, span: Span, sides?: Sides): never {
  const toLeft = /^(i32|u32|bool)/.test(left);
  const target = sides?.[toLeft ? 0 : 1];
  const text = `f32(${target ? spanText(target) : 'x'})`;
  const isFloatBeside = (toLeft ? right : left).startsWith('f') || !/[[]/.test(toLeft ? right : left);
  const fix = target && isFloatBeside ? { fix: { edits: [{ span: target, text }] } } : {};
  reject(
    frame,
    messages.E0401(
      span,
      { operation, left, right, problem: 'dtypes differ' },
      {
        secondary: sides
          ? [
              { span: sides[0], label: left },
              { span: sides[1], label: right },
            ]
          : [],
        helps: [
          { text: isFloatBeside ? `cast one side: \`${text}\`` : 'cast one side to the dtype of the other', ...fix },
        ],
      },
    ),
  );
}

/** The common shape of several, or the first pair of dims that does not fit. */
export function broadcastShapes(
  frame: Frame,
  shapes: readonly (readonly Dim[])[],
):
  { readonly shape: readonly Dim[] } | { readonly clash: readonly [Dim, Dim]; readonly answer: 'refuted' | 'unknown' } {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const result: Dim[] = [];
  for (let k = 1; k <= rank; k++) {
    let d: Dim | undefined;
    for (const shape of shapes) {
      const own = shape[shape.length - k];
      if (own === undefined) continue;
      if (d === undefined || asConstant(d) === 1) d = resolved(frame, own);
      else if (asConstant(own) !== 1) {
        const answer = equalDims(frame, d, own);
        if (answer !== 'proved') return { clash: [d, own], answer };
      }
    }
    if (d) result.unshift(d);
  }
  return { shape: result };
}

/** `x` stretched to `shape`, aligned from the right. The shape must be one that it broadcasts to. */
export function stretch(frame: Frame, x: GraphValue, shape: readonly Dim[]): GraphValue {
  const own = x.type.shape;
  if (own.length === shape.length && own.every((d, i) => d.key === shape[i]?.key)) return x;
  const offset = shape.length - own.length;
  return graphOf(frame).builder.broadcast(
    x,
    own.map((_, i) => i + offset),
    shape,
  );
}
