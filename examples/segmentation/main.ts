// Three kinds of networks find the shapes in noisy pictures, pixel by pixel.
import { random, type Random } from '../data/random.ts';
import { picture, type Making, type Picture } from '../data/shapes.ts';
import type { HostExample, Outcome, Settings } from '../example.ts';
import { label, svg } from '../pictures/chart.ts';
import { photo } from '../pictures/photo.ts';
import {
  createFitDeepLab,
  createFitFcn,
  createFitUnet,
  loadDeepLab,
  loadFcn,
  loadUnet,
} from './segmentation.dlm.js';

const making: Making = { side: 32, kinds: ['disc', 'square', 'triangle'], most: 3, radius: [4, 8], noise: 0.2 };
const size = 16;

/** Row 8. */
export const example: HostExample = {
  row: 8,
  title: 'Segmentation of shapes',
  goals: {
    'FCN: mean IoU': { least: 0.85 },
    'U-Net: mean IoU': { least: 0.85 },
    'DeepLab v3+: mean IoU': { least: 0.85 },
  },
  programs: [{ file: 'segmentation.dlm', dims: { b: size } }],
  async run(settings) {
    const { device, seed, brief } = settings;
    const dice = random(seed);
    const train = pictures(brief ? 8 : 500, dice);
    const test = pictures(brief ? 4 : 100, dice);
    const total = (brief ? 2 : 12) * Math.ceil(train.length / size);

    await using fcn = await loadFcn({ device, seed });
    await using fitFcn = await createFitFcn(fcn, { total, seed });
    const first = await learn(fcn, fitFcn, train, test, settings);
    // A software GPU takes minutes for the shaders of all three: there a brief run is one of the first.
    if (brief && device !== 'wasm') return outcome(test, { FCN: first });

    await using unet = await loadUnet({ device, seed });
    await using fitUnet = await createFitUnet(unet, { total, seed });
    const second = await learn(unet, fitUnet, train, test, settings);
    await using deepLab = await loadDeepLab({ device, seed });
    await using fitDeepLab = await createFitDeepLab(deepLab, { total, seed });
    const third = await learn(deepLab, fitDeepLab, train, test, settings);
    return outcome(test, { FCN: first, 'U-Net': second, 'DeepLab v3+': third });
  },
};

/** How a network did. */
interface Run {
  readonly losses: readonly number[];
  readonly iou: number;
  readonly found: Int32Array;
}

/** The score of a network that was not run is 0. */
function outcome(test: readonly Picture[], runs: Readonly<Record<string, Run>>): Outcome {
  const values = <T>(value: (run: Run) => T): Record<string, T> =>
    Object.fromEntries(Object.entries(runs).map(([name, run]) => [name, value(run)]));
  const names = ['FCN', 'U-Net', 'DeepLab v3+'];
  return {
    scores: Object.fromEntries(names.map((name) => [`${name}: mean IoU`, runs[name]?.iou ?? 0])),
    losses: values(({ losses }) => losses),
    pictures: { 'segmented.svg': drawn(test, values(({ found }) => found)) },
  };
}

const pictures = (count: number, dice: Random): Picture[] =>
  Array.from({ length: count }, () => picture(making, dice));

/** Pictures and masks as a training step takes them. */
interface Batch {
  readonly x: { readonly data: Float32Array<ArrayBuffer>; readonly shape: number[] };
  readonly mask: { readonly data: Int32Array<ArrayBuffer>; readonly shape: number[] };
}
/** A network, and what trains it. */
interface Net {
  predict(x: Batch['x']): Promise<Disposable & { data(): Promise<Int32Array> }>;
}
interface Fit {
  step(batch: Batch): Promise<{ loss: number }>;
  evaluate(batches: Iterable<Batch>): Promise<{ metrics: { iou: number } }>;
}

function batchOf(all: readonly Picture[]): Batch {
  const { side } = making;
  const x = { data: new Float32Array(all.length * side * side), shape: [all.length, 1, side, side] };
  const mask = { data: new Int32Array(all.length * side * side), shape: [all.length, side, side] };
  all.forEach(({ pixels, mask: own }, at) => {
    x.data.set(pixels, at * side * side);
    mask.data.set(own, at * side * side);
  });
  return { x, mask };
}

async function learn(net: Net, fit: Fit, train: readonly Picture[], test: readonly Picture[], settings: Settings): Promise<Run> {
  const dice = random(settings.seed);
  const losses: number[] = [];
  const batchSize = settings.brief ? 4 : size;
  for (let epoch = 0; epoch < (settings.brief ? 2 : 12); epoch++) {
    const order = dice.permutation(train.length);
    for (let from = 0; from < order.length; from += batchSize) {
      const chosen = order.slice(from, from + batchSize).flatMap((at) => train[at] ?? []);
      losses.push((await fit.step(batchOf(chosen))).loss);
    }
  }
  // All test pictures are one batch: the mean over classes is that of all their pixels.
  const all = batchOf(test);
  const { metrics } = await fit.evaluate([all]);
  using found = await net.predict(all.x);
  return { losses, iou: metrics.iou, found: await found.data() };
}

/** Ground, disc, square, triangle. */
const palette = [
  [0.94, 0.94, 0.94],
  [0.12, 0.44, 0.71],
  [0.88, 0.44, 0.17],
  [0.18, 0.6, 0.37],
] as const;

/** Eight pictures, what is in them, and what each network sees there. */
function drawn(test: readonly Picture[], found: Readonly<Record<string, Int32Array>>): string {
  const [edge, gap, left] = [84, 8, 96];
  const area = making.side ** 2;
  const coloured = (mask: ArrayLike<number>): Float32Array =>
    Float32Array.from({ length: 3 * area }, (_, at) => palette[mask[at % area] ?? 0]?.[Math.floor(at / area)] ?? 0);
  const grey = (pixels: Float32Array): Float32Array =>
    Float32Array.from({ length: 3 * area }, (_, at) => 0.5 + 0.35 * (pixels[at % area] ?? 0));
  const shown = test.slice(0, 8);
  const rows: [string, Float32Array[]][] = [
    ['picture', shown.map(({ pixels }) => grey(pixels))],
    ['truth', shown.map(({ mask }) => coloured(mask))],
    ...Object.entries(found).map(([name, masks]): [string, Float32Array[]] => [
      name,
      shown.map((_, at) => coloured(masks.subarray(at * area, (at + 1) * area))),
    ]),
  ];
  const parts = rows.flatMap(([name, images], row) => {
    const top = 34 + row * (edge + gap);
    return [
      label(10, top + edge / 2 + 4, name),
      ...images.map((image, at) => photo(image, left + at * (edge + gap), top, edge)),
    ];
  });
  const title = label(10, 20, 'Discs blue, squares orange, triangles green', 'font-weight="bold"');
  return svg(left + shown.length * (edge + gap), 34 + rows.length * (edge + gap), [title, ...parts]);
}
