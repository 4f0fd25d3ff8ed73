// Points around a ring: eight small clouds, which a generator has to find all.
import type { Random } from './random.ts';

/** Where the clouds lie, and how wide they are. */
export const ring = {
  centres: Array.from({ length: 8 }, (_, at): readonly [number, number] => [
    2 * Math.cos((Math.PI * at) / 4),
    2 * Math.sin((Math.PI * at) / 4),
  ]),
  deviation: 0.1,
} as const;

/** `count` points, as x, y, x, y, …. */
export function ringPoints(count: number, random: Random): Float32Array<ArrayBuffer> {
  const points = new Float32Array(2 * count);
  for (let at = 0; at < count; at++) {
    const [x, y] = ring.centres[random.below(ring.centres.length)] ?? [0, 0];
    points.set([x + ring.deviation * random.normal(), y + ring.deviation * random.normal()], 2 * at);
  }
  return points;
}

/** How points cover the ring: clouds that got at least a quarter of their share, and the part of points in any cloud. */
export function coverage(points: Float32Array): { clouds: number; inside: number } {
  const found = ring.centres.map(() => 0);
  for (let at = 0; at < points.length; at += 2) {
    const [x = 0, y = 0] = points.subarray(at, at + 2);
    const near = ring.centres.findIndex(([a, b]) => Math.hypot(x - a, y - b) < 4 * ring.deviation);
    if (near >= 0) found[near] = (found[near] ?? 0) + 1;
  }
  const count = points.length / 2;
  return {
    clouds: found.filter((n) => n >= count / (4 * found.length)).length,
    inside: found.reduce((sum, n) => sum + n, 0) / count,
  };
}
