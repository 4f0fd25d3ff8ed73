// Short reviews with the opinion that they end up with. Words alone do not tell it: `not` and `hardly` turn a word
// around, and of two opinions that `but` joins, the last counts. Remarks without an opinion stand between.
import type { Random } from './random.ts';
import { pick, type Sentence } from './words.ts';

/** A review: 1 where it praises. */
export interface Review {
  readonly words: Sentence;
  readonly praise: 0 | 1;
}

const good = ['good', 'great', 'lovely', 'funny', 'charming', 'brilliant', 'moving', 'clever'];
const bad = ['bad', 'awful', 'dull', 'boring', 'weak', 'silly', 'tiresome', 'clumsy'];
const things = ['the film', 'the plot', 'the music', 'the acting', 'the ending', 'this story', 'the whole thing'];
const remarks = ['i saw it on monday', 'it runs for two hours', 'my sister came along', 'the room was full', 'it was raining'];
const degrees = ['', '', 'really', 'quite', 'rather', 'very'];
const turns = ['not', 'hardly', 'never'];

function opinion(praise: boolean, random: Random): string {
  const turned = random.uniform() < 0.35;
  const word = pick(praise !== turned ? good : bad, random);
  return [pick(things, random), 'was', turned ? pick(turns, random) : '', pick(degrees, random), word].join(' ');
}

function review(random: Random): Review {
  const praise = random.uniform() < 0.5;
  const parts = [opinion(praise, random)];
  if (random.uniform() < 0.5) parts.unshift(opinion(!praise, random), 'but');
  if (random.uniform() < 0.4) parts.unshift(pick(remarks, random), 'and');
  if (random.uniform() < 0.4) parts.push('and', pick(remarks, random));
  return { words: parts.join(' ').split(' ').filter((word) => word !== ''), praise: praise ? 1 : 0 };
}

/** `count` reviews, none of them twice. */
export function reviews(count: number, random: Random): Review[] {
  const found = new Map<string, Review>();
  while (found.size < count) {
    const one = review(random);
    found.set(one.words.join(' '), one);
  }
  return [...found.values()];
}
