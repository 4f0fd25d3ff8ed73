// Grey pictures of shapes on an uneven ground: what is in them, which pixel belongs to what, and the box of each thing.
// For classifiers, segmentation and detection.
import type { Labelled } from './labelled.ts';
import type { Random } from './random.ts';

/** Whether a place is part of a shape that reaches from -1 to 1; y grows downwards. */
const parts = {
  disc: (x: number, y: number) => x * x + y * y <= 1,
  square: (x: number, y: number) => Math.max(Math.abs(x), Math.abs(y)) <= 0.85,
  triangle: (x: number, y: number) => y <= 0.9 && y >= 1.9 * Math.abs(x) - 0.9,
  cross: (x: number, y: number) => Math.min(Math.abs(x), Math.abs(y)) <= 0.3,
  ring: (x: number, y: number) => Math.abs(Math.hypot(x, y) - 0.75) <= 0.25,
  diamond: (x: number, y: number) => Math.abs(x) + Math.abs(y) <= 1,
  frame: (x: number, y: number) => Math.abs(Math.max(Math.abs(x), Math.abs(y)) - 0.65) <= 0.25,
  bowl: (x: number, y: number) => y >= 0 && x * x + y * y <= 1,
  saltire: (x: number, y: number) => Math.abs(Math.abs(x) - Math.abs(y)) <= 0.35,
  funnel: (x: number, y: number) => y >= -0.9 && y <= 0.9 - 1.9 * Math.abs(x),
  hourglass: (x: number, y: number) => Math.abs(x) <= Math.abs(y) && Math.abs(y) <= 0.9,
  moon: (x: number, y: number) => x * x + y * y <= 1 && Math.hypot(x - 0.6, y) > 0.8,
};
/** A kind of shape. */
export type Kind = keyof typeof parts;

/** A thing in a picture: its kind by number, and x1, y1, x2, y2 in pixels. */
export interface Thing {
  readonly label: number;
  readonly box: readonly [number, number, number, number];
}
/** A picture: brightness of pixels, row by row; of each pixel 0 for the ground or 1 + the label; and the things. */
export interface Picture {
  readonly pixels: Float32Array;
  readonly mask: Int32Array;
  readonly things: readonly Thing[];
}
/** How pictures are made. */
export interface Making {
  /** Pixels of a side. */
  readonly side: number;
  /** Labels are places in this list. */
  readonly kinds: readonly Kind[];
  /** How many things there are: that many at most, one at least. */
  readonly most: number;
  /** From the middle of a thing to its edge, in pixels. */
  readonly radius: readonly [low: number, high: number];
  /** Deviation of the noise of each pixel. */
  readonly noise: number;
}

/** A picture of things that do not touch, brighter or darker than the ground. */
export function picture({ side, kinds, most, radius, noise }: Making, random: Random): Picture {
  const [across, down] = [random.uniform(-0.3, 0.3), random.uniform(-0.3, 0.3)];
  const ground = (x: number, y: number): number => across * (x / side - 0.5) + down * (y / side - 0.5);
  const pixels = Float32Array.from({ length: side * side }, (_, at) => ground(at % side, Math.floor(at / side)));
  const mask = new Int32Array(side * side);
  const things: Thing[] = [];
  const wanted = 1 + random.below(most);
  for (let tries = 0; things.length < wanted && tries < 50; tries++) {
    const r = random.uniform(...radius);
    const [x, y] = [random.uniform(r, side - r), random.uniform(r, side - r)];
    const near = ({ box: [x1, y1, x2, y2] }: Thing): boolean =>
      x + r + 1 > x1 && x - r - 1 < x2 && y + r + 1 > y1 && y - r - 1 < y2;
    if (things.some(near)) continue;
    const label = random.below(kinds.length);
    const light = random.uniform(0.6, 1) * (random.uniform() < 0.5 ? -1 : 1);
    const inside = parts[kinds[label] ?? 'disc'];
    let box: Thing['box'] = [side, side, 0, 0];
    for (let at = 0; at < pixels.length; at++) {
      const [column, row] = [at % side, Math.floor(at / side)];
      const [u, v] = [(column + 0.5 - x) / r, (row + 0.5 - y) / r];
      if (Math.max(Math.abs(u), Math.abs(v)) > 1 || !inside(u, v)) continue;
      pixels[at] = (pixels[at] ?? 0) + light;
      mask[at] = 1 + label;
      box = [Math.min(box[0], column), Math.min(box[1], row), Math.max(box[2], column + 1), Math.max(box[3], row + 1)];
    }
    things.push({ label, box });
  }
  return { pixels: pixels.map((value) => value + noise * random.normal()), mask, things };
}

/** Pictures of one thing each, with what it is. */
export function labelledShapes(count: number, making: Omit<Making, 'most'>, random: Random): Labelled {
  const all = Array.from({ length: count }, () => picture({ ...making, most: 1 }, random));
  return {
    x: all.map(({ pixels }) => pixels),
    y: all.map(({ things }) => things[0]?.label ?? 0),
    classes: making.kinds,
  };
}
