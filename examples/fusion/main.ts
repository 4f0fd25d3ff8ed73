// Pictures, sounds and sentences about things: what one sense cannot tell, several can.
import { random } from '../data/random.ts';
import { captionOf, everyWord, sensed, senses, thing, type Thing } from '../data/senses.ts';
import { padded, slices, Vocabulary } from '../data/words.ts';
import type { HostExample, Settings } from '../example.ts';
import { chart, line } from '../pictures/chart.ts';
import { heat } from '../pictures/heat.ts';
import {
  createFitCoordinated,
  createFitThree,
  createFitWays,
  loadCoordinated,
  loadThree,
  loadWays,
  type Coordinated,
} from './fusion.dlm.js';

const size = 32;
const ways = ['picture only', 'words only', 'concat', 'sum', 'max', 'bilinear', 'cross-attention'];

/** Row 24, with `../vqa`. */
export const example: HostExample = {
  row: 24,
  title: 'Fusion of pictures, sounds and words',
  goals: {
    ...Object.fromEntries(ways.slice(2).map((name) => [`${name}: above the better sense alone`, { least: 0.5 }])),
    'three senses, pairwise attention': { least: 0.9 },
    'three senses: above the best one alone': { least: 0.5 },
    'coordinated: captions found for pictures': { least: 0.9 },
  },
  programs: [{ file: 'fusion.dlm', dims: { b: size, n: size } }],
  async run(settings) {
    const source = random(settings.seed);
    const draw = (count: number): Thing[] => Array.from({ length: count }, () => thing(source));
    const data = { train: draw(settings.brief ? 32 : 2000), test: draw(settings.brief ? 100 : 400), vocabulary: new Vocabulary(everyWord) };
    const two = await withWays(data, settings);
    const three = await withThree(data, settings);
    const pair = await coordinated(data, settings);
    const alone = Math.max(...two.found.slice(0, 2));
    const [all = NaN, ...each] = three.found;
    return {
      scores: {
        ...Object.fromEntries(
          ways.slice(2).map((name, at) => [`${name}: above the better sense alone`, (two.found[at + 2] ?? NaN) - alone]),
        ),
        'three senses, pairwise attention': all,
        'three senses: above the best one alone': all - Math.max(...each),
        'coordinated: captions found for pictures': pair.found,
      },
      losses: { 'two senses': two.losses, 'three senses': three.losses, coordinated: pair.losses },
      pictures: {
        'ways.svg': chart({
          title: 'Answers that need a picture and a sentence',
          x: 'epoch',
          y: 'share of held-out things',
          range: [0, 1],
          series: ways.map((name, way) => line(name, two.history.map((found) => found[way] ?? NaN))),
        }),
        'coordinated.svg': pair.picture,
      },
    };
  },
};

interface Data {
  readonly train: readonly Thing[];
  readonly test: readonly Thing[];
  readonly vocabulary: Vocabulary;
}

const rounds = ({ brief }: Settings): number => (brief ? 3 : 10);

/** The share of right answers in each row of a tensor [ways, things]. */
function shares(found: Int32Array, wanted: readonly number[]): number[] {
  return Array.from(
    { length: found.length / wanted.length },
    (_, row) => wanted.filter((label, at) => found[row * wanted.length + at] === label).length / wanted.length,
  );
}

/** What is asked of two senses: the shape is seen, the colour told. */
const ofTwo = ({ shape, colour }: Thing): number => 4 * shape + colour;
/** What is asked of three: the pitch is heard. */
const ofThree = (each: Thing): number => 4 * ofTwo(each) + each.pitch;

async function withWays({ train, test, vocabulary }: Data, settings: Settings) {
  await using net = await loadWays(settings);
  await using fit = await createFitWays(net);
  const order = random(settings.seed);
  const [losses, history]: [number[], number[][]] = [[], []];
  for (let epoch = 0; epoch < rounds(settings); epoch++) {
    for (const batch of slices(train, size, order)) {
      const { picture, words } = sensed(batch, vocabulary);
      losses.push((await fit.step({ picture, words, y: Int32Array.from(batch, ofTwo) })).loss);
    }
    const { picture, words } = sensed(test, vocabulary);
    using answers = await net.answers(picture, words);
    history.push(shares(await answers.data(), test.map(ofTwo)));
  }
  return { losses, history, found: history.at(-1) ?? [] };
}

async function withThree({ train, test, vocabulary }: Data, settings: Settings) {
  await using net = await loadThree(settings);
  await using fit = await createFitThree(net);
  const order = random(settings.seed);
  const losses: number[] = [];
  for (let epoch = 0; epoch < rounds(settings); epoch++)
    for (const batch of slices(train, size, order))
      losses.push((await fit.step({ ...sensed(batch, vocabulary), y: Int32Array.from(batch, ofThree) })).loss);
  const { picture, sound, words } = sensed(test, vocabulary);
  using answers = await net.answers(picture, sound, words);
  return { losses, found: shares(await answers.data(), test.map(ofThree)) };
}

async function coordinated({ train, test, vocabulary }: Data, settings: Settings) {
  await using net = await loadCoordinated(settings);
  await using fit = await createFitCoordinated(net);
  const captions = (things: readonly { shape: number; corner: number }[]) =>
    padded(things.map((each) => vocabulary.encode(captionOf(each))), 6);
  const order = random(settings.seed);
  const losses: number[] = [];
  for (let epoch = 0; epoch < rounds(settings); epoch++)
    for (const batch of slices(train, size, order))
      losses.push((await fit.step({ picture: sensed(batch, vocabulary).picture, words: captions(batch) })).loss);

  const every = Array.from({ length: 16 }, (_, at) => ({ shape: Math.floor(at / 4), corner: at % 4 }));
  const near = await closeness(net, test, captions(every), vocabulary);
  const right = test.filter(({ shape, corner }, at) => {
    const row = near.slice(16 * at, 16 * at + 16);
    return row.indexOf(Math.max(...row)) === 4 * shape + corner;
  }).length;
  const shown = every.map(({ shape, corner }) => test.findIndex((each) => each.shape === shape && each.corner === corner));
  const picture = heat([
    {
      title: 'How close pictures (rows) lie to captions (columns)',
      rows: every.map((each) => captionOf(each).join(' ')),
      columns: every.map(({ shape, corner }) => `${senses.shapes[shape]?.[0]}${(senses.corners[corner] ?? '').split(' ').map((word) => word[0]).join('')}`),
      values: shown.flatMap((at) => near.slice(16 * at, 16 * at + 16).map((value) => Math.max(0, value))),
    },
  ]);
  return { losses, found: right / test.length, picture };
}

/** Cosines of pictures and captions: [things, captions]. */
async function closeness(net: Coordinated, things: readonly Thing[], captions: ReturnType<typeof padded>, vocabulary: Vocabulary) {
  using seen = await net.of_pictures(sensed(things, vocabulary).picture);
  using told = await net.of_captions(captions);
  const [a, b, width] = [await seen.data(), await told.data(), seen.shape[1]];
  const dot = (row: number, column: number): number => {
    let sum = 0;
    for (let k = 0; k < width; k++) sum += (a[row * width + k] ?? 0) * (b[column * width + k] ?? 0);
    return sum;
  };
  return things.flatMap((_, row) => Array.from({ length: captions.shape[0] ?? 0 }, (_other, column) => dot(row, column)));
}
