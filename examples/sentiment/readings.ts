// A picture of sentences whose words are coloured by what a reader believes after each of them.
import type { Sentence } from '../data/words.ts';
import { label, svg } from '../pictures/chart.ts';

/** A sentence, and the probability of praise after each of its words. */
export interface Reading {
  readonly words: Sentence;
  readonly praise: 0 | 1;
  readonly beliefs: readonly number[];
}

/** From red (blame) over white to green (praise). */
function colour(belief: number): string {
  const [from, to] = belief < 0.5 ? [[214, 84, 78], [255, 255, 255]] : [[255, 255, 255], [72, 160, 104]];
  const part = belief < 0.5 ? 2 * belief : 2 * belief - 1;
  return `rgb(${[0, 1, 2].map((at) => Math.round((from[at] ?? 0) + part * ((to[at] ?? 0) - (from[at] ?? 0)))).join(',')})`;
}

const row = 44;
const boxWidth = (word: string): number => 7.2 * word.length + 12;

function drawn({ words, praise, beliefs }: Reading, at: number): string[] {
  const top = 46 + row * at;
  let x = 16;
  const boxes = words.flatMap((word, place) => {
    const belief = beliefs[place] ?? 0.5;
    const [left, width] = [x, boxWidth(word)];
    x += width + 3;
    return [
      `<rect x="${left.toFixed(1)}" y="${top}" width="${width.toFixed(1)}" height="22" rx="3" fill="${colour(belief)}" stroke="#ccc"/>`,
      label(left + width / 2, top + 15, word, 'text-anchor="middle"'),
      label(left + width / 2, top + 34, belief.toFixed(2), 'text-anchor="middle" style="font-size:9px;fill:#888"'),
    ];
  });
  return [...boxes, label(x + 8, top + 15, praise === 1 ? '→ praise' : '→ blame', 'font-weight="bold"')];
}

/** Draws readings below each other. */
export function readings(all: readonly Reading[]): string {
  const wide = Math.max(...all.map(({ words }) => words.reduce((sum, word) => sum + boxWidth(word) + 3, 0)));
  return svg(Math.ceil(wide) + 110, 56 + row * all.length, [
    label(16, 24, 'Probability of praise after each word of held-out reviews', 'font-weight="bold"'),
    ...all.flatMap(drawn),
  ]);
}
