// A GAN learns eight clouds around a ring; a generator that gives up on some of them has lost.
import { random } from '../data/random.ts';
import { coverage, ringPoints } from '../data/ring.ts';
import type { HostExample, Settings } from '../example.ts';
import { chart } from '../pictures/chart.ts';
import { createPlay, loadDiscriminator, loadGenerator, type Generator } from './gan.dlm.js';

const size = 128;

/** Row 20. */
export const example: HostExample = {
  row: 20,
  title: 'GAN on a ring of clouds',
  goals: { 'clouds of 8 that are covered': { least: 8 }, 'share of points in a cloud': { least: 0.8 } },
  programs: [{ file: 'gan.dlm', dims: { b: size } }],
  async run(settings) {
    await using generator = await loadGenerator(settings);
    await using average = await loadGenerator(settings);
    await using discriminator = await loadDiscriminator(settings);
    await average.weights.load(await generator.weights.save());
    await using play = await createPlay(generator, average, discriminator);
    const told: number[] = [];
    const draw = random(settings.seed);
    for (let step = 0; step < (settings.brief ? 10 : 6000); step++) {
      const { losses } = await play.step({ x: { data: ringPoints(size, draw), shape: [size, 2] } });
      told.push(losses.discriminate);
    }
    const points = await drawn(average, settings);
    const { clouds, inside } = coverage(points);
    return {
      scores: { 'clouds of 8 that are covered': clouds, 'share of points in a cloud': inside },
      losses: { discriminator: told },
      pictures: { 'ring.svg': picture(ringPoints(1000, draw), points) },
    };
  },
};

async function drawn(generator: Generator, { seed }: Settings): Promise<Float32Array> {
  using sample = await generator.sample(1000, { seed });
  return sample.data();
}

const pairs = (points: Float32Array): [number, number][] =>
  Array.from({ length: points.length / 2 }, (_, at) => [points[2 * at] ?? NaN, points[2 * at + 1] ?? NaN]);

const picture = (data: Float32Array, generated: Float32Array): string =>
  chart({
    title: 'Points of the data and of the generator',
    x: 'x',
    y: 'y',
    series: [
      { name: 'data', points: pairs(data), dots: true },
      { name: 'generated', points: pairs(generated), dots: true },
    ],
  });
