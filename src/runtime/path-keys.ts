// The random keys of places, as the op fold_path computes them.
import type { Scalars } from './program.ts';
import { threefry } from './threefry.ts';

/** The key of the place `path` from a key. */
export function foldPath(k0: number, k1: number, path: string): [number, number] {
  const hash = (basis: number): number => {
    let h = basis;
    for (let at = 0; at < path.length; at++) h = Math.imul(h ^ path.charCodeAt(at), 0x01000193);
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    return (h ^ (h >>> 13)) >>> 0;
  };
  return threefry(...threefry(k0, k1, hash(0x811c9dc5), 0), hash(0x9e3779b9), 0);
}

/** Keys of places as host scalars from number `first` on, two words each. */
export const pathKeys = (s: Scalars, first: number, paths: readonly string[]): Scalars =>
  Object.fromEntries(
    paths
      .flatMap((path) => foldPath(s['key.0'] ?? 0, s['key.1'] ?? 0, path))
      .map((word, at) => [`host.${first + at}`, word]),
  );
