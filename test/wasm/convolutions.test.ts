// Convolutions over a laid-out image, and their gradients by the weights, against the graph interpreter: tiles of one
// image and of several, phases of a stride, shares of threads that begin within a tile, sums in several blocks.
import { expect, test } from 'vitest';
import { dim, variable } from '../../src/ir/dim.ts';
import type { GraphFunction } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import type { Kernel } from '../../src/ir/kernel.ts';
import { graphOf, nestsOf, tensor, type Signature } from './graphs.ts';
import { interpretPlan } from './interpret-plan.ts';
import { planOf, runNests } from './run-nests.ts';

interface Case {
  readonly images?: number;
  readonly groups?: number;
  readonly channels: number;
  readonly rows: number;
  readonly size: readonly number[];
  readonly kernel: readonly number[];
  readonly stride?: number;
  readonly dilation?: number;
  readonly pad?: number;
}

const every = (values: readonly number[], x: number): number[] => values.map(() => x);

type Free = 'images' | 'channels';

// `free` is bound at run time: the axis of what is convolved apart.
function functionOf(c: Case, free: Free): GraphFunction {
  const { images = 2, groups = 1, channels, rows, size, kernel, stride = 1, dilation = 1, pad = 0 } = c;
  const borders = size.map(() => dim(pad));
  const attrs = {
    stride: every(size, stride),
    dilation: every(size, dilation),
    base: every(size, 1),
    lo: borders,
    hi: borders,
  };
  const several = variable('n');
  const [of, from] = free === 'images' ? [several, channels] : [images, several];
  const signature: Signature = {
    x: ['f32', [of, groups, from, ...size]],
    w: ['f32', [groups, rows, from, ...kernel]],
    c: ['f32', [groups, rows]],
  };
  return graphOf(
    signature,
    (b, { x, w, c: bias }) => {
      if (!x || !w || !bias) return [];
      const y = b.op('conv', [x, w], attrs);
      return [b.unary('abs', b.add(y, b.broadcast(bias, [1, 2], y.type.shape)))];
    },
    [{ name: 'n', min: 1 }],
  );
}

const scratchOf = (kernels: readonly Kernel[]): string[] =>
  kernels.flatMap(({ arrays }) => arrays.map(({ name }) => name));

const check =
  (free: Free, scratch: readonly string[] = ['image']) =>
  (c: Case): void => {
    const { images = 2, groups = 1, channels, rows, size, kernel } = c;
    const inputs = {
      x: tensor([images, groups, channels, ...size], 1),
      w: tensor([groups, rows, channels, ...kernel], 2),
      c: tensor([groups, rows], 3),
    };
    const fn = functionOf(c, free);
    const nests = nestsOf(fn, true);
    expect(scratchOf(planOf(nests).kernels)).toEqual(scratch.length === 0 ? [] : expect.arrayContaining([...scratch]));
    const want = interpret(fn, inputs)['y0'];
    const terms = channels * kernel.reduce((a, n) => a * n, 1);
    for (const threads of [1, 3]) {
      const got = runNests(nests, inputs, { n: c[free] ?? images }, threads)['y0'];
      want?.data.forEach((value, at) => {
        const off = Math.abs((got?.data[at] ?? Number.NaN) - value);
        if (!(off <= 1e-6 * (Math.abs(value) + terms)))
          expect.fail(`y0[${at}] is off by ${off} with ${threads} threads`);
      });
    }
  };

test.each<Case>([
  { channels: 3, rows: 9, size: [14, 14], kernel: [3, 3], pad: 1 },
  { images: 7, channels: 5, rows: 6, size: [7, 7], kernel: [3, 3], pad: 1 },
  { images: 1, channels: 2, rows: 5, size: [60, 62], kernel: [3, 5], pad: 1 },
  { channels: 3, rows: 8, size: [17, 30], kernel: [5, 5], stride: 2, pad: 2 },
  { channels: 2, rows: 3, size: [29, 47], kernel: [7, 7], stride: 3, pad: 3 },
  { channels: 4, rows: 7, size: [12, 15], kernel: [3, 3], dilation: 2, pad: 2 },
  { channels: 2, rows: 6, size: [16, 16], kernel: [3, 3] },
  { channels: 3, rows: 5, size: [17, 35], kernel: [5, 5], stride: 2 },
  { images: 3, channels: 6, rows: 5, size: [40], kernel: [5], pad: 2 },
  { images: 3, groups: 2, channels: 3, rows: 4, size: [8, 16], kernel: [3, 3], pad: 1 },
  { images: 1, channels: 200, rows: 170, size: [3, 8], kernel: [3, 3], pad: 1 },
])('columns are positions: %j', check('images'));

test.each<Case>([
  { images: 12, channels: 3, rows: 9, size: [16, 16], kernel: [14, 14] },
  { images: 24, channels: 5, rows: 6, size: [9, 9], kernel: [9, 9], pad: 1 },
  { images: 8, channels: 2, rows: 3, size: [62, 60], kernel: [60, 60], pad: 1 },
  { images: 9, channels: 2, rows: 5, size: [15, 17], kernel: [7, 8], dilation: 2, pad: 1 },
  { images: 8, groups: 2, channels: 2, rows: 4, size: [14, 14], kernel: [12, 12] },
  { images: 50, channels: 3, rows: 4, size: [36], kernel: [32] },
])('columns are taps: %j', check('channels'));

// Odd sizes, images together and in parts, rows in several blocks, no borders.
test.each<Case>([
  { images: 1, channels: 24, rows: 20, size: [16, 16], kernel: [3, 3], pad: 1 },
  { images: 3, channels: 16, rows: 36, size: [13, 15], kernel: [3, 3], pad: 1 },
  { images: 5, channels: 20, rows: 24, size: [7, 8], kernel: [3, 3], pad: 1 },
  { images: 1, channels: 96, rows: 16, size: [57, 24], kernel: [3, 3], pad: 1 },
  { images: 2, channels: 17, rows: 100, size: [9, 18], kernel: [3, 3] },
])('by combinations of squares: %j', check('images', ['squares']));

// Each channel by itself: between the borders in lanes, groups of which may overlap at the end.
test.each<Case>([
  ...[3, 5, 6, 9, 22, 39].map((width): Case => ({
    groups: 5,
    channels: 1,
    rows: 1,
    size: [4, width],
    kernel: [3, 3],
    pad: 1,
  })),
  { groups: 3, channels: 1, rows: 1, size: [9, 43], kernel: [5, 5], pad: 2, stride: 2 },
  { groups: 1, channels: 1, rows: 2, size: [37], kernel: [3], pad: 1 },
])('channel by channel: %j', check('images', []));

// The interpreter refuses what is outside of a buffer or of scratch memory.
test.each<[Free, Case, string?]>([
  ['images', { images: 1, channels: 2, rows: 4, size: [9, 23], kernel: [3, 5], stride: 2 }],
  ['images', { images: 2, channels: 1, rows: 4, size: [9, 9], kernel: [3, 3] }],
  ['images', { images: 1, channels: 1, rows: 4, size: [7, 14], kernel: [3, 3], pad: 1 }],
  ['channels', { images: 8, channels: 1, rows: 4, size: [8, 9], kernel: [6, 7] }],
  ['channels', { images: 8, channels: 1, rows: 4, size: [13, 15], kernel: [6, 7], dilation: 2 }],
  ['images', { images: 1, channels: 20, rows: 20, size: [11, 9], kernel: [3, 3] }, 'squares'],
  ['images', { images: 1, channels: 20, rows: 36, size: [6, 14], kernel: [3, 3], pad: 1 }, 'squares'],
])('nothing beyond an image is read: %s %j', (free, c, scratch = 'image') => {
  const { plan, kernels } = planOf(nestsOf(functionOf(c, free), true));
  expect(scratchOf(kernels)).toContain(scratch);
  interpretPlan(plan, kernels, () => undefined, { n: c[free] ?? 1 });
});
