// Orders that depend on a seed and a stream number alone: the same on every machine, and any epoch's order can be
// made again when a run is resumed. Generator: splitmix32 (Steele et al., "Fast splittable pseudorandom number
// generators", 2014), 32-bit variant.

/** Random 32-bit words from two numbers. */
function generator(seed: number, stream: number): () => number {
  let state = (Math.imul(seed | 0, 0x9e3779b1) ^ Math.imul((stream | 0) + 1, 0x85ebca6b)) >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let word = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
    return (word ^ (word >>> 15)) >>> 0;
  };
}

/** A shuffled copy (Fisher and Yates). */
export function shuffled(items: Int32Array, seed: number, stream: number): Int32Array {
  const result = items.slice();
  const next = generator(seed, stream);
  for (let at = result.length - 1; at > 0; at--) {
    const other = Math.floor((next() / 2 ** 32) * (at + 1));
    const kept = result[at] ?? 0;
    result[at] = result[other] ?? 0;
    result[other] = kept;
  }
  return result;
}
