// Small pictures of one thing each, whose shape goes with its colour, as it does among fruit; how bright thing and ground
// are says nothing. Grey, and with the colour of each pixel as a class.
import type { Random } from './random.ts';

/** Pixels of a side. */
export const fruitSide = 12;

/** Colours by class: 0 is the ground. */
export const fruitColours: readonly (readonly [number, number, number])[] = [
  [0.55, 0.55, 0.55],
  [0.9, 0.15, 0.1],
  [0.95, 0.85, 0.1],
  [0.1, 0.7, 0.2],
  [0.45, 0.15, 0.7],
  [0.95, 0.5, 0.1],
];

const shapes: readonly ((x: number, y: number) => boolean)[] = [
  (x, y) => x * x + y * y <= 1,
  (x) => Math.abs(x) <= 0.4,
  (x, y) => Math.max(Math.abs(x), Math.abs(y)) <= 0.9,
  (x, y) => y <= 0.9 && y >= 2 * Math.abs(x) - 1,
  (x, y) => x * x + y * y <= 1.2 && x * x + y * y >= 0.4,
];

/** A picture: grey values, the colour class of each pixel, and which thing it is. */
export interface Fruit {
  readonly grey: Float32Array;
  readonly colour: Int32Array;
  readonly kind: number;
}

/** A thing of this kind somewhere. */
export function fruit(kind: number, random: Random): Fruit {
  const [x, y, size] = [random.uniform(4.5, 7.5), random.uniform(4.5, 7.5), random.uniform(2.8, 4)];
  const [thing, ground] = [random.uniform(0.5, 1), random.uniform(0, 0.35)];
  const inside = shapes[kind] ?? (() => false);
  const colour = Int32Array.from({ length: fruitSide ** 2 }, (_, at) => {
    const [u, v] = [((at % fruitSide) + 0.5 - x) / size, (Math.floor(at / fruitSide) + 0.5 - y) / size];
    return inside(u, v) && Math.max(Math.abs(u), Math.abs(v)) <= 1.2 ? kind + 1 : 0;
  });
  const grey = Float32Array.from(colour, (painted) => (painted > 0 ? thing : ground) + 0.05 * random.normal());
  return { grey, colour, kind };
}

/** Things of all kinds by turns. */
export const fruits = (count: number, random: Random): Fruit[] =>
  Array.from({ length: count }, (_, at) => fruit(at % shapes.length, random));
