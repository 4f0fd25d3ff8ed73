// Texts with a gap and what may stand there, as SVG: a bar for the probability of each guess.
import { label, svg } from '../pictures/chart.ts';

/** A text, what stands in its gap, and guesses of it. */
export interface Gap {
  readonly words: readonly string[];
  readonly truth: string;
  readonly guesses: readonly { readonly word: string; readonly probability: number }[];
}

/** Draws texts one below the other. */
export const gaps = (title: string, list: readonly Gap[]): string =>
  svg(680, 44 + 92 * list.length, [
    label(12, 24, title, 'font-weight="bold"'),
    ...list.flatMap(({ words, truth, guesses }, row) => [
      label(12, 54 + 92 * row, words.join(' ').trim()),
      ...guesses.flatMap(({ word, probability }, at) => {
        const top = 62 + 92 * row + 20 * at;
        return [
          label(110, top + 13, word, `text-anchor="end" ${word === truth ? 'font-weight="bold"' : ''}`),
          `<rect x="118" y="${top + 2}" width="${(300 * probability).toFixed(1)}" height="14" fill="${word === truth ? '#2d9a5f' : '#9ab'}"/>`,
          label(124 + 300 * probability, top + 13, probability.toFixed(2)),
        ];
      }),
    ]),
  ]);
