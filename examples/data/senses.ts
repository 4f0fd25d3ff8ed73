// Things that are seen, heard and told of: the picture shows a shape in a corner, the sound has a pitch, the sentence
// names a colour. Each sense knows what the others do not.
import { stacked, type Numbers } from './digits.ts';
import type { Random } from './random.ts';
import { padded, pick, type Ids, type Sentence, type Vocabulary } from './words.ts';

/** What can be told of a thing. */
export const senses = {
  shapes: ['ring', 'cross', 'bar', 'dot'],
  corners: ['upper left', 'upper right', 'lower left', 'lower right'],
  colours: ['red', 'green', 'blue', 'yellow'],
} as const;

/** A thing: four choices out of four, and what three senses say about it. */
export interface Thing {
  readonly shape: number;
  readonly corner: number;
  readonly pitch: number;
  readonly colour: number;
  /** 8×8 values from 0 to 1. */
  readonly picture: Float32Array;
  /** 64 samples. */
  readonly sound: Float32Array;
  readonly words: Sentence;
}

const drawings = ['111101111', '010111010', '010010010', '110110000'].map((text) => [...text].map(Number));
const templates = ['it is C', 'the thing looks C to me', 'this one is C i think', 'C is what it is'];

/** A thing of random kind. */
export function thing(random: Random): Thing {
  const [shape, corner, pitch, colour] = [random.below(4), random.below(4), random.below(4), random.below(4)];
  const [right, down] = [4 * (corner % 2) + random.below(2), 4 * Math.floor(corner / 2) + random.below(2)];
  const ink = random.uniform(0.6, 1);
  const picture = Float32Array.from({ length: 64 }, (_, at) => {
    const [x, y] = [(at % 8) - right, Math.floor(at / 8) - down];
    const inside = x >= 0 && y >= 0 && x < 3 && y < 3 && drawings[shape]?.[3 * y + x] === 1;
    return (inside ? ink : 0) + 0.1 * random.normal();
  });
  const phase = random.uniform(0, 2 * Math.PI);
  const sound = Float32Array.from({ length: 64 }, (_, at) => Math.sin(phase + at * (0.4 + 0.5 * pitch)) + 0.3 * random.normal());
  const words = pick(templates, random).replace('C', senses.colours[colour] ?? '').split(' ');
  return { shape, corner, pitch, colour, picture, sound, words };
}

/** "a ring in the upper left": what the picture shows. */
export const captionOf = ({ shape, corner }: { shape: number; corner: number }): Sentence =>
  `a ${senses.shapes[shape]} in the ${senses.corners[corner]}`.split(' ');

/** Words of all sentences and captions, as sentences. */
export const everyWord: readonly Sentence[] = [
  ...templates.map((text) => text.split(' ')),
  senses.colours,
  ...[0, 1, 2, 3].map((at) => captionOf({ shape: at, corner: at })),
];

/** Pictures, sounds and sentences as tensors. */
export function sensed(things: readonly Thing[], vocabulary: Vocabulary): { picture: Numbers; sound: Numbers; words: Ids } {
  return {
    picture: stacked(things.map(({ picture }) => picture), [1, 8, 8]),
    sound: stacked(things.map(({ sound }) => sound), [1, 64]),
    words: padded(things.map(({ words }) => vocabulary.encode(words)), 6),
  };
}
