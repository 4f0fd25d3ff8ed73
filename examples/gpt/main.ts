// A tiny GPT-2 learns a grammar whose entropy is known, and writes sentences word by word with cached keys and values.
import { sentencesOf, type Drawn } from '../data/grammar.ts';
import { random } from '../data/random.ts';
import { marks, padded, slices, Vocabulary } from '../data/words.ts';
import type { HostExample, Settings } from '../example.ts';
import { chart, label, svg } from '../pictures/chart.ts';
import { createFit, load, type FitBatch, type Writer } from './gpt.dlm.js';

const longest = 40;

/** Row 16. */
export const example: HostExample = {
  row: 16,
  title: 'GPT-2 on a grammar',
  goals: {
    'perplexity over that of the grammar': { most: 1.05 },
    'cached logits against uncached, relative': { most: 1e-5 },
    'greedy words that differ with a cache': { most: 0 },
  },
  programs: [{ file: 'gpt.dlm', dims: { b: 32, t: longest } }],
  async run(settings) {
    const source = random(settings.seed);
    const all = sentencesOf(settings.brief ? 72 : 16_400, longest, source);
    const vocabulary = new Vocabulary(all.map(({ words }) => words));
    const [test, train] = [all.slice(0, settings.brief ? 8 : 400), all.slice(settings.brief ? 8 : 400)];
    await using net = await load(settings);
    const { losses, curve } = await learn(net, { train, test, vocabulary }, settings);
    const same = await compare(net, vocabulary.encode(['a', 'small']), settings.brief ? 4 : 24);
    const texts = [];
    for (let at = 0; at < (settings.brief ? 1 : 8); at++) texts.push(await write(net, vocabulary, 1));
    return {
      scores: {
        'perplexity over that of the grammar': (curve.at(-1)?.[1] ?? NaN) / truth(test),
        'cached logits against uncached, relative': same.distance,
        'greedy words that differ with a cache': same.differing,
      },
      losses: { GPT: losses },
      pictures: { 'perplexity.svg': curves(curve, truth(test)), 'written.svg': page(texts) },
    };
  },
};

interface Data {
  readonly train: readonly Drawn[];
  readonly test: readonly Drawn[];
  readonly vocabulary: Vocabulary;
}

/** The perplexity of who knows the grammar: exp of the mean surprise of a word. */
const truth = (drawn: readonly Drawn[]): number =>
  Math.exp(
    drawn.reduce((sum, { surprise }) => sum + surprise, 0) / drawn.reduce((sum, { words }) => sum + words.length, 0),
  );

/** Each word is to be told from those before it, the first from the mark of the beginning. */
function batchOf(drawn: readonly Drawn[], vocabulary: Vocabulary): FitBatch {
  const ids = drawn.map(({ words }) => vocabulary.encode(words));
  return {
    ids: padded(
      ids.map((list) => [marks.begin, ...list.slice(0, -1)]),
      longest,
    ),
    next: padded(ids, longest),
  };
}

async function learn(net: Writer, { train, test, vocabulary }: Data, { seed, brief }: Settings) {
  const steps = brief ? 5 : 1000;
  await using fit = await createFit(net, { steps });
  const held = [...slices(test, 100)].map((drawn) => batchOf(drawn, vocabulary));
  const losses: number[] = [];
  const curve: [number, number][] = [];
  const order = random(seed);
  while (losses.length < steps) {
    for (const drawn of slices(train, 32, order)) {
      losses.push((await fit.step(batchOf(drawn, vocabulary))).loss);
      const isLast = losses.length === steps;
      if (isLast || losses.length % 50 === 0)
        curve.push([losses.length, (await fit.evaluate(held)).metrics.perplexity]);
      if (isLast) break;
    }
  }
  return { losses, curve };
}

const largest = (values: Float32Array): number => values.reduce((best, value, at) => (value > (values[best] ?? 0) ? at : best), 0);

/** Writes the likeliest words with and without a cache, and tells how logits and words differ. */
async function compare(net: Writer, prompt: readonly number[], count: number) {
  const ids = [marks.begin, ...prompt];
  await using session = await net.session({ b: 1, cap: longest });
  let added: readonly number[] = ids;
  let [distance, differing] = [0, 0];
  for (let at = 0; at < count; at++) {
    using cached = await session.decode([added], session.pos);
    session.pos += added.length;
    using all = await net.forward([ids]);
    const [short, long] = [await cached.data(), (await all.data()).slice(-cached.shape[1])];
    const scale = Math.max(...long.map(Math.abs));
    distance = Math.max(distance, ...short.map((value, id) => Math.abs(value - (long[id] ?? NaN)) / scale));
    if (largest(short) !== largest(long)) differing++;
    added = [largest(short)];
    ids.push(largest(short));
  }
  return { distance, differing };
}

/** Writes a sentence, each word as soon as it is chosen. */
async function write(net: Writer, vocabulary: Vocabulary, temperature: number): Promise<string> {
  await using session = await net.session({ b: 1, cap: longest });
  using logits = await session.decode([[marks.begin]], session.pos++);
  const next = async (scores: typeof logits): Promise<number> => {
    using chosen = await net.choose(scores, temperature);
    return (await chosen.data())[0] ?? marks.end;
  };
  const step = (id: number) => session.decode([[id]], session.pos++);
  const words: string[] = [];
  const [stop = -1] = vocabulary.encode(['.']);
  for await (const id of session.stream({ logits, step, next, until: stop, max: longest - 2 }))
    words.push(...vocabulary.decode([id]));
  return `${words.join(' ')} .`;
}

const curves = (curve: readonly [number, number][], least: number): string =>
  chart({
    title: 'Perplexity of held-out sentences',
    x: 'step',
    y: 'perplexity',
    series: [
      { name: 'GPT-2', points: curve },
      { name: 'the grammar itself', points: curve.map(([step]) => [step, least]) },
    ],
  });

const page = (texts: readonly string[]): string =>
  svg(640, 44 + 20 * texts.length, [
    label(16, 24, 'Written by the network', 'font-weight="bold"'),
    ...texts.map((text, at) => label(16, 50 + 20 * at, text)),
  ]);
