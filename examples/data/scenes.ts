// Pictures of two things, one left of the other or above it: what they are is drawn first, then where, how large and in
// what light they stand. The thing on the left, or above, is named first, so each picture has one caption.
import type { Random } from './random.ts';
import type { Sentence } from './words.ts';

/** Pixels of a side. */
export const side = 28;

const colours = { red: [0.9, 0.15, 0.1], green: [0.1, 0.75, 0.2], blue: [0.15, 0.25, 0.95], yellow: [0.95, 0.85, 0.1] };
const shapes = {
  circle: (x: number, y: number) => x * x + y * y <= 1,
  square: (x: number, y: number) => Math.max(Math.abs(x), Math.abs(y)) <= 0.85,
  triangle: (x: number, y: number) => y <= 0.9 && y >= 2 * Math.abs(x) - 1,
};
type Colour = keyof typeof colours;
type Shape = keyof typeof shapes;

/** A thing. */
export interface Thing {
  readonly colour: Colour;
  readonly shape: Shape;
}
/** Two things that differ, and how the first one stands to the second. */
export interface Kind {
  readonly first: Thing;
  readonly relation: 'left of' | 'above';
  readonly second: Thing;
}
/** A kind of scene with its picture: [3, side, side], values from 0 to 1. */
export interface Scene extends Kind {
  readonly pixels: Float32Array;
}

const keys = <K extends string>(table: Readonly<Record<K, unknown>>): K[] => Object.keys(table) as K[];
const things: Thing[] = keys(colours).flatMap((colour) => keys(shapes).map((shape) => ({ colour, shape })));

/** All 264 kinds of scenes. */
export const kinds: readonly Kind[] = things.flatMap((first) =>
  things
    .filter((second) => second !== first)
    .flatMap((second) => (['left of', 'above'] as const).map((relation) => ({ first, relation, second }))),
);

/** "red circle left of blue square" */
export const caption = ({ first, relation, second }: Kind): Sentence =>
  `${first.colour} ${first.shape} ${relation} ${second.colour} ${second.shape}`.split(' ');

/** A picture of this kind. */
export function scene(kind: Kind, random: Random): Scene {
  const pixels = new Float32Array(3 * side * side);
  const [light, ground] = [random.uniform(0.7, 1), random.uniform(0, 0.3)];
  for (let at = 0; at < pixels.length; at++) pixels[at] = ground + 0.04 * random.normal();
  const across = random.uniform(9, 19);
  const spots = [
    [random.uniform(6, 8.5), across],
    [random.uniform(19.5, 22), across + random.uniform(-4, 4)],
  ] as const;
  [kind.first, kind.second].forEach(({ colour, shape }, which) => {
    const [along, beside] = spots[which] ?? spots[0];
    const [x, y] = kind.relation === 'above' ? [beside, along] : [along, beside];
    paint(pixels, colours[colour], shapes[shape], { x, y, size: random.uniform(4.2, 5.5), light });
  });
  return { ...kind, pixels };
}

function paint(
  pixels: Float32Array,
  colour: readonly number[],
  inside: (x: number, y: number) => boolean,
  { x, y, size, light }: { x: number; y: number; size: number; light: number },
): void {
  for (let at = 0; at < side * side; at++) {
    if (!inside(((at % side) + 0.5 - x) / size, (Math.floor(at / side) + 0.5 - y) / size)) continue;
    colour.forEach((value, channel) => (pixels[channel * side * side + at] = light * value));
  }
}

/** Pictures of scenes as one tensor. */
export function images(scenes: readonly Scene[]): { data: Float32Array<ArrayBuffer>; shape: number[] } {
  const data = new Float32Array(scenes.length * 3 * side * side);
  scenes.forEach(({ pixels }, at) => data.set(pixels, at * pixels.length));
  return { data, shape: [scenes.length, 3, side, side] };
}
