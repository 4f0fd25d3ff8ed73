// Detectors of shapes: two that read regions found elsewhere, and one whose proposals, regions and boxes learn together.
import { meanAveragePrecision, type DetectedBox, type LabelledBox } from 'dlm/metrics';
import { random, type Random } from '../data/random.ts';
import { picture, type Making, type Picture } from '../data/shapes.ts';
import type { HostExample, Settings } from '../example.ts';
import { colours, label, svg } from '../pictures/chart.ts';
import { photo } from '../pictures/photo.ts';
import * as joint from './detection.dlm.js';
import * as given from './given.dlm.js';
import { proposals } from './proposals.ts';

const making: Making = { side: 48, kinds: ['disc', 'square', 'triangle'], most: 3, radius: [5, 10], noise: 0.15 };
const { side, most } = making;
const size = 8;
const regionCount = 12;
const shown = 10;

const scoreName = (name: string): string => `${name}: mAP at an overlap of 0.5`;

/** Row 9. */
export const example: HostExample = {
  row: 9,
  title: 'R-CNN, Fast R-CNN, and Faster R-CNN with a feature pyramid',
  goals: {
    [scoreName('R-CNN')]: { least: 0.7 },
    [scoreName('Fast R-CNN')]: { least: 0.7 },
    [scoreName('Faster R-CNN')]: { least: 0.7 },
  },
  programs: [
    { file: 'detection.dlm', dims: { b: size, m: most } },
    { file: 'given.dlm', dims: { b: size, m: most, r: regionCount } },
  ],
  async run(settings) {
    const { device, seed, brief } = settings;
    const dice = random(seed);
    const train = pictures(brief ? 4 : 400, dice);
    const test = pictures(brief ? 2 : 60, dice);
    const total = (brief ? 5 : 16) * Math.ceil(train.length / size);

    await using faster = await joint.loadFasterRcnn({ device, seed });
    await using fitFaster = await joint.createFit(faster, { total, seed });
    const losses = await learn(train, settings, (all) =>
      fitFaster.step({ x: imagesOf(all), ...targetsOf(all) }),
    );
    const found = await read(await faster.detect(imagesOf(test)), test.length);
    const result = {
      scores: { [scoreName('R-CNN')]: 0, [scoreName('Fast R-CNN')]: 0, [scoreName('Faster R-CNN')]: rated(test, found) },
      losses: { 'Faster R-CNN': losses },
      pictures: { 'found.svg': drawn(test, found) },
    };
    // A software GPU takes minutes for the shaders of all three: there a brief run is one of the first.
    if (brief && device !== 'wasm') return result;

    const regions = regionsOf([...train, ...test], dice);
    await using rcnn = await given.loadRcnn({ device, seed });
    await using fitRcnn = await given.createFitRcnn(rcnn, { total, seed });
    const first = await learn(train, settings, (all) =>
      fitRcnn.step({ x: imagesOf(all), regions: gathered(all, regions), ...targetsOf(all) }),
    );
    const byRcnn = await read(await rcnn.detect(imagesOf(test), gathered(test, regions)), test.length);

    await using fast = await given.loadFastRcnn({ device, seed });
    await using fitFast = await given.createFitFast(fast, { total, seed });
    const second = await learn(train, settings, (all) =>
      fitFast.step({ x: imagesOf(all), regions: gathered(all, regions), ...targetsOf(all) }),
    );
    const byFast = await read(await fast.detect(imagesOf(test), gathered(test, regions)), test.length);
    return {
      scores: { ...result.scores, [scoreName('R-CNN')]: rated(test, byRcnn), [scoreName('Fast R-CNN')]: rated(test, byFast) },
      losses: { ...result.losses, 'R-CNN': first, 'Fast R-CNN': second },
      pictures: result.pictures,
    };
  },
};

/** Trains; the losses of all steps. */
async function learn(
  train: readonly Picture[],
  { seed, brief }: Settings,
  step: (all: readonly Picture[]) => Promise<{ loss: number }>,
): Promise<number[]> {
  const dice = random(seed);
  const losses: number[] = [];
  for (let epoch = 0; epoch < (brief ? 5 : 16); epoch++) {
    const order = dice.permutation(train.length);
    for (let from = 0; from < order.length; from += size)
      losses.push((await step(order.slice(from, from + size).flatMap((at) => train[at] ?? []))).loss);
  }
  return losses;
}

/** Values on a device. */
interface Values<T> extends Disposable {
  data(): Promise<T>;
}

/** What a detector found in each of `images` pictures. */
async function read(
  { boxes, scores, labels }: { boxes: Values<Float32Array>; scores: Values<Float32Array>; labels: Values<Int32Array> },
  images: number,
): Promise<DetectedBox[]> {
  using places = boxes;
  using ratings = scores;
  using kinds = labels;
  const [box, score, label] = [await places.data(), await ratings.data(), await kinds.data()];
  return Array.from(score, (sure, at): DetectedBox => {
    const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = box.subarray(4 * at, 4 * at + 4);
    return { image: Math.floor(at / (score.length / images)), label: label[at] ?? 0, score: sure, box: [x1, y1, x2, y2] };
  }).filter((one) => one.score > 0);
}

const rated = (test: readonly Picture[], found: readonly DetectedBox[]): number =>
  meanAveragePrecision(
    found,
    test.flatMap(({ things }, image) => things.map((thing): LabelledBox => ({ image, ...thing }))),
    0.5,
  );

const pictures = (count: number, dice: Random): Picture[] =>
  Array.from({ length: count }, () => picture(making, dice));

function imagesOf(all: readonly Picture[]): { data: Float32Array<ArrayBuffer>; shape: number[] } {
  const data = new Float32Array(all.length * side * side);
  all.forEach(({ pixels }, at) => data.set(pixels, at * side * side));
  return { data, shape: [all.length, 1, side, side] };
}

/** Regions that may show something, found once for each picture. */
function regionsOf(all: readonly Picture[], dice: Random): Map<Picture, Float32Array> {
  return new Map(all.map((one) => [one, proposals(one.pixels, side, regionCount, dice)]));
}

function gathered(all: readonly Picture[], regions: ReadonlyMap<Picture, Float32Array>) {
  const data = new Float32Array(all.length * regionCount * 4);
  all.forEach((one, at) => data.set(regions.get(one) ?? [], at * regionCount * 4));
  return { data, shape: [all.length, regionCount, 4] };
}

/** Boxes and labels, padded to as many as a picture can have, and how many there are. */
function targetsOf(all: readonly Picture[]) {
  const boxes = new Float32Array(all.length * most * 4);
  const labels = new Int32Array(all.length * most);
  all.forEach(({ things }, image) =>
    things.forEach((thing, at) => {
      boxes.set(thing.box, 4 * (image * most + at));
      labels[image * most + at] = thing.label;
    }),
  );
  return {
    boxes: { data: boxes, shape: [all.length, most, 4] },
    labels: { data: labels, shape: [all.length, most] },
    count: Int32Array.from(all, ({ things }) => things.length),
  };
}

/** Test pictures with what was found in them and how sure the network is. */
function drawn(test: readonly Picture[], found: readonly DetectedBox[]): string {
  const [edge, gap] = [150, 10];
  const zoom = edge / side;
  const parts = test.slice(0, shown).flatMap(({ pixels }, image) => {
    const [left, top] = [gap + (image % 5) * (edge + gap), 34 + Math.floor(image / 5) * (edge + gap)];
    const grey = Float32Array.from({ length: 3 * side * side }, (_, at) => 0.5 + 0.35 * (pixels[at % (side * side)] ?? 0));
    const boxes = found.filter((one) => one.image === image && one.score > 0.5);
    return [
      photo(grey, left, top, edge),
      ...boxes.map(({ label: kind, score, box: [x1, y1, x2, y2] }) => {
        const [x, y] = [left + x1 * zoom, top + y1 * zoom];
        const colour = colours[Number(kind)] ?? '#000';
        const frame = `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${((x2 - x1) * zoom).toFixed(1)}" height="${((y2 - y1) * zoom).toFixed(1)}" fill="none" stroke="${colour}" stroke-width="2"/>`;
        const inner = label(x + 3, y + 13, score.toFixed(2), `style="fill:${colour};stroke:#fff;stroke-width:3;paint-order:stroke"`);
        return frame + inner;
      }),
    ];
  });
  const title = label(gap, 20, 'Found: discs blue, squares orange, triangles green, and how sure the network is', 'font-weight="bold"');
  return svg(gap + 5 * (edge + gap), 34 + 2 * (edge + gap), [title, ...parts]);
}
