// What the trained weights should be, by other means.
import type { People } from '../data/people.ts';

/** Slope and intercept of the line of least squares. */
export function leastSquares(x: Float32Array, y: Float32Array): [slope: number, intercept: number] {
  const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [mx, my] = [mean(x), mean(y)];
  let [covariance, variance] = [0, 0];
  x.forEach((value, at) => {
    covariance += (value - mx) * ((y[at] ?? 0) - my);
    variance += (value - mx) ** 2;
  });
  const slope = covariance / variance;
  return [slope, my - slope * mx];
}

/** Weights of height and weight, and bias, of the logistic regression, by Newton's method. */
export function newton({ height, weight, male }: People): number[] {
  let w = [0, 0, 0];
  for (let round = 0; round < 20; round++) {
    const gradient = [0, 0, 0];
    const hessian = [0, 1, 2].map(() => [0, 0, 0]);
    male.forEach((y, at) => {
      const x = [((height[at] ?? 0) - 170) / 10, ((weight[at] ?? 0) - 70) / 10, 1];
      const p = 1 / (1 + Math.exp(-x.reduce((sum, value, k) => sum + value * (w[k] ?? 0), 0)));
      x.forEach((a, i) => {
        gradient[i] = (gradient[i] ?? 0) + (p - y) * a;
        x.forEach((b, j) => add(hessian[i], j, p * (1 - p) * a * b));
      });
    });
    const move = solve(hessian, gradient);
    w = w.map((value, at) => value - (move[at] ?? 0));
  }
  return w;
}

function add(row: number[] | undefined, at: number, value: number): void {
  if (row) row[at] = (row[at] ?? 0) + value;
}

/** Gauss and Jordan's elimination; the matrix has large pivots here. */
function solve(matrix: readonly number[][], right: readonly number[]): number[] {
  const rows = matrix.map((row, at) => [...row, right[at] ?? 0]);
  rows.forEach((pivot, at) => {
    const scale = pivot[at] ?? 1;
    pivot.forEach((value, k) => (pivot[k] = value / scale));
    for (const row of rows.filter((other) => other !== pivot)) {
      const factor = row[at] ?? 0;
      pivot.forEach((value, k) => add(row, k, -factor * value));
    }
  });
  return rows.map((row) => row.at(-1) ?? 0);
}
