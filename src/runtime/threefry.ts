// threefry2x32 with 20 rounds (Salmon et al. 2011), as the op random_bits computes it, and the keys of runs.

const rotations = [13, 15, 26, 6, 17, 29, 16, 24];

/** Two random words from a key and a counter, all u32. */
export function threefry(k0: number, k1: number, c0: number, c1: number): [number, number] {
  const keys = [k0, k1, 0x1bd11bda ^ k0 ^ k1];
  const key = (at: number) => keys[at % 3] ?? 0;
  let x = (c0 + k0) | 0;
  let y = (c1 + k1) | 0;
  for (let round = 0; round < 20; round++) {
    const turn = rotations[round % 8] ?? 0;
    x = (x + y) | 0;
    y = ((y << turn) | (y >>> (32 - turn))) ^ x;
    if (round % 4 !== 3) continue;
    const block = (round + 1) / 4;
    x = (x + key(block)) | 0;
    y = (y + key(block + 1) + block) | 0;
  }
  return [x >>> 0, y >>> 0];
}

/**
 * The key of one run: of training step or evaluation batch `count`, or of the call `count` of an entry.
 * @param purpose 0 initialisation, 1 training, 2 evaluation, 3 entries
 */
export function runKey(seed: number, purpose: number, count: number): [number, number] {
  if (purpose === 0) return seedKey(seed);
  return threefry(...threefry(...seedKey(seed), purpose, 0), count >>> 0, 0);
}

const seedKey = (seed: number): [number, number] => [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];

/** A key as the two scalar inputs that functions have for it. */
export const keyScalars = ([low, high]: readonly [number, number]): { 'key.0': number; 'key.1': number } => ({
  'key.0': low,
  'key.1': high,
});
