// Detection against plain loops: suppression, overlaps, anchors, matching, pooled regions with their gradients.
import { describe, expect, test } from 'vitest';
import { evaluateText, type Nested } from '../elaborate/evaluate.ts';
import { at, distance, matrix, uniforms } from './draw.ts';

type Box = readonly number[];
const imports =
  'import { box_area, box_iou, generalized_box_iou, clip_boxes, encode_boxes, decode_boxes, anchors, nms, match_boxes, roi_pool, roi_align, rpn_proposals, rpn_loss } from "std/detection"';
const evaluated = (signature: string, text: string, inputs: Readonly<Record<string, Nested>>): number[] =>
  evaluateText(signature, text, inputs, imports);

const boxesOf = (next: () => number, n: number, size = 8): number[][] =>
  Array.from({ length: n }, () => {
    const [x, y] = [next() * size, next() * size];
    return [x, y, x + 0.5 + next() * size * 0.6, y + 0.5 + next() * size * 0.6];
  });
const area = (b: Box): number => (at(b, 2) - at(b, 0)) * (at(b, 3) - at(b, 1));
function iou(a: Box, b: Box): number {
  const w = Math.min(at(a, 2), at(b, 2)) - Math.max(at(a, 0), at(b, 0));
  const h = Math.min(at(a, 3), at(b, 3)) - Math.max(at(a, 1), at(b, 1));
  const both = Math.max(0, w) * Math.max(0, h);
  return both / (area(a) + area(b) - both);
}
function suppressed(
  boxes: readonly Box[],
  scores: readonly number[],
  limit: number,
  classes?: readonly number[],
): number[] {
  const order = scores.map((_, i) => i).toSorted((a, b) => at(scores, b) - at(scores, a) || a - b);
  return order.reduce<number[]>(
    (kept, i) =>
      kept.some((k) => iou(at(boxes, k), at(boxes, i)) > limit && (!classes || classes[k] === classes[i]))
        ? kept
        : [...kept, i],
    [],
  );
}
const padded = (kept: readonly number[], size: number): number[] =>
  Array.from({ length: size }, (_, i) => kept[i] ?? -1);

describe('nms', () => {
  test.each([1, 2, 3, 4, 5, 6])('random boxes, seed %i', (seed) => {
    const next = uniforms(seed);
    const boxes = boxesOf(next, 14);
    const scores = boxes.map(() => Math.round(next() * 10) / 10); // equal scores occur
    const kinds = boxes.map(() => Math.floor(next() * 2));
    const inputs = { b: boxes, s: scores, k: kinds };
    const signature = 'b: f32[14, 4], s: f32[14], k: i32[14]';
    const kept = suppressed(boxes, scores, 0.15);
    expect(evaluated(signature, 'nms(b, s, 0.15, 14).indices', inputs)).toEqual(padded(kept, 14));
    expect(evaluated(signature, 'nms(b, s, 0.15, 14).count', inputs)).toEqual([kept.length]);
    expect(evaluated(signature, 'nms(b, s, 0.15, 3).indices', inputs)).toEqual(padded(kept.slice(0, 3), 3));
    expect(evaluated(signature, 'nms(b, s, 0.15, 14, classes=k).indices', inputs)).toEqual(
      padded(suppressed(boxes, scores, 0.15, kinds), 14),
    );
    const good = scores.flatMap((s, i) => (s > 0.5 ? [i] : []));
    const best = suppressed(
      good.map((i) => at(boxes, i)),
      good.map((i) => at(scores, i)),
      0.15,
    ).map((i) => at(good, i));
    expect(evaluated(signature, 'nms(b, s, 0.15, 14, score_threshold=0.5).indices', inputs)).toEqual(padded(best, 14));
    expect(kept.length).toBeGreaterThan(1);
    expect(kept.length).toBeLessThan(14);
  });
});

test('overlaps, codes and clipping', () => {
  const next = uniforms(21);
  const [a, b] = [boxesOf(next, 4), boxesOf(next, 5)];
  const signature = 'a: f32[4, 4], b: f32[5, 4]';
  expect(distance(evaluated(signature, 'box_area(a)', { a, b }), a.map(area))).toBeLessThan(1e-12);
  expect(
    distance(
      evaluated(signature, 'box_iou(a, b)', { a, b }),
      a.flatMap((x) => b.map((y) => iou(x, y))),
    ),
  ).toBeLessThan(1e-12);
  const hull = (x: Box, y: Box): number =>
    area([
      Math.min(at(x, 0), at(y, 0)),
      Math.min(at(x, 1), at(y, 1)),
      Math.max(at(x, 2), at(y, 2)),
      Math.max(at(x, 3), at(y, 3)),
    ]);
  const general = a.flatMap((x) =>
    b.map((y) => {
      const union = (area(x) + area(y)) / (1 + iou(x, y));
      return iou(x, y) - (hull(x, y) - union) / hull(x, y);
    }),
  );
  expect(distance(evaluated(signature, 'generalized_box_iou(a, b)', { a, b }), general)).toBeLessThan(1e-9);
  const c = b.slice(0, 4);
  const code = evaluated('a: f32[4, 4], c: f32[4, 4]', 'encode_boxes(c, a, (10.0, 10.0, 5.0, 5.0))', { a, c });
  const byHand = a.flatMap((x, i) => {
    const y = at(c, i);
    const [w, h, v, g] = [at(x, 2) - at(x, 0), at(x, 3) - at(x, 1), at(y, 2) - at(y, 0), at(y, 3) - at(y, 1)];
    return [
      (10 * (at(y, 0) + v / 2 - at(x, 0) - w / 2)) / w,
      (10 * (at(y, 1) + g / 2 - at(x, 1) - h / 2)) / h,
      5 * Math.log(v / w),
      5 * Math.log(g / h),
    ];
  });
  expect(distance(code, byHand)).toBeLessThan(1e-9);
  const back = 'decode_boxes(encode_boxes(c, a, (10.0, 10.0, 5.0, 5.0)), a, (10.0, 10.0, 5.0, 5.0))';
  expect(distance(evaluated('a: f32[4, 4], c: f32[4, 4]', back, { a, c }), c.flat())).toBeLessThan(1e-9);
  expect(evaluated('a: f32[1, 4]', 'clip_boxes(a, 5.0, 7.0)', { a: [[-1, 2, 9, 6]] })).toEqual([0, 2, 7, 5]);
});

test('anchors in the order of torchvision', () => {
  const cells = [0.5, 2].flatMap((ratio) =>
    [16, 32].map((size) => {
      const [w, h] = [size / Math.sqrt(ratio), size * Math.sqrt(ratio)];
      return [-w, -h, w, h].map((v) => Math.round(v / 2));
    }),
  );
  const all = [0, 1].flatMap((y) =>
    [0, 1, 2].flatMap((x) => cells.map((c) => c.map((v, k) => v + 8 * (k % 2 === 0 ? x : y)))),
  );
  expect(
    distance(evaluated('t: f32[]', 't + anchors(2, 3, 8, [16, 32], [0.5, 2.0])', { t: 0 }), all.flat()),
  ).toBeLessThan(1e-12);
});

test('match_boxes: background, between, and the best of each target', () => {
  const table = [
    [0.1, 0.6, 0.4, 0.45],
    [0.2, 0.3, 0.4, 0.1],
  ];
  const signature = 'm: f32[2, 4]';
  expect(evaluated(signature, 'match_boxes(m, 0.5, 0.3)', { m: table })).toEqual([-1, 0, -2, -2]);
  expect(evaluated(signature, 'match_boxes(m, 0.5, 0.3, allow_low_quality=true)', { m: table })).toEqual([
    -1, 0, 0, -2,
  ]);
  expect(evaluated(signature, 'match_boxes(m, 0.35, 0.15, count=stack([0, 1])[1])', { m: table })).toEqual([
    -1, 0, 0, 0,
  ]);
});

type Image = readonly (readonly number[])[];
const pixel = (image: Image, y: number, x: number): number => at(at(image, y), x);

/** torchvision.ops.roi_align of one channel and region, sample by sample. */
function aligned(
  image: Image,
  box: Box,
  [ph, pw]: readonly [number, number],
  scale: number,
  ratio: number,
  half: boolean,
): number[] {
  const [h, w] = [image.length, at(image, 0).length];
  const [x1, y1, x2, y2] = box.map((v) => v * scale - (half ? 0.5 : 0)) as [number, number, number, number];
  const [rw, rh] = half ? [x2 - x1, y2 - y1] : [Math.max(x2 - x1, 1), Math.max(y2 - y1, 1)];
  const bilinear = (y: number, x: number): number => {
    if (y < -1 || y > h || x < -1 || x > w) return 0;
    const [cy, cx] = [Math.min(Math.max(y, 0), h - 1), Math.min(Math.max(x, 0), w - 1)];
    const [ly, lx] = [Math.floor(cy), Math.floor(cx)];
    const [hy, hx] = [Math.min(ly + 1, h - 1), Math.min(lx + 1, w - 1)];
    const [dy, dx] = [cy - ly, cx - lx];
    return (
      (1 - dy) * ((1 - dx) * pixel(image, ly, lx) + dx * pixel(image, ly, hx)) +
      dy * ((1 - dx) * pixel(image, hy, lx) + dx * pixel(image, hy, hx))
    );
  };
  return Array.from({ length: ph * pw }, (_, k) => {
    const [p, q] = [Math.floor(k / pw), k % pw];
    let sum = 0;
    for (let i = 0; i < ratio; i++)
      for (let j = 0; j < ratio; j++)
        sum += bilinear(y1 + (rh / ph) * (p + (i + 0.5) / ratio), x1 + (rw / pw) * (q + (j + 0.5) / ratio));
    return sum / ratio ** 2;
  });
}

const inside = (from: number, size: number, bin: number, bins: number, end: number): number[] =>
  Array.from({ length: end }, (_unused, i) => i).filter(
    (i) => i >= Math.floor((bin * size) / bins) + from && i < Math.ceil(((bin + 1) * size) / bins) + from,
  );

/** torchvision.ops.roi_pool of one channel and region. */
function pooled(image: Image, box: Box, [ph, pw]: readonly [number, number], scale: number): number[] {
  const [h, w] = [image.length, at(image, 0).length];
  const [x1, y1, x2, y2] = box.map((v) => Math.round(v * scale)) as [number, number, number, number];
  const [rw, rh] = [Math.max(x2 - x1 + 1, 1), Math.max(y2 - y1 + 1, 1)];
  return Array.from({ length: ph * pw }, (_, k) => {
    const [p, q] = [Math.floor(k / pw), k % pw];
    const values = inside(y1, rh, p, ph, h).flatMap((y) => inside(x1, rw, q, pw, w).map((x) => pixel(image, y, x)));
    return values.length === 0 ? 0 : Math.max(...values);
  });
}

describe('regions', () => {
  const next = uniforms(31);
  const images = [0, 1].map(() => [matrix(next, 6, 7)]);
  const boxes = [...boxesOf(next, 5, 6), [-3, -2, 2, 3], [4, 4, 12, 9], [2, 2, 2.1, 2.1], [20, 20, 24, 24]];
  const regions = boxes.map((b, i) => [i % 2, ...b]);
  const signature = `x: f32[2, 1, 6, 7], r: f32[${regions.length}, 5]`;
  const each = (f: (image: Image, box: Box) => number[]): number[] =>
    regions.flatMap(([i = 0, ...box]) => f(at(at(images, i), 0), box));

  test.each([
    ['', 1, false, 2],
    [', 0.5', 0.5, false, 2],
    [', 0.8, 3, true', 0.8, true, 3],
    [', 1.0, 1, true', 1, true, 1],
  ] as const)('roi_align%s', (args, scale, half, ratio) => {
    const got = evaluated(signature, `roi_align(x, r, (2, 3)${args})`, { x: images, r: regions });
    expect(
      distance(
        got,
        each((image, box) => aligned(image, box, [2, 3], scale, ratio, half)),
      ),
    ).toBeLessThan(1e-9);
  });
  test.each([
    ['', 1],
    [', 0.5', 0.5],
  ] as const)('roi_pool%s', (args, scale) => {
    const got = evaluated(signature, `roi_pool(x, r, (2, 3)${args})`, { x: images, r: regions });
    expect(
      distance(
        got,
        each((image, box) => pooled(image, box, [2, 3], scale)),
      ),
    ).toBeLessThan(1e-12);
  });
  test.each(['roi_align(x, r, 2)', 'roi_pool(x, r, 2)'])('the gradient of %s is that of differences', (text) => {
    const loss = text.replace('(x', '(z');
    const gradient = evaluated(signature, `grad(fn (z: [2, 1, 6, 7]) => sum(${loss} * ${loss}), x)`, {
      x: images,
      r: regions,
    });
    const value = (x: Nested): number =>
      evaluated(signature, `{ let y = ${text}\n sum(y * y) }`, { x, r: regions })[0] ?? NaN;
    for (const [i, y, x] of [
      [0, 0, 0],
      [1, 2, 3],
      [0, 5, 6],
      [1, 4, 2],
    ] as const) {
      const moved = (h: number): Nested =>
        images.map((c, k) =>
          c.map((m) => m.map((row, a) => row.map((v, b) => (k === i && a === y && b === x ? v + h : v)))),
        );
      expect(at(gradient, i * 42 + y * 7 + x)).toBeCloseTo((value(moved(1e-6)) - value(moved(-1e-6))) / 2e-6, 5);
    }
  });
});

test('rpn_proposals: the best anchors, decoded, clipped, suppressed', () => {
  const next = uniforms(41);
  const [boxes, scores] = [boxesOf(next, 10), Array.from({ length: 10 }, () => 2 * next() - 1)];
  const top = scores
    .map((_, i) => i)
    .toSorted((a, b) => at(scores, b) - at(scores, a))
    .slice(0, 7);
  const clipped = top.map((i) => at(boxes, i).map((v, k) => Math.min(Math.max(v, 0), k % 2 === 0 ? 9 : 8)));
  const large = clipped
    .map((b, i) => ({ b, s: at(scores, at(top, i)) }))
    .filter(({ b }) => at(b, 2) - at(b, 0) >= 1e-3 && at(b, 3) - at(b, 1) >= 1e-3);
  const kept = suppressed(
    large.map(({ b }) => b),
    large.map(({ s }) => s),
    0.5,
  ).map((i) => at(large, i).b);
  const text = (part: string): number[] =>
    evaluated(
      's: f32[10], a: f32[10, 4]',
      `rpn_proposals(s, zeros([10, 4]), a, 8.0, 9.0, 7, 6, nms_threshold=0.5).${part}`,
      { s: scores, a: boxes },
    );
  expect(text('count')).toEqual([Math.min(kept.length, 6)]);
  expect(
    distance(
      text('boxes'),
      padded([], 24).map((_, i) => kept[Math.floor(i / 4)]?.[i % 4] ?? 0),
    ),
  ).toBeLessThan(1e-9);
});

const parts = (part: string): number | undefined =>
  evaluated('l: f32[3], d: f32[3, 4], a: f32[3, 4], t: f32[1, 4], m: i32[3]', `rpn_loss(l, d, a, t, m).${part}`, {
    l: [0, 2, 5],
    d: [
      [0.5, 0, 0, 0],
      [9, 9, 9, 9],
      [9, 9, 9, 9],
    ],
    a: [
      [0, 0, 2, 2],
      [0, 0, 1, 1],
      [0, 0, 1, 1],
    ],
    t: [[0, 0, 2, 2]],
    m: [0, -1, -2],
  })[0];

test('rpn_loss leaves out what lies between and takes boxes of what is matched', () => {
  expect(parts('objectness')).toBeCloseTo((Math.LN2 + Math.log(1 + Math.exp(2))) / 2, 9);
  expect(parts('box')).toBeCloseTo((0.5 - 0.5 / 9) / 2, 9);
});
