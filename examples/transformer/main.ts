// A transformer translates generated Chinese, word by word and by beam search.
import { bleu } from 'dlm/metrics';
import { corpus, longest, parallelBatches, sentences, sources, type Corpus } from '../data/parallel.ts';
import { random } from '../data/random.ts';
import type { Ids, Sentence } from '../data/words.ts';
import type { HostExample, Settings } from '../example.ts';
import { chart, line } from '../pictures/chart.ts';
import { createFit, load, type Translator } from './transformer.dlm.js';

/** Row 14. */
export const example: HostExample = {
  row: 14,
  title: 'Transformer',
  goals: { 'BLEU, greedy': { least: 0.95 }, 'BLEU, beam of 4': { least: 0.95 } },
  programs: [{ file: 'transformer.dlm', dims: { b: 32, s: longest, t: longest } }],
  async run(settings) {
    const [train, test] = settings.brief ? [16, 4] : [2400, 200];
    const data = corpus(train, test, random(settings.seed));
    await using net = await load(settings);
    const { losses, scores } = await learn(net, data, settings);
    const beam = await translate(data, (from) => net.beam(from, longest));
    return {
      scores: { 'BLEU, greedy': scores.at(-1) ?? NaN, 'BLEU, beam of 4': score(beam, data) },
      losses: { transformer: losses },
      pictures: {
        'bleu.svg': chart({
          title: 'Translations of held-out sentences',
          x: 'epoch',
          y: 'BLEU',
          range: [0, 1],
          series: [line('greedy', scores)],
        }),
      },
    };
  },
};

/** Trains; the losses step by step, and how well held-out sentences are translated after each epoch. */
async function learn(net: Translator, data: Corpus, { seed, brief }: Settings) {
  await using fit = await createFit(net);
  const order = random(seed);
  const [losses, scores]: [number[], number[]] = [[], []];
  for (let epoch = 0; epoch < (brief ? 5 : 8); epoch++) {
    for (const batch of parallelBatches(data, 32, order)) losses.push((await fit.step(batch)).loss);
    if (!brief || epoch === 4) scores.push(score(await translate(data, (from) => net.translate(from, longest)), data));
  }
  return { losses, scores };
}

async function translate(data: Corpus, run: (from: Ids) => ReturnType<Translator['beam']>): Promise<Sentence[]> {
  using found = await run(sources(data.test, data));
  return sentences(await found.data(), data);
}

const score = (found: readonly Sentence[], { test }: Corpus): number =>
  bleu(
    found,
    test.map((pair) => [pair.english]),
  );
