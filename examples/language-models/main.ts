// T5 does what a text says; XLNet tells words in random orders; Transformer-XL copies what it read segments ago.
import { copying, segments, type Segment } from '../data/copying.ts';
import { day } from '../data/documents.ts';
import { permuted, unasked, type Masking } from '../data/masking.ts';
import { random, type Random } from '../data/random.ts';
import { taskList, taskNames, type Task } from '../data/tasks.ts';
import { marks, padded, slices, Vocabulary, type Ids } from '../data/words.ts';
import type { HostExample, Settings } from '../example.ts';
import { chart, label, svg } from '../pictures/chart.ts';
import * as t5 from './t5.dlm.js';
import * as xl from './transformer-xl.dlm.js';
import * as xlnet from './xlnet.dlm.js';

const [longest, written, words] = [6, 6, 20];

/** Row 17. */
export const example: HostExample = {
  row: 17,
  title: 'T5, XLNet and Transformer-XL',
  goals: {
    'T5: exact answers': { least: 0.9 },
    'XLNet: words told, above the commonest word': { least: 0.4 },
    'Transformer-XL: letters copied': { least: 0.95 },
    'Transformer-XL: above itself without memory': { least: 0.3 },
  },
  programs: [
    { file: 't5.dlm', dims: { b: 32, s: longest, t: written } },
    { file: 'xlnet.dlm', dims: { b: 32, t: words } },
    { file: 'transformer-xl.dlm', dims: { b: 32, t: copying.segment } },
  ],
  async run(settings) {
    const one = await texts(settings);
    const two = await permutations(settings);
    const three = await copies(settings);
    return {
      scores: {
        'T5: exact answers': one.score,
        'XLNet: words told, above the commonest word': two.right - two.common,
        'Transformer-XL: letters copied': three.right,
        'Transformer-XL: above itself without memory': three.right - three.without,
      },
      losses: { T5: one.losses, XLNet: two.losses, 'Transformer-XL': three.losses },
      pictures: { 'tasks.svg': one.picture, 'orders.svg': two.picture, 'copying.svg': three.picture },
    };
  },
};

/** T5 learns tasks. */
async function texts({ seed, brief, device }: Settings) {
  const dice = random(seed);
  const all = taskList(brief ? 20 : 4300, dice);
  const [test, train] = [all.slice(0, brief ? 4 : 300), all.slice(brief ? 4 : 300)];
  const vocabulary = new Vocabulary(all.flatMap(({ input, output }) => [input, output]));
  const read = (list: readonly Task[]): Ids => padded(list.map(({ input }) => vocabulary.encode(input)), longest);
  const asked = (list: readonly Task[]): Ids =>
    padded(list.map(({ output }) => [...vocabulary.encode(output), marks.end]), written);
  const epochs = brief ? 5 : 8;
  await using net = await t5.load({ device, seed });
  await using fit = await t5.createFit(net, brief ? {} : { steps: epochs * Math.ceil(train.length / 32) });
  const losses: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++)
    for (const list of slices(train, 32, dice))
      losses.push((await fit.step({ ids: read(list), target: asked(list) })).loss);
  using found = await net.write(read(test), written);
  const ids = await found.data();
  const answers = test.map((_, at) => vocabulary.decode(ids.subarray(at * written, (at + 1) * written)).join(' '));
  const right = test.map(({ output }, at) => output.join(' ') === answers[at]);
  const shown = taskNames.flatMap((name) => [...test.keys()].filter((at) => test[at]?.name === name).slice(0, 3));
  const lines = shown.map((at) => `${test[at]?.input.join(' ')}  →  ${answers[at]}${right[at] === true ? '' : '  (wrong)'}`);
  return {
    losses,
    score: right.filter(Boolean).length / test.length,
    picture: page('T5: texts to read, and what it writes', lines),
  };
}

/** XLNet learns days of animals. */
async function permutations({ seed, brief, device }: Settings) {
  const dice = random(seed);
  const draw = (count: number) =>
    Array.from({ length: count }, () => day(dice)).flatMap((sentences) =>
      sentences.slice(1).map((second, at) => [...(sentences[at] ?? []), ...second]),
    );
  const [test, train] = [draw(brief ? 2 : 100), draw(brief ? 6 : 900)];
  const vocabulary = new Vocabulary([...train, ...test]);
  const rules: Masking = { rate: 0, mask: 0, firstWord: marks.unknown + 1, words: vocabulary.words.length };
  const batch = (list: readonly (readonly string[])[]) => {
    const texts = list.map((text) => vocabulary.encode(text));
    const told = texts.map((ids) => permuted(ids, 0.25, rules, dice));
    const fill = (lists: readonly (readonly number[])[], by: number): Ids =>
      padded(lists.map((each) => [...each, ...Array<number>(words).fill(by)]), words);
    return {
      ids: padded(texts, words),
      // Padding comes last in every order: nothing sees it.
      order: fill(told.map(({ order }) => order), words),
      targets: fill(told.map(({ targets }) => targets), unasked),
    };
  };
  const epochs = brief ? 4 : 8;
  await using net = await xlnet.load({ device, seed });
  await using fit = await xlnet.createFit(net, brief ? {} : { steps: epochs * Math.ceil(train.length / 32) });
  const losses: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++)
    for (const list of slices(train, 32, dice)) losses.push((await fit.step(batch(list))).loss);
  const held = [...slices(test, 100)].map(batch);
  const { right } = (await fit.evaluate(held)).metrics;
  return { losses, right, common: commonest(test), picture: await orders(net, test[1] ?? [], vocabulary, dice) };
}

function commonest(texts: readonly (readonly string[])[]): number {
  const counts = new Map<string, number>();
  for (const word of texts.flat()) counts.set(word, (counts.get(word) ?? 0) + 1);
  return Math.max(...counts.values()) / texts.flat().length;
}

/** A text in an order of its own: how likely each word was when its turn came. */
async function orders(net: xlnet.Permuted, text: readonly string[], vocabulary: Vocabulary, dice: Random): Promise<string> {
  const ids = vocabulary.encode(text);
  const turn = dice.permutation(ids.length);
  const place = new Map(turn.map((at, when) => [at, when]));
  const order = Int32Array.from(ids, (_, at) => place.get(at) ?? 0);
  using found = await net.guess([ids], { data: order, shape: [1, ids.length] });
  const probabilities = await found.data();
  const rows = turn.flatMap((at, when) => {
    const [top, probability] = [46 + 20 * when, probabilities[at * 80 + (ids[at] ?? 0)] ?? 0];
    const known = text.map((word, other) => ((place.get(other) ?? 0) < when ? word : '_')).join(' ');
    return [
      label(12, top + 13, `${text[at]}`, 'font-weight="bold"'),
      `<rect x="90" y="${top + 2}" width="${(100 * probability).toFixed(1)}" height="14" fill="#2d9a5f"/>`,
      label(196, top + 13, probability.toFixed(2)),
      label(236, top + 13, `from ${known}`, 'style="font-size:11px"'),
    ];
  });
  const title = label(12, 24, 'XLNet: each word, its probability, and what was told before it', 'font-weight="bold"');
  return svg(720, 56 + 20 * ids.length, [title, ...rows]);
}

/** Transformer-XL learns to copy. */
async function copies({ seed, brief, device }: Settings) {
  const source = segments(brief ? 8 : 32, random(seed));
  const take = (count: number): Segment[] => Array.from({ length: count }, () => source.next().value);
  await using net = await xl.load({ device, seed });
  await using fit = await xl.createFit(net);
  const losses: number[] = [];
  const curve: [number, number][] = [];
  for (const [step, segment] of take(brief ? 20 : 600).entries()) {
    const { loss, metrics } = await fit.step(segment);
    losses.push(loss);
    if (step % 20 === 0) curve.push([step, metrics.right]);
  }
  // An evaluation has a memory of its own, empty at first: a segment alone has none.
  const held = take(brief ? 4 : 104);
  const { right } = (await fit.evaluate(held)).metrics;
  let [hits, asked] = [0, 0];
  for (const segment of held) {
    const count = segment.next.data.filter((id) => id !== unasked).length;
    hits += count * (await fit.evaluate([segment])).metrics.right;
    asked += count;
  }
  const without = hits / asked;
  const picture = chart({
    title: 'Transformer-XL: letters copied from 13 back, in segments of 8',
    x: 'segment',
    y: 'share that is right',
    range: [0, 1],
    series: [
      { name: 'while training', points: curve },
      { name: 'without memory', points: curve.map(([step]) => [step, without] as const) },
    ],
  });
  return { losses, right, without, picture };
}

const page = (title: string, lines: readonly string[]): string =>
  svg(620, 40 + 20 * lines.length, [
    label(12, 24, title, 'font-weight="bold"'),
    ...lines.map((text, at) => label(12, 50 + 20 * at, text)),
  ]);
