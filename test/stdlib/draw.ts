// Numbers for tests of the library: the same at every run.

/** A generator of uniform numbers in [0, 1) (mulberry32). */
export function uniforms(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A matrix of numbers in [low, high). */
export const matrix = (next: () => number, rows: number, columns: number, low = -1, high = 1): number[][] =>
  Array.from({ length: rows }, () => Array.from({ length: columns }, () => low + (high - low) * next()));

/** An element that must be there. */
export function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`no element ${index} of ${items.length}`);
  return item;
}

/** The largest distance between two lists of one length. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  return Array.from(a).reduce((top, v, i) => Math.max(top, Math.abs(v - (b[i] ?? NaN))), 0);
}
