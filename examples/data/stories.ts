// Stories of people who walk between rooms, and a question where one of them is: the answer is the last room that the
// story says for this person, which may stand far above, under sentences about others.
import type { Random } from './random.ts';
import { pick, type Sentence } from './words.ts';

/** A story, a question and its answer. */
export interface Story {
  readonly sentences: readonly Sentence[];
  readonly question: Sentence;
  readonly answer: string;
}

const people = ['mary', 'john', 'sandra', 'daniel'];
const verbs = ['went to', 'moved to', 'travelled to'];

/** Where people can be. */
export const rooms = ['kitchen', 'garden', 'office', 'bathroom', 'hallway', 'bedroom'];

/** A story of `length` sentences. */
export function story(length: number, random: Random): Story {
  const walks = Array.from({ length }, () => ({ who: pick(people, random), room: pick(rooms, random) }));
  const { who } = pick(walks, random);
  return {
    sentences: walks.map((walk) => `${walk.who} ${pick(verbs, random)} the ${walk.room}`.split(' ')),
    question: `where is ${who}`.split(' '),
    answer: walks.findLast((walk) => walk.who === who)?.room ?? '',
  };
}
