// Losses that fixtures do not settle: CTC against the sum over every path, extreme logits, the perceptron rule.
import { describe, expect, test } from 'vitest';
import { evaluateText } from '../elaborate/evaluate.ts';
import { at, distance, matrix, uniforms } from './draw.ts';

const logSoftmax = (row: readonly number[]): number[] => {
  const top = Math.max(...row);
  const norm = top + Math.log(row.reduce((s, v) => s + Math.exp(v - top), 0));
  return row.map((v) => v - norm);
};

/** The labels of a path: repeats merged, blanks (0) dropped. */
const spelled = (path: readonly number[]): string => path.filter((c, i) => c !== 0 && c !== path[i - 1]).join();

/** -log of the probability of the paths that spell the label, each path listed. */
function ctcByPaths(logits: readonly (readonly number[])[], label: readonly number[]): number {
  const logp = logits.map(logSoftmax);
  const classes = at(logp, 0).length;
  let paths: number[][] = [[]];
  for (let t = 0; t < logp.length; t++)
    paths = paths.flatMap((p) => Array.from({ length: classes }, (_, c) => [...p, c]));
  const total = paths
    .filter((p) => spelled(p) === label.join())
    .reduce((sum, p) => sum + Math.exp(p.reduce((s, c, t) => s + at(at(logp, t), c), 0)), 0);
  return -Math.log(total);
}

const ctc = 'ctc_loss(log_softmax(x), y, full([1], n), full([1], u), reduction="sum")';
const cases = [
  [5, [1, 2]],
  [5, [1, 1]],
  [4, [2]],
  [5, [2, 1, 2]],
  [3, []],
  [1, [1]],
] as const;

describe('ctc_loss', () => {
  test.each(cases.map(([t, label], i) => [t, label, i] as const))(
    '%i steps that spell %j: every path',
    (t, label, seed) => {
      const logits = matrix(uniforms(seed + 1), t, 3, -2, 2);
      const text = ctc.replace('full([1], n)', `full([1], ${t})`).replace('full([1], u)', `full([1], ${label.length})`);
      const targets = [[...label, 0, 0, 0].slice(0, 3)];
      const inputs = { x: [logits], y: targets };
      const signature = `x: f32[1, ${t}, 3], y: i32[1, 3]`;
      expect(evaluateText(signature, text, inputs)[0]).toBeCloseTo(ctcByPaths(logits, label), 9);
      const gradient = evaluateText(signature, `grad(fn (x: [1, ${t}, 3]) => ${text}, x)`, inputs);
      const byDifferences = logits.flatMap((row, i) =>
        row.map((_, j) => {
          const moved = (h: number): number =>
            ctcByPaths(
              logits.map((r, k) => (k === i ? r.map((v, m) => (m === j ? v + h : v)) : r)),
              label,
            );
          return (moved(1e-4) - moved(-1e-4)) / 2e-4;
        }),
      );
      expect(distance(gradient, byDifferences)).toBeLessThan(1e-6);
    },
  );

  test('what follows the length of an example does not matter', () => {
    const next = uniforms(3);
    const short = matrix(next, 3, 3);
    const tails = [matrix(next, 2, 3), matrix(next, 2, 3)];
    const losses = tails.map((tail) =>
      evaluateText('x: f32[1, 5, 3], y: i32[1, 2]', 'ctc_loss(log_softmax(x), y, full([1], 3), full([1], 1))', {
        x: [[...short, ...tail]],
        y: [[2, 1]],
      }),
    );
    expect(losses[0]).toEqual(losses[1]);
    expect(losses[0]?.[0]).toBeCloseTo(ctcByPaths(short, [2]), 9);
  });
});

describe('logits of ±1e4', () => {
  const x = [
    [1e4, -1e4, 0],
    [-1e4, -1e4, 1e4],
    [1e4, 1e4, 1e4],
  ];
  const y = [1, 2, 0];
  const bits = [
    [0, 1, 1],
    [1, 0, 1],
    [0, 0, 1],
  ];
  const known: Readonly<Record<string, number>> = {
    'cross_entropy(x, y)': (2e4 + 0 + Math.log(3)) / 3,
    'cross_entropy(x, t / 2.0, reduction="sum")': 1e4 * 1.5 + 1e4 + Math.log(3) / 2,
    'binary_cross_entropy_with_logits(x, t, reduction="sum")': 1e4 + 1e4 + Math.LN2 + 1e4 + 2e4,
    'soft_margin_loss(x, 2 * t - 1, reduction="sum")': 1e4 + 1e4 + Math.LN2 + 1e4 + 2e4,
    'multi_margin_loss(x, y, reduction="sum")': (2e4 + 1 + 1e4 + 1) / 3 + 2 / 3,
  };
  for (const [text, value] of Object.entries(known)) {
    test(`${text} and its gradient are finite and right`, () => {
      const inputs = { x, y, t: bits };
      const signature = 'x: f32[3, 3], y: i32[3], t: f32[3, 3]';
      expect(evaluateText(signature, text, inputs)[0]).toBeCloseTo(value, 6);
      const gradient = evaluateText(signature, `grad(fn (x: [3, 3]) => ${text}, x)`, inputs);
      expect(gradient.every((v) => Math.abs(v) <= 1)).toBe(true);
    });
  }

  test('cross_entropy is the probability less the target', () => {
    const gradient = evaluateText(
      'x: f32[3, 3], y: i32[3]',
      'grad(fn (x: [3, 3]) => cross_entropy(x, y, reduction="sum"), x)',
      { x, y },
    );
    expect(distance(gradient, [1, -1, 0, 0, 0, 0, 1 / 3 - 1, 1 / 3, 1 / 3])).toBeLessThan(1e-12);
  });
});

test('everything ignored gives a loss of zero, not a quotient of zeros', () => {
  expect(
    evaluateText('x: f32[2, 3], y: i32[2]', 'cross_entropy(x, y)', {
      x: [
        [1, 2, 3],
        [1, 2, 3],
      ],
      y: [-100, -100],
    }),
  ).toEqual([0]);
});

test('perceptron_loss: the gradient of the weights is -(y - ŷ) x', () => {
  const x = matrix(uniforms(5), 6, 3);
  const w = [0.3, -0.7, 0.2];
  const y = [0, 1, 0, 1, 1, 0];
  const rule = [0, 1, 2].map((k) =>
    x.reduce(
      (sum, row, i) => sum - (at(y, i) - (row.reduce((s, v, j) => s + v * at(w, j), 0) > 0 ? 1 : 0)) * at(row, k),
      0,
    ),
  );
  const gradient = evaluateText(
    'x: f32[6, 3], w: f32[3], y: f32[6]',
    'grad(fn (w: [3]) => perceptron_loss(x @ w, y, "sum"), w)',
    { x, w, y },
    'import { perceptron_loss } from "std/loss"',
  );
  expect(distance(gradient, rule)).toBeLessThan(1e-12);
  expect(rule.some((v) => v !== 0)).toBe(true);
});
