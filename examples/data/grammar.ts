// Sentences from a grammar with probabilities, and how surprising each is: a sentence comes about in one way only, so
// the logarithm of its probability is the sum over its choices. No model can be less surprised on average.
import type { Random } from './random.ts';
import type { Sentence } from './words.ts';

/** What a symbol becomes, and how often. */
type Rules = Readonly<Record<string, readonly (readonly [weight: number, ...parts: string[]])[]>>;

// Number agrees over a distance: what `who` and `near` bring in stands between a noun and its verb.
const rules: Rules = {
  S: [
    [6, 'ONE', 'sees', 'NP', '.'],
    [3, 'ONE', 'sleeps', '.'],
    [6, 'MANY', 'see', 'NP', '.'],
    [3, 'MANY', 'sleep', '.'],
  ],
  NP: [
    [1, 'ONE'],
    [1, 'MANY'],
  ],
  ONE: [
    [7, 'a', 'CAT'],
    [2, 'a', 'CAT', 'who', 'sees', 'NP'],
    [2, 'a', 'CAT', 'near', 'NP'],
  ],
  MANY: [
    [7, 'two', 'CATS'],
    [2, 'two', 'CATS', 'who', 'see', 'NP'],
    [2, 'two', 'CATS', 'near', 'NP'],
  ],
  CAT: [
    [4, 'cat'],
    [3, 'dog'],
    [2, 'small', 'CAT'],
    [1, 'bird'],
  ],
  CATS: [
    [4, 'cats'],
    [3, 'dogs'],
    [2, 'small', 'CATS'],
    [1, 'birds'],
  ],
};

/** A sentence and -log of its probability, in nats. */
export interface Drawn {
  readonly words: Sentence;
  readonly surprise: number;
}

/** Draws a sentence. */
export function sentence(random: Random, symbol = 'S'): Drawn {
  const choices = rules[symbol];
  if (!choices) return { words: [symbol], surprise: 0 };
  const total = choices.reduce((sum, [weight]) => sum + weight, 0);
  let left = random.uniform(0, total);
  const chosen = choices.find(([weight]) => (left -= weight) < 0) ?? choices[0];
  if (!chosen) throw new Error(`nothing becomes of ${symbol}`);
  const [weight, ...parts] = chosen;
  const drawn = parts.map((part) => sentence(random, part));
  return {
    words: drawn.flatMap(({ words }) => words),
    surprise: drawn.reduce((sum, { surprise }) => sum + surprise, -Math.log(weight / total)),
  };
}

/** `count` sentences of up to `longest` words; longer ones are so rare that leaving them out changes nothing. */
export function sentencesOf(count: number, longest: number, random: Random): Drawn[] {
  const all: Drawn[] = [];
  while (all.length < count) {
    const one = sentence(random);
    if (one.words.length <= longest) all.push(one);
  }
  return all;
}
