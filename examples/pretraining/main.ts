// BERT, RoBERTa and ALBERT learn from texts without labels, by guessing hidden words and by judging pairs of sentences.
// Classifiers that start from them know animals that no labelled sentence names.
import { animalsOf, day, homeNames, meeting } from '../data/documents.ts';
import { joined, masked, nextSentences, sentenceOrders, type Document, type Masking, type TextPair } from '../data/masking.ts';
import { random, type Random } from '../data/random.ts';
import { marks, padded, slices, Vocabulary, type Ids } from '../data/words.ts';
import type { HostExample, Settings } from '../example.ts';
import { chart, type Series } from '../pictures/chart.ts';
import { gaps, type Gap } from './gaps.ts';
import * as made from './pretraining.dlm.js';

const longest = 20;

/** Row 15. */
export const example: HostExample = {
  row: 15,
  title: 'BERT, RoBERTa and ALBERT',
  goals: {
    'BERT: hidden words, above the commonest word': { least: 0.4 },
    'BERT: next sentence': { least: 0.9 },
    'RoBERTa: hidden words, above the commonest word': { least: 0.4 },
    'ALBERT: hidden words, above the commonest word': { least: 0.4 },
    'ALBERT: order of sentences': { least: 0.9 },
    'classifier on BERT': { least: 0.9 },
    'classifier on RoBERTa': { least: 0.9 },
    'gain over a classifier from nothing': { least: 0.3 },
  },
  programs: [{ file: 'pretraining.dlm', dims: { b: 32, t: longest } }],
  async run(settings) {
    const dice = random(settings.seed);
    const data = texts(settings.brief ? 8 : 1200, settings.brief ? 4 : 100, dice);
    const few = labelled(data, settings.brief, dice);

    await using bert = await made.loadMaskedBert(settings);
    const next = nextSentences(data.train, dice);
    // Words are hidden once: each epoch brings the same texts.
    const fixed = next.map((pair) => masking(pair, data, dice));
    const one = await pretrain(await made.createFitBert(bert, steps(next, settings)), () => fixed, batchOf,
      nextSentences(data.test, dice).map((pair) => masking(pair, data, dice)), settings);

    await using roberta = await made.loadMaskedRoberta(settings);
    const whole = sentenceOrders(data.train, dice).map(inOrder);
    const two = await pretrain(await made.createFitRoberta(roberta, steps(whole, settings)),
      // Other words in each epoch.
      () => whole.map((pair) => masking(pair, data, dice)), wordsOf,
      sentenceOrders(data.test, dice).map((pair) => masking(inOrder(pair), data, dice)), settings);

    await using albert = await made.loadMaskedAlbert(settings);
    const orders = sentenceOrders(data.train, dice);
    const three = await pretrain(await made.createFitAlbert(albert, steps(orders, settings)),
      () => orders.map((pair) => masking(pair, data, dice)), batchOf,
      sentenceOrders(data.test, dice).map((pair) => masking(pair, data, dice)), settings);

    const tuneBert = async (weights?: Uint8Array<ArrayBuffer>) => {
      await using net = await made.loadBertClassifier(settings);
      if (weights) await net.weights.load(weights, { strict: false });
      return await tune(await made.createTuneBert(net), few, settings);
    };
    const nothing = await tuneBert();
    const onBert = await tuneBert(await bert.weights.save());
    const onRoberta = await tuneBert(await roberta.weights.save());
    const common = commonest(data.test);
    return {
      scores: {
        'BERT: hidden words, above the commonest word': one.masked - common,
        'BERT: next sentence': one.pairs,
        'RoBERTa: hidden words, above the commonest word': two.masked - common,
        'ALBERT: hidden words, above the commonest word': three.masked - common,
        'ALBERT: order of sentences': three.pairs,
        'classifier on BERT': onBert.accuracy,
        'classifier on RoBERTa': onRoberta.accuracy,
        'gain over a classifier from nothing': onBert.accuracy - nothing.accuracy,
      },
      losses: {
        'BERT': one.losses, 'RoBERTa': two.losses, 'ALBERT': three.losses,
        'classifier on BERT': onBert.losses, 'classifier from nothing': nothing.losses,
      },
      pictures: {
        'masked.svg': curves(
          [
            { name: 'BERT', points: one.curve },
            { name: 'RoBERTa', points: two.curve },
            { name: 'ALBERT', points: three.curve },
          ],
          common,
        ),
        'guesses.svg': gaps('What BERT thinks of hidden words', await guesses(bert, data)),
      },
    };
  },
};

interface Data {
  readonly train: readonly Document[];
  readonly test: readonly Document[];
  readonly vocabulary: Vocabulary;
  readonly rules: Masking;
}

/** Documents as ids, and how their words are hidden. */
function texts(train: number, test: number, dice: Random): Data {
  const all = Array.from({ length: train + test }, () => day(dice));
  const every = homeNames.flatMap((home) => animalsOf(home));
  const vocabulary = new Vocabulary([['<mask>'], ...all.flat(), every]);
  const documents = all.map((sentences) => sentences.map((words) => vocabulary.encode(words)));
  const [mask = 0] = vocabulary.encode(['<mask>']);
  const rules = { rate: 0.15, mask, firstWord: mask + 1, words: vocabulary.words.length };
  return { train: documents.slice(test), test: documents.slice(0, test), vocabulary, rules };
}

const inOrder = ({ first, second, label }: TextPair): TextPair =>
  label === 1 ? { first: second, second: first, label: 0 } : { first, second, label };

/** One text of pre-training. */
type Text = { ids: number[]; targets: number[]; types: number[]; label: 0 | 1 };
function masking(pair: TextPair, { rules }: Data, dice: Random): Text {
  const { ids, types } = joined(pair, marks);
  return { ...masked(ids, rules, dice), types, label: pair.label };
}

const isPadding = ({ data, shape }: Ids) => ({ data: Uint8Array.from(data, (id) => (id === marks.pad ? 1 : 0)), shape });

function wordsOf(list: readonly Text[]): made.FitRobertaBatch {
  const ids = padded(list.map((text) => text.ids), longest);
  const targets = padded(list.map((text) => [...text.targets, ...Array<number>(longest).fill(-100)]), longest);
  return { ids, hidden: isPadding(ids), types: padded(list.map((text) => text.types), longest), targets };
}
const batchOf = (list: readonly Text[]): made.FitBertBatch => ({
  ...wordsOf(list),
  label: Int32Array.from(list, ({ label }) => label),
});

const steps = (texts: readonly unknown[], { brief }: Settings): { steps?: number } =>
  brief ? {} : { steps: epochs * Math.ceil(texts.length / 32) };
const epochs = 10;

/** What the training sessions have in common. */
interface Fit<Batch> extends AsyncDisposable {
  step(batch: Batch): Promise<{ loss: number }>;
  evaluate(batches: readonly Batch[]): Promise<{ metrics: { masked: number; pairs?: number } }>;
}

async function pretrain<Batch>(fit: Fit<Batch>, epoch: () => readonly Text[], toBatch: (list: readonly Text[]) => Batch,
  test: readonly Text[], { seed, brief }: Settings) {
  await using session = fit;
  const held = [...slices(test, 100)].map(toBatch);
  const order = random(seed);
  const losses: number[] = [];
  const curve: [number, number][] = [];
  let [right, pairs] = [0, NaN];
  for (let at = 1; at <= (brief ? 3 : epochs); at++) {
    for (const list of slices(epoch(), brief ? 16 : 32, order)) losses.push((await session.step(toBatch(list))).loss);
    if (brief && at < 3) continue;
    ({ masked: right, pairs = NaN } = (await session.evaluate(held)).metrics);
    curve.push([at, right]);
  }
  return { losses, curve, masked: right, pairs };
}

/** How often the commonest word of texts is right. */
function commonest(documents: readonly Document[]): number {
  const counts = new Map<number, number>();
  const all = documents.flat(2);
  for (const id of all) counts.set(id, (counts.get(id) ?? 0) + 1);
  return Math.max(...counts.values()) / all.length;
}

interface Labelled {
  readonly words: readonly number[];
  readonly label: number;
}

/** Meetings: four animals of each home are met in sentences with labels, the other two in those that test. */
function labelled({ vocabulary }: Data, brief: boolean, dice: Random): { train: Labelled[]; test: Labelled[] } {
  const draw = (isTest: boolean, count: number): Labelled[] =>
    Array.from({ length: count }, (_, at) => {
      const label = at % homeNames.length;
      const home = homeNames[label] ?? 'house';
      const names = animalsOf(home);
      const half = isTest ? names.slice(4) : names.slice(0, 4);
      const words = meeting(half[dice.below(half.length)] ?? '', half, dice);
      return { words: [marks.begin, ...vocabulary.encode(words), marks.end], label };
    });
  return { train: draw(false, brief ? 8 : 128), test: draw(true, brief ? 8 : 200) };
}

/** What the tunings have in common. */
interface Tuning extends AsyncDisposable {
  step(batch: made.TuneBertBatch): Promise<{ loss: number }>;
  evaluate(batches: readonly made.TuneBertBatch[]): Promise<{ metrics: { accuracy: number } }>;
}
async function tune(fit: Tuning, { train, test }: { train: Labelled[]; test: Labelled[] }, { seed, brief }: Settings) {
  await using session = fit;
  const order = random(seed);
  const losses: number[] = [];
  for (let epoch = 0; epoch < (brief ? 4 : 20); epoch++)
    for (const list of slices(train, 16, order)) losses.push((await session.step(toTuning(list))).loss);
  return { losses, accuracy: (await session.evaluate([toTuning(test)])).metrics.accuracy };
}
function toTuning(list: readonly Labelled[]): made.TuneBertBatch {
  const ids = padded(list.map(({ words }) => words));
  return { ids, hidden: isPadding(ids), label: Int32Array.from(list, ({ label }) => label) };
}

/** A few held-out texts with one word hidden each, and what the network makes of it. */
async function guesses(net: made.MaskedBert, { test, vocabulary, rules }: Data): Promise<Gap[]> {
  const gap: Gap[] = [];
  for (const [at, document] of test.slice(0, 6).entries()) {
    const { ids, types } = joined({ first: document[at % 4] ?? [], second: document[(at % 4) + 1] ?? [] }, marks);
    const place = ids.length - 2 - (at % 3);
    const answer = ids[place] ?? 0;
    const asked: Ids = { data: Int32Array.from(ids, (id, here) => (here === place ? rules.mask : id)), shape: [1, ids.length] };
    using found = await net.guess(asked, isPadding(asked), { data: Int32Array.from(types), shape: [1, ids.length] });
    const row = (await found.data()).slice(place * 80, (place + 1) * 80);
    const best = [...row.keys()].sort((a, b) => (row[b] ?? 0) - (row[a] ?? 0)).slice(0, 3);
    gap.push({
      words: ids.map((id, here) => (here === place ? '___' : id === marks.begin ? '' : id === marks.end ? '/' : (vocabulary.words[id] ?? ''))),
      truth: vocabulary.words[answer] ?? '',
      guesses: best.map((id) => ({ word: vocabulary.words[id] ?? '', probability: row[id] ?? 0 })),
    });
  }
  return gap;
}

const curves = (series: readonly Series[], common: number): string =>
  chart({
    title: 'Hidden words of held-out texts',
    x: 'epoch',
    y: 'share that is guessed',
    range: [0, 1],
    series: [...series, { name: 'commonest word', points: (series[0]?.points ?? []).map(([x]) => [x, common] as const) }],
  });
