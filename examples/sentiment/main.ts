// LSTM and BiLSTM read generated reviews and say whether they praise.
import { random } from '../data/random.ts';
import { reviews, type Review } from '../data/sentiment.ts';
import { padded, slices, Vocabulary, type Ids, type Sentence } from '../data/words.ts';
import type { HostExample, Settings } from '../example.ts';
import { readings, type Reading } from './readings.ts';
import { createFitBiLstm, createFitLstm, loadBiLstm, loadLstm, type BiLstm, type Lstm } from './sentiment.dlm.js';

/** Row 11. */
export const example: HostExample = {
  row: 11,
  title: 'LSTM and BiLSTM text classifiers',
  goals: { 'LSTM, held-out accuracy': { least: 0.9 }, 'BiLSTM, held-out accuracy': { least: 0.9 } },
  programs: [{ file: 'sentiment.dlm', dims: { b: 32, t: 20 } }],
  async run(settings) {
    const all = reviews(2000, random(settings.seed));
    const data = { train: all.slice(400), test: all.slice(0, 400), vocabulary: new Vocabulary(all.map(({ words }) => words)) };
    await using lstm = await loadLstm(settings);
    await using fitLstm = await createFitLstm(lstm);
    const one = await learn(lstm, fitLstm, data, settings);
    await using biLstm = await loadBiLstm(settings);
    await using fitBiLstm = await createFitBiLstm(biLstm);
    const both = await learn(biLstm, fitBiLstm, data, settings);
    return {
      scores: { 'LSTM, held-out accuracy': one.accuracy, 'BiLSTM, held-out accuracy': both.accuracy },
      losses: { LSTM: one.losses, BiLSTM: both.losses },
      pictures: { 'reading.svg': readings(await readAloud(lstm, data)) },
    };
  },
};

interface Data {
  readonly train: readonly Review[];
  readonly test: readonly Review[];
  readonly vocabulary: Vocabulary;
}
/** A training session of either model. */
interface Fit {
  step(batch: { ids: Ids; y: Int32Array<ArrayBuffer> }): Promise<{ loss: number }>;
}

async function learn(net: Lstm | BiLstm, fit: Fit, { train, test, vocabulary }: Data, { seed, brief }: Settings) {
  const order = random(seed);
  const losses: number[] = [];
  for (let epoch = 0; epoch < (brief ? 4 : 8); epoch++) {
    for (const batch of slices(brief ? train.slice(0, 32) : train, 32, order)) {
      const ids = padded(batch.map(({ words }) => vocabulary.encode(words)), 30);
      losses.push((await fit.step({ ids, y: Int32Array.from(batch, ({ praise }) => praise) })).loss);
    }
  }
  const found = await praises(net, test.map(({ words }) => words), vocabulary);
  const right = test.filter(({ praise }, at) => ((found[at] ?? 0) > 0.5 ? 1 : 0) === praise).length;
  return { losses, accuracy: right / test.length };
}

/** How probably each sentence praises. */
async function praises(net: Lstm | BiLstm, sentences: readonly Sentence[], vocabulary: Vocabulary): Promise<number[]> {
  using probabilities = await net.predict(padded(sentences.map((words) => vocabulary.encode(words))));
  const data = await probabilities.data();
  return sentences.map((_, at) => data[2 * at + 1] ?? NaN);
}

/** Some reviews, and what the network thinks after each of their words. */
async function readAloud(net: Lstm, { test, vocabulary }: Data): Promise<Reading[]> {
  const chosen = test.filter(({ words }) => words.includes('but') && words.length < 15).slice(0, 6);
  return Promise.all(
    chosen.map(async ({ words, praise }) => {
      const beginnings = words.map((_, at) => words.slice(0, at + 1));
      return { words, praise, beliefs: await praises(net, beginnings, vocabulary) };
    }),
  );
}
