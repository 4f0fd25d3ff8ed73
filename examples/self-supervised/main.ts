// An encoder learns from images alone, in four ways; a linear probe with few labels says what it has learned.
import { digits, stacked, unstacked, type Numbers } from '../data/digits.ts';
import { fruits, fruitSide, type Fruit } from '../data/fruit.ts';
import { kMeans } from '../data/k-means.ts';
import { random, type Random } from '../data/random.ts';
import { views } from '../data/views.ts';
import { slices } from '../data/words.ts';
import type { HostExample, Settings } from '../example.ts';
import { chart, line } from '../pictures/chart.ts';
import { colours } from './colours.ts';
import { probe, standardized } from '../probe/probe.ts';
import {
  createTellCluster,
  createTellColour,
  createTellPlace,
  createTellTurn,
  loadBrush,
  loadCluster,
  loadEye,
  loadNeighbour,
  loadTurn,
  type Brush,
  type Eye,
} from './self-supervised.dlm.js';
import { clustered, patches, turned } from './tasks.ts';

const size = 64;
const labelled = 200;

/** Row 22, with `../word2vec` and `../sentences`. */
export const example: HostExample = {
  row: 22,
  title: 'Turns, places, colours, clusters: images without labels',
  goals: {
    'turns: probe above a random encoder': { least: 0.05 },
    'places of patches: probe above a random encoder': { least: 0.05 },
    'colours: probe above a random encoder': { least: 0.05 },
    'DeepCluster: probe above a random encoder': { least: 0.05 },
  },
  programs: [{ file: 'self-supervised.dlm', dims: { b: size } }],
  async run(settings) {
    const dice = random(settings.seed);
    const { train, test } = digits(dice, settings.brief ? 32 : Infinity);
    const view = views(dice);
    const again = (): Float32Array[] => train.x.map(view);
    const small = { train: images(again(), train.y, 8), test: images(test.x.map(view), test.y, 8) };
    const fruit = fruits(settings.brief ? 64 : 1500, dice);
    const ripe = { train: pictures(fruit), test: pictures(fruits(settings.brief ? 20 : 500, dice)) };
    let painted: Int32Array[] = [];
    const shown = fruits(10, dice);
    const outcomes = {
      turns: await learn(small, settings, async function* (eye) {
        await using head = await loadTurn(settings);
        await using fit = await createTellTurn(eye, head);
        for (;;) yield await epoch(turned(again(), size, dice), (batch) => fit.step(batch));
      }),
      'places of patches': await learn(ripe, settings, async function* (eye) {
        await using head = await loadNeighbour(settings);
        await using fit = await createTellPlace(eye, head);
        for (;;) yield await epoch(patches(ripe.train.rows, size, dice), (batch) => fit.step(batch));
      }, 'patches'),
      colours: await learn(ripe, settings, async function* (eye) {
        await using brush = await loadBrush(settings);
        await using fit = await createTellColour(eye, brush);
        for (;;) {
          yield await epoch(coloured(fruit, dice), (batch) => fit.step(batch));
          painted = await paint(eye, brush, shown);
        }
      }),
      DeepCluster: await learn(small, settings, async function* (eye) {
        for (;;) {
          // What an image is does not change with the view of it, so views are averaged. Clusters have new names each
          // time, so there is a new head.
          const groups = kMeans(await meanFeatures(eye, [again(), again(), again(), again()]), 30, dice);
          await using head = await loadCluster(settings);
          await using fit = await createTellCluster(eye, head);
          for (let round = 0; round < 2; round++)
            yield await epoch(clustered(again(), groups, size, dice), (batch) => fit.step(batch));
        }
      }),
    };
    const all = Object.entries(outcomes);
    return {
      scores: Object.fromEntries(
        all.map(([name, { probes }]) => [`${name}: probe above a random encoder`, (probes.at(-1) ?? NaN) - (probes[0] ?? NaN)]),
      ),
      losses: Object.fromEntries(all.map(([name, { losses }]) => [name, losses])),
      pictures: {
        'colours.svg': colours(shown, painted),
        'probes.svg': chart({
          title: `What a probe with ${labelled} labels tells, while the encoder learns without`,
          x: 'epochs begun',
          y: 'held-out accuracy',
          series: all.map(([name, { probes }]) => line(name, probes)),
        }),
      },
    };
  },
};

/** Images of one size, and what they show: labels are for the probe only. */
interface Images {
  readonly rows: readonly Float32Array[];
  readonly labels: readonly number[];
  readonly side: number;
}
const images = (rows: readonly Float32Array[], labels: readonly number[], side: number): Images => ({ rows, labels, side });
const pictures = (all: readonly Fruit[]): Images =>
  images(
    all.map(({ grey }) => grey),
    all.map(({ kind }) => kind),
    fruitSide,
  );

/** Features of images, each the mean over several views, with mean 0 and deviation 1 over all images. */
async function meanFeatures(eye: Eye, seen: readonly Float32Array[][]): Promise<number[][]> {
  const all = await Promise.all(seen.map((rows) => featuresOf(eye, images(rows, [], 8))));
  const means = (all[0] ?? []).map((row, at) => Array.from(row, (_, k) => all.reduce((sum, rows) => sum + (rows[at]?.[k] ?? 0), 0)));
  return standardized(means);
}

async function featuresOf(eye: Eye, { rows, side }: Images, by: 'features' | 'patches' = 'features'): Promise<Float32Array[]> {
  using found = await eye[by](stacked(rows, [1, side, side]));
  return unstacked(await found.data(), found.shape[1]);
}

/** Trains a new encoder by a task, which yields the losses of an epoch; the probe looks after each. */
async function learn(
  { train, test }: { train: Images; test: Images },
  settings: Settings,
  task: (eye: Eye) => AsyncGenerator<number[], void>,
  by: 'features' | 'patches' = 'features',
): Promise<{ probes: number[]; losses: number[] }> {
  await using eye = await loadEye(settings);
  const few = images(train.rows.slice(0, labelled), train.labels.slice(0, labelled), train.side);
  const score = async (): Promise<number> =>
    probe({ rows: await featuresOf(eye, few, by), labels: few.labels }, { rows: await featuresOf(eye, test, by), labels: test.labels });
  const probes = [await score()];
  const losses: number[] = [];
  for await (const epoch of task(eye)) {
    losses.push(...epoch);
    probes.push(await score());
    if (probes.length > (settings.brief ? 4 : 16)) break;
  }
  return { probes, losses };
}

async function epoch<B>(batches: Iterable<B>, step: (batch: B) => Promise<{ loss: number }>): Promise<number[]> {
  const losses: number[] = [];
  for (const batch of batches) losses.push((await step(batch)).loss);
  return losses;
}

/** Grey pictures, and the colour of each pixel. */
function* coloured(all: readonly Fruit[], dice: Random): Generator<{ grey: Numbers; colour: { data: Int32Array<ArrayBuffer>; shape: number[] } }> {
  for (const batch of slices(all, size, dice)) {
    const colour = new Int32Array(batch.length * fruitSide ** 2);
    batch.forEach((each, at) => colour.set(each.colour, at * fruitSide ** 2));
    const grey = stacked(
      batch.map((each) => each.grey),
      [1, fruitSide, fruitSide],
    );
    yield { grey, colour: { data: colour, shape: [batch.length, fruitSide, fruitSide] } };
  }
}

/** The most likely colour of each pixel of grey pictures. */
async function paint(eye: Eye, brush: Brush, fruit: readonly Fruit[]): Promise<Int32Array[]> {
  const { rows, side } = pictures(fruit);
  using maps = await eye.maps(stacked(rows, [1, side, side]));
  using found = await brush.most(maps);
  const all = await found.data();
  return rows.map((row, at) => all.slice(at * row.length, (at + 1) * row.length));
}
