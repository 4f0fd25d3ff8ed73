// Sentences as tensors: a vocabulary of the words that occur, ids, and padding to one length.
import type { Random } from './random.ts';

/** A sentence, word by word. */
export type Sentence = readonly string[];

/** Whole numbers as a tensor of this shape. */
export interface Ids {
  readonly data: Int32Array<ArrayBuffer>;
  readonly shape: number[];
}

/** What fills sentences up, begins one, ends one, and stands for words that are not known. */
export const marks = { pad: 0, begin: 1, end: 2, unknown: 3 } as const;

/** Words and their ids. */
export class Vocabulary {
  readonly words: readonly string[];
  private readonly ids: ReadonlyMap<string, number>;

  constructor(sentences: readonly Sentence[]) {
    this.words = [...Object.keys(marks).map((mark) => `<${mark}>`), ...new Set(sentences.flat())];
    this.ids = new Map(this.words.map((word, id) => [word, id]));
  }

  /** The ids of a sentence. */
  encode(sentence: Sentence): number[] {
    return sentence.map((word) => this.ids.get(word) ?? marks.unknown);
  }

  /** The words of ids, up to the mark of the end. */
  decode(ids: ArrayLike<number>): string[] {
    const all = Array.from(ids);
    const end = all.indexOf(marks.end);
    return all.slice(0, end < 0 ? all.length : end).map((id) => this.words[id] ?? '');
  }
}

/** Lists of ids as one tensor: all as long as the longest, or `length`, with padding behind. */
export function padded(lists: readonly (readonly number[])[], length = Math.max(...lists.map((ids) => ids.length))): Ids {
  const data = new Int32Array(lists.length * length).fill(marks.pad);
  lists.forEach((ids, at) => data.set(ids.slice(0, length), at * length));
  return { data, shape: [lists.length, length] };
}

/** Slices of up to `size` items, in random order where `random` is given. */
export function* slices<T>(items: readonly T[], size: number, random?: Random): Generator<T[]> {
  const order = random?.permutation(items.length) ?? items.map((_, at) => at);
  for (let from = 0; from < order.length; from += size)
    yield order.slice(from, from + size).flatMap((at) => items.slice(at, at + 1));
}

/** One of a list. */
export function pick<T>(items: readonly T[], random: Random): T {
  const item = items[random.below(items.length)];
  if (item === undefined) throw new RangeError('an empty list');
  return item;
}
