// A convolutional network that sees every digit moved, scaled, cropped and turned a little, anew in each epoch.
import { augment } from '../data/augment.ts';
import { accuracy, batches, readTable, split, type Labelled } from '../data/labelled.ts';
import { random } from '../data/random.ts';
import type { HostExample, Outcome } from '../example.ts';
import { grid, type Tile } from '../pictures/grid.ts';
import { createFit, load } from './lenet.dlm.js';

const shape = [1, 8, 8];
const size = 32;

/** Row 4. */
export const example: HostExample = {
  row: 4,
  title: 'LeNet-style network on digits, with augmentation',
  goals: { 'test accuracy': { least: 0.985 } },
  programs: [{ file: 'lenet.dlm', dims: { b: size } }],
  async run({ device, seed, brief }): Promise<Outcome> {
    const dice = random(seed);
    const { train, test } = split(digits(brief ? 20 : Infinity), 0.2, dice);
    const change = augment(8, { shift: 0.7, scale: 0.1, crop: 0.1, rotate: 10 }, dice);
    const epochs = brief ? 8 : 40;
    const steps = Math.ceil(train.x.length / size);

    await using net = await load({ device, seed });
    await using fit = await createFit(net, { total: epochs * steps });
    const losses: number[] = [];
    for await (const event of fit.run(() => batches(train, size, { random: dice, shape, change }), { epochs })) {
      if (event.type === 'step') losses.push(event.loss);
    }

    const [all] = batches(test, test.x.length, { shape });
    if (!all) throw new Error('no test examples');
    using predicted = await net.predict(all.x);
    const found = await predicted.data();
    return {
      scores: { 'test accuracy': accuracy(found, test) },
      losses: { LeNet: losses },
      pictures: {
        'augmented.svg': grid('Four digits as they are, and as training saw them', augmented(train, change)),
        'mistakes.svg': grid('Digits of the test part: all mistakes first, then others', tiles(test, found)),
      },
    };
  },
};

/** The table, or its first rows. */
function digits(most: number): Labelled {
  const { x, y, classes } = readTable('examples/data/digits.csv');
  return { x: x.slice(0, most), y: y.slice(0, most), classes };
}

const tile = (pixels: Float32Array, caption?: string, colour?: string): Tile => ({
  pixels: pixels.map((value) => value / 16),
  width: 8,
  ...(caption !== undefined && { caption }),
  ...(colour !== undefined && { colour }),
});

const augmented = ({ x }: Labelled, change: (image: Float32Array) => Float32Array): Tile[][] =>
  x.slice(0, 4).map((image) => [tile(image), ...Array.from({ length: 9 }, () => tile(change(image)))]);

/** Twenty test digits with what the network says, mistakes in red. */
function tiles({ x, y, classes }: Labelled, found: ArrayLike<number>): Tile[][] {
  const order = y.map((_, at) => at).sort((a, b) => Number(found[a] === y[a]) - Number(found[b] === y[b]));
  const all = order.slice(0, 20).map((at) => {
    const [name, said] = [classes[y[at] ?? 0] ?? '', classes[found[at] ?? 0] ?? ''];
    return name === said
      ? tile(x[at] ?? new Float32Array(64), said)
      : tile(x[at] ?? new Float32Array(64), `${said}, not ${name}`, '#b00');
  });
  return [all.slice(0, 10), all.slice(10)];
}
