// A detector for shapes: proposals, regions and boxes learn together in one step.
import { meanAveragePrecision, type DetectedBox, type LabelledBox } from 'dlm/metrics';
import { random, type Random } from '../data/random.ts';
import { picture, type Making, type Picture } from '../data/shapes.ts';
import type { HostExample } from '../example.ts';
import { colours, label, svg } from '../pictures/chart.ts';
import { photo } from '../pictures/photo.ts';
import { createFit, load } from './detection.dlm.js';

const making: Making = { side: 48, kinds: ['disc', 'square', 'triangle'], most: 3, radius: [5, 10], noise: 0.15 };
const { side, most } = making;
const size = 8;
const shown = 10;

/** Row 9. */
export const example: HostExample = {
  row: 9,
  title: 'Faster R-CNN with a feature pyramid',
  goals: { 'mAP at an overlap of 0.5': { least: 0.7 } },
  programs: [{ file: 'detection.dlm', dims: { b: size, m: most } }],
  async run({ device, seed, brief }) {
    const dice = random(seed);
    const train = pictures(brief ? 2 : 400, dice);
    const test = pictures(brief ? 2 : 60, dice);
    const epochs = brief ? 9 : 16;
    await using net = await load({ device, seed });
    await using fit = await createFit(net, { total: epochs * Math.ceil(train.length / size), seed });
    const losses: number[] = [];
    for (let epoch = 0; epoch < epochs; epoch++) {
      const order = dice.permutation(train.length);
      for (let from = 0; from < order.length; from += size) {
        const chosen = order.slice(from, from + size).flatMap((at) => train[at] ?? []);
        losses.push((await fit.step({ x: imagesOf(chosen), ...targetsOf(chosen) })).loss);
      }
    }
    const result = await net.detect(imagesOf(test));
    const [boxes, scores, labels] = [await result.boxes.data(), await result.scores.data(), await result.labels.data()];
    for (const tensor of [result.boxes, result.scores, result.labels]) tensor.dispose();
    const found = Array.from(scores, (score, at): DetectedBox => {
      const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = boxes.subarray(4 * at, 4 * at + 4);
      return { image: Math.floor(at / (scores.length / test.length)), label: labels[at] ?? 0, score, box: [x1, y1, x2, y2] };
    }).filter(({ score }) => score > 0);
    const truths = test.flatMap(({ things }, image) => things.map((thing): LabelledBox => ({ image, ...thing })));
    return {
      scores: { 'mAP at an overlap of 0.5': meanAveragePrecision(found, truths, 0.5) },
      losses: { 'Faster R-CNN': losses },
      pictures: { 'found.svg': drawn(test, found) },
    };
  },
};

const pictures = (count: number, dice: Random): Picture[] =>
  Array.from({ length: count }, () => picture(making, dice));

function imagesOf(all: readonly Picture[]): { data: Float32Array<ArrayBuffer>; shape: number[] } {
  const data = new Float32Array(all.length * side * side);
  all.forEach(({ pixels }, at) => data.set(pixels, at * side * side));
  return { data, shape: [all.length, 1, side, side] };
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
