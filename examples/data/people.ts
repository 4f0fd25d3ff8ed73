// Heights and weights of people that do not exist.
import type { Random } from './random.ts';

/** Columns of one length. */
export interface People {
  /** In cm. */
  readonly height: Float32Array<ArrayBuffer>;
  /** In kg. */
  readonly weight: Float32Array<ArrayBuffer>;
  /** 1 for men. */
  readonly male: Float32Array<ArrayBuffer>;
}

/** Half men, half women; weight grows with height, and varies. */
export function people(count: number, random: Random): People {
  const male = Float32Array.from({ length: count }, (_, at) => at % 2);
  const height = male.map((m) => 165 + 13 * m + 6.5 * random.normal());
  const weight = height.map((h, at) => 0.72 * (h - 100) + 14 + 6 * (male[at] ?? 0) + 7 * random.normal());
  return { height, weight, male };
}
