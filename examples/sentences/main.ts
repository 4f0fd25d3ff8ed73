// A transformer reads sentences without labels; then three labelled ones of each topic are enough for a linear probe.
import { random } from '../data/random.ts';
import { tellings, topicNames, type Told } from '../data/topics.ts';
import { padded, slices, Vocabulary, type Ids } from '../data/words.ts';
import type { HostExample, Settings } from '../example.ts';
import { chart, line } from '../pictures/chart.ts';
import { probe } from '../probe/probe.ts';
import { createFillGaps, createNextWord, loadFiller, loadSpeaker, type Filler, type Speaker } from './sentences.dlm.js';

const [size, length] = [32, 10];
const labelled = 3 * topicNames.length;

/** Row 22, with `../word2vec` and `../self-supervised`. */
export const example: HostExample = {
  row: 22,
  title: 'Masked and next-word prediction',
  goals: {
    'gaps: topics of sentences, probed': { least: 0.9 },
    'gaps: above a random reader': { least: 0.1 },
    'next word: topics of sentences, probed': { least: 0.9 },
    'next word: above a random reader': { least: 0.1 },
  },
  programs: [{ file: 'sentences.dlm', dims: { b: size, t: length } }],
  async run(settings) {
    const source = random(settings.seed);
    const all = tellings(settings.brief ? 60 : 3000, source);
    const data = { all, vocabulary: new Vocabulary(all.map(({ words }) => words)), test: tellings(settings.brief ? 60 : 300, source) };

    await using filler = await loadFiller(settings);
    await using fillGaps = await createFillGaps(filler);
    const gaps = await learn(filler, fillGaps, data, settings);
    await using speaker = await loadSpeaker(settings);
    await using nextWord = await createNextWord(speaker);
    const next = await learn(speaker, nextWord, data, settings);
    return {
      scores: {
        'gaps: topics of sentences, probed': gaps.after,
        'gaps: above a random reader': gaps.after - gaps.before,
        'next word: topics of sentences, probed': next.after,
        'next word: above a random reader': next.after - next.before,
      },
      losses: { gaps: gaps.losses, 'next word': next.losses },
      pictures: {
        'probes.svg': chart({
          title: 'Topics that a probe tells, while the reader reads without labels',
          x: 'sentences read, 800 at a time',
          y: 'share of held-out sentences',
          range: [0, 1],
          series: [line('filling gaps', gaps.probes), line('next word', next.probes)],
        }),
      },
    };
  },
};

interface Data {
  readonly all: readonly Told[];
  readonly test: readonly Told[];
  readonly vocabulary: Vocabulary;
}
type Reader = Filler | Speaker;
/** A training session of either. */
interface Fit {
  step(batch: { ids: Ids }): Promise<{ loss: number }>;
}

const tensor = (told: readonly Told[], vocabulary: Vocabulary): Ids =>
  padded(told.map(({ words }) => vocabulary.encode(words)), length);

async function learn(net: Reader, fit: Fit, data: Data, { seed, brief }: Settings) {
  const order = random(seed);
  const before = await topicsFound(net, data);
  const losses: number[] = [];
  const probes = [before];
  for (let epoch = 0; epoch < (brief ? 3 : 8); epoch++)
    for (const batch of slices(data.all, size, order)) {
      losses.push((await fit.step({ ids: tensor(batch, data.vocabulary) })).loss);
      if (losses.length % 25 === 0) probes.push(await topicsFound(net, data));
    }
  return { before, after: await topicsFound(net, data), losses, probes };
}

/** How well a probe tells topics that has seen a few labelled sentences. */
async function topicsFound(net: Reader, { all, test, vocabulary }: Data): Promise<number> {
  const part = async (told: readonly Told[]) => {
    using found = await net.features(tensor(told, vocabulary));
    const [values, width] = [await found.data(), found.shape[1]];
    return { rows: told.map((_, at) => values.slice(at * width, (at + 1) * width)), labels: told.map(({ topic }) => topic) };
  };
  return probe(await part(all.slice(0, labelled)), await part(test));
}
