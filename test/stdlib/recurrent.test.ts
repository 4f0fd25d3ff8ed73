// Recurrent layers as loops: as many kernels for 512 steps as for 8, and the gradient of the unrolled network.
import { expect, test } from 'vitest';
import { lowerModule } from '../../src/compile.ts';
import { graphOf, run, type Nested } from '../elaborate/evaluate.ts';
import { program } from '../elaborate/files.ts';

const training = (steps: number): string => `import { LSTM } from "std/nn"
  import { SGD } from "std/optim"
  export model M() {
    let rnn = LSTM(3, 4)
    export fn forward(x: [2, ${steps}, 3]) -> [2, 4] = rnn(x).h[0]
  }
  export train Fit(net: M) {
    batch x: f32[2, ${steps}, 3]
    minimize sum(net(x) ^ 2) using SGD(lr=0.1)
  }`;

const kernels = (steps: number): number[] =>
  lowerModule(program(training(steps)).module).programs.map((target) => target.kernels.length);

test('an LSTM over 512 steps compiles to as many kernels as over 8', () => {
  const few = kernels(8);
  expect(few.every((count) => count > 0)).toBe(true);
  expect(kernels(512)).toEqual(few);
});

const numbers = (shape: readonly number[], seed: number): Nested => {
  const [size, ...rest] = shape;
  return size === undefined
    ? Math.sin(seed * 12.9898) / 2
    : Array.from({ length: size }, (_, i) => numbers(rest, seed * 7.3 + i + 1));
};

test('the gradient of the loop is the gradient of the unrolled network', () => {
  const text = (body: string): string => `import { LSTMCell } from "std/nn"
    export model M() {
      let cell = LSTMCell(2, 3)
      fn loss(x: [2, 5, 2], w: [12, 3]) -> [] {
        let c = cell with { weight_hh=w }
        ${body}
        sum(h ^ 2)
      }
      export fn f(x: [2, 5, 2]) = grad(fn (v: ([2, 5, 2], [12, 3])) => loss(v[0], v[1]), (x, cell.weight_hh))
    }`;
  const loop = text(`let (h, _) = fold (h, s) = (zeros([2, 3]), zeros([2, 3])) over xt in x along 1 => {
          let r = c(xt, h, s)
          (r.h, r.c)
        }`);
  const unrolled = text(`let (h, _) = fold (h, s) = (zeros([2, 3]), zeros([2, 3])) over i in 0..5 => {
          let r = c(x[:, i], h, s)
          (r.h, r.c)
        }`);
  const inputs = {
    x: numbers([2, 5, 2], 1),
    'cell.weight_ih': numbers([12, 2], 3),
    'cell.weight_hh': numbers([12, 3], 4),
    'cell.bias_ih': numbers([12], 5),
    'cell.bias_hh': numbers([12], 6),
  };
  const [a, b] = [loop, unrolled].map((source) => run(graphOf(source), 'M.f', inputs));
  for (const [name, tensor] of Object.entries(b ?? {})) {
    expect(Math.max(...tensor.data.map(Math.abs))).toBeGreaterThan(1e-3);
    tensor.data.forEach((v, i) => expect(a?.[name]?.data[i]).toBeCloseTo(v, 12));
  }
  expect(Object.keys(b ?? {})).toHaveLength(2);
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
