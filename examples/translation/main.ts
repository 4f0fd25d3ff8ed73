// Recurrent networks translate generated Chinese: trained with the true words before each word as input, then word by
// word or by beam search. Without attention, with four kinds of it, and with an encoder of convolutions.
import { bleu } from 'dlm/metrics';
import { corpus, longest, parallelBatches, sentences, sources, targets, type Corpus } from '../data/parallel.ts';
import { random } from '../data/random.ts';
import type { Pair } from '../data/translation.ts';
import type { Ids } from '../data/words.ts';
import type { HostExample, Settings } from '../example.ts';
import { heat, type Heat } from '../pictures/heat.ts';
import * as made from './translation.dlm.js';

/** Row 12. */
export const example: HostExample = {
  row: 12,
  title: 'Translation with recurrent networks',
  goals: {
    'BLEU, no attention': { least: 0.95 },
    'BLEU, Bahdanau': { least: 0.95 },
    'BLEU, Bahdanau, beam of 4': { least: 0.95 },
    'BLEU, Luong': { least: 0.95 },
    'BLEU, local': { least: 0.95 },
    'BLEU, hybrid': { least: 0.95 },
    'BLEU, convolutions': { least: 0.95 },
  },
  programs: [{ file: 'translation.dlm', dims: { b: 32, s: longest, t: longest } }],
  async run(settings) {
    const data = settings.brief ? corpus(8, 2, random(settings.seed)) : corpus(2400, 200, random(settings.seed));
    const scores: Record<string, number> = {};
    const losses: Record<string, readonly number[]> = {};
    const learned = async (name: string, net: Net, fit: Fit, epochs: number) => {
      losses[name] = await learn(fit, data, epochs, settings);
      scores[`BLEU, ${name}`] = await score(data, (from) => net.translate(from, longest));
    };

    await using plain = await made.loadPlain(settings);
    await learned('no attention', plain, await made.createFitPlain(plain), 12);
    await using bahdanau = await made.loadBahdanau(settings);
    await learned('Bahdanau', bahdanau, await made.createFitBahdanau(bahdanau), 6);
    scores['BLEU, Bahdanau, beam of 4'] = await score(data, (from) => bahdanau.beam(from, longest));
    await using luong = await made.loadLuong(settings);
    await learned('Luong', luong, await made.createFitLuong(luong), 6);
    await using local = await made.loadLocal(settings);
    await learned('local', local, await made.createFitLocal(local), 6);
    await using hybrid = await made.loadHybrid(settings);
    await learned('hybrid', hybrid, await made.createFitHybrid(hybrid), 6);
    await using convolutions = await made.loadConvolutional(settings);
    await learned('convolutions', convolutions, await made.createFitConvolutional(convolutions), 6);

    const other = data.test.find((pair) => pair.english.includes('yesterday') && pair.english.includes('not'));
    const shown = [...data.test.slice(0, 1), ...(other ? [other] : [])];
    const looks = async (name: string, net: Looking) => Promise.all(shown.map((pair) => look(name, net, pair, data)));
    const [first, second] = [heat(await looks('Bahdanau', bahdanau)), await Promise.all([
      looks('Luong', luong), looks('local', local), looks('hybrid', hybrid), looks('convolutions', convolutions)])];
    return {
      scores,
      losses,
      pictures: { 'bahdanau.svg': first, 'others.svg': heat(second.flatMap((tables) => tables.slice(-1))) },
    };
  },
};

type Translations = ReturnType<made.Bahdanau['translate']>;
type Net = Pick<made.Bahdanau, 'translate'>;
type Looking = Pick<made.Bahdanau, 'attention'>;
/** A training session of any of the models. */
interface Fit extends AsyncDisposable {
  step(batch: { from: Ids; to: Ids }): Promise<{ loss: number }>;
}

async function learn(fit: Fit, data: Corpus, epochs: number, { seed, brief }: Settings): Promise<number[]> {
  await using session = fit;
  const order = random(seed);
  const losses: number[] = [];
  for (let epoch = 0; epoch < (brief ? 4 : epochs); epoch++)
    for (const batch of parallelBatches(data, 32, order)) losses.push((await session.step(batch)).loss);
  return losses;
}

async function score(data: Corpus, translate: (from: Ids) => Translations): Promise<number> {
  using found = await translate(sources(data.test, data));
  return bleu(
    sentences(await found.data(), data),
    data.test.map((pair) => [pair.english]),
  );
}

/** Where a decoder looks while it writes a translation. */
async function look(title: string, net: Looking, pair: Pair, data: Corpus): Promise<Heat> {
  using weights = await net.attention(sources([pair], data), targets([pair], data));
  const values = await weights.data();
  const inside = pair.english.flatMap((_, row) => [...values.subarray(longest * row, longest * row + pair.chinese.length)]);
  return { title, rows: pair.english, columns: pair.chinese, values: inside };
}
