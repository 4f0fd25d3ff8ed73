// A parallel corpus for translators: training pairs, held-out pairs, both vocabularies, batches with padding.
import type { Random } from './random.ts';
import { pairs, sample, type Pair } from './translation.ts';
import { marks, padded, slices, Vocabulary, type Ids, type Sentence } from './words.ts';

/** Pairs to learn from and pairs to be measured by; the sample is never learned. */
export interface Corpus {
  readonly train: readonly Pair[];
  readonly test: readonly Pair[];
  readonly chinese: Vocabulary;
  readonly english: Vocabulary;
}

/** The length of padded sentences. */
export const longest = 14;

/** `train` and `test` pairs. */
export function corpus(train: number, test: number, random: Random): Corpus {
  const others = pairs(train + test + 1, random).filter((pair) => pair.chinese.join() !== sample.chinese.join());
  const all = [sample, ...others];
  return {
    train: all.slice(test, test + train),
    test: all.slice(0, test),
    chinese: new Vocabulary(all.map((pair) => pair.chinese)),
    english: new Vocabulary(all.map((pair) => pair.english)),
  };
}

/** Chinese sentences as ids. */
export const sources = (list: readonly Pair[], { chinese }: Corpus): Ids =>
  padded(
    list.map((pair) => chinese.encode(pair.chinese)),
    longest,
  );

/** English sentences as ids, each with the mark of the end. */
export const targets = (list: readonly Pair[], { english }: Corpus): Ids =>
  padded(
    list.map((pair) => [...english.encode(pair.english), marks.end]),
    longest,
  );

/** Batches of training pairs in random order. */
export function* parallelBatches(data: Corpus, size: number, random: Random): Generator<{ from: Ids; to: Ids }> {
  for (const list of slices(data.train, size, random)) yield { from: sources(list, data), to: targets(list, data) };
}

/** The English of rows of ids. */
export const sentences = (ids: Int32Array, { english }: Corpus): Sentence[] =>
  Array.from({ length: ids.length / longest }, (_, at) =>
    english.decode(ids.subarray(longest * at, longest * (at + 1))),
  );
