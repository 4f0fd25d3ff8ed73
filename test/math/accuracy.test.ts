// Error of the shared formulas in units in the last place, measured on WebAssembly against float64 over
// dense samples. Where results are near zero by cancellation an absolute bound counts instead.
import { expect, test } from 'vitest';
import { tensorType } from '../../src/ir/builder.ts';
import { variable } from '../../src/ir/dim.ts';
import type { Expr, UnaryOp } from '../../src/ir/expr.ts';
import type { NestFunction } from '../../src/ir/nest.ts';
import { erf, sigmoid } from '../../src/ir/scalar-semantics.ts';
import { runNests } from '../wasm/run-nests.ts';

const count = 20_001;

function elementwise(inputs: readonly string[], value: (x: readonly Expr[]) => Expr): NestFunction {
  const i = variable('%i');
  const type = tensorType('f32', [count]);
  const loads = inputs.map((buffer): Expr => ({ kind: 'load', dtype: 'f32', buffer, indices: [i] }));
  return {
    name: 'f',
    kind: 'entry',
    dims: [],
    facts: [],
    host: [],
    inputs: inputs.map((name) => ({ name, role: 'argument', buffer: name })),
    results: [{ name: 'y', role: 'output', buffer: 'y' }],
    buffers: [...inputs, 'y'].map((id) => ({ id, type })),
    body: [
      {
        kind: 'nest',
        name: 'f',
        axes: [{ name: '%i', extent: type.shape[0] ?? i }],
        origin: [],
        stages: [{ kind: 'store', axes: [], buffer: 'y', indices: [i], value: value(loads), combine: 'set' }],
      },
    ],
  };
}

function run(fn: NestFunction, inputs: Readonly<Record<string, Float32Array>>): Float64Array {
  const tensors = Object.fromEntries(
    Object.entries(inputs).map(([name, x]) => [
      name,
      { dtype: 'f32' as const, shape: [count], data: Float64Array.from(x) },
    ]),
  );
  return runNests(fn, tensors)['y']?.data ?? new Float64Array();
}

/** Spacing of f32 at `x`. */
const ulp = (x: number): number => 2 ** (Math.max(Math.floor(Math.log2(Math.abs(x))), -126) - 23);

/** The largest error in ulp among results that are off by more than `absolute`. */
function worst(got: Float64Array, want: (at: number) => number, absolute = 0): number {
  let most = 0;
  got.forEach((value, at) => {
    const exact = want(at);
    const error = Math.abs(value - exact);
    if (!(error <= absolute)) most = Math.max(most, Number.isNaN(error) ? Infinity : error / ulp(exact));
  });
  return most;
}

const linear = (from: number, to: number): Float32Array =>
  Float32Array.from({ length: count }, (_, at) => from + ((to - from) * at) / (count - 1));
// Both signs, sizes from 2^low to 2^high.
const logarithmic = (low: number, high: number, signs = true): Float32Array =>
  Float32Array.from(
    { length: count },
    (_, at) => (signs && at % 2 ? -1 : 1) * 2 ** (low + ((high - low) * at) / (count - 1)),
  );

const bounds: readonly (readonly [UnaryOp, (x: number) => number, Float32Array, number, number?])[] = [
  ['exp', Math.exp, linear(-87, 88.7), 1.0],
  ['exp', Math.exp, logarithmic(-30, 0), 1.0],
  ['log', Math.log, logarithmic(-126, 127, false), 1.0],
  ['log', Math.log, linear(0.5, 2), 1.0],
  ['log1p', Math.log1p, linear(-0.99, 5), 2.3],
  ['log1p', Math.log1p, logarithmic(-40, 60, false), 2.3],
  ['expm1', Math.expm1, linear(-20, 88), 1.7],
  ['expm1', Math.expm1, logarithmic(-40, 1), 1.7],
  ['tanh', Math.tanh, linear(-12, 12), 2.5],
  ['tanh', Math.tanh, logarithmic(-40, 4), 2.5],
  ['sigmoid', sigmoid, linear(-80, 80), 2.5],
  ['erf', erf, linear(-5, 5), 1.5],
  ['erf', erf, logarithmic(-40, 2), 1.5],
  ['sin', Math.sin, linear(-1000, 1000), 1.5, 1.2e-7],
  ['cos', Math.cos, linear(-1000, 1000), 1.5, 1.2e-7],
  ['sin', Math.sin, logarithmic(-30, 1), 1.5, 1.2e-7],
];

test.each(bounds.map((row) => [row[0], row] as const))('%s', (_, [op, reference, x, bound, absolute = 0]) => {
  const got = run(
    elementwise(['x'], ([load]) => ({ kind: 'unary', dtype: 'f32', op, x: load ?? zero })),
    { x },
  );
  expect(worst(got, (at) => reference(x[at] ?? 0), absolute)).toBeLessThan(bound);
});

const zero: Expr = { kind: 'const', dtype: 'f32', value: 0 };
const power = elementwise(['x', 'y0'], ([a, b]) => ({
  kind: 'binary',
  dtype: 'f32',
  op: 'pow',
  a: a ?? zero,
  b: b ?? zero,
}));

test('pow stays exact where the exponent is large', () => {
  const x = Float32Array.from({ length: count }, (_, at) => 0.5 + (at % 997) / 600);
  const y0 = Float32Array.from({ length: count }, (_, at) => ((at % 401) - 200) / 3);
  expect(worst(run(power, { x, y0 }), (at) => (x[at] ?? 0) ** (y0[at] ?? 0))).toBeLessThan(2.5);
});

test('pow(0.999, t)', () => {
  const x = new Float32Array(count).fill(0.999);
  const y0 = Float32Array.from({ length: count }, (_, at) => at);
  expect(worst(run(power, { x, y0 }), (at) => (x[at] ?? 0) ** at)).toBeLessThan(2.5);
});

test('special values', () => {
  const x = new Float32Array(count);
  const y0 = new Float32Array(count);
  const cases = [
    [0, 0, 1],
    [0, 2, 0],
    [-2, 3, -8],
    [-2, 2, 4],
    [2, 0, 1],
    [-2, 0.5, Number.NaN],
    [Number.NaN, 1, Number.NaN],
    [1, 1e9, 1],
  ];
  cases.forEach(([a = 0, b = 0], at) => {
    x[at] = a;
    y0[at] = b;
  });
  const got = run(power, { x, y0 });
  expect([...got.subarray(0, cases.length)]).toEqual(cases.map(([, , want]) => want));
});

test('NaN stays NaN in every function', () => {
  for (const op of ['exp', 'log', 'log1p', 'expm1', 'tanh', 'sigmoid', 'erf', 'sin', 'cos'] as const) {
    const fn = elementwise(['x'], ([load]) => ({ kind: 'unary', dtype: 'f32', op, x: load ?? zero }));
    expect(run(fn, { x: new Float32Array(count).fill(Number.NaN) })[3], op).toBeNaN();
  }
});
