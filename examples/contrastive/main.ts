// SimCLR and MoCo learn from pairs of views of digits; a linear probe with a hundred labels says what they have learned.
import { digits, stacked, unstacked, type Numbers } from '../data/digits.ts';
import { random, type Random } from '../data/random.ts';
import { views } from '../data/views.ts';
import { slices } from '../data/words.ts';
import type { HostExample, Settings } from '../example.ts';
import { chart, line } from '../pictures/chart.ts';
import { grid, type Tile } from '../pictures/grid.ts';
import { probe } from '../probe/probe.ts';
import { createMoCo, createSimClr, loadEye, loadProjector, loadQueue, type Eye } from './contrastive.dlm.js';

const size = 64;
const labelled = 100;
const queueSize = 512;

/** Row 23, with `../simcse` and `../speech`. */
export const example: HostExample = {
  row: 23,
  title: 'SimCLR and MoCo on digits',
  goals: {
    'SimCLR: probe above a random encoder': { least: 0.1 },
    'MoCo: probe above a random encoder': { least: 0.1 },
  },
  programs: [{ file: 'contrastive.dlm', dims: { b: size } }],
  async run(settings) {
    const dice = random(settings.seed);
    const { train, test } = digits(dice, settings.brief ? 64 : Infinity);
    const view = views(dice);
    const data: Data = {
      train: train.x,
      few: { rows: train.x.slice(0, labelled).map(view), labels: train.y.slice(0, labelled) },
      test: { rows: test.x.map(view), labels: test.y },
      view,
      dice,
    };
    const simClr = await withSimClr(data, settings);
    const moCo = await withMoCo(data, settings);
    return {
      scores: {
        'SimCLR: probe above a random encoder': gain(simClr.probes),
        'MoCo: probe above a random encoder': gain(moCo.probes),
      },
      losses: { SimCLR: simClr.losses, MoCo: moCo.losses },
      pictures: {
        'views.svg': grid('Four digits, and views of them', train.x.slice(0, 4).map((image) => tiles(image, view))),
        'probes.svg': chart({
          title: `What a probe with ${labelled} labels tells, while the encoder learns without`,
          x: 'epochs begun',
          y: 'held-out accuracy',
          series: [line('SimCLR', simClr.probes), line('MoCo', moCo.probes)],
        }),
      },
    };
  },
};

interface Seen {
  readonly rows: readonly Float32Array[];
  readonly labels: readonly number[];
}
interface Data {
  readonly train: readonly Float32Array[];
  readonly few: Seen;
  readonly test: Seen;
  readonly view: (image: Float32Array) => Float32Array;
  readonly dice: Random;
}
/** A training session of either. */
interface Fit {
  step(batch: { view: Numbers; other: Numbers }): Promise<{ loss: number }>;
}

async function withSimClr(data: Data, settings: Settings) {
  await using eye = await loadEye(settings);
  await using head = await loadProjector(settings);
  await using fit = await createSimClr(eye, head);
  return await learn(eye, fit, data, settings.brief ? 6 : 20, settings);
}

async function withMoCo(data: Data, settings: Settings) {
  await using eye = await loadEye(settings);
  await using head = await loadProjector(settings);
  // The same seed: the slow encoders start as the others do.
  await using slowEye = await loadEye(settings);
  await using slowHead = await loadProjector(settings);
  await using queue = await loadQueue(settings);
  await using fit = await createMoCo(eye, head, slowEye, slowHead, queue);
  // Until the queue has turned over once, it holds noise, which is easy to tell.
  const noisy = queueSize / size;
  const { probes, losses } = await learn(eye, fit, data, settings.brief ? noisy + 6 : 20, settings);
  return { probes, losses: losses.slice(noisy) };
}

async function learn(eye: Eye, fit: Fit, { train, few, test, view, dice }: Data, epochs: number, { brief }: Settings) {
  const score = async (): Promise<number> =>
    probe({ ...few, rows: await featuresOf(eye, few.rows) }, { ...test, rows: await featuresOf(eye, test.rows) });
  const probes = [await score()];
  const losses: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const batch of slices(train, size, dice)) {
      const pair = { view: stacked(batch.map(view), [1, 8, 8]), other: stacked(batch.map(view), [1, 8, 8]) };
      losses.push((await fit.step(pair)).loss);
    }
    if (!brief) probes.push(await score());
  }
  if (brief) probes.push(await score());
  return { probes, losses };
}

async function featuresOf(eye: Eye, rows: readonly Float32Array[]): Promise<Float32Array[]> {
  using found = await eye.features(stacked(rows, [1, 8, 8]));
  return unstacked(await found.data(), found.shape[1]);
}

const gain = (probes: readonly number[]): number => (probes.at(-1) ?? NaN) - (probes[0] ?? NaN);

const tiles = (image: Float32Array, view: (image: Float32Array) => Float32Array): Tile[] =>
  [image, ...Array.from({ length: 9 }, () => view(image))].map((pixels) => ({ pixels, width: 8 }));
