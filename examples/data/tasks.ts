// Tasks as texts: a word says what to do with the words after it, and the answer is a text too.
import type { Random } from './random.ts';
import { pick, type Sentence } from './words.ts';

/** A text to read and one to write. */
export interface Task {
  readonly name: string;
  readonly input: Sentence;
  readonly output: Sentence;
}

const opposites = ['big small', 'hot cold', 'old new', 'light dark', 'fast slow', 'wet dry'].map((pair) => pair.split(' '));
const words = opposites.flat();
const opposite = (word: string): string => opposites.flatMap((pair) => (pair.includes(word) ? pair : [])).find((one) => one !== word) ?? '';

const tasks: Readonly<Record<string, (list: Sentence) => Sentence>> = {
  reverse: (list) => list.toReversed(),
  opposite: (list) => list.map(opposite),
  ends: (list) => [...list.slice(0, 1), ...list.slice(-1)],
};
/** What can be asked for. */
export const taskNames = Object.keys(tasks);

/** `count` tasks of which none occurs twice: "reverse big hot old" → "old hot big". */
export function taskList(count: number, random: Random): Task[] {
  const found = new Map<string, Task>();
  while (found.size < count) {
    const name = pick(taskNames, random);
    const list = Array.from({ length: 2 + random.below(4) }, () => pick(words, random));
    const input = [name, ...list];
    found.set(input.join(' '), { name, input, output: tasks[name]?.(list) ?? [] });
  }
  return [...found.values()];
}
