// Digits through eight numbers and back; then digits that nobody wrote, which a judge names.
import { digits, stacked, unstacked, type Numbers } from '../data/digits.ts';
import { batches, type Batch, type Labelled } from '../data/labelled.ts';
import { random } from '../data/random.ts';
import type { HostExample, Settings } from '../example.ts';
import { recognised, trainedJudge, verdicts } from '../judge/judge.ts';
import { grid, type Tile } from '../pictures/grid.ts';
import {
  createFitAutoencoder,
  createFitConditional,
  createFitVae,
  loadAutoencoder,
  loadConditional,
  loadVae,
  type Conditional,
} from './autoencoder.dlm.js';

/** Row 21. */
export const example: HostExample = {
  row: 21,
  title: 'Autoencoder, VAE and conditional VAE on digits',
  goals: {
    'autoencoder: held-out digits that are the same after it': { least: 0.9 },
    'VAE: bound on the held-out likelihood above the mean image, nats': { least: 2 },
    'VAE: drawn digits that the judge is sure of': { least: 0.5 },
    'conditional VAE: digits drawn as asked for': { least: 0.9 },
  },
  programs: [{ file: 'autoencoder.dlm', dims: { b: 64 } }],
  async run(settings) {
    const { train, test } = digits(random(settings.seed), settings.brief ? 64 : Infinity);
    await using judge = await trainedJudge(train, settings);

    await using plain = await loadAutoencoder(settings);
    await using fitPlain = await createFitAutoencoder(plain);
    const lossPlain = await learn(({ x }) => fitPlain.step({ x }), train, settings);
    using back = await plain.forward(stacked(test.x));
    const rebuilt = unstacked(await back.data(), 64);
    const before = (await verdicts(judge, test.x)).map(({ digit }) => digit);

    await using vae = await loadVae(settings);
    await using fitVae = await createFitVae(vae);
    const lossVae = await learn(({ x }) => fitVae.step({ x }), train, settings);
    const { loss } = await fitVae.evaluate([{ x: stacked(test.x) }]);
    using sample = await vae.sample(200, { seed: settings.seed });
    const drawn = unstacked(await sample.data(), 64);
    const sure = (await verdicts(judge, drawn)).filter((each) => each.sure > 0.9).length / drawn.length;

    await using told = await loadConditional(settings);
    await using fitTold = await createFitConditional(told);
    const lossTold = await learn((batch) => fitTold.step(batch), train, settings);
    const wanted = Int32Array.from({ length: 200 }, (_, at) => at % 10);
    const asked = await drawnAs(told, wanted, settings);

    return {
      scores: {
        'autoencoder: held-out digits that are the same after it': recognised(await verdicts(judge, rebuilt), before),
        'VAE: bound on the held-out likelihood above the mean image, nats': surprise(train, test) - loss,
        'VAE: drawn digits that the judge is sure of': sure,
        'conditional VAE: digits drawn as asked for': recognised(await verdicts(judge, asked), wanted),
      },
      losses: { autoencoder: lossPlain, VAE: lossVae, 'conditional VAE': lossTold },
      pictures: {
        'rebuilt.svg': grid('Held-out digits, and what comes back', [tiles(test.x.slice(0, 10)), tiles(rebuilt.slice(0, 10))]),
        'drawn.svg': grid('Digits that the VAE draws', rows(drawn, 3)),
        'asked.svg': grid('Digits that the conditional VAE draws, as asked for', rows(asked, 5)),
      },
    };
  },
};

/** Losses of a training, epoch by epoch. */
async function learn(
  step: (batch: { x: Numbers; y: Batch['y'] }) => Promise<{ loss: number }>,
  table: Labelled,
  { seed, brief }: Settings,
): Promise<number[]> {
  const order = random(seed);
  const losses: number[] = [];
  for (let epoch = 0; epoch < (brief ? 4 : 300); epoch++) {
    let [sum, count] = [0, 0];
    for (const { x, y } of batches(table, 64, { random: order })) {
      sum += (await step({ x, y })).loss;
      count++;
    }
    losses.push(sum / count);
  }
  return losses;
}

/** The surprise at held-out images, in nats, of a model that knows the mean ink of each pixel and nothing else. */
function surprise(train: Labelled, test: Labelled): number {
  const ink = Array.from({ length: 64 }, (_, at) => {
    const mean = train.x.reduce((sum, pixels) => sum + (pixels[at] ?? 0), 0) / train.x.length;
    return Math.min(1 - 1e-3, Math.max(1e-3, mean));
  });
  const of = (pixels: Float32Array): number =>
    ink.reduce((sum, p, at) => sum - (pixels[at] ?? 0) * Math.log(p) - (1 - (pixels[at] ?? 0)) * Math.log(1 - p), 0);
  return test.x.reduce((sum, pixels) => sum + of(pixels), 0) / test.x.length;
}

async function drawnAs(net: Conditional, wanted: Int32Array<ArrayBuffer>, { seed }: Settings): Promise<Float32Array[]> {
  using sample = await net.sample(wanted, { seed });
  return unstacked(await sample.data(), 64);
}

const tiles = (images: readonly Float32Array[]): Tile[] => images.map((pixels) => ({ pixels, width: 8 }));

const rows = (images: readonly Float32Array[], count: number): Tile[][] =>
  Array.from({ length: count }, (_, row) => tiles(images.slice(10 * row, 10 * row + 10)));
