// What gather and scatter share: where an id points, and whether it is in range.
import { sub, type Dim } from '../dim.ts';
import type { Expr, Index } from '../expr.ts';
import type { LowerContext } from '../lower.ts';

/** A loaded id as a safe index, and the condition under which it is a real one. */
export interface Place {
  readonly index: Index;
  readonly inRange: Expr;
}

/** The place of `id` along an axis of this extent. */
export function placeOf(k: LowerContext, id: Expr, extent: Dim): Place {
  const zero = k.constant('i32', 0);
  const last = k.index(sub(extent, 1));
  const inRange = k.binary('and', k.binary('le', zero, id), k.binary('le', id, last));
  return { index: { kind: 'dynamic', expr: k.binary('max', zero, k.binary('min', id, last)) }, inRange };
}
