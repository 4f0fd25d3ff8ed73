// A backbone that learned eight shapes learns four others from a few examples: a new head on frozen weights, then all of
// them. The checkpoint has other names than the model that loads it.
import { accuracy, batches, type Batch, type Labelled } from '../data/labelled.ts';
import { random, type Random } from '../data/random.ts';
import { labelledShapes } from '../data/shapes.ts';
import type { HostExample, Settings } from '../example.ts';
import { chart, type Series } from '../pictures/chart.ts';
import { createPretrain, load } from './pretrain.dlm.js';
import { createFitAll, createFitHead, loadFrozen, loadOpen } from './transfer.dlm.js';

const side = 16;
const shape = [1, side, side];
const shots = 10;
const making = { side, radius: [4.5, 7], noise: 0.25 } as const;
const known = ['disc', 'square', 'triangle', 'cross', 'ring', 'frame', 'saltire', 'moon'] as const;
const added = ['diamond', 'bowl', 'funnel', 'hourglass'] as const;

/** Row 7. */
export const example: HostExample = {
  row: 7,
  title: 'A pre-trained backbone, frozen and then open',
  goals: {
    'frozen values that moved': { most: 0 },
    'accuracy gained by a new head': { least: 0.3 },
    'accuracy gained by unfreezing': { least: 0.01 },
    'accuracy above training from nothing': { least: 0.05 },
  },
  programs: [
    { file: 'pretrain.dlm', dims: { b: 32 } },
    { file: 'transfer.dlm', dims: { b: 20 } },
  ],
  async run(settings) {
    const { device, seed, brief } = settings;
    const dice = random(seed);
    const { old, few, test } = tasks(dice, brief);
    const rounds = brief ? 3 : 25;
    const checkpoint = await pretrained(old, settings);

    await using frozen = await loadFrozen({ device, seed });
    await frozen.weights.load(checkpoint.file, { keys: ourName, strict: false });
    const before = await backboneOf(frozen);
    await using fitHead = await createFitHead(frozen, { seed });
    const head = await learn(frozen, fitHead, few, test, rounds, seed);
    const moved = differences(before, await backboneOf(frozen));

    await using open = await loadOpen({ device, seed });
    await open.weights.load(await frozen.weights.save());
    await using fitAll = await createFitAll(open, { seed });
    const all = await learn(open, fitAll, few, test, rounds, seed);

    await using fresh = await loadOpen({ device, seed });
    await using fitFresh = await createFitAll(fresh, { lr: 5e-3, seed });
    const alone = await learn(fresh, fitFresh, few, test, brief ? rounds : 2 * rounds, seed);

    const [start = 0, middle = 0, end = 0] = [head.curve[0], head.curve.at(-1), all.curve.at(-1)];
    return {
      scores: {
        'frozen values that moved': moved,
        'accuracy gained by a new head': middle - start,
        'accuracy gained by unfreezing': end - middle,
        'accuracy above training from nothing': end - (alone.curve.at(-1) ?? 0),
      },
      losses: { before: checkpoint.losses, head: head.losses, all: all.losses, alone: alone.losses },
      pictures: { 'transfer.svg': picture(head.curve, all.curve, alone.curve) },
    };
  },
};

/** `features.4.weight` of the file is our `backbone.blocks.1.conv.weight`. Its head is of no use here. */
function ourName(key: string): string | undefined {
  const [, place, name] = /^features\.(\d+)\.(.+)$/.exec(key) ?? [];
  if (place === undefined) return undefined;
  const part = Number(place) % 4 === 0 ? 'conv' : 'bn';
  return `backbone.blocks.${Math.floor(Number(place) / 4)}.${part}.${name}`;
}

/** Many pictures of shapes that are known, a few of others, and pictures of these to test with. */
function tasks(dice: Random, brief: boolean): { old: Labelled; few: Labelled; test: Labelled } {
  const old = labelledShapes(brief ? 32 : 1500, { ...making, kinds: known }, dice);
  const some = labelledShapes(200, { ...making, kinds: added }, dice);
  const chosen = added.flatMap((_, label) => some.y.flatMap((own, at) => (own === label ? [at] : [])).slice(0, shots));
  const few = { x: chosen.flatMap((at) => some.x[at] ?? []), y: chosen.flatMap((at) => some.y[at] ?? []), classes: added };
  return { old, few, test: labelledShapes(brief ? 16 : 400, { ...making, kinds: added }, dice) };
}

/** Trains on the first task; the weights as a file. */
async function pretrained(old: Labelled, { device, seed, brief }: Settings) {
  const epochs = brief ? 3 : 12;
  await using net = await load({ device, seed });
  await using fit = await createPretrain(net, { total: epochs * Math.ceil(old.x.length / 32), seed });
  const dice = random(seed);
  const losses: number[] = [];
  for await (const event of fit.run(() => batches(old, 32, { random: dice, shape }), { epochs }))
    if (event.type === 'step') losses.push(event.loss);
  return { file: await net.weights.save(), losses };
}

/** What both models of `transfer.dlm` have. */
interface Net {
  predict(x: Batch['x']): Promise<Disposable & { data(): Promise<Int32Array> }>;
  readonly weights: { keys(): string[]; get(path: string): Promise<Disposable & { data(): Promise<ArrayBufferView> }> };
}

/** Trains for some epochs; the accuracy before and after each. */
async function learn(
  net: Net,
  fit: { step(batch: Batch): Promise<{ loss: number }> },
  few: Labelled,
  test: Labelled,
  epochs: number,
  seed: number,
) {
  const dice = random(seed);
  const [all] = batches(test, test.x.length, { shape });
  if (!all) throw new Error('no test examples');
  const measured = async (): Promise<number> => {
    using found = await net.predict(all.x);
    return accuracy(await found.data(), test);
  };
  const losses: number[] = [];
  const curve = [await measured()];
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const batch of batches(few, 20, { random: dice, shape })) losses.push((await fit.step(batch)).loss);
    curve.push(await measured());
  }
  return { losses, curve };
}

/** The bytes of every weight and statistic of the backbone. */
async function backboneOf({ weights }: Net): Promise<Map<string, Uint8Array>> {
  const values = new Map<string, Uint8Array>();
  for (const key of weights.keys().filter((path) => path.startsWith('backbone.'))) {
    using value = await weights.get(key);
    const { buffer, byteOffset, byteLength } = await value.data();
    values.set(key, new Uint8Array(buffer, byteOffset, byteLength).slice());
  }
  return values;
}

/** How many numbers of four bytes are not bit for bit what they were. */
function differences(before: Map<string, Uint8Array>, after: Map<string, Uint8Array>): number {
  const moved = new Set<string>();
  for (const [key, bytes] of before)
    bytes.forEach((byte, at) => byte !== after.get(key)?.[at] && moved.add(`${key} ${at >> 2}`));
  return moved.size;
}

function picture(head: number[], all: number[], alone: number[]): string {
  const from = (start: number, values: number[]): Series['points'] => values.map((value, at) => [start + at, value]);
  return chart({
    title: `Four new shapes from ${shots} examples each`,
    x: 'epoch',
    y: 'accuracy on test data',
    range: [0, 1],
    series: [
      { name: 'new head, frozen', points: from(0, head) },
      { name: 'all weights', points: from(head.length - 1, all) },
      { name: 'from nothing', points: from(0, alone) },
    ],
  });
}
