// SimCSE: sentences read twice with different dropout come to lie by their topic, which nothing names.
import { random } from '../data/random.ts';
import { tellings, topicNames, type Told } from '../data/topics.ts';
import { padded, slices, Vocabulary, type Ids } from '../data/words.ts';
import type { HostExample } from '../example.ts';
import { chart } from '../pictures/chart.ts';
import { probe } from '../probe/probe.ts';
import { plane } from '../word2vec/plane.ts';
import { createFit, load, type Reader } from './simcse.dlm.js';

const [size, length] = [64, 10];
const labelled = 3 * topicNames.length;

/** Row 23, with `../contrastive` and `../speech`. */
export const example: HostExample = {
  row: 23,
  title: 'SimCSE: dropout as augmentation',
  goals: { 'topics of sentences, probed': { least: 0.8 }, 'above a random reader': { least: 0.1 } },
  programs: [{ file: 'simcse.dlm', dims: { b: size, t: length } }],
  async run(settings) {
    const source = random(settings.seed);
    const all = tellings(settings.brief ? 200 : 3000, source);
    const test = tellings(300, source);
    const vocabulary = new Vocabulary(all.map(({ words }) => words));
    const tensor = (told: readonly Told[]): Ids => padded(told.map(({ words }) => vocabulary.encode(words)), length);
    await using net = await load(settings);
    const score = async (): Promise<number> =>
      probe(await seen(net, tensor(all.slice(0, labelled)), all), await seen(net, tensor(test), test));

    const before = await score();
    await using fit = await createFit(net);
    const losses: number[] = [];
    for (let epoch = 0; epoch < 8; epoch++)
      for (const batch of slices(all, size, source)) losses.push((await fit.step({ ids: tensor(batch) })).loss);
    const after = await score();

    const points = plane((await seen(net, tensor(test), test)).rows);
    return {
      scores: { 'topics of sentences, probed': after, 'above a random reader': after - before },
      losses: { SimCSE: losses },
      pictures: {
        'sentences.svg': chart({
          title: 'Sentences in the plane that spreads their vectors most',
          x: 'first direction',
          y: 'second direction',
          series: topicNames.map((name, topic) => ({ name, points: points.filter((_, at) => test[at]?.topic === topic), dots: true })),
        }),
      },
    };
  },
};

async function seen(net: Reader, ids: Ids, told: readonly Told[]) {
  using found = await net.features(ids);
  const [values, width] = [await found.data(), found.shape[1]];
  const rows = Array.from({ length: found.shape[0] }, (_, at) => values.slice(at * width, (at + 1) * width));
  return { rows, labels: told.slice(0, rows.length).map(({ topic }) => topic) };
}
