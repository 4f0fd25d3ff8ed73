// A small generator of random numbers with a seed: the data of an example is the same on every machine.

/** Draws numbers. */
export interface Random {
  /** Uniform in [low, high). */
  uniform(low?: number, high?: number): number;
  /** Standard normal. */
  normal(): number;
  /** A whole number in [0, n). */
  below(n: number): number;
  /** The numbers 0 … n - 1 in random order. */
  permutation(n: number): number[];
}

/** Numbers that depend on nothing but the seed (mulberry32). */
export function random(seed: number): Random {
  let state = seed >>> 0;
  const unit = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n: number): number => Math.floor(unit() * n);
  return {
    uniform: (low = 0, high = 1) => low + (high - low) * unit(),
    normal: () => Math.sqrt(-2 * Math.log(1 - unit())) * Math.cos(2 * Math.PI * unit()),
    below,
    permutation(n) {
      const order = Array.from({ length: n }, (_, at) => at);
      for (let at = n - 1; at > 0; at--) {
        const other = below(at + 1);
        [order[at], order[other]] = [order[other] ?? 0, order[at] ?? 0];
      }
      return order;
    },
  };
}
