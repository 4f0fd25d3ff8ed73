// Pictures of four tiles, each with a shape in a colour, and questions about them. A question by shape or by
// colour is asked only where one tile is meant.
import type { Random } from './random.ts';
import { pick, type Sentence } from './words.ts';

/** Pixels of a side: two tiles of six. */
export const tilesSide = 12;

const shapes: Readonly<Record<string, (x: number, y: number) => boolean>> = {
  ring: (x, y) => Math.max(Math.abs(x), Math.abs(y)) === 2,
  cross: (x, y) => x === 0 || y === 0,
  box: (x, y) => Math.max(Math.abs(x), Math.abs(y)) <= 1,
  slash: (x, y) => Math.abs(x + y) <= 1,
};
const colours: Readonly<Record<string, readonly number[]>> = {
  red: [0.9, 0.15, 0.1],
  green: [0.1, 0.7, 0.2],
  blue: [0.15, 0.25, 0.95],
  yellow: [0.95, 0.85, 0.1],
};
const corners = ['northwest', 'northeast', 'southwest', 'southeast'];

/** Words that can be an answer. */
export const answers = [...Object.keys(shapes), ...Object.keys(colours), ...corners];

/** A picture [3, 12, 12], a question and its answer. */
export interface Asked {
  readonly pixels: Float32Array;
  readonly question: Sentence;
  readonly answer: number;
}

/** A picture with a question about it. */
export function asked(random: Random): Asked {
  const tiles = corners.map((corner) => ({ corner, shape: pick(Object.keys(shapes), random), colour: pick(Object.keys(colours), random) }));
  const tile = pick(tiles, random);
  const only = (what: 'shape' | 'colour'): boolean => tiles.filter((each) => each[what] === tile[what]).length === 1;
  const [question, answer] = pick(
    [
      [`which colour is in the ${tile.corner}`, tile.colour],
      [`which shape is in the ${tile.corner}`, tile.shape],
      ...(only('shape') ? [[`which colour has the ${tile.shape}`, tile.colour], [`where is the ${tile.shape} shape`, tile.corner]] as const : []),
      ...(only('colour') ? [[`which shape is in ${tile.colour}`, tile.shape], [`where is the ${tile.colour} one`, tile.corner]] as const : []),
    ] as const,
    random,
  );
  const pixels = new Float32Array(3 * tilesSide ** 2).map(() => 0.9 + 0.05 * random.normal());
  tiles.forEach((each, at) => {
    const [left, top] = [6 * (at % 2) + random.below(2), 6 * Math.floor(at / 2) + random.below(2)];
    for (let y = 0; y < 5; y++)
      for (let x = 0; x < 5; x++)
        if (shapes[each.shape]?.(x - 2, y - 2))
          colours[each.colour]?.forEach((value, channel) => (pixels[144 * channel + tilesSide * (top + y) + left + x] = value));
  });
  return { pixels, question: question.split(' '), answer: answers.indexOf(answer) };
}
