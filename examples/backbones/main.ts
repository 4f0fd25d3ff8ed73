// Eight networks of std/models: at their published size they have the published number of parameters, and narrow copies
// of all learn to read digits.
import { asConstant, check } from 'dlm';
import { batches, readTable, split, type Batch, type Labelled } from '../data/labelled.ts';
import { random } from '../data/random.ts';
import type { HostExample, Settings } from '../example.ts';
import { chart, line } from '../pictures/chart.ts';
import * as nets from './backbones.dlm.js';

const size = 32;

/** As torchvision has them. */
const published = {
  AlexNet: 61_100_840,
  Vgg16: 138_357_544,
  ResNet18: 11_689_512,
  ResNet50: 25_557_032,
  ResNet101: 44_549_160,
  DenseNet121: 7_978_856,
  ResNeXt50: 25_028_904,
  MobileNetV2: 3_504_872,
};
const counted = (name: string, count: number): string => `${name}: parameters off ${count.toLocaleString('en')}`;

/** The networks; each learns and gives its losses and its accuracy after every epoch. The first two, without norms, need longer. */
const runs: Readonly<Record<string, (data: Data, settings: Settings) => Promise<Run>>> = {
  AlexNet: (data, settings) => learn(data, settings, nets.loadAlexNet, nets.createFitAlexNet, 16),
  'VGG-11': (data, settings) => learn(data, settings, nets.loadVgg11, nets.createFitVgg11, 14),
  ResNet: (data, settings) => learn(data, settings, nets.loadResNet18, nets.createFitResNet18),
  DenseNet: (data, settings) => learn(data, settings, nets.loadDenseNet121, nets.createFitDenseNet121),
  ResNeXt: (data, settings) => learn(data, settings, nets.loadResNeXt50, nets.createFitResNeXt50),
  'SE-ResNet': (data, settings) => learn(data, settings, nets.loadSeResNet, nets.createFitSeResNet),
  Inception: (data, settings) => learn(data, settings, nets.loadInception, nets.createFitInception),
  MobileNetV2: (data, settings) => learn(data, settings, nets.loadMobileNetV2, nets.createFitMobileNetV2),
};
const scoreName = (name: string): string => `${name}: test accuracy`;

/** Row 6. */
export const example: HostExample = {
  row: 6,
  title: 'Convolutional networks, published and narrow',
  goals: {
    ...Object.fromEntries(Object.entries(published).map(([name, count]) => [counted(name, count), { most: 0 }])),
    ...Object.fromEntries(Object.keys(runs).map((name) => [scoreName(name), { least: 0.9 }])),
  },
  programs: [{ file: 'backbones.dlm', dims: { b: size } }],
  async run(settings) {
    const { device, seed, brief } = settings;
    const { x, y, classes } = readTable('examples/data/digits.csv');
    const most = brief ? 5 : x.length;
    const data = split({ x: x.slice(0, most), y: y.slice(0, most), classes }, 0.2, random(seed));
    const scores = Object.fromEntries(
      Object.entries(published).map(([name, count]) => [counted(name, count), Math.abs(parametersOf(name) - count)]),
    );
    const losses: Record<string, readonly number[]> = {};
    const curves: Record<string, readonly number[]> = {};
    for (const [name, run] of Object.entries(runs)) {
      scores[scoreName(name)] = 0;
      // A software GPU takes minutes for the shaders of all eight: there a brief run is one of the first.
      if (brief && device !== 'wasm' && name !== 'AlexNet') continue;
      const { steps, accuracy } = await run(data, settings);
      scores[scoreName(name)] = accuracy.at(-1) ?? 0;
      losses[name] = steps;
      curves[name] = accuracy;
    }
    const series = Object.entries(curves).map(([name, values]) => line(name, values));
    const axes = { x: 'epoch', y: 'accuracy on test data', range: [0, 1] as const };
    return {
      scores,
      losses,
      pictures: { 'accuracy.svg': chart({ title: 'Eight networks read digits', ...axes, series }) },
    };
  },
};

/** Parameters of a model of std/models that is left alone, as `dlm summary` counts them: from its types, not its weights. */
function parametersOf(name: string): number {
  const program = `import { ${name} } from "std/models"
export model Published() {
  let net = ${name}()
  export fn forward(x: f32[b, 3, 224, 224]) -> [b, 1000] = net(x)
}`;
  const files = { read: (path: string) => (path === 'main.dlm' ? program : undefined), resolve: (_: string, to: string) => to };
  const { module } = check(files, 'main.dlm');
  const own = module?.models[0]?.parameters.filter(({ role }) => role === 'param') ?? [];
  return own.reduce((sum, { type }) => sum + type.shape.reduce((n, dim) => n * (asConstant(dim) ?? NaN), 1), 0);
}

/** Pictures to learn from, and others. */
interface Data {
  readonly train: Labelled;
  readonly test: Labelled;
}
/** Loss of each step, accuracy after each epoch. */
interface Run {
  readonly steps: number[];
  readonly accuracy: number[];
}
interface Fit extends AsyncDisposable {
  step(batch: Batch): Promise<{ loss: number }>;
  evaluate(batches: Iterable<Batch>): Promise<{ metrics: { accuracy: number } }>;
}

async function learn<N extends AsyncDisposable>(
  { train, test }: Data,
  { device, seed, brief }: Settings,
  load: (options: { device: Settings['device']; seed: number }) => Promise<N>,
  createFit: (net: N, options: { total: number; seed: number }) => Promise<Fit>,
  most = 6,
): Promise<Run> {
  const epochs = brief ? 6 : most;
  const shape = [1, 8, 8];
  await using net = await load({ device, seed });
  await using fit = await createFit(net, { total: epochs * Math.ceil(train.x.length / size), seed });
  const dice = random(seed);
  const run: Run = { steps: [], accuracy: [] };
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const batch of batches(train, size, { random: dice, shape })) run.steps.push((await fit.step(batch)).loss);
    if (!brief || epoch === epochs - 1)
      run.accuracy.push((await fit.evaluate(batches(test, size, { shape }))).metrics.accuracy);
  }
  return run;
}
