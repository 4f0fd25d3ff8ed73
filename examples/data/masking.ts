// What BERT and its kin learn from: words to be guessed, and pairs of sentences of which one may be false. Written to be
// copied.
import type { Random } from './random.ts';
import { pick } from './words.ts';

/** A target that does not count. */
export const unasked = -100;

/** How words are hidden. */
export interface Masking {
  /** The share of words that are to be guessed. */
  readonly rate: number;
  /** The id of the mask. */
  readonly mask: number;
  /** Ids from here on are words; below are marks, which are never hidden. */
  readonly firstWord: number;
  /** One more than the last id. */
  readonly words: number;
}

/**
 * Hides words: of those to be guessed 80 % become the mask, 10 % another word, and 10 % stay (Devlin et al. 2019). At
 * least one is to be guessed. Called once for each text it is BERT's masking; called anew in each epoch it is RoBERTa's.
 */
export function masked(ids: readonly number[], { rate, mask, firstWord, words }: Masking, random: Random) {
  const places = ids.flatMap((id, at) => (id >= firstWord ? [at] : []));
  const order = random.permutation(places.length).slice(0, Math.max(1, Math.round(rate * places.length)));
  const hidden = [...ids];
  const targets = ids.map(() => unasked);
  for (const which of order) {
    const at = places[which] ?? 0;
    targets[at] = ids[at] ?? unasked;
    const dice = random.uniform();
    if (dice < 0.8) hidden[at] = mask;
    else if (dice < 0.9) hidden[at] = firstWord + random.below(words - firstWord);
  }
  return { ids: hidden, targets };
}

/** Two texts, and 1 where they are not what they seem. */
export interface TextPair {
  readonly first: readonly number[];
  readonly second: readonly number[];
  readonly label: 0 | 1;
}
/** The sentences of a text. */
export type Document = readonly (readonly number[])[];

const neighbours = (document: Document): (readonly [readonly number[], readonly number[]])[] =>
  document.slice(1).map((second, at) => [document[at] ?? [], second]);

/** Each sentence with the one that follows it (0) or, half of the time, with one of another document (1). */
export const nextSentences = (documents: readonly Document[], random: Random): TextPair[] =>
  documents.flatMap((document, own) =>
    neighbours(document).map(([first, second]) => {
      if (random.uniform() < 0.5) return { first, second, label: 0 };
      const other = documents[(own + 1 + random.below(documents.length - 1)) % documents.length] ?? document;
      return { first, second: pick(other, random), label: 1 };
    }),
  );

/** Neighbouring sentences in their order (0) or, half of the time, swapped (1) (Lan et al. 2020). */
export const sentenceOrders = (documents: readonly Document[], random: Random): TextPair[] =>
  documents.flatMap((document) =>
    neighbours(document).map(([first, second]) =>
      random.uniform() < 0.5 ? { first, second, label: 0 } : { first: second, second: first, label: 1 },
    ),
  );

/** "[CLS] first [SEP] second [SEP]" as ids, and which of both each place belongs to. */
export function joined({ first, second }: Pick<TextPair, 'first' | 'second'>, marks: { readonly begin: number; readonly end: number }) {
  const ids = [marks.begin, ...first, marks.end, ...second, marks.end];
  return { ids, types: ids.map((_, at) => (at < first.length + 2 ? 0 : 1)) };
}

/**
 * A random order in which the words of a text are told, for XLNet: each word has a place in the order. Only those that
 * come late, the last `share`, are to be guessed; marks come first. Padding belongs behind, with places of its own.
 */
export function permuted(ids: readonly number[], share: number, { firstWord }: Masking, random: Random) {
  const places = ids.flatMap((id, at) => (id >= firstWord ? [at] : []));
  const told = Math.max(1, Math.round(share * places.length));
  const order = ids.map(() => 0);
  const targets = ids.map(() => unasked);
  random.permutation(places.length).forEach((which, at) => {
    const place = places[which] ?? 0;
    order[place] = at + 1;
    if (at >= places.length - told) targets[place] = ids[place] ?? unasked;
  });
  return { order, targets };
}
