// threefry2x32 with 20 rounds: the counter-based random generator of every level (Salmon et al.,
// "Parallel random numbers: as easy as 1, 2, 3", SC 2011). Same key and counter, same words, everywhere.

const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const;
const rotate = (word: number, by: number): number => ((word << by) | (word >>> (32 - by))) >>> 0;

/** The two words that `key` and `counter` give; all are u32. */
export function threefry2x32(
  key: readonly [number, number],
  counter: readonly [number, number],
): readonly [number, number] {
  const schedule = [key[0], key[1], (0x1bd11bda ^ key[0] ^ key[1]) >>> 0] as const;
  const keyWord = (at: number): number => schedule[(at % 3) as 0 | 1 | 2];
  let x = (counter[0] + schedule[0]) >>> 0;
  let y = (counter[1] + schedule[1]) >>> 0;
  for (let round = 0; round < 20; round++) {
    x = (x + y) >>> 0;
    y = (rotate(y, rotations[round % 8] ?? 0) ^ x) >>> 0;
    if (round % 4 === 3) {
      const injection = (round + 1) / 4;
      x = (x + keyWord(injection)) >>> 0;
      y = (y + keyWord(injection + 1) + injection) >>> 0;
    }
  }
  return [x, y];
}
