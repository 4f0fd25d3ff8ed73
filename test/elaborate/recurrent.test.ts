// Recurrent layers and attention of std/nn against plain JavaScript.
import { expect, test } from 'vitest';
import { graphOf, run, type Nested } from './evaluate.ts';

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
/** A fixed, irregular matrix. */
const matrix = (rows: number, columns: number, seed: number): number[][] =>
  Array.from({ length: rows }, (_, i) =>
    Array.from({ length: columns }, (_, j) => Math.sin(seed + 1.7 * i + 0.9 * j) / 2),
  );
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, v, i) => sum + v * (b[i] ?? 0), 0);
const affine = (w: readonly number[][], b: readonly number[], x: readonly number[]): number[] =>
  w.map((row, i) => dot(row, x) + (b[i] ?? 0));

const [inputs, hidden, steps] = [2, 3, 4];
const x = [matrix(steps, inputs, 5)];
const weights = (gates: number): { wi: number[][]; wh: number[][]; bi: number[]; bh: number[] } => ({
  wi: matrix(gates * hidden, inputs, 1),
  wh: matrix(gates * hidden, hidden, 2),
  bi: matrix(1, gates * hidden, 3)[0] ?? [],
  bh: matrix(1, gates * hidden, 4)[0] ?? [],
});

/** Gate `k` of a stacked vector. */
const gate = (v: readonly number[], k: number): number[] => v.slice(k * hidden, (k + 1) * hidden);

function lstm(rows: readonly number[][]): number[][] {
  const { wi, wh, bi, bh } = weights(4);
  let [h, c] = [
    [0, 0, 0],
    [0, 0, 0],
  ];
  return rows.map((row) => {
    const [a, b] = [affine(wi, bi, row), affine(wh, bh, h)];
    const z = a.map((v, i) => v + (b[i] ?? 0));
    c = c.map((v, i) => sigmoid(gate(z, 1)[i] ?? 0) * v + sigmoid(gate(z, 0)[i] ?? 0) * Math.tanh(gate(z, 2)[i] ?? 0));
    h = c.map((v, i) => sigmoid(gate(z, 3)[i] ?? 0) * Math.tanh(v));
    return h;
  });
}

function gru(rows: readonly number[][]): number[][] {
  const { wi, wh, bi, bh } = weights(3);
  let h = [0, 0, 0];
  return rows.map((row) => {
    const [a, b] = [affine(wi, bi, row), affine(wh, bh, h)];
    h = h.map((v, i) => {
      const z = sigmoid((gate(a, 1)[i] ?? 0) + (gate(b, 1)[i] ?? 0));
      const r = sigmoid((gate(a, 0)[i] ?? 0) + (gate(b, 0)[i] ?? 0));
      return (1 - z) * Math.tanh((gate(a, 2)[i] ?? 0) + r * (gate(b, 2)[i] ?? 0)) + z * v;
    });
    return h;
  });
}

/** The output of a recurrent layer under the weights above, and the last state. */
function layer(name: string, gates: number, config = ''): { out: number[]; h: number[] } {
  const module = graphOf(`import { ${name} } from "std/nn"
    export model M() {
      let rnn = ${name}(${inputs}, ${hidden}${config})
      export fn f(x: [b, t, ${inputs}]) -> (out: [b, t, ${hidden}], h: [1, b, ${hidden}]) {
        let r = rnn(x)
        (out=r.out, h=r.h)
      }
    }`);
  const { wi, wh, bi, bh } = weights(gates);
  const given: Record<string, Nested> = {
    x,
    'rnn.weight_ih_l0': wi,
    'rnn.weight_hh_l0': wh,
    'rnn.bias_ih_l0': bi,
    'rnn.bias_hh_l0': bh,
  };
  const { out, h } = run(module, 'M.f', given);
  return { out: [...(out?.data ?? [])], h: [...(h?.data ?? [])] };
}

const close = (got: readonly number[], expected: readonly number[]): void => {
  expect(got).toHaveLength(expected.length);
  got.forEach((v, i) => expect(v).toBeCloseTo(expected[i] ?? NaN, 10));
};

test.each([
  ['LSTM', 4, lstm],
  ['GRU', 3, gru],
] as const)('%s, forwards and backwards', (name, gates, reference) => {
  const rows = x[0] ?? [];
  const forward = reference(rows);
  close(layer(name, gates).out, forward.flat());
  close(layer(name, gates).h, forward.at(-1) ?? []);
  const backward = reference(rows.toReversed());
  close(layer(name, gates, ', reverse=true').out, backward.toReversed().flat());
  close(layer(name, gates, ', reverse=true').h, backward.at(-1) ?? []);
});

test('attention with one head and identity projections is a softmax average; ignored positions do not count', () => {
  const module = graphOf(`import { MultiheadAttention } from "std/nn"
    export model M() {
      let attn = MultiheadAttention(2, 1, bias=false)
      export fn f(x: [b, t, 2], ignore: bool[b, t]) -> [b, t, 2] = attn(x, x, x, key_padding_mask=ignore).out
    }`);
  const one = [
    [1, 0],
    [0, 1],
  ];
  const rows = [
    [1, 0],
    [0, 2],
    [3, 3],
  ];
  const { result } = run(module, 'M.f', {
    x: [rows],
    ignore: [[0, 0, 1]],
    'attn.in_proj_weight': [...one, ...one, ...one],
    'attn.out_proj.weight': one,
  });
  const expected = rows.flatMap((q) => {
    const scores = rows.slice(0, 2).map((k) => Math.exp(dot(q, k) / Math.SQRT2));
    const total = scores.reduce((a, b) => a + b, 0);
    return [0, 1].map((j) => scores.reduce((sum, s, i) => sum + (s / total) * (rows[i]?.[j] ?? 0), 0));
  });
  close([...(result?.data ?? [])], expected);
});
