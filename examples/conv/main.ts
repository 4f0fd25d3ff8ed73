// Convolutions over one axis and over three, each against an MLP with as many weights on the same data.
import { clip, clips } from '../data/clips.ts';
import { accuracy, batches, type Batch, type Labelled } from '../data/labelled.ts';
import { random } from '../data/random.ts';
import { signalLength, signals } from '../data/signals.ts';
import type { HostExample, Settings } from '../example.ts';
import { chart, line } from '../pictures/chart.ts';
import { grid, type Tile } from '../pictures/grid.ts';
import * as space from './clips.dlm.js';
import * as time from './signal.dlm.js';

/** Row 5. */
export const example: HostExample = {
  row: 5,
  title: 'Convolutions over signals and clips',
  goals: {
    '1-D CNN on signals: test accuracy': { least: 0.9 },
    '1-D CNN: above the MLP': { least: 0.1 },
    '3-D CNN on clips: test accuracy': { least: 0.9 },
    '3-D CNN: above the MLP': { least: 0.1 },
  },
  programs: [
    { file: 'signal.dlm', dims: { b: 32 } },
    { file: 'clips.dlm', dims: { b: 32 } },
  ],
  async run(settings) {
    const dice = random(settings.seed);
    const open = { device: settings.device, seed: settings.seed };
    const few = (count: number): number => (settings.brief ? 8 : count);
    const heard = { train: signals(few(600), dice), test: signals(few(400), dice), shape: [1, signalLength] };
    const seen = {
      train: clips(few(400), dice),
      test: clips(few(400), dice),
      shape: [1, clip.frames, clip.side, clip.side],
    };
    const cnn1 = await compare(heard, settings, 20, await time.loadCnn(open), time.createFitCnn);
    const mlp1 = await compare(heard, settings, 20, await time.loadMlp(open), time.createFitMlp);
    const cnn3 = await compare(seen, settings, 12, await space.loadCnn(open), space.createFitCnn);
    const mlp3 = await compare(seen, settings, 12, await space.loadMlp(open), space.createFitMlp);
    return {
      scores: {
        '1-D CNN on signals: test accuracy': cnn1.score,
        '1-D CNN: above the MLP': cnn1.score - mlp1.score,
        '3-D CNN on clips: test accuracy': cnn3.score,
        '3-D CNN: above the MLP': cnn3.score - mlp3.score,
      },
      losses: { '1-D CNN': cnn1.losses, '1-D MLP': mlp1.losses, '3-D CNN': cnn3.losses, '3-D MLP': mlp3.losses },
      pictures: {
        'signals.svg': chart({
          title: 'A signal of each kind',
          x: 'time',
          y: 'signal, one above the other',
          series: heard.test.classes.map((name, at) =>
            line(
              name,
              [...(heard.test.x[at] ?? [])].map((v) => v - 4 * at),
            ),
          ),
        }),
        'clips.svg': grid('A clip of each kind, frame by frame', frames(seen.test), 6),
        'accuracy.svg': chart({
          title: 'Accuracy on test data',
          x: 'epoch',
          y: 'accuracy',
          range: [0, 1],
          series: [
            line('1-D CNN', cnn1.curve),
            line('MLP on signals', mlp1.curve),
            line('3-D CNN', cnn3.curve),
            line('MLP on clips', mlp3.curve),
          ],
        }),
      },
    };
  },
};

/** What the networks of this example have in common. */
interface Net extends AsyncDisposable {
  predict(x: Batch['x']): Promise<Disposable & { data(): Promise<Int32Array> }>;
}
interface Fit extends AsyncDisposable {
  step(batch: Batch): Promise<{ loss: number }>;
}
interface Data {
  readonly train: Labelled;
  readonly test: Labelled;
  readonly shape: readonly number[];
}

/** Trains a network; its accuracy on test data after every epoch and at the end. */
async function compare<N extends Net>(
  { train, test, shape }: Data,
  { seed, brief }: Settings,
  epochs: number,
  opened: N,
  createFit: (net: N, options: { seed: number }) => Promise<Fit>,
) {
  await using net = opened;
  await using fit = await createFit(net, { seed });
  const dice = random(seed);
  const [all] = batches(test, test.x.length, { shape });
  if (!all) throw new Error('no test examples');
  const losses: number[] = [];
  const curve: number[] = [];
  for (let epoch = 0; epoch < (brief ? 6 : epochs); epoch++) {
    for (const batch of batches(train, 32, { random: dice, shape })) losses.push((await fit.step(batch)).loss);
    using predicted = await net.predict(all.x);
    curve.push(accuracy(await predicted.data(), test));
  }
  return { losses, curve, score: curve.at(-1) ?? 0 };
}

/** The frames of the first clip of each class. */
const frames = ({ x, classes }: Labelled): Tile[][] =>
  classes.map((name, at) =>
    Array.from({ length: clip.frames }, (_, time) => {
      const size = clip.side ** 2;
      const pixels = (x[at] ?? new Float32Array()).slice(time * size, (time + 1) * size);
      return { pixels, width: clip.side, caption: time === 0 ? name : '' };
    }),
  );
