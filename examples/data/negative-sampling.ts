// Pairs for word2vec with negative sampling (Mikolov et al. 2013): words with their neighbours, and words drawn at
// random as bad examples. Written to be copied.
import type { Random } from './random.ts';

/** How pairs are drawn. */
export interface Sampling {
  /** So many words each way are neighbours at most; the width is drawn anew for each word. */
  readonly window: number;
  /** Bad examples for each good one. */
  readonly negatives: number;
  /** Words more frequent than this share of the text are left out now and then. */
  readonly frequent: number;
}

/** A word, its neighbours, and words that are not. */
export interface Example {
  readonly centre: number;
  readonly around: readonly number[];
  readonly noise: readonly number[];
}

/** How often each id occurs. */
export function frequencies(text: readonly (readonly number[])[], words: number): number[] {
  const counts = Array.from({ length: words }, () => 0);
  for (const id of text.flat()) counts[id] = (counts[id] ?? 0) + 1;
  return counts;
}

/** Draws ids in proportion to the power 0.75 of their counts, which favours rare words a little. */
export function noiseOf(counts: readonly number[], random: Random, power = 0.75): () => number {
  let total = 0;
  const ends = counts.map((count) => (total += count ** power));
  return () => {
    const at = random.uniform(0, total);
    let [low, high] = [0, ends.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ends[middle] ?? 0) > at) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** The probability that an occurrence of each id is kept: √(frequent / share), at most 1. */
export function keeping(counts: readonly number[], frequent: number): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => Math.min(1, Math.sqrt((frequent * total) / Math.max(count, 1))));
}

/** Every kept word of a text with its kept neighbours, sentence by sentence. */
export function* examples(
  text: readonly (readonly number[])[],
  counts: readonly number[],
  { window, negatives, frequent }: Sampling,
  random: Random,
): Generator<Example> {
  const kept = keeping(counts, frequent);
  const noise = noiseOf(counts, random);
  for (const sentence of text) {
    const ids = sentence.filter((id) => random.uniform() < (kept[id] ?? 1));
    for (const [at, centre] of ids.entries()) {
      const width = 1 + random.below(window);
      const around = [...ids.slice(Math.max(0, at - width), at), ...ids.slice(at + 1, at + 1 + width)];
      if (around.length > 0) yield { centre, around, noise: Array.from({ length: negatives }, noise) };
    }
  }
}
