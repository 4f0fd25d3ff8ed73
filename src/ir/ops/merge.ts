// Puts the indices of some axes and of the remaining ones back into one list.

/** A list of `rank` entries with `at[k]` on axis `axes[k]`, and `rest` on the others in order. */
export function merge<Entry>(
  rank: number,
  axes: readonly number[],
  at: readonly Entry[],
  rest: readonly Entry[],
): Entry[] {
  let next = 0;
  return Array.from({ length: rank }, (_, axis) => {
    const k = axes.indexOf(axis);
    const entry = k >= 0 ? at[k] : rest[next++];
    if (entry === undefined) throw new RangeError(`no index for axis ${axis} of ${rank}`);
    return entry;
  });
}
