// Coarse digits are made sharp, from pairs; dark digits become bright ones and come back, without any pair.
import { digits, stacked, unstacked } from '../data/digits.ts';
import { batches, type Labelled } from '../data/labelled.ts';
import { random } from '../data/random.ts';
import type { HostExample, Settings } from '../example.ts';
import { recognised, trainedJudge, verdicts } from '../judge/judge.ts';
import { grid, type Tile } from '../pictures/grid.ts';
import {
  createFitCycle,
  createFitPairs,
  loadCritic,
  loadPainter,
  loadPairCritic,
  type Painter,
} from './image-to-image.dlm.js';

const size = 32;

/** Row 20, with `../gan` and `../dcgan`. */
export const example: HostExample = {
  row: 20,
  title: 'Images to images: pix2pix and CycleGAN',
  goals: {
    'pix2pix: distance from the sharp digit, of that of the coarse one': { most: 0.6 },
    'pix2pix: sharpened held-out digits that are recognised': { least: 0.85 },
    'CycleGAN: cycle loss at the end, of that at the start': { most: 0.2 },
    'CycleGAN: held-out digits that are the same on the other side': { least: 0.85 },
  },
  programs: [{ file: 'image-to-image.dlm', dims: { b: size } }],
  async run(settings) {
    const { train, test } = digits(random(settings.seed), settings.brief ? 64 : Infinity);
    await using judge = await trainedJudge(train, settings);
    const [coarse, bright] = [test.x.map(coarsened), test.x.map(inverted)];

    const pairs = await sharpened(train, coarse, settings);
    const cycle = await exchanged(train, test, settings);
    const ratio = distance(pairs.painted, test.x) / distance(coarse, test.x);
    return {
      scores: {
        'pix2pix: distance from the sharp digit, of that of the coarse one': ratio,
        'pix2pix: sharpened held-out digits that are recognised': recognised(await verdicts(judge, pairs.painted), test.y),
        'CycleGAN: cycle loss at the end, of that at the start': (cycle.distances.at(-1) ?? NaN) / (cycle.distances[0] ?? NaN),
        'CycleGAN: held-out digits that are the same on the other side': recognised(
          await verdicts(judge, cycle.went.map(inverted)),
          test.y,
        ),
      },
      losses: { 'pix2pix: distance': pairs.distances, 'CycleGAN: cycle loss': cycle.distances },
      pictures: {
        'pix2pix.svg': grid('Coarse digits, made sharp by pix2pix, and the true ones', [coarse, pairs.painted, test.x].map(tiles)),
        'cycle.svg': grid('CycleGAN: digits, on the other side, and back; below, the other way', [
          ...[test.x, cycle.went, cycle.returned].map(tiles),
          ...[bright, cycle.came].map((images) => tiles(images.slice(10))),
        ]),
      },
    };
  },
};

/** Sharp images of coarse ones; pairs of both are what is learned from. */
async function sharpened(train: Labelled, coarse: readonly Float32Array[], settings: Settings) {
  await using painter = await loadPainter(settings);
  await using critic = await loadPairCritic(settings);
  await using fit = await createFitPairs(painter, critic);
  const order = random(settings.seed);
  const distances: number[] = [];
  for (let epoch = 0; epoch < (settings.brief ? 3 : 25); epoch++)
    for (const { x: y } of batches(train, size, { random: order })) {
      const x = stacked(unstacked(y.data, 64).map(coarsened));
      distances.push((await fit.step({ x, y })).metrics.distance);
    }
  return { painted: await paint(painter, coarse), distances };
}

/** Digits on the other side, and back. The two halves of the data have no image in common. */
async function exchanged({ x, y, classes }: Labelled, test: Labelled, settings: Settings) {
  await using there = await loadPainter({ ...settings, seed: settings.seed });
  await using back = await loadPainter({ ...settings, seed: settings.seed + 1 });
  await using hereCritic = await loadCritic(settings);
  await using thereCritic = await loadCritic(settings);
  await using fit = await createFitCycle(there, back, hereCritic, thereCritic);
  const order = random(settings.seed);
  const half = Math.floor(x.length / 2);
  const dark = { x: x.slice(0, half), y: y.slice(0, half), classes };
  const bright = { x: x.slice(half, 2 * half).map(inverted), y: y.slice(half, 2 * half), classes };
  const distances: number[] = [];
  for (let epoch = 0; epoch < (settings.brief ? 5 : 25); epoch++) {
    const others = batches(bright, size, { random: order });
    for (const here of batches(dark, size, { random: order })) {
      const other = others.next().value;
      if (other) distances.push((await fit.step({ x: here.x, y: other.x })).metrics.distance);
    }
  }
  const went = await paint(there, test.x);
  return { went, returned: await paint(back, went), came: await paint(back, test.x.map(inverted)), distances };
}

async function paint(painter: Painter, images: readonly Float32Array[]): Promise<Float32Array[]> {
  using painted = await painter.forward(stacked(images));
  return unstacked(await painted.data(), 64);
}

/** Each square of four pixels by its mean. */
const coarsened = (image: Float32Array): Float32Array =>
  image.map((_, at) => {
    const corner = 16 * Math.floor(at / 16) + 2 * Math.floor((at % 8) / 2);
    return [0, 1, 8, 9].reduce((sum, step) => sum + (image[corner + step] ?? 0), 0) / 4;
  });

const inverted = (image: Float32Array): Float32Array => image.map((ink) => 1 - ink);

/** The mean distance of pixels. */
const distance = (images: readonly Float32Array[], others: readonly Float32Array[]): number =>
  images.reduce((sum, image, at) => sum + image.reduce((all, ink, k) => all + Math.abs(ink - (others[at]?.[k] ?? 0)), 0), 0) /
  (64 * images.length);

const tiles = (images: readonly Float32Array[]): Tile[] => images.slice(0, 10).map((pixels) => ({ pixels, width: 8 }));
