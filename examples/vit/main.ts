// Three transformers read digits; and what attention costs by the length of a sequence, counted by the compiler.
import { readFileSync } from 'node:fs';
import { compile, summarize } from 'dlm';
import { augment } from '../data/augment.ts';
import { batches, readTable, split, type Batch, type Labelled } from '../data/labelled.ts';
import { random } from '../data/random.ts';
import type { HostExample, Settings } from '../example.ts';
import { chart, line, type Series } from '../pictures/chart.ts';
import * as nets from './vit.dlm.js';

const size = 32;
const shape = [1, 8, 8];
const lengths = [128, 256, 512, 1024, 2048, 4096];

/** Row 19. */
export const example: HostExample = {
  row: 19,
  title: 'Linformer, ViT and MobileViT',
  goals: {
    'Linformer: cost of a position, 4,096 to 128': { most: 1.01 },
    'full attention: cost of a position, 4,096 to 128': { least: 10 },
    'ViT on digits': { least: 0.95 },
    'MobileViT on digits': { least: 0.95 },
    'Linformer on pixels of digits': { least: 0.9 },
  },
  programs: [{ file: 'vit.dlm', dims: { b: size } }],
  async run(settings) {
    const { seed, brief } = settings;
    const { x, y, classes } = readTable('examples/data/digits.csv');
    const most = brief ? 20 : x.length;
    const data = split({ x: x.slice(0, most), y: y.slice(0, most), classes }, 0.2, random(seed));
    const vit = await learn(data, settings, nets.loadVitB16, nets.createFitVit);
    // A software GPU takes minutes for the shaders of all three: there a brief run is one of the first.
    const isOne = brief && settings.device !== 'wasm';
    const none: Run = { losses: [], curve: [] };
    const mobile = isOne ? none : await learn(data, settings, nets.loadMobileViT, nets.createFitMobileViT);
    const pixels = isOne ? none : await learn(data, settings, nets.loadPixels, nets.createFitPixels);
    const costs = { full: await costsOf('Full'), linformer: await costsOf('Linformer') };
    const growth = (values: readonly number[]): number => (values.at(-1) ?? NaN) / (values[0] ?? NaN);
    const points = (values: readonly number[]): Series['points'] => values.map((value, at) => [lengths[at] ?? 0, value]);
    return {
      scores: {
        'Linformer: cost of a position, 4,096 to 128': growth(costs.linformer),
        'full attention: cost of a position, 4,096 to 128': growth(costs.full),
        'ViT on digits': vit.curve.at(-1) ?? 0,
        'MobileViT on digits': mobile.curve.at(-1) ?? 0,
        'Linformer on pixels of digits': pixels.curve.at(-1) ?? 0,
      },
      losses: {
        ViT: vit.losses,
        ...(!isOne && { MobileViT: mobile.losses, Linformer: pixels.losses }),
      },
      pictures: {
        'cost.svg': chart({
          title: 'What one position costs',
          x: 'positions of the sequence',
          y: 'operations per position, thousands',
          series: [
            { name: 'full attention', points: points(costs.full) },
            { name: 'Linformer, k = 32', points: points(costs.linformer) },
          ],
        }),
        'digits.svg': chart({
          title: 'Test digits named by transformers',
          x: 'epoch',
          y: 'accuracy',
          range: [0, 1],
          series: [line('ViT', vit.curve), line('MobileViT', mobile.curve), line('Linformer', pixels.curve)],
        }),
      },
    };
  },
};

/** Thousands of operations per position of a model of `cost.dlm`, by length: what `dlm summary --dim b=1,t=…` prints. */
async function costsOf(model: string): Promise<number[]> {
  const files = { read: (path: string) => readFileSync(path, 'utf8'), resolve: (_: string, to: string) => to };
  const { lowered } = await compile(files, 'examples/vit/cost.dlm', { targets: ['wasm'] });
  const program = lowered?.programs[0];
  if (!lowered || !program) throw new Error('cost.dlm does not compile');
  return lengths.map((t) => {
    const { functions } = summarize(lowered.graph, program, { b: 1, t });
    return (functions.find(({ name }) => name.startsWith(model))?.flops.value ?? NaN) / t / 1000;
  });
}

/** Losses of the steps, accuracy after each epoch. */
interface Run {
  readonly losses: number[];
  readonly curve: number[];
}
/** A training of this example. */
interface Fit extends AsyncDisposable {
  step(batch: Batch): Promise<{ loss: number }>;
  evaluate(batches: Iterable<Batch>): Promise<{ metrics: { accuracy: number } }>;
}

/** Trains on digits that are moved and turned a little; losses of the steps, accuracy after each epoch. */
async function learn<N extends AsyncDisposable>(
  { train, test }: { readonly train: Labelled; readonly test: Labelled },
  { device, seed, brief }: Settings,
  load: (options: { device: Settings['device']; seed: number }) => Promise<N>,
  createFit: (net: N, options: { total: number; seed: number }) => Promise<Fit>,
): Promise<Run> {
  const epochs = brief ? 9 : 25;
  await using net = await load({ device, seed });
  await using fit = await createFit(net, { total: epochs * Math.ceil(train.x.length / size), seed });
  const dice = random(seed);
  const change = augment(8, { shift: 0.5, scale: 0.1, crop: 0, rotate: 8 }, dice);
  const [losses, curve]: [number[], number[]] = [[], []];
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const batch of batches(train, size, { random: dice, shape, change }))
      losses.push((await fit.step(batch)).loss);
    if (!brief || epoch === epochs - 1)
      curve.push((await fit.evaluate(batches(test, test.x.length, { shape }))).metrics.accuracy);
  }
  return { losses, curve };
}
