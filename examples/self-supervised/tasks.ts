// What is asked of images that have no labels: how far one was turned, where a patch lies, which cluster it is in.
import { rotate, warp } from '../data/augment.ts';
import { stacked, type Numbers } from '../data/digits.ts';
import type { Random } from '../data/random.ts';
import { slices } from '../data/words.ts';

/** Images with what is asked about each. */
export interface Asked {
  readonly x: Numbers;
  readonly y: Int32Array<ArrayBuffer>;
}

const quarters = [0, 90, 180, 270].map(rotate);

/** Each image turned by a random number of quarters, which is what is asked. */
export function* turned(images: readonly Float32Array[], size: number, random: Random): Generator<Asked> {
  for (const batch of slices(images, size, random)) {
    const y = Int32Array.from(batch, () => random.below(4));
    const x = batch.map((image, at) => warp(image, 8, quarters[y[at] ?? 0] ?? quarters[0] ?? [1, 0, 0, 0, 1, 0]));
    yield { x: stacked(x, [1, 8, 8]), y };
  }
}

/** Each image and its cluster. */
export function* clustered(
  images: readonly Float32Array[],
  clusters: readonly number[],
  size: number,
  random: Random,
): Generator<Asked> {
  for (const batch of slices([...images.keys()], size, random)) {
    const x = batch.map((at) => images[at] ?? new Float32Array(64));
    yield { x: stacked(x, [1, 8, 8]), y: Int32Array.from(batch, (at) => clusters[at] ?? 0) };
  }
}

const directions = [-1, 0, 1].flatMap((down) => [-1, 0, 1].map((right) => [down, right] as const)).filter(([a, b]) => a !== 0 || b !== 0);

/** Two patches of 4×4 that touch, of each 12×12 image, and in which of eight directions the second lies. */
export function* patches(images: readonly Float32Array[], size: number, random: Random) {
  for (const batch of slices(images, size, random)) {
    const y = Int32Array.from(batch, () => random.below(directions.length));
    const pairs = batch.map((image, at) => {
      const [down, right] = directions[y[at] ?? 0] ?? [0, 1];
      const from = [down, right].map((step) => (step < 0 ? 1 : 0) + random.below(3 - Math.abs(step)));
      const [row = 0, column = 0] = from;
      return [cut(image, row, column), cut(image, row + down, column + right)] as const;
    });
    const tensor = (which: 0 | 1): Numbers => stacked(pairs.map((pair) => pair[which]), [1, 4, 4]);
    yield { patch: tensor(0), other: tensor(1), y };
  }
}

const cut = (image: Float32Array, row: number, column: number): Float32Array =>
  Float32Array.from({ length: 16 }, (_, at) => image[12 * (4 * row + Math.floor(at / 4)) + 4 * column + (at % 4)] ?? 0);
