// A conditional DCGAN draws digits; a network that learned from true digits says what they are.
import { digits, unstacked } from '../data/digits.ts';
import { batches, type Labelled } from '../data/labelled.ts';
import { random } from '../data/random.ts';
import type { HostExample, Settings } from '../example.ts';
import { recognised, trainedJudge, verdicts } from '../judge/judge.ts';
import { grid, type Tile } from '../pictures/grid.ts';
import { createPlay, loadDiscriminator, loadGenerator, type Generator } from './dcgan.dlm.js';

/** Row 20, with `../gan` and `../image-to-image`. */
export const example: HostExample = {
  row: 20,
  title: 'Conditional DCGAN on digits',
  goals: { 'digits drawn as asked for': { least: 0.9 }, 'variety of a digit, of that of true ones': { least: 0.5 } },
  programs: [{ file: 'dcgan.dlm', dims: { b: 64 } }],
  async run(settings) {
    const { train } = digits(random(settings.seed), settings.brief ? 64 : Infinity);
    await using judge = await trainedJudge(train, settings);
    await using generator = await loadGenerator(settings);
    await using average = await loadGenerator(settings);
    await using discriminator = await loadDiscriminator(settings);
    await using play = await createPlay(generator, average, discriminator);
    const order = random(settings.seed);
    const told: number[] = [];
    for (let epoch = 0; epoch < (settings.brief ? 5 : 60); epoch++)
      for (const batch of batches(train, 64, { random: order })) told.push((await play.step(batch)).losses.discriminate);

    const wanted = Int32Array.from({ length: settings.brief ? 20 : 300 }, (_, at) => at % 10);
    const drawn = await draw(average, wanted, settings);
    return {
      scores: {
        'digits drawn as asked for': recognised(await verdicts(judge, drawn), wanted),
        'variety of a digit, of that of true ones': variety(drawn, wanted) / variety(train.x, train.y),
      },
      losses: { discriminator: told },
      pictures: { 'drawn.svg': grid('Above: true digits. Below: what the generator draws', rows(train, drawn)) },
    };
  },
};

async function draw(net: Generator, wanted: Int32Array<ArrayBuffer>, { seed }: Settings): Promise<Float32Array[]> {
  using sample = await net.sample(wanted, { seed });
  return unstacked(await sample.data(), 64);
}

/** The deviation of pixels from the mean image of their digit: 0 where a generator draws one image of each. */
function variety(images: readonly Float32Array[], labels: ArrayLike<number>): number {
  let sum = 0;
  for (let digit = 0; digit < 10; digit++) {
    const same = images.filter((_, at) => labels[at] === digit);
    const mean = Array.from({ length: 64 }, (_, at) => same.reduce((total, image) => total + (image[at] ?? 0), 0) / same.length);
    for (const image of same) sum += mean.reduce((total, ink, at) => total + ((image[at] ?? 0) - ink) ** 2, 0);
  }
  return Math.sqrt(sum / images.length);
}

const tile = (pixels: Float32Array): Tile => ({ pixels, width: 8 });

function rows({ x, y }: Labelled, drawn: readonly Float32Array[]): Tile[][] {
  const first = Array.from({ length: 10 }, (_, digit) => x.filter((_image, at) => y[at] === digit).slice(0, 2));
  const real = [0, 1].map((row) => first.flatMap((images) => images.slice(row, row + 1).map(tile)));
  return [...real, ...Array.from({ length: 5 }, (_, row) => drawn.slice(10 * row, 10 * row + 10).map(tile))];
}
