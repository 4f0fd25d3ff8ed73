// Vectors of words, from who stands beside whom; a linear probe tells topics of words that it has not seen.
import { examples, frequencies, type Example } from '../data/negative-sampling.ts';
import { random } from '../data/random.ts';
import { tellings, topicNames, topicOf } from '../data/topics.ts';
import { padded, slices, Vocabulary } from '../data/words.ts';
import type { HostExample, Settings } from '../example.ts';
import { chart } from '../pictures/chart.ts';
import { probe } from '../probe/probe.ts';
import { createCbow, createSkipGram, loadWords, type Words } from './word2vec.dlm.js';
import { plane } from './plane.ts';

const sampling = { window: 3, negatives: 5, frequent: 0.01 };
const size = 128;

/** Row 22, with `../pretraining` and `../self-supervised`. */
export const example: HostExample = {
  row: 22,
  title: 'word2vec: CBOW and skip-gram',
  goals: {
    'skip-gram: topics of unseen words, probed': { least: 0.9 },
    'skip-gram: above random vectors': { least: 0.1 },
    'CBOW: topics of unseen words, probed': { least: 0.9 },
    'CBOW: above random vectors': { least: 0.1 },
  },
  programs: [{ file: 'word2vec.dlm', dims: { b: size, k: sampling.negatives, w: 2 * sampling.window } }],
  async run(settings) {
    const source = random(settings.seed);
    const sentences = tellings(settings.brief ? 200 : 2000, source).map(({ words }) => words);
    const vocabulary = new Vocabulary(sentences);
    const text = sentences.map((words) => vocabulary.encode(words));
    const counts = frequencies(text, vocabulary.words.length);
    const draw = (): Iterable<Example> => examples(text, counts, sampling, source);
    const epochs = settings.brief ? 1 : 4;

    await using skipping = await loadWords(settings);
    const before = await topicsFound(skipping, vocabulary, settings);
    await using skipGram = await createSkipGram(skipping);
    const skipLosses: number[] = [];
    for (let epoch = 0; epoch < epochs; epoch++) {
      const pairs = [...draw()].flatMap(({ centre, around, noise }) => around.map((neighbour) => ({ centre, neighbour, noise })));
      for (const batch of slices(pairs, size, source)) {
        const centre = Int32Array.from(batch, (each) => each.centre);
        const neighbour = Int32Array.from(batch, (each) => each.neighbour);
        skipLosses.push((await skipGram.step({ centre, neighbour, noise: padded(batch.map((each) => each.noise)) })).loss);
      }
    }

    await using guessing = await loadWords(settings);
    await using cbow = await createCbow(guessing);
    const cbowLosses: number[] = [];
    for (let epoch = 0; epoch < 3 * epochs; epoch++)
      for (const batch of slices([...draw()], size, source)) {
        const centre = Int32Array.from(batch, (each) => each.centre);
        const around = padded(batch.map((each) => each.around), 2 * sampling.window);
        cbowLosses.push((await cbow.step({ centre, around, noise: padded(batch.map((each) => each.noise)) })).loss);
      }

    const [skip, bag] = [await topicsFound(skipping, vocabulary, settings), await topicsFound(guessing, vocabulary, settings)];
    return {
      scores: {
        'skip-gram: topics of unseen words, probed': skip,
        'skip-gram: above random vectors': skip - before,
        'CBOW: topics of unseen words, probed': bag,
        'CBOW: above random vectors': bag - before,
      },
      losses: { 'skip-gram': skipLosses, CBOW: cbowLosses },
      pictures: { 'words.svg': await picture(skipping, vocabulary) },
    };
  },
};

const known = (vocabulary: Vocabulary): string[] => vocabulary.words.filter((word) => topicOf.has(word));

async function vectorsOf(net: Words, words: readonly string[], vocabulary: Vocabulary): Promise<Float32Array[]> {
  using found = await net.vectors(Int32Array.from(vocabulary.encode(words)));
  const [data, width] = [await found.data(), found.shape[1]];
  return words.map((_, at) => data.slice(at * width, (at + 1) * width));
}

/** How well a probe that has seen half of the words tells the topics of the others. */
async function topicsFound(net: Words, vocabulary: Vocabulary, { seed }: Settings): Promise<number> {
  const words = known(vocabulary);
  const rows = await vectorsOf(net, words, vocabulary);
  const order = random(seed).permutation(words.length);
  const part = (chosen: readonly number[]) => ({
    rows: chosen.map((at) => rows[at] ?? []),
    labels: chosen.map((at) => topicOf.get(words[at] ?? '') ?? 0),
  });
  return probe(part(order.slice(words.length / 2)), part(order.slice(0, words.length / 2)), 0.1);
}

async function picture(net: Words, vocabulary: Vocabulary): Promise<string> {
  const words = known(vocabulary);
  const points = plane(await vectorsOf(net, words, vocabulary));
  return chart({
    title: 'Words in the plane that spreads their vectors most',
    x: 'first direction',
    y: 'second direction',
    series: topicNames.map((name, topic) => ({
      name,
      points: points.filter((_, at) => topicOf.get(words[at] ?? '') === topic),
      dots: true,
    })),
  });
}
