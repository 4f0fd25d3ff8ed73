// Initialisers on many samples: range, moments, distribution, orthogonality.
import { describe, expect, test } from 'vitest';
import { graphOf, run } from '../elaborate/evaluate.ts';
import { at, distance } from './draw.ts';

const names =
  'constant, gain, xavier_uniform, xavier_normal, kaiming_uniform, kaiming_normal, lecun_uniform, lecun_normal, truncated_normal, orthogonal, identity, dirac, fan_uniform, recurrent_uniform';

/** A parameter of this shape as initialised. */
function drawn(initialiser: string, shape: readonly number[], key = 1): number[] {
  const module = graphOf(`import { ${names} } from "std/init"
    export model Net() {
      param w: [${shape.join(', ')}] = ${initialiser}
      export fn forward() = w
    }`);
  return [...(run(module, 'Net.init', { 'key.0': key, 'key.1': 2 })['w']?.data ?? [])];
}

const moment = (x: readonly number[], k: number, around = 0): number =>
  x.reduce((s, v) => s + (v - around) ** k, 0) / x.length;
const shape = [100, 40, 3]; // fan_in 120, fan_out 300, 12,000 samples

describe('uniform ones fill their range evenly', () => {
  const bounds: Readonly<Record<string, number>> = {
    'uniform(low=-0.5, high=0.5)': 0.5,
    'xavier_uniform()': Math.sqrt(6 / 420),
    'xavier_uniform(gain("relu"))': Math.sqrt(2) * Math.sqrt(6 / 420),
    'kaiming_uniform()': 1 / Math.sqrt(120),
    'kaiming_uniform(a=0.0, mode="fan_out", nonlinearity="relu")': Math.sqrt(6 / 300),
    'kaiming_uniform(nonlinearity="tanh")': (5 / 3) * Math.sqrt(3 / 120),
    'lecun_uniform()': Math.sqrt(3 / 120),
    'fan_uniform(25)': 0.2,
    'recurrent_uniform(16)': 0.25,
  };
  test.each(Object.entries(bounds))('%s', (initialiser, bound) => {
    const x = drawn(initialiser, shape);
    const tenths = Array.from(
      { length: 10 },
      (_, k) => x.filter((v) => Math.min(9, Math.floor(((v / bound + 1) / 2) * 10)) === k).length,
    );
    expect(x.every((v) => Math.abs(v) <= bound * (1 + 1e-9))).toBe(true);
    expect(Math.max(...x.map(Math.abs))).toBeGreaterThan(0.999 * bound);
    // Five standard deviations of a binomial count of 12,000 / 10.
    for (const count of tenths) expect(Math.abs(count - 1200)).toBeLessThan(5 * Math.sqrt(1200 * 0.9));
  });
});

describe('normal ones have the moments', () => {
  const deviations: Readonly<Record<string, number>> = {
    'normal(0.02)': 0.02,
    'xavier_normal(2.0)': 2 * Math.sqrt(2 / 420),
    'kaiming_normal()': Math.sqrt(2 / 120),
    'kaiming_normal(a=1.0, mode="fan_out")': Math.sqrt(1 / 300),
    'kaiming_normal(nonlinearity="selu")': 0.75 / Math.sqrt(120),
    'lecun_normal()': Math.sqrt(1 / 120),
  };
  test.each(Object.entries(deviations))('%s', (initialiser, std) => {
    const x = drawn(initialiser, shape).map((v) => v / std);
    expect(Math.abs(moment(x, 1))).toBeLessThan(5 / Math.sqrt(x.length));
    expect(Math.abs(moment(x, 2) - 1)).toBeLessThan(5 * Math.sqrt(2 / x.length));
    expect(Math.abs(moment(x, 4) - 3)).toBeLessThan(5 * Math.sqrt(96 / x.length));
  });
});

describe('truncated_normal', () => {
  test('lies within two deviations, with the variance of the truncated normal', () => {
    const x = drawn('truncated_normal(0.5, mean=3.0)', shape).map((v) => (v - 3) / 0.5);
    const [density, mass] = [Math.exp(-2) / Math.sqrt(2 * Math.PI), 0.954499736];
    const variance = 1 - (4 * density) / mass;
    expect(Math.max(...x.map(Math.abs))).toBeLessThanOrEqual(2 + 1e-9);
    expect(Math.max(...x.map(Math.abs))).toBeGreaterThan(1.98);
    // Nothing piles up at the ends.
    expect(x.filter((v) => Math.abs(v) > 1.9).length / x.length).toBeCloseTo((2 * 0.0059666) / mass, 2);
    expect(Math.abs(moment(x, 1))).toBeLessThan(5 / Math.sqrt(x.length));
    expect(moment(x, 2)).toBeCloseTo(variance, 1.5);
  });
  test('bounds to one side', () => {
    const x = drawn('truncated_normal(1.0, a=0.0, b=8.0)', [4000]);
    expect(Math.min(...x)).toBeGreaterThanOrEqual(0);
    expect(moment(x, 1)).toBeCloseTo(Math.sqrt(2 / Math.PI), 1);
  });
});

const gram = (x: readonly number[], rows: number, columns: number, byRow: boolean): number[] => {
  const [n, m] = byRow ? [rows, columns] : [columns, rows];
  const el = (i: number, k: number): number => at(x, byRow ? i * columns + k : k * columns + i);
  return Array.from({ length: n * n }, (_, ij) => {
    const [i, j] = [Math.floor(ij / n), ij % n];
    return Array.from({ length: m }, (_unused, k) => el(i, k) * el(j, k)).reduce((a, b) => a + b, 0);
  });
};

const eye = (n: number, value = 1): number[] =>
  Array.from({ length: n * n }, (_, k) => (k % (n + 1) === 0 ? value : 0));

describe('orthogonal', () => {
  test('rows are orthonormal where they are fewer, columns where those are', () => {
    expect(distance(gram(drawn('orthogonal()', [8, 20]), 8, 20, true), eye(8))).toBeLessThan(1e-12);
    expect(distance(gram(drawn('orthogonal(3.0)', [20, 8]), 20, 8, false), eye(8, 9))).toBeLessThan(1e-11);
    expect(distance(gram(drawn('orthogonal()', [16, 16]), 16, 16, false), eye(16))).toBeLessThan(1e-12);
    expect(distance(gram(drawn('orthogonal()', [4, 2, 3]), 4, 6, true), eye(4))).toBeLessThan(1e-12);
  });
  test('all directions are alike: entries have mean 0 and variance 1 / n', () => {
    const first = Array.from({ length: 150 }, (_, key) => at(drawn('orthogonal()', [4, 4], key), 5));
    expect(Math.abs(moment(first, 1))).toBeLessThan(5 * Math.sqrt(0.25 / 150));
    expect(Math.abs(moment(first, 2) - 0.25)).toBeLessThan(0.1);
  });
});

describe('fixed ones', () => {
  test('constant, identity, dirac', () => {
    expect(drawn('constant(0.25)', [2, 2])).toEqual([0.25, 0.25, 0.25, 0.25]);
    expect(drawn('zeros()', [3])).toEqual([0, 0, 0]);
    expect(drawn('ones()', [3])).toEqual([1, 1, 1]);
    expect(drawn('identity(2.0)', [2, 3])).toEqual([2, 0, 0, 0, 2, 0]);
    expect(drawn('dirac()', [2, 3, 3])).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    expect(drawn('dirac()', [1, 1, 3, 2])).toEqual([0, 0, 0, 1, 0, 0]);
  });
});
