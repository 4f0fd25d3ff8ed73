// Dropout while training: elements, channels or examples are dropped together, the rest is scaled by 1 / (1 - p).
import { expect, test } from 'vitest';
import { graphOf, run } from '../elaborate/evaluate.ts';

/** What a step of training makes of ones, one row per group of elements that share their fate. */
function masks(layer: string, shape: readonly number[], groups: number): number[][] {
  const type = `[${shape.join(', ')}]`;
  const module = graphOf(`import { ${layer.split('(')[0]} } from "std/nn"
    import { SGD } from "std/optim"
    export model M() {
      param scale: [] = ones()
      @freeze param out: ${type} = zeros()
      let drop = ${layer}
      export fn forward() -> ${type} = drop(full([${shape.join(', ')}], 1.0) * scale)
    }
    export train Fit(net: M) {
      let y = net()
      minimize sum(y) using SGD(lr=0.0)
      update net.out = y
    }`);
  const zeros = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 0);
  const out = { dtype: 'f32', shape, data: Float64Array.from(zeros) };
  const { data = [] } =
    run(module, 'Fit.step', { scale: 1, out: nested(out.data, shape), 'key.0': 5, 'key.1': 6, iteration: 0 })['out'] ??
    {};
  const size = zeros.length / groups;
  return Array.from({ length: groups }, (_, g) => [...data].slice(g * size, (g + 1) * size));
}

type Nest = number | Nest[];
const nested = (data: ArrayLike<number>, shape: readonly number[], at = { i: 0 }): Nest => {
  const [size, ...rest] = shape;
  return size === undefined ? (data[at.i++] ?? 0) : Array.from({ length: size }, () => nested(data, rest, at));
};

test.each([
  ['Dropout(0.25)', [20, 30], 600],
  ['Dropout1d(0.25)', [20, 30, 2], 600],
  ['Dropout2d(0.25)', [20, 30, 2, 2], 600],
  ['Dropout3d(0.25)', [20, 30, 1, 2, 2], 600],
  ['StochasticDepth(0.25)', [600, 3], 600],
] as const)('%s', (layer, shape, groups) => {
  const rows = masks(layer, shape, groups);
  for (const row of rows) expect(new Set(row).size).toBe(1);
  const values = rows.map((row) => row[0] ?? NaN);
  for (const value of values) expect([0, 4 / 3].some((v) => Math.abs(v - value) < 1e-6)).toBe(true);
  const dropped = values.filter((v) => v === 0).length / groups;
  // Five standard deviations of a binomial.
  expect(Math.abs(dropped - 0.25)).toBeLessThan(5 * Math.sqrt((0.25 * 0.75) / groups));
});
