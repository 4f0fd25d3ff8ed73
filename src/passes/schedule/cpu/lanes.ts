// Loops that take points four at a time.
import { asConstant, type Dim } from '../../../ir/dim.ts';
import type { Expr } from '../../../ir/expr.ts';
import { weight } from '../../../ir/expr-rewrite.ts';
import type { Environment } from './environment.ts';
import { i32, type Atom } from './kernel-writer.ts';
import type { Values } from './values.ts';

/** The points from ≤ i < to; `extent` is their number, when from is 0. */
export interface LaneRange {
  readonly extent: Dim | undefined;
  readonly from: Atom;
  readonly to: Atom;
  /** Groups of four lanes that the body handles together. */
  readonly copies: number;
}

/**
 * True for short rows with a remainder and much work per element: the code of a second, four-lane version
 * would cost more than it saves.
 */
export function isShortRow(extent: Dim, work: readonly Expr[]): boolean {
  const c = asConstant(extent);
  return c !== undefined && c < 16 && c % 4 !== 0 && work.reduce((sum, e) => sum + weight(e), 0) >= 8;
}

/**
 * Whole groups of lanes, and a remainder: one loop with a branch, so that no load follows a store of the
 * group before it in program order (a kernel that updates in place relies on that).
 */
export function overLanes(
  values: Values,
  range: LaneRange,
  place: (i: Atom, vector: boolean) => Environment,
  body: (envs: Environment[]) => void,
): void {
  const { writer, dims } = values;
  const { extent, from, to, copies } = range;
  const size = 4 * copies;
  const known = extent && asConstant(extent);
  const whole = (i: Atom): void =>
    body(Array.from({ length: copies }, (_, copy) => place(dims.combine('add', i, i32(4 * copy)), true)));
  if (known !== undefined && known < 4) return writer.for(from, to, 1, (i) => body([place(i, false)]));
  writer.for(from, to, size, (i) => {
    if (extent && dims.isMultiple(extent, size)) return whole(i);
    const end = dims.combine('add', i, i32(size));
    const fits = writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'le', a: end, b: to });
    writer.if(
      fits,
      () => whole(i),
      () => {
        const until = dims.combine('min', end, to);
        if (copies > 1) overLanes(values, { ...range, from: i, to: until, copies: 1 }, place, body);
        else writer.for(i, until, 1, (single) => body([place(single, false)]));
      },
    );
  });
}

/**
 * As {@link overLanes}, of four positions at least, where a position may be computed twice: what is left after the last
 * whole group goes in lanes too, the last four of which end where the range does.
 */
export function overLanesToEnd(
  values: Values,
  { from, to, copies }: Omit<LaneRange, 'extent'>,
  place: (i: Atom, vector: boolean) => Environment,
  body: (envs: Environment[]) => void,
): void {
  const { writer, dims } = values;
  const last = dims.combine('sub', to, i32(4));
  writer.for(from, to, 4 * copies, (i) => {
    const end = dims.combine('add', i, i32(4 * copies));
    writer.if(
      writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'le', a: end, b: to }),
      () => body(Array.from({ length: copies }, (_, copy) => place(dims.combine('add', i, i32(4 * copy)), true))),
      () => writer.for(i, to, 4, (four) => body([place(dims.combine('min', four, last), true)])),
    );
  });
}
