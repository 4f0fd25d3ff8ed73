// Sorting as a graph: the rank of each element says where it goes, and element p of the sorted row is the
// one whose rank is p. Picking by rank is a masked sum, so values have gradients and nothing scatters.
import type { Builder } from '../builder.ts';
import { dim as toDim, type Dim, type DimLike } from '../dim.ts';
import type { Value } from '../graph.ts';
import { extent, requireLessEqual } from './shapes.ts';

/** The first `count` elements of sorted rows, and where they were. */
export interface Sorted {
  readonly values: Value;
  /** i32 positions along the axis. */
  readonly indices: Value;
}

// For each of `count` places along `axis` (now also an axis of its own in front of it): is this the
// element that goes there?
function goesTo(b: Builder, x: Value, axis: number, count: Dim, descending: boolean): { mask: Value; along: number[] } {
  const { shape } = x.type;
  const wide = [...shape.slice(0, axis), count, ...shape.slice(axis)];
  const along = shape.map((_, at) => (at < axis ? at : at + 1));
  const rank = b.broadcast(b.op('rank', [x], { axis, descending }), along, wide);
  return { mask: b.binary('eq', rank, b.op('iota', [], { dtype: 'i32', shape: wide, axis })), along };
}

// The one element under the mask; bools are picked as numbers.
function picked(b: Builder, mask: Value, along: readonly number[], x: Value, axis: number): Value {
  const isBool = x.type.dtype === 'bool';
  const spread = b.broadcast(isBool ? b.cast(x, 'i32') : x, along, mask.type.shape);
  const found = b.reduce('sum', b.select(mask, spread, b.zero(spread)), [axis + 1]);
  return isBool ? b.cast(found, 'bool') : found;
}

/** The first `count` elements along `axis` in order; NaN last, equal elements in their order. @throws ShapeError */
export function sortedFirst(b: Builder, x: Value, count: DimLike, axis: number, descending: boolean): Sorted {
  requireLessEqual(b.facts, count, extent(x.type, axis), `elements to take along axis ${axis}`);
  const { mask, along } = goesTo(b, x, axis, toDim(count), descending);
  const place = b.op('iota', [], { dtype: 'i32', shape: x.type.shape, axis });
  return { values: picked(b, mask, along, x, axis), indices: picked(b, mask, along, place, axis) };
}

/** x sorted along `axis`. */
export const sortValues = (b: Builder, x: Value, axis: number, descending = false): Value =>
  sortedFirst(b, x, extent(x.type, axis), axis, descending).values;

/** The order that sorts x along `axis`: i32 positions. */
export const argsort = (b: Builder, x: Value, axis: number, descending = false): Value =>
  sortedFirst(b, x, extent(x.type, axis), axis, descending).indices;

/** The k largest elements along `axis`, largest first, and their positions. @throws ShapeError where k is too large */
export const topk = (b: Builder, x: Value, k: DimLike, axis: number): Sorted => sortedFirst(b, x, k, axis, true);
