// Tabulations whose body sums over further indices: the same numbers as patterns, in one nest and without a loop of steps.
import { describe, expect, test } from 'vitest';
import { cse } from '../../src/passes/cse.ts';
import { dce } from '../../src/passes/dce.ts';
import { fuse } from '../../src/passes/fuse.ts';
import { lowerToNests } from '../../src/passes/lower-to-nests.ts';
import { simplify } from '../../src/passes/simplify.ts';
import { functionNamed, graphOf, run, type Nested } from './evaluate.ts';

const cx = { count: (): void => {} };
const matrix = (rows: number, columns: number, seed: number): number[][] =>
  Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) => Math.sin(seed + 1.3 * i + 0.7 * j)));

const model = (signature: string, body: string, rest = ''): string =>
  `${rest}\nexport model M() {\n  export fn forward(${signature}) = ${body}\n}\n`;

const loops = (text: string): number =>
  functionNamed(graphOf(text), 'M.forward').nodes.filter(({ op }) => op === 'scan').length;

function nests(text: string): number {
  const graph = dce.run(cse.run(simplify.run(graphOf(text), cx), cx), cx);
  return fuse.run(lowerToNests.run(graph, cx), cx).functions.find(({ name }) => name === 'M.forward')?.body.length ?? 0;
}

const x = matrix(4, 3, 1);
const y = matrix(3, 5, 2);
const square = matrix(3, 3, 3);

describe.each<[string, string, string, string, Record<string, Nested>, string?]>([
  [
    'a product of matrices',
    'x: [n, k], y: [k, m]',
    'for i < n, j < m => sum(for l < k => x[i, l] * y[l, j])',
    'x @ y',
    { x, y },
  ],
  [
    'axes of one size, and an element of the outer index in a let',
    'x: [n, n]',
    'for i < n => { let d = x[i, i] * 2.0\n sum(for j < n => d * x[i, j] + f32(j - i)) + d }',
    'for i < n => fold s = 2.0 * x[i, i] over j < n => s + 2.0 * x[i, i] * x[i, j] + f32(j - i)',
    { x: square },
  ],
  [
    'a window',
    'x: [n, k], w: [2]',
    'for i < n, j < k => sum(for d < 2 => w[d] * (x[i, j + d] ?? 0.0))',
    'for i < n, j < k => w[0] * x[i, j] + w[1] * (x[i, j + 1] ?? 0.0)',
    { x, w: [0.3, -2] },
  ],
  [
    'sums in sums, largest and smallest',
    'x: [n, k]',
    'for i < n => sum(for j < n => sum(for l < k => x[i, l] * x[j, l])) - max(for l < k => x[i, l]) + min(for l < k => x[i, l])',
    'sum(x @ rearrange[n k -> k n](x), axis=1) - max(x, axis=1) + min(x, axis=1)',
    { x },
  ],
  [
    'a function that sums',
    'x: [n, k], y: [k, m]',
    'for i < n, j < m => cell(x, y, i, j)',
    'x @ y',
    { x, y },
    'fn cell(x: [n, k], y: [k, m], i: i32[], j: i32[]) -> [] = sum(for l < k => (x[i, l] ?? 0.0) * (y[l, j] ?? 0.0))',
  ],
  [
    'counts of what holds',
    'x: [n, k]',
    'for i < n => if all(for j < k => x[i, j] < 0.9) { 1.0 } else { f32(sum(for j < k => i32(x[i, j] > 0.0))) }',
    'where(all(x < 0.9, axis=1), 1.0, f32(sum(i32(x > 0.0), axis=1)))',
    { x },
  ],
])('%s', (_, signature, body, reference, inputs, rest = '') => {
  test('gives the numbers of the reference', () => {
    const [own, wanted] = [body, reference].map((text) => {
      const result = run(graphOf(model(signature, text, rest)), 'M.forward', inputs)['result'];
      return [...(result?.data ?? [])];
    });
    expect(own?.length).toBeGreaterThan(0);
    own?.forEach((value, i) => expect(value).toBeCloseTo(wanted?.[i] ?? NaN, 9));
  });

  test('has no loop of steps', () => expect(loops(model(signature, body, rest))).toBe(0));
});

test('one sum is one nest', () => {
  expect(nests(model('x: [n, k], y: [k, m]', 'for i < n, j < m => sum(for l < k => x[i, l] * y[l, j])'))).toBe(1);
  expect(nests(model('x: [n, k]', 'for i < n => sqrt(sum(for l < k => x[i, l] ^ 2)) + 1.0'))).toBe(1);
});

test('nested tabulations are one', () => {
  expect(loops(model('x: [n, k]', 'for i < n => for j < k => x[i, j] * f32(i + j)'))).toBe(0);
  expect(loops(model('x: [n, k]', 'for i < n => for j < k => for i < 2 => x[0, j] * f32(i + j)'))).toBe(1);
});

test('a gradient goes through', () => {
  const text = (loss: string): string => model('x: [n, k], y: [k, m]', `grad(fn (v: [n, k]) => ${loss}, x)`);
  const written = text('sum((for i < n, j < m => sum(for l < k => v[i, l] * y[l, j])) ^ 2)');
  const [own, wanted] = [written, text('sum((v @ y) ^ 2)')].map((each) => [
    ...(run(graphOf(each), 'M.forward', { x, y })['result']?.data ?? []),
  ]);
  expect(own).toHaveLength(12);
  own?.forEach((value, i) => expect(value).toBeCloseTo(wanted?.[i] ?? NaN, 9));
});
