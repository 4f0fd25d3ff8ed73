// Metrics of data sets against cases done by hand.
import { describe, expect, test } from 'vitest';
import { bleu, meanAveragePrecision, type Box, type DetectedBox } from '../../src/metrics.ts';

describe('bleu', () => {
  const words = (text: string): string[] => text.split(' ');
  test('equal texts have 1, texts without a common word 0', () => {
    expect(bleu([words('the cat is on the mat')], [[words('the cat is on the mat')]])).toBe(1);
    expect(bleu([words('a b c d e')], [[words('v w x y z')]])).toBe(0);
  });
  test('counts are clipped: the paper’s "the the the the the the the"', () => {
    const references = [[words('the cat is on the mat'), words('there is a cat on the mat')]];
    expect(bleu([words('the the the the the the the')], references, 1)).toBeCloseTo(2 / 7, 12);
  });
  test('orders are averaged over the corpus, and short candidates pay', () => {
    const candidates = [words('the cat sat'), words('a dog ran off')];
    const references = [[words('the cat sat down')], [words('the dog ran off')]];
    // 1-grams 6/7, 2-grams 4/5, 7 tokens against 8.
    expect(bleu(candidates, references, 2)).toBeCloseTo(Math.sqrt((6 / 7) * (4 / 5)) * Math.exp(1 - 8 / 7), 12);
  });
  test('the nearest reference counts, the shorter one of two', () => {
    expect(bleu([words('a b c')], [[words('a b c d'), words('a b')]], 1)).toBeCloseTo(1, 12);
  });
  test('each candidate needs a reference', () => {
    expect(() => bleu([words('a')], [])).toThrow(RangeError);
  });
});

describe('meanAveragePrecision', () => {
  const box = (x: number): Box => [x, 0, x + 10, 10];
  const truth = (x: number, label = 'a', image = 0) => ({ image, label, box: box(x) });
  const found = (x: number, score: number, label = 'a', image = 0): DetectedBox => ({
    image,
    label,
    box: box(x),
    score,
  });

  test('all found has 1, nothing found 0', () => {
    expect(meanAveragePrecision([found(0, 0.9), found(20, 0.8)], [truth(0), truth(20)])).toBe(1);
    expect(meanAveragePrecision([], [truth(0)])).toBe(0);
  });
  test('right, wrong, right: 1/2 · 1 + 1/2 · 2/3', () => {
    const detected = [found(1, 0.9), found(50, 0.8), found(21, 0.7)];
    expect(meanAveragePrecision(detected, [truth(0), truth(20)])).toBeCloseTo((1 + 2 / 3) / 2, 12);
  });
  test('finding an object twice, in another image or as another label is wrong', () => {
    expect(meanAveragePrecision([found(0, 0.9), found(1, 0.8), found(20, 0.7)], [truth(0), truth(20)])).toBeCloseTo(
      (1 + 2 / 3) / 2,
      12,
    );
    expect(meanAveragePrecision([found(0, 0.9, 'a', 1)], [truth(0)])).toBe(0);
    expect(meanAveragePrecision([found(0, 0.9, 'b')], [truth(0), truth(0, 'b', 1)])).toBe(0);
  });
  test('precision is the best at that recall or beyond: wrong first costs half, then recovers', () => {
    const detected = [found(50, 0.9), found(0, 0.8), found(20, 0.7)];
    expect(meanAveragePrecision(detected, [truth(0), truth(20)])).toBeCloseTo(2 / 3, 12);
  });
  test('the overlap must reach the threshold, and labels count alike', () => {
    const [truths, detected] = [
      [truth(0), truth(0, 'b')],
      [found(5, 0.9), found(0, 0.5, 'b')],
    ]; // overlap 1/3
    expect(meanAveragePrecision(detected, truths)).toBeCloseTo(0.5, 12);
    expect(meanAveragePrecision(detected, truths, 0.3)).toBe(1);
  });
});
