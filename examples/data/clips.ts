// Short clips of a spot that moves in one of four directions, from anywhere, through noise. No single frame tells where.
import type { Labelled } from './labelled.ts';
import type { Random } from './random.ts';

/** Frames of a clip, and pixels along each side of a frame. */
export const clip = { frames: 6, side: 10 } as const;

const directions: readonly (readonly [name: string, right: number, down: number])[] = [
  ['right', 1, 0],
  ['left', -1, 0],
  ['down', 0, 1],
  ['up', 0, -1],
];

/** Clips, frame by frame and row by row, with the direction as their class. What leaves on one side comes in on the other. */
export function clips(count: number, random: Random): Labelled {
  const { frames, side } = clip;
  const y = Array.from({ length: count }, (_, at) => at % directions.length);
  const x = y.map((label) => {
    const [, right, down] = directions[label] ?? ['', 0, 0];
    const [startX, startY, speed] = [random.uniform(0, side), random.uniform(0, side), random.uniform(0.8, 1.6)];
    const away = (a: number, b: number): number => {
      const distance = Math.abs(a - (((b % side) + side) % side));
      return Math.min(distance, side - distance);
    };
    return Float32Array.from({ length: frames * side * side }, (_, at) => {
      const [time, row, column] = [Math.floor(at / (side * side)), Math.floor(at / side) % side, at % side];
      const dx = away(column, startX + speed * time * right);
      const dy = away(row, startY + speed * time * down);
      return Math.exp(-(dx * dx + dy * dy) / 1.6) + 0.15 * random.normal();
    });
  });
  return { x, y, classes: directions.map(([name]) => name) };
}
