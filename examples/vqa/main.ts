// Questions about pictures of four tiles; networks that lack a sense are asked, too.
import { stacked } from '../data/digits.ts';
import { random } from '../data/random.ts';
import { answers, asked, type Asked } from '../data/tiles.ts';
import { padded, Vocabulary } from '../data/words.ts';
import type { HostExample } from '../example.ts';
import { label, svg } from '../pictures/chart.ts';
import { photo } from '../pictures/photo.ts';
import { createFit, load } from './vqa.dlm.js';

const size = 64;

/** Row 24, with `../fusion`. */
export const example: HostExample = {
  row: 24,
  title: 'Visual question answering',
  goals: { 'right answers': { least: 0.9 }, 'above the better sense alone': { least: 0.3 } },
  programs: [{ file: 'vqa.dlm', dims: { b: size } }],
  async run(settings) {
    const source = random(settings.seed);
    const draw = (count: number): Asked[] => Array.from({ length: count }, () => asked(source));
    const vocabulary = new Vocabulary(draw(300).map(({ question }) => question));
    const tensors = (all: readonly Asked[]) => ({
      picture: stacked(all.map(({ pixels }) => pixels), [3, 12, 12]),
      ids: padded(all.map(({ question }) => vocabulary.encode(question)), 6),
      y: Int32Array.from(all, ({ answer }) => answer),
    });
    const steps = settings.brief ? 10 : 1500;
    await using net = await load(settings);
    await using fit = await createFit(net, { total: settings.brief ? 200 : steps });
    const losses: number[] = [];
    for (let step = 0; step < steps; step++) losses.push((await fit.step(tensors(draw(settings.brief ? 32 : size)))).metrics.surprise);

    const test = draw(500);
    const { picture, ids, y } = tensors(test);
    using found = await net.answer(picture, ids);
    const said = await found.data();
    const [both = NaN, ...alone] = [0, 1, 2].map((row) => y.filter((answer, at) => said[500 * row + at] === answer).length / 500);
    using looked = await net.looks(picture, ids);
    const looks = await looked.data();
    return {
      scores: { 'right answers': both, 'above the better sense alone': both - Math.max(...alone) },
      losses: { VQA: losses },
      pictures: { 'answers.svg': drawn(test.slice(0, 6), said, looks) },
    };
  },
};

const [edge, room] = [108, 16];

/** Pictures with question and answer, and beside each where the question looks. */
function drawn(test: readonly Asked[], said: Int32Array, looks: Float32Array): string {
  const parts = test.flatMap(({ pixels, question, answer }, at) => {
    const [left, top] = [room + (at % 3) * 290, 40 + Math.floor(at / 3) * (edge + 64)];
    const weights = looks.slice(4 * at, 4 * at + 4);
    const told = answers[said[at] ?? 0] ?? '';
    return [
      photo(pixels, left, top, edge),
      ...Array.from(weights, (weight, tile) => {
        const [x, y] = [left + edge + 12 + (tile % 2) * 42, top + 12 + Math.floor(tile / 2) * 42];
        return `<rect x="${x}" y="${y}" width="40" height="40" fill="#1f5f9e" fill-opacity="${weight.toFixed(2)}" stroke="#bbb"/>`;
      }),
      label(left, top + edge + 16, `${question.join(' ')}?`),
      label(left, top + edge + 32, told, `font-weight="bold" style="fill:${told === answers[answer] ? '#2d9a5f' : '#b00'}"`),
    ];
  });
  const title = 'Held-out questions with answers, and, darker, the tile that a question looks at';
  return svg(3 * 290 + room, 40 + 2 * (edge + 64), [label(room, 22, title, 'font-weight="bold"'), ...parts]);
}
