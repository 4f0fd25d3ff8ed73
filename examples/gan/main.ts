// Three games of generator against discriminator over eight clouds around a ring; a generator that gives up on some of
// the clouds has lost.
import { random } from '../data/random.ts';
import { coverage, ringPoints } from '../data/ring.ts';
import type { HostExample, Settings } from '../example.ts';
import { chart } from '../pictures/chart.ts';
import {
  createPlay,
  createPlayDistance,
  createPlaySquares,
  loadDiscriminator,
  loadGenerator,
  type Generator,
} from './gan.dlm.js';

const size = 128;
const games = {
  'non-saturating': createPlay,
  'least squares': createPlaySquares,
  'Wasserstein': createPlayDistance,
} as const;
type Game = keyof typeof games;
const names = Object.keys(games) as Game[];

/** Row 20. */
export const example: HostExample = {
  row: 20,
  title: 'GAN on a ring of clouds',
  goals: Object.fromEntries(
    names.flatMap((name) => [
      [`${name}: clouds of 8 that are covered`, { least: 8 }],
      [`${name}: share of points in a cloud`, { least: 0.8 }],
    ]),
  ),
  programs: [{ file: 'gan.dlm', dims: { b: size } }],
  async run(settings) {
    const scores: Record<string, number> = {};
    const losses: Record<string, readonly number[]> = {};
    const pictures: Record<string, string> = {};
    for (const name of names) {
      const { points, told } = await play(name, settings);
      const { clouds, inside } = coverage(points);
      scores[`${name}: clouds of 8 that are covered`] = clouds;
      scores[`${name}: share of points in a cloud`] = inside;
      losses[`${name}: discriminator`] = told;
      pictures[`${name.replace(' ', '-').toLowerCase()}.svg`] = picture(name, points, settings);
    }
    return { scores, losses, pictures };
  },
};

async function play(game: Game, settings: Settings): Promise<{ points: Float32Array; told: number[] }> {
  await using generator = await loadGenerator(settings);
  await using average = await loadGenerator(settings);
  await using discriminator = await loadDiscriminator(settings);
  await average.weights.load(await generator.weights.save());
  await using session = await games[game](generator, average, discriminator);
  const told: number[] = [];
  const draw = random(settings.seed);
  for (let step = 0; step < (settings.brief ? 10 : 6000); step++) {
    const { losses } = await session.step({ x: { data: ringPoints(size, draw), shape: [size, 2] } });
    told.push(losses.discriminate);
  }
  return { points: await drawn(average, settings), told };
}

async function drawn(generator: Generator, { seed }: Settings): Promise<Float32Array> {
  using sample = await generator.sample(1000, { seed });
  return sample.data();
}

const pairs = (points: Float32Array): [number, number][] =>
  Array.from({ length: points.length / 2 }, (_, at) => [points[2 * at] ?? NaN, points[2 * at + 1] ?? NaN]);

const picture = (game: string, generated: Float32Array, { seed }: Settings): string =>
  chart({
    title: `Points of the data and of the generator, ${game}`,
    x: 'x',
    y: 'y',
    series: [
      { name: 'data', points: pairs(ringPoints(400, random(seed))), dots: true },
      { name: 'generated', points: pairs(generated.subarray(0, 800)), dots: true },
    ],
  });
