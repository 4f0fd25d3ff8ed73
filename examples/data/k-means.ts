// k-means: rows in k groups, each around its mean (Lloyd 1982), starting far apart (Arthur & Vassilvitskii 2007).
import type { Random } from './random.ts';

type Row = ArrayLike<number>;

const square = (a: Row, b: Row): number => {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += ((a[k] ?? 0) - (b[k] ?? 0)) ** 2;
  return sum;
};

/** The group of each row. */
export function kMeans(rows: readonly Row[], k: number, random: Random, rounds = 20): number[] {
  let centres = spread(rows, k, random);
  let groups: number[] = [];
  for (let round = 0; round < rounds; round++) {
    groups = rows.map((row) => nearest(centres, row));
    centres = centres.map((_, group) => {
      const own = rows.filter((_row, at) => groups[at] === group);
      // A group that lost all its rows starts anew somewhere.
      return own.length > 0 ? mean(own) : (rows[random.below(rows.length)] ?? []);
    });
  }
  return groups;
}

function nearest(centres: readonly Row[], row: Row): number {
  let [best, least] = [0, Infinity];
  for (const [at, centre] of centres.entries()) {
    const distance = square(centre, row);
    if (distance < least) [best, least] = [at, distance];
  }
  return best;
}

const mean = (rows: readonly Row[]): number[] =>
  Array.from(rows[0] ?? [], (_, k) => rows.reduce((sum, row) => sum + (row[k] ?? 0), 0) / rows.length);

/** Rows to start from: each drawn in proportion to its squared distance from those before. */
function spread(rows: readonly Row[], k: number, random: Random): Row[] {
  const centres: Row[] = [rows[random.below(rows.length)] ?? []];
  const distances = rows.map(() => Infinity);
  while (centres.length < k) {
    const last = centres.at(-1) ?? [];
    rows.forEach((row, at) => (distances[at] = Math.min(distances[at] ?? Infinity, square(row, last))));
    let left = random.uniform(0, distances.reduce((sum, distance) => sum + distance, 0));
    const at = distances.findIndex((distance) => (left -= distance) < 0);
    centres.push(rows[Math.max(at, 0)] ?? []);
  }
  return centres;
}
