// Questions about scenes, with answers that neither the picture nor the question alone gives away; and word vectors
// that are given to a model before it learns.
import type { Random } from './random.ts';
import { caption, type Kind, type Thing } from './scenes.ts';
import { pick, type Sentence } from './words.ts';

/** A question and its answer. */
export interface Question {
  readonly words: Sentence;
  readonly answer: Sentence;
}

const name = ({ colour, shape }: Thing): string => `${colour} ${shape}`;
const everything = 'what is there ?';
const opposite = { 'left of': 'right of', above: 'below' } as const;

/** All that can be asked about a scene without naming anything that is not there or there twice. */
export function questions({ first, relation, second }: Kind): Question[] {
  const back = opposite[relation];
  const pairs: [string, string][] = [
    [everything, caption({ first, relation, second }).join(' ')],
    [`what is ${back} the ${name(first)} ?`, `the ${name(second)} is ${back} it`],
    [`what is ${relation} the ${name(second)} ?`, `the ${name(first)} is ${relation} it`],
    [`where is the ${name(first)} ?`, `${relation} the ${name(second)}`],
    [`where is the ${name(second)} ?`, `${back} the ${name(first)}`],
  ];
  for (const thing of [first, second]) {
    if (first.shape !== second.shape) pairs.push([`which colour has the ${thing.shape} ?`, `it is ${thing.colour}`]);
    if (first.colour !== second.colour) pairs.push([`which shape is ${thing.colour} ?`, `it is a ${thing.shape}`]);
  }
  return pairs.map(([words, answer]) => ({ words: words.split(' '), answer: answer.split(' ') }));
}

/** One of the questions about a scene, without the one about everything. */
export const ask = (kind: Kind, random: Random): Question => pick(questions(kind).slice(1), random);

/** One of all questions about a scene; those that begin with what, where and which come equally often. */
export function askEvenly(kind: Kind, random: Random): Question {
  const all = questions(kind);
  const begin = pick([...new Set(all.map(({ words }) => words[0]))], random);
  return pick(
    all.filter(({ words }) => words[0] === begin),
    random,
  );
}

/**
 * Vectors of words by random indexing (Kanerva et al. 2000): each word has a random direction, and its vector is the sum
 * of the directions of the words near it, over all sentences, with length 1. Words in like places get like vectors.
 */
export function wordVectors(sentences: readonly (readonly number[])[], words: number, size: number, random: Random): Float32Array {
  const directions = Float32Array.from({ length: words * size }, () => random.normal());
  const sums = new Float32Array(words * size);
  for (const ids of sentences)
    ids.forEach((id, at) => {
      for (const near of [ids[at - 2], ids[at - 1], ids[at + 1], ids[at + 2]])
        for (let k = 0; near !== undefined && k < size; k++)
          sums[id * size + k] = (sums[id * size + k] ?? 0) + (directions[near * size + k] ?? 0);
    });
  for (let id = 0; id < words; id++) {
    const row = sums.subarray(id * size, (id + 1) * size);
    const length = Math.hypot(...row) || 1;
    row.forEach((value, k) => (row[k] = value / length));
  }
  return sums;
}
