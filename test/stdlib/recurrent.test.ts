// Recurrent layers as loops: no more kernels for more steps, values and gradients of the unrolled network.
import { expect, test } from 'vitest';
import { lowerModule } from '../../src/compile.ts';
import { graphOf, run, type Nested } from '../elaborate/evaluate.ts';
import { program } from '../elaborate/files.ts';

const training = (layer: string, steps: number): string => `import { LSTM, GRU } from "std/nn"
  import { SGD } from "std/optim"
  export model M() {
    let rnn = ${layer}
    export fn forward(x: [2, ${steps}, 3]) = rnn(x).out
  }
  export train Fit(net: M) {
    batch x: f32[2, ${steps}, 3]
    minimize sum(net(x) ^ 2) using SGD(lr=0.1)
  }`;

const kernels = (layer: string, steps: number): number[] =>
  lowerModule(program(training(layer, steps)).module).programs.map((target) => target.kernels.length);

test.each(['LSTM(3, 4)', 'GRU(3, 4)', 'LSTM(3, 4, bidirectional=true)'])(
  '%s over 512 and 4097 steps compiles to as many kernels as over 8, and two more at most on a GPU',
  (layer) => {
    const [onGpu = NaN, onCpu = NaN] = kernels(layer, 8);
    expect(Math.min(onGpu, onCpu)).toBeGreaterThan(0);
    for (const steps of [512, 4097]) {
      const [gpu = NaN, cpu] = kernels(layer, steps);
      expect(cpu).toBe(onCpu);
      // Sums over many steps are cut into parts there, and small dispatches of one kernel become one.
      expect(Math.abs(gpu - onGpu)).toBeLessThanOrEqual(2);
    }
  },
);

const numbers = (shape: readonly number[], seed: number): Nested => {
  const [size, ...rest] = shape;
  return size === undefined
    ? Math.sin(seed * 12.9898) / 2
    : Array.from({ length: size }, (_, i) => numbers(rest, seed * 7.3 + i + 1));
};

// One direction of five steps, each written out: the sum of the squares of its states.
const direction = (cell: string, at: string, hasCarry: boolean): string =>
  hasCarry
    ? `{
      let (_, _, total) = fold (h, s, total) = (zeros([2, 3]), zeros([2, 3]), 0.0) over i in 0..5 => {
        let r = ${cell}(x[:, ${at}], h, s)
        (r.h, r.c, total + sum(r.h ^ 2))
      }
      total
    }`
    : `{
      let (_, total) = fold (h, total) = (zeros([2, 3]), 0.0) over i in 0..5 => {
        let next = ${cell}(x[:, ${at}], h)
        (next, total + sum(next ^ 2))
      }
      total
    }`;

test.each([
  { layer: 'LSTM(2, 3)', cell: 'LSTMCell', gates: 4, ways: [''] },
  { layer: 'GRU(2, 3)', cell: 'GRUCell', gates: 3, ways: [''] },
  { layer: 'LSTM(2, 3, bidirectional=true)', cell: 'LSTMCell', gates: 4, ways: ['', '_reverse'] },
])('$layer has the values and gradients of the network written out', ({ layer, cell, gates, ways }) => {
  // A step of rate 1 takes the gradient off each weight.
  const step = (members: string, body: string, weights: Record<string, Nested>): Record<string, readonly number[]> => {
    const module = graphOf(`import { LSTM, GRU, LSTMCell, GRUCell } from "std/nn"
      import { SGD } from "std/optim"
      export model M() {
        ${members}
        export fn forward(x: [2, 5, 2]) -> [] = ${body}
      }
      export train Fit(net: M) {
        batch x: f32[2, 5, 2]
        minimize net(x) using SGD(lr=1.0)
      }`);
    const found = run(module, 'Fit.step', { ...weights, x: numbers([2, 5, 2], 1), iteration: 0 });
    return Object.fromEntries(Object.entries(found).map(([name, { data }]) => [name, [...data]]));
  };
  const shapes = { weight_ih: [3 * gates, 2], weight_hh: [3 * gates, 3], bias_ih: [3 * gates], bias_hh: [3 * gates] };
  const parameters = ways.flatMap((way, k) =>
    Object.entries(shapes).map(([name, shape], at) => ({
      looped: `rnn.${name}_l0${way}`,
      written: `cell${k}.${name}`,
      value: numbers(shape, 3 + at + 5 * k),
    })),
  );
  const looped = step(
    `let rnn = ${layer}`,
    'sum(rnn(x).out ^ 2)',
    Object.fromEntries(parameters.map((each) => [each.looped, each.value])),
  );
  const written = step(
    ways.map((_, k) => `let cell${k} = ${cell}(2, 3)`).join('\n        '),
    ways.map((_, k) => direction(`cell${k}`, k === 0 ? 'i' : '4 - i', gates === 4)).join(' + '),
    Object.fromEntries(parameters.map((each) => [each.written, each.value])),
  );
  const pairs = [['loss', 'loss'] as const, ...parameters.map((each) => [each.looped, each.written] as const)];
  expect(Object.keys(looped).length).toBe(pairs.length);
  for (const [a, b] of pairs) {
    expect(written[b]?.length, b).toBeGreaterThan(0);
    written[b]?.forEach((v, at) => expect(looped[a]?.[at], `${a}[${at}]`).toBeCloseTo(v, 12));
  }
  for (const { written: name, value } of parameters) {
    const before = JSON.stringify(value).match(/-?[\d.e-]+/g) ?? [];
    expect(
      before.some((v, at) => Math.abs(Number(v) - (written[name]?.[at] ?? NaN)) > 1e-3),
      name,
    ).toBe(true);
  }
});

test('recurrent dropout takes one mask for all steps', () => {
  // With W_hh the identity and no input, h is multiplied by the mask at each step.
  const module = graphOf(`import { RNN } from "std/nn"
    import { SGD } from "std/optim"
    export model M() {
      param scale: [] = ones()
      @freeze param out: [40, 3, 16] = zeros()
      let rnn = RNN(1, 16, nonlinearity="relu", bias=false, recurrent_dropout=0.25)
      export fn forward() = rnn(zeros([40, 3, 1]), full([1, 40, 16], 1.0) * scale).out
    }
    export train Fit(net: M) {
      let y = net()
      minimize sum(y) using SGD(lr=0.0)
      update net.out = y
    }`);
  const eye = Array.from({ length: 16 }, (_, i) => Array.from({ length: 16 }, (_unused, j) => Number(i === j)));
  const zeros = Array.from({ length: 40 }, () => [0, 0, 0].map(() => Array.from({ length: 16 }, () => 0)));
  const weights = { 'rnn.weight_ih_l0': Array.from({ length: 16 }, () => [0]), 'rnn.weight_hh_l0': eye };
  const given = { scale: 1, out: zeros, ...weights, 'key.0': 5, 'key.1': 6, iteration: 0 };
  const h = run(module, 'Fit.step', given)['out']?.data ?? [];
  const first = Array.from({ length: 640 }, (_, k) => h[Math.floor(k / 16) * 48 + (k % 16)] ?? NaN);
  const dropped = first.filter((v) => v === 0).length;
  expect(Math.abs(dropped / 640 - 0.25)).toBeLessThan(5 * Math.sqrt((0.25 * 0.75) / 640));
  first.forEach((v, k) => {
    if (v !== 0) expect(v).toBeCloseTo(4 / 3, 6);
    for (const step of [1, 2])
      expect(h[Math.floor(k / 16) * 48 + step * 16 + (k % 16)]).toBeCloseTo(v ** (step + 1), 5);
  });
});
