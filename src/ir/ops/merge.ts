// Puts the indices of some axes and of the remaining ones back into one list.
import { zero } from '../dim.ts';
import type { Index } from '../expr.ts';

/** An index of rank `rank` with `at[k]` on axis `axes[k]`, and `rest` on the others in order. */
export function merge<I extends Index>(rank: number, axes: readonly number[], at: readonly I[], rest: readonly I[]): (I | typeof zero)[] {
  let next = 0;
  return Array.from({ length: rank }, (_, axis) => {
    const k = axes.indexOf(axis);
    return (k >= 0 ? at[k] : rest[next++]) ?? zero;
  });
}
