// An endless text of letters that come twice: some are drawn, a mark follows, and the same ones come again. Read in
// segments that are shorter than what has to be remembered.
import type { Random } from './random.ts';
import type { Ids } from './words.ts';

/** How long a drawn part is, how long a segment, and how many letters there are (1 …; 0 is the mark). */
export const copying = { part: 12, segment: 8, letters: 8 } as const;

/** A segment of several texts, and what follows each letter; -100 where that was drawn. */
export interface Segment {
  readonly ids: Ids;
  readonly next: Ids;
}

/** Segments that go on where the ones before ended, of `rows` texts. */
export function* segments(rows: number, random: Random): Generator<Segment, never> {
  const { part, segment, letters } = copying;
  const texts = Array.from({ length: rows }, () => ({ text: [] as number[], known: [] as boolean[] }));
  const fill = ({ text, known }: (typeof texts)[number], length: number): void => {
    while (text.length <= length) {
      const drawn = Array.from({ length: part }, () => 1 + random.below(letters));
      text.push(...drawn, 0, ...drawn, 0);
      // The second part and the marks can be told from what was before.
      known.push(...drawn.map(() => false), true, ...drawn.map(() => true), true);
    }
  };
  const drop = ({ text, known }: (typeof texts)[number], count: number): void => {
    text.splice(0, count);
    known.splice(0, count);
  };
  texts.forEach((one, row) => {
    fill(one, 2 * part + 2);
    // Each text begins elsewhere, so that every segment has something to copy.
    drop(one, Math.floor((row * 2 * (part + 1)) / rows));
  });
  for (;;) {
    for (const one of texts) fill(one, segment);
    const take = (list: (of: (typeof texts)[number]) => number[]): Ids => ({
      data: Int32Array.from(texts.flatMap(list)),
      shape: [rows, segment],
    });
    yield {
      ids: take(({ text }) => text.slice(0, segment)),
      next: take(({ text, known }) => text.slice(1, segment + 1).map((id, at) => (known[at + 1] === true ? id : -100))),
    };
    for (const one of texts) drop(one, segment);
  }
}
