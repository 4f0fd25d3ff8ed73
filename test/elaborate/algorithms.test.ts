// Programs of test/exec against what they are meant to compute: plain enumeration, or their own parts.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { functionNamed, graphOf, run, type Nested } from './evaluate.ts';

const source = (name: string): string => readFileSync(`test/exec/programs/${name}.dlm`, 'utf8');

/** Numbers in [-1, 1) that look random and are the same in every run. */
const numbers = (count: number, seed: number): number[] =>
  Array.from({ length: count }, (_, i) => ((Math.sin(i * 12.9898 + seed * 78.233) * 43758.5453) % 1) * 0.99);

const matrix = (rows: number, columns: number, seed: number): number[][] =>
  Array.from({ length: rows }, (_, i) => numbers(columns, seed * 100 + i));

const softmax = (row: readonly number[]): number[] => {
  const e = row.map(Math.exp);
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map((x) => x / sum);
};

const data = (results: ReturnType<typeof run>, name: string): number[] => [...(results[name]?.data ?? [])];

/** Random weights for every parameter that the function reads. */
function weightsOf(module: ReturnType<typeof graphOf>, name: string): Record<string, Nested> {
  const nested = (shape: readonly number[], seed: number): Nested =>
    shape.length === 0
      ? (numbers(1, seed)[0] ?? 0)
      : Array.from({ length: shape[0] ?? 0 }, (_, i) => nested(shape.slice(1), seed * 31 + i + 1));
  const inputs = functionNamed(module, name).inputs.filter(({ role }) => role === 'param' || role === 'slot');
  return Object.fromEntries(
    inputs.map(({ name: path, role, value }, at) => {
      const shape = value.type.shape.map((d) => Number(d.key));
      const zeros = (of: readonly number[]): Nested =>
        of.length === 0 ? 0 : Array.from({ length: of[0] ?? 0 }, () => zeros(of.slice(1)));
      return [path, role === 'slot' ? zeros(shape) : nested(shape, at + 1)];
    }),
  );
}

const random = { 'key.0': 5, 'key.1': 6, iteration: 0, lr: 0.1, alpha: 0.5 };

describe('two models in one train', () => {
  const gan = source('gan');
  const images = matrix(4, 2, 3);

  test('each optimizer of a GAN moves its own model alone', () => {
    const both = graphOf(gan);
    const onlyDisc = graphOf(gan.replace(/ {2}step gen \{[^}]*\}\n/, ''));
    const inputs: Record<string, Nested> = { ...weightsOf(both, 'FitGan.step'), ...random, images };
    const [all, alone] = [run(both, 'FitGan.step', inputs), run(onlyDisc, 'FitGan.step', inputs)];
    const own = functionNamed(onlyDisc, 'FitGan.step').results.flatMap((r) => (r.role === 'update' ? [r.name] : []));
    expect(own.filter((name) => name.includes('g.'))).toEqual([]);
    expect(own.filter((name) => name.startsWith('d.'))).toHaveLength(4);
    for (const name of own) expect(data(all, name), name).toEqual(data(alone, name));
    const moved = (name: string): boolean => data(all, name).some((x, i) => x !== [inputs[name]].flat(3)[i]);
    expect(['g.fc1.weight', 'g.fc2.weight', 'd.fc1.weight'].map(moved)).toEqual([true, true, true]);
  });

  test('the key encoder of MoCo follows the moved query encoder, and the queue takes its keys', () => {
    const module = graphOf(source('momentum-queue'));
    const weights = weightsOf(module, 'FitMoCo.step');
    const views = { view1: matrix(2, 4, 1), view2: matrix(2, 4, 2) };
    const queue = { 'queue.keys': matrix(6, 3, 7), 'queue.at': 4 };
    const results = run(module, 'FitMoCo.step', { ...weights, ...random, ...views, ...queue });
    const [query, key] = [data(results, 'query.fc2.weight'), [weights['key.fc2.weight']].flat(2) as number[]];
    const next = data(results, 'key.fc2.weight');
    next.forEach((x, i) => expect(x).toBeCloseTo(0.9 * (key[i] ?? 0) + 0.1 * (query[i] ?? 0), 12));
    const keys = data(results, 'queue.keys');
    expect(keys.slice(0, 12)).toEqual(queue['queue.keys'].flat().slice(0, 12));
    expect(Math.hypot(...keys.slice(12, 15))).toBeCloseTo(1, 9);
    expect(data(results, 'queue.at')).toEqual([6]);
  });
});

test('a tied embedding is one weight, one gradient, one key', () => {
  const module = graphOf(source('tied'));
  const [model] = module.models;
  const paths = model?.parameters.map(({ path, aliases }) => [path, ...aliases]);
  expect(paths).toEqual([['wte.weight', 'head.weight'], ['mix.weight'], ['mix.bias']]);
  const step = functionNamed(module, 'FitLm.step');
  expect(step.results.filter(({ name }) => /^(m:)?(wte|head)\.weight$/.test(name)).map(({ name }) => name)).toEqual([
    'wte.weight',
    'm:wte.weight',
  ]);
});

test('CTC sums over all alignments', () => {
  const module = graphOf(`${source('ctc')}
export model Alignments() {
  export fn loss(log_probs: [b, t, c], labels: i32[b, u], input_len: i32[b], label_len: i32[b]) -> [b] =
    ctc_loss(log_probs, labels, input_len, label_len)
}`);
  const probabilities = [11, 12, 13].map((seed) => matrix(5, 4, seed).map(softmax));
  const [labels, input_len, label_len] = [
    [
      [1, 1],
      [2, 3],
      [3, 0],
    ],
    [5, 4, 5],
    [2, 2, 1],
  ];
  // Every path of classes whose repeats and blanks, taken out, leave the labels.
  const wanted = probabilities.map((p, i) => {
    const length = input_len[i] ?? 0;
    let total = 0;
    for (let code = 0; code < 4 ** length; code++) {
      const path = Array.from({ length }, (_, t) => Math.floor(code / 4 ** t) % 4);
      const collapsed = path.filter((c, t) => c !== 0 && c !== path[t - 1]);
      if (collapsed.join() === labels[i]?.slice(0, label_len[i]).join())
        total += path.reduce((product, c, t) => product * (p[t]?.[c] ?? 0), 1);
    }
    return -Math.log(total);
  });
  const log_probs = probabilities.map((p) => p.map((row) => row.map(Math.log)));
  const losses = data(run(module, 'Alignments.loss', { log_probs, labels, input_len, label_len }), 'result');
  expect(losses).toHaveLength(3);
  losses.forEach((loss, i) => expect(loss, String(i)).toBeCloseTo(wanted[i] ?? NaN, 9));
});

test('beam search keeps the best prefixes', () => {
  const module = graphOf(source('beam-search'));
  const weights = weightsOf(module, 'Bigram.beam');
  const [embed, w, bias] = [weights['embed.weight'], weights['out.weight'], weights['out.bias']] as [
    number[][],
    number[][],
    number[],
  ];
  const logp = (id: number): number[] => {
    const h = (embed[id] ?? []).map(Math.tanh);
    return softmax(w.map((row, k) => row.reduce((s, v, j) => s + v * (h[j] ?? 0), bias[k] ?? 0))).map(Math.log);
  };
  type Beam = { tokens: number[]; score: number };
  const search = (first: number): Beam[] => {
    let beams: Beam[] = [{ tokens: [], score: 0 }];
    for (let t = 0; t < 3; t++)
      beams = beams
        .flatMap((beam) =>
          logp(beam.tokens.at(-1) ?? first).map((p, v) => ({ tokens: [...beam.tokens, v], score: beam.score + p })),
        )
        .sort((a, b) => b.score - a.score)
        .slice(0, 3);
    return beams;
  };
  const fn = functionNamed(module, 'Bigram.beam');
  const dims = fn.dims.map(({ name }) => name);
  expect(dims).toContain('steps');
  const results = run(module, 'Bigram.beam', { ...weights, first: [2, 5] }, { steps: 3 });
  const wanted = [2, 5].flatMap((first) => search(first));
  expect(data(results, 'tokens')).toEqual(wanted.flatMap(({ tokens }) => tokens));
  data(results, 'score').forEach((score, i) => expect(score).toBeCloseTo(wanted[i]?.score ?? NaN, 9));
});

test('RoI align reads between four pixels', () => {
  const module = graphOf(source('roi-align'));
  const image = [matrix(6, 7, 1), matrix(6, 7, 2)];
  const corner = [
    [0, 1],
    [3.5, 2.25],
    [-2.5, 0.5],
  ];
  const size = [
    [2, 1],
    [1.5, 3],
    [0, 2],
  ];
  const pixel = (k: number, y: number, x: number): number => image[k]?.[y]?.[x] ?? 0;
  const between = (k: number, y: number, x: number): number => {
    const [a, b] = [Math.floor(y), Math.floor(x)];
    const [dy, dx] = [y - a, x - b];
    const row = (r: number): number => (1 - dx) * pixel(k, r, b) + dx * pixel(k, r, b + 1);
    return (1 - dy) * row(a) + dy * row(a + 1);
  };
  const wanted = corner.flatMap(([x = 0, y = 0], i) => {
    const [w = 0, h = 0] = size[i] ?? [];
    return [0, 1].flatMap((k) =>
      [0, 1].flatMap((p) =>
        [0, 1].map((q) => between(k, 2 + y + ((p + 0.5) * (h + 1)) / 2 - 0.5, 2 + x + ((q + 0.5) * (w + 1)) / 2 - 0.5)),
      ),
    );
  });
  const result = data(run(module, 'Head.forward', { image, corner, size }), 'result');
  expect(result).toHaveLength(wanted.length);
  result.forEach((x, i) => expect(x, String(i)).toBeCloseTo(wanted[i] ?? NaN, 9));
});

test('non-maximum suppression keeps the best of boxes that overlap', () => {
  const module = graphOf(source('nms'));
  const [corner, size] = [matrix(8, 2, 1), matrix(8, 2, 2)];
  const score = numbers(8, 4);
  const boxes = corner.map(([x = 0, y = 0], i) => {
    const [w = 0, h = 0] = size[i] ?? [];
    return [x, y, x + 0.5 + Math.abs(w), y + 0.5 + Math.abs(h)] as const;
  });
  const overlap = (i: number, j: number): number => {
    const [[a, b, c, d], [e, f, g, h]] = [boxes[i] ?? [0, 0, 0, 0], boxes[j] ?? [0, 0, 0, 0]];
    const both = Math.max(Math.min(c, g) - Math.max(a, e), 0) * Math.max(Math.min(d, h) - Math.max(b, f), 0);
    return both / ((c - a) * (d - b) + (g - e) * (h - f) - both);
  };
  const order = score.map((_, i) => i).sort((i, j) => (score[j] ?? 0) - (score[i] ?? 0));
  const kept: number[] = [];
  for (const i of order) if (kept.every((j) => overlap(i, j) <= 0.3)) kept.push(i);
  expect(kept.length).toBeGreaterThan(1);
  expect(kept.length).toBeLessThan(8);
  const results = run(module, 'Detector.nms', { corner, size, score, scale: 1 });
  expect(data(results, 'count')).toEqual([kept.length]);
  expect(data(results, 'kept')).toEqual([...kept, ...Array.from({ length: 8 - kept.length }, () => -1)]);
});
