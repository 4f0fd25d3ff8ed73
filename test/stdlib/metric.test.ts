// Metrics against cases done by hand and against plain counting on random ids.
import { describe, expect, test } from 'vitest';
import { evaluateText } from '../elaborate/evaluate.ts';
import { at, distance, matrix, uniforms } from './draw.ts';

const imports =
  'import { accuracy, top_k_accuracy, confusion_matrix, precision, recall, f1_score, mean_iou, perplexity, mae, rmse, r2_score } from "std/metric"';
const ids = (text: string, p: readonly number[], y: readonly number[]): number[] =>
  evaluateText(`p: i32[${p.length}], y: i32[${y.length}]`, text, { p, y }, imports);

const numbers = (text: string): number | undefined =>
  evaluateText('p: f32[3], y: f32[3]', text, { p: [1, 2, 5], y: [1, 4, 4] }, imports)[0];

describe('by hand', () => {
  const p = [1, 1, 0, 1, 0, 0];
  const y = [1, 0, 0, 1, 1, 0]; // 2 true positives, 1 false positive, 1 false negative
  test('binary', () => {
    expect(ids('precision(p, y)', p, y)[0]).toBeCloseTo(2 / 3, 12);
    expect(ids('recall(p, y)', p, y)[0]).toBeCloseTo(2 / 3, 12);
    expect(ids('f1_score(p, y)', [1, 1, 1, 1, 0, 0], y)[0]).toBeCloseTo((2 * 2) / (4 + 3), 12);
    expect(ids('confusion_matrix(p, y, 2)', p, y)).toEqual([2, 1, 1, 2]);
  });
  test('a class that is never predicted has precision 0', () => {
    expect(ids('precision(p, y, 3, "none")', [0, 0, 1], [0, 2, 1])).toEqual([0.5, 1, 0]);
    expect(ids('recall(p, y, 3, "none")', [0, 0, 1], [0, 2, 1])).toEqual([1, 1, 0]);
  });
  test('mean_iou leaves out classes that do not occur, and ignored positions', () => {
    expect(ids('mean_iou(p, y, 5)', [0, 0, 1, 1], [0, 1, 1, 1])[0]).toBeCloseTo((1 / 2 + 2 / 3) / 2, 12);
    expect(ids('mean_iou(p, y, 3, ignore_index=2)', [0, 0, 1, 1], [0, 1, 1, 2])[0]).toBeCloseTo(
      (1 / 2 + 1 / 2) / 2,
      12,
    );
  });
  test('regression', () => {
    expect(numbers('mae(p, y)')).toBeCloseTo(1, 12);
    expect(numbers('rmse(p, y)')).toBeCloseTo(Math.sqrt(5 / 3), 12);
    expect(numbers('r2_score(p, y)')).toBeCloseTo(1 - 5 / 6, 12);
  });
  test('scores', () => {
    const x = [
      [1, 3, 2],
      [5, 5, 1],
      [0, 1, 2],
    ];
    const scores = (text: string, y: readonly number[]): number | undefined =>
      evaluateText('x: f32[3, 3], y: i32[3]', text, { x, y }, imports)[0];
    expect(scores('accuracy(x, y)', [1, 0, 0])).toBeCloseTo(2 / 3, 12);
    expect(scores('accuracy(x, y)', [1, 1, 2])).toBeCloseTo(2 / 3, 12); // of equal scores the first wins
    expect(scores('top_k_accuracy(x, y, 2)', [2, 1, 0])).toBeCloseTo(2 / 3, 12);
    expect(scores('accuracy(x, y, ignore_index=-1)', [1, -1, 0])).toBeCloseTo(1 / 2, 12);
    expect(scores('perplexity(0.0 * x, y)', [1, 0, 0])).toBeCloseTo(3, 12);
  });
});

const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length;

test('random ids, counted plainly', () => {
  const next = uniforms(11);
  const [p, y] = [0, 1].map(() => Array.from({ length: 60 }, () => Math.floor(next() * 5))) as [number[], number[]];
  const classes = [0, 1, 2, 3, 4];
  const count = (test: (p: number, y: number) => boolean): number => p.filter((v, i) => test(v, at(y, i))).length;
  const right = classes.map((c) => count((a, b) => a === c && b === c));
  const said = classes.map((c) => count((a) => a === c));
  const there = classes.map((c) => count((_, b) => b === c));
  const total = right.reduce((a, b) => a + b, 0);
  expect(ids('precision(p, y, 5, "macro")', p, y)[0]).toBeCloseTo(mean(right.map((r, c) => r / at(said, c))), 12);
  expect(ids('recall(p, y, 5, "macro")', p, y)[0]).toBeCloseTo(mean(right.map((r, c) => r / at(there, c))), 12);
  expect(ids('f1_score(p, y, 5, "macro")', p, y)[0]).toBeCloseTo(
    mean(right.map((r, c) => (2 * r) / (at(said, c) + at(there, c)))),
    12,
  );
  expect(ids('f1_score(p, y, 5, "micro")', p, y)[0]).toBeCloseTo(total / 60, 12);
  expect(ids('mean_iou(p, y, 5)', p, y)[0]).toBeCloseTo(
    mean(right.map((r, c) => r / (at(said, c) + at(there, c) - r))),
    12,
  );
  const scores = matrix(next, 60, 5);
  const top = scores.map((row) => classes.toSorted((a, b) => at(row, b) - at(row, a)));
  for (const k of [1, 2, 4])
    expect(
      distance(evaluateText('x: f32[60, 5], y: i32[60]', `top_k_accuracy(x, y, ${k})`, { x: scores, y }, imports), [
        top.filter((order, i) => order.slice(0, k).includes(at(y, i))).length / 60,
      ]),
    ).toBeLessThan(1e-12);
});
