// A Conformer writes down the tones of melodies without ever having been told when they sound.
import { random, type Random } from '../data/random.ts';
import { bands, editDistance, frames, melody, spelled, tones, type Melody } from '../data/tones.ts';
import { padded, slices } from '../data/words.ts';
import type { HostExample, Settings } from '../example.ts';
import { label, svg } from '../pictures/chart.ts';
import { png } from '../pictures/photo.ts';
import { createFit, load, type FitBatch, type Listener } from './conformer.dlm.js';

const [fewest, most] = [3, 8];

/** Row 18. */
export const example: HostExample = {
  row: 18,
  title: 'Conformer and CTC on melodies',
  goals: { 'labels that are wrong': { most: 0.05 } },
  programs: [{ file: 'conformer.dlm', dims: { b: 16, t: frames, u: most } }],
  async run(settings) {
    const dice = random(settings.seed);
    const [train, test] = settings.brief ? [draw(4, dice), draw(2, dice)] : [draw(1600, dice), draw(200, dice)];
    await using net = await load(settings);
    const losses = await learn(net, train, settings);
    const found = await listen(net, test);
    const wrong = test.reduce((sum, { labels }, at) => sum + editDistance(found[at] ?? [], labels), 0);
    return {
      scores: { 'labels that are wrong': wrong / test.reduce((sum, { labels }) => sum + labels.length, 0) },
      losses: { Conformer: losses },
      pictures: { 'melodies.svg': await looks(net, test.slice(0, 2), found) },
    };
  },
};

const draw = (count: number, dice: Random): Melody[] =>
  Array.from({ length: count }, () => melody(fewest + dice.below(most - fewest + 1), dice));

function tensors(melodies: readonly Melody[]): FitBatch {
  const data = new Float32Array(melodies.length * frames * bands);
  melodies.forEach(({ energies }, at) => data.set(energies, at * frames * bands));
  return {
    energies: { data, shape: [melodies.length, frames, bands] },
    lengths: Int32Array.from(melodies, ({ length }) => length),
    targets: padded(melodies.map(({ labels }) => labels), most),
    target_lengths: Int32Array.from(melodies, ({ labels }) => labels.length),
  };
}

async function learn(net: Listener, train: readonly Melody[], { seed, brief }: Settings) {
  const epochs = brief ? 4 : 3;
  await using fit = await createFit(net, brief ? {} : { steps: (epochs * train.length) / 16 });
  const order = random(seed);
  const losses: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++)
    for (const list of slices(train, 16, order)) losses.push((await fit.step(tensors(list))).loss);
  return losses;
}

/** The labels of melodies: at each place the likeliest, repeats merged, blanks dropped. */
async function listen(net: Listener, melodies: readonly Melody[]): Promise<number[][]> {
  const { energies, lengths } = tensors(melodies);
  using found = await net.path(energies, lengths);
  const [paths, width] = [await found.data(), frames / 2];
  return melodies.map((_, at) => spelled(paths.subarray(at * width, (at + 1) * width)));
}

/** Melodies as they sound, and what the network takes each moment for. */
async function looks(net: Listener, melodies: readonly Melody[], found: readonly (readonly number[])[]): Promise<string> {
  const { energies, lengths } = tensors(melodies);
  using result = await net.forward(energies, lengths);
  const [values, places, height] = [await result.data(), frames / 2, 300];
  const parts = melodies.flatMap((each, at) => {
    const top = 34 + height * at;
    const sound = dark(frames, bands, (x, y) => 0.3 + 0.4 * (each.energies[x * bands + y] ?? 0));
    const heard = dark(places, tones, (x, y) => Math.exp(values[(at * places + x) * (tones + 1) + y + 1] ?? 0));
    return [
      label(12, top + 10, 'sound: bands of frequency over time'),
      picture(sound, top + 18, 120),
      label(12, top + 156, 'tones that the network hears'),
      picture(heard, top + 164, 80),
      label(12, top + 262, `played ${each.labels.join(' ')}   written down ${(found[at] ?? []).join(' ')}`),
    ];
  });
  return svg(600, 34 + height * melodies.length, [label(12, 22, 'Held-out melodies', 'font-weight="bold"'), ...parts]);
}

/** A grey image of values from 0 to 1, the first row at the bottom, as a PNG file. */
function dark(width: number, height: number, value: (x: number, y: number) => number): string {
  const area = width * height;
  const pixels = Float32Array.from({ length: 3 * area }, (_, at) => {
    const here = at % area;
    return 1 - value(here % width, height - 1 - Math.floor(here / width));
  });
  return png(pixels, width).toString('base64');
}
const picture = (data: string, top: number, height: number): string =>
  `<image x="12" y="${top}" width="576" height="${height}" preserveAspectRatio="none" style="image-rendering:pixelated" href="data:image/png;base64,${data}"/>`;
