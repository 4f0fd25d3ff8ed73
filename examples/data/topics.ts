// Sentences about one of six topics: words of the topic between small words that all share. What belongs together is
// nowhere said, but words of a topic stand near each other.
import type { Random } from './random.ts';
import { pick, type Sentence } from './words.ts';

/** Words of each topic. */
export const topics = {
  sea: 'sailor captain harbour wave anchor island boat storm sails drifts dives sinks deep salty blue stormy'.split(' '),
  kitchen: 'cook baker oven soup bread pepper spoon plate boils fries stirs tastes hot sweet spicy crisp'.split(' '),
  space: 'pilot comet planet rocket moon orbit star crater launches lands glows spins distant bright cold dark'.split(' '),
  farm: 'farmer shepherd barn field cow tractor hay fence ploughs feeds grazes harvests muddy green ripe fertile'.split(' '),
  music: 'singer drummer violin stage chorus melody piano song plays hums rehearses listens loud soft slow lively'.split(' '),
  school: 'teacher pupil lesson book desk pencil exam essay reads writes learns explains clever difficult curious strict'.split(' '),
} as const;

/** Names of the topics, in order of their classes. */
export const topicNames = Object.keys(topics) as (keyof typeof topics)[];

/** The class of each word that has one. */
export const topicOf: ReadonlyMap<string, number> = new Map(
  topicNames.flatMap((name, topic) => topics[name].map((word) => [word, topic] as const)),
);

/** A sentence and the class of its topic. */
export interface Told {
  readonly words: Sentence;
  readonly topic: number;
}

/** The words of every sentence: articles and the like as they stand, of the topic a noun (N), a verb (V), a quality (A). */
const patterns = ['the A N V with a N', 'a N V near the A N', 'the N and the N V there', 'one A N always V a N'].map((text) =>
  text.split(' '),
);
const kinds: Readonly<Record<string, readonly [number, number]>> = { N: [0, 8], V: [8, 12], A: [12, 16] };

/** A sentence of a topic. */
export function told(topic: number, random: Random): Told {
  const own = topics[topicNames[topic] ?? 'sea'];
  const words = pick(patterns, random).map((word) => {
    const range = kinds[word];
    return range ? pick(own.slice(...range), random) : word;
  });
  return { words, topic };
}

/** Sentences of all topics by turns. */
export const tellings = (count: number, random: Random): Told[] =>
  Array.from({ length: count }, (_, at) => told(at % topicNames.length, random));
