// Images changed a little, so that a network sees more of them than there are: shift, scale, crop, rotate, flip. Each is
// a map from places of the new image to places of the old one; maps are joined, and the image is read once.
import type { Random } from './random.ts';

/** Where a pixel of the new image comes from: x' = a x + b y + c, y' = d x + e y + f, from the middle of the image. */
export type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** Moves the image by so many pixels to the right and down. */
export const shift = (right: number, down: number): Affine => [1, 0, -right, 0, 1, -down];

/** Makes the image so many times larger around its middle. */
export const scale = (factor: number): Affine => [1 / factor, 0, 0, 0, 1 / factor, 0];

/** Turns the image around its middle, clockwise. */
export function rotate(degrees: number): Affine {
  const angle = (degrees * Math.PI) / 180;
  return [Math.cos(angle), Math.sin(angle), 0, -Math.sin(angle), Math.cos(angle), 0];
}

/** Left and right exchanged. */
export const flip: Affine = [-1, 0, 0, 0, 1, 0];

/** A square window of the image at full size: `share` of its side, its middle moved by `right` and `down`. */
export const crop = (share: number, right: number, down: number): Affine => [share, 0, right, 0, share, down];

/** First one change, then the other. */
export const join = ([a, b, c, d, e, f]: Affine, [g, h, i, j, k, l]: Affine): Affine => [
  a * g + b * j,
  a * h + b * k,
  a * i + b * l + c,
  d * g + e * j,
  d * h + e * k,
  d * i + e * l + f,
];

/** The changed image, between pixels by the four nearest; 0 outside. */
export function warp(image: Float32Array, side: number, [a, b, c, d, e, f]: Affine): Float32Array {
  const at = (x: number, y: number): number =>
    x < 0 || y < 0 || x >= side || y >= side ? 0 : (image[y * side + x] ?? 0);
  const middle = (side - 1) / 2;
  return image.map((_, index) => {
    const [x, y] = [(index % side) - middle, Math.floor(index / side) - middle];
    const [u, v] = [a * x + b * y + c + middle, d * x + e * y + f + middle];
    const [left, top] = [Math.floor(u), Math.floor(v)];
    const [p, q] = [u - left, v - top];
    const upper = (1 - p) * at(left, top) + p * at(left + 1, top);
    const lower = (1 - p) * at(left, top + 1) + p * at(left + 1, top + 1);
    return (1 - q) * upper + q * lower;
  });
}

/** How much images may change. */
export interface Augmentation {
  /** Pixels each way. */
  readonly shift: number;
  /** A part: 0.1 for 0.9 to 1.1 times. */
  readonly scale: number;
  /** The part of the side that a crop may cut off. */
  readonly crop: number;
  /** Degrees each way. */
  readonly rotate: number;
}

/** A function that changes square images of `side` pixels at random. */
export function augment(side: number, most: Augmentation, random: Random): (image: Float32Array) => Float32Array {
  const around = (width: number): number => random.uniform(-width, width);
  return (image) => {
    const share = 1 - random.uniform(0, most.crop);
    const room = ((1 - share) * side) / 2;
    const changes = [
      crop(share, around(room), around(room)),
      rotate(around(most.rotate)),
      scale(1 + around(most.scale)),
      shift(around(most.shift), around(most.shift)),
    ];
    return warp(image, side, changes.reduce(join));
  };
}
