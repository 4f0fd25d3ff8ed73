// What examples of learning without labels rest on, on cases that one can check by hand: the linear probe, k-means,
// negative sampling, generated data.
import { describe, expect, test } from 'vitest';
import { stacked, unstacked } from '../../examples/data/digits.ts';
import { kMeans } from '../../examples/data/k-means.ts';
import { examples, frequencies, keeping, noiseOf } from '../../examples/data/negative-sampling.ts';
import { random } from '../../examples/data/random.ts';
import { senses, sensed, thing } from '../../examples/data/senses.ts';
import { tellings, topicOf } from '../../examples/data/topics.ts';
import { Vocabulary } from '../../examples/data/words.ts';
import { patches } from '../../examples/self-supervised/tasks.ts';
import { plane } from '../../examples/word2vec/plane.ts';
import { probe, standardized } from '../../examples/probe/probe.ts';

describe('linear probe', () => {
  const line = { rows: [[-2], [-1], [1], [2]], labels: [0, 0, 1, 1] };

  test('two classes on a line are told apart at the middle', () => {
    expect(probe(line, { rows: [[-5], [-0.1], [0.1], [9]], labels: [0, 0, 1, 1] })).toBe(1);
    expect(probe(line, { rows: [[-5], [-0.1], [0.1], [9]], labels: [1, 0, 1, 0] })).toBe(0.5);
  });

  test('what no line separates is not told: exclusive or', () => {
    const corners = [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ];
    const or = { rows: corners, labels: [0, 1, 1, 0] };
    expect(probe(or, or)).toBeLessThanOrEqual(0.75);
    const solved = { rows: corners.map(([a = 0, b = 0]) => [a, b, a * b]), labels: or.labels };
    expect(probe(solved, solved)).toBe(1);
  });

  test('does not depend on the scale or place of features', () => {
    const moved = (rows: readonly number[][]): number[][] => rows.map(([x = 0]) => [1000 * x + 7]);
    expect(probe({ ...line, rows: moved(line.rows) }, { rows: moved([[-3], [0.2]]), labels: [0, 1] })).toBe(1);
  });

  test('standardized columns; a constant one becomes zero', () => {
    expect(
      standardized([
        [1, 4],
        [3, 4],
      ]),
    ).toEqual([
      [-1, 0],
      [1, 0],
    ]);
  });
});

test('k-means finds groups that lie apart', () => {
  const rows = [
    [0, 0],
    [10, 0],
    [0, 1],
    [10, 1],
    [5, 20],
    [0, 0.5],
  ];
  const groups = kMeans(rows, 3, random(1));
  expect([groups[2], groups[5], groups[3]]).toEqual([groups[0], groups[0], groups[1]]);
  expect(new Set(groups).size).toBe(3);
});

describe('negative sampling', () => {
  const text = [
    [4, 5, 6, 4],
    [4, 7],
  ];
  const counts = frequencies(text, 8);

  test('counts, and what is kept of them', () => {
    expect(counts).toEqual([0, 0, 0, 0, 3, 1, 1, 1]);
    // Half of the text is word 4: √(1/8 / 1/2) of it is kept.
    expect(keeping(counts, 1 / 8).slice(4)).toEqual([0.5, Math.sqrt(0.75), Math.sqrt(0.75), Math.sqrt(0.75)]);
  });

  test('noise by the power of the counts; words that do not occur are never drawn', () => {
    const draw = noiseOf(counts, random(3));
    const drawn = frequencies([Array.from({ length: 8000 }, draw)], 8);
    const share = 3 ** 0.75 / (3 ** 0.75 + 3);
    expect(drawn.slice(0, 4)).toEqual([0, 0, 0, 0]);
    expect((drawn[4] ?? 0) / 8000).toBeCloseTo(share, 1);
  });

  test('neighbours stand within the window, in the same sentence', () => {
    const all = [...examples(text, counts, { window: 1, negatives: 2, frequent: 1 }, random(1))];
    expect(all.map(({ centre, around }) => [centre, around])).toEqual([
      [4, [5]],
      [5, [4, 6]],
      [6, [5, 4]],
      [4, [6]],
      [4, [7]],
      [7, [4]],
    ]);
    expect(all.every(({ noise }) => noise.length === 2)).toBe(true);
  });
});

test('rows as a tensor and back', () => {
  const rows = [Float32Array.of(1, 2, 3, 4), Float32Array.of(5, 6, 7, 8)];
  expect(stacked(rows, [2, 2]).shape).toEqual([2, 2, 2]);
  expect(unstacked(stacked(rows).data, 4)).toEqual(rows);
});

test('points keep their distances in the plane of their largest spread', () => {
  const points = plane([
    [0, 5, 0],
    [3, 5, 0],
    [0, 5, 1],
    [3, 5, 1],
  ]);
  expect(
    Math.hypot((points[0]?.[0] ?? 0) - (points[1]?.[0] ?? 0), (points[0]?.[1] ?? 0) - (points[1]?.[1] ?? 0)),
  ).toBeCloseTo(3, 4);
  expect(
    Math.hypot((points[0]?.[0] ?? 0) - (points[2]?.[0] ?? 0), (points[0]?.[1] ?? 0) - (points[2]?.[1] ?? 0)),
  ).toBeCloseTo(1, 4);
});

test('patches touch in the direction that is asked for', () => {
  // Each pixel of a patch of this image names its cell.
  const image = Float32Array.from({ length: 144 }, (_, at) => 3 * Math.floor(at / 48) + Math.floor((at % 12) / 4));
  const steps = [-4, -3, -2, -1, 1, 2, 3, 4];
  for (const { patch, other, y } of patches(
    Array.from({ length: 40 }, () => image),
    40,
    random(2),
  ))
    y.forEach((direction, at) =>
      expect((other.data[16 * at] ?? 0) - (patch.data[16 * at] ?? 0)).toBe(steps[direction]),
    );
});

test('sentences have words of their topic only, besides those that all share', () => {
  for (const { words, topic } of tellings(60, random(1)))
    expect(new Set(words.flatMap((word) => topicOf.get(word) ?? []))).toEqual(new Set([topic]));
});

test('each sense says its own part', () => {
  const things = Array.from({ length: 20 }, () => thing(random(4)));
  for (const { words, colour } of things) expect(words).toContain(senses.colours[colour]);
  const { picture, sound, words } = sensed(things, new Vocabulary(things.map((each) => each.words)));
  expect([picture.shape, sound.shape, words.shape]).toEqual([
    [20, 1, 8, 8],
    [20, 1, 64],
    [20, 6],
  ]);
});
