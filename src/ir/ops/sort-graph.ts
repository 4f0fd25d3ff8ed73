// Sorting as a graph: argsort gives the order, take_along the elements in that order. With the inverse
// order values have gradients that gather: nothing scatters.
import type { Builder } from '../builder.ts';
import { dim as toDim, type DimLike } from '../dim.ts';
import type { Value } from '../graph.ts';
import { extent } from './shapes.ts';

/** The first `count` elements of sorted rows, and where they were. */
export interface Sorted {
  readonly values: Value;
  /** i32 positions along the axis. */
  readonly indices: Value;
}

/** The first `count` elements along `axis` in order; NaN last, equal elements in their order. @throws ShapeError */
export function sortedFirst(b: Builder, x: Value, count: DimLike, axis: number, descending: boolean): Sorted {
  const indices = b.op('argsort', [x], { axis, descending, count: toDim(count) });
  const rank = b.op('inverse_order', [indices], { axis, extent: extent(x.type, axis) });
  return { values: b.op('take_along', [x, indices, rank], { axis }), indices };
}

/** x sorted along `axis`. */
export const sortValues = (b: Builder, x: Value, axis: number, descending = false): Value =>
  sortedFirst(b, x, extent(x.type, axis), axis, descending).values;

/** The order that sorts x along `axis`: i32 positions. */
export const argsort = (b: Builder, x: Value, axis: number, descending = false): Value =>
  b.op('argsort', [x], { axis, descending, count: extent(x.type, axis) });

/** The k largest elements along `axis`, largest first, and their positions. @throws ShapeError where k is too large */
export const topk = (b: Builder, x: Value, k: DimLike, axis: number): Sorted => sortedFirst(b, x, k, axis, true);
