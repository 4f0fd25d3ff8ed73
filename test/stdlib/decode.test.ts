// Decoding against listing every sequence, and sampling against its probabilities.
import { describe, expect, test } from 'vitest';
import { evaluateText, graphOf, run, type Nested } from '../elaborate/evaluate.ts';
import { at, distance, matrix, uniforms } from './draw.ts';

const imports =
  'import { categorical, top_k_filter, top_p_filter, sample, teacher_forcing, greedy, beam_search } from "std/decode"';
const evaluated = (signature: string, text: string, inputs: Readonly<Record<string, Nested>>): number[] =>
  evaluateText(signature, text, inputs, imports);
const logSoftmax = (row: readonly number[]): number[] => {
  const norm = Math.log(row.reduce((s, v) => s + Math.exp(v), 0));
  return row.map((v) => v - norm);
};

// The state counts steps, so that a parent that is not followed would show: logits are w[token] + count · u.
const step =
  'fn (t: i32[m], s: list) => (logits=gather(w, t) + reshape(s[0], [shape(t)[0], 1]) * u, state=[s[0] + 1.0 + f32(t)])';
interface Sequence {
  readonly tokens: readonly number[];
  readonly score: number;
  readonly state: number;
}
const classes = 4;
const [steps, eos] = [4, 0];
const logits = (w: readonly (readonly number[])[], u: readonly number[], token: number, state: number): number[] =>
  logSoftmax(at(w, token).map((v, k) => v + state * at(u, k)));
const penalty = (length: number, power: number): number => ((5 + length) / 6) ** power;

/** Every sequence from a first token, finished or cut at the last step, best first. */
function everySequence(
  w: readonly (readonly number[])[],
  u: readonly number[],
  first: number,
  power: number,
): Sequence[] {
  let open: Sequence[] = [{ tokens: [], score: 0, state: 0 }];
  const done: Sequence[] = [];
  for (let i = 0; i < steps; i++) {
    const grown = open.flatMap(({ tokens, score, state }) => {
      const last = tokens.at(-1) ?? first;
      return logits(w, u, last, state).map((p, k) => ({
        tokens: [...tokens, k],
        score: score + p,
        state: state + 1 + last,
      }));
    });
    done.push(...grown.filter(({ tokens }) => tokens.at(-1) === eos));
    open = grown.filter(({ tokens }) => tokens.at(-1) !== eos);
  }
  return [...done, ...open]
    .map((s) => ({ ...s, score: s.score / penalty(s.tokens.length, power) }))
    .toSorted((a, b) => b.score - a.score);
}

describe('beam_search', () => {
  // As many beams as there are unfinished sequences before the last step: nothing is pruned.
  test.each([
    [1, 0],
    [2, 0.6],
    [3, 1],
    [4, 2],
  ] as const)('with room for all it finds the best of every sequence, seed %i, penalty %f', (seed, power) => {
    const next = uniforms(seed);
    const [w, u] = [matrix(next, classes, classes, -2, 2), at(matrix(next, 1, classes), 0)];
    const beams = 27;
    const search = `beam_search(${step}, [zeros([2 * ${beams}])], stack([1, 3]), ${beams}, ${eos}, ${steps}, length_penalty=${power.toFixed(1)}, n_best=5)`;
    const part = (name: string): number[] => evaluated('w: f32[4, 4], u: f32[4]', `${search}.${name}`, { w, u });
    const wanted = [1, 3].flatMap((first) => everySequence(w, u, first, power).slice(0, 5));
    expect(
      distance(
        part('scores'),
        wanted.map(({ score }) => score),
      ),
    ).toBeLessThan(1e-9);
    expect(part('tokens')).toEqual(
      wanted.flatMap(({ tokens }) => Array.from({ length: steps }, (_, i) => tokens[i] ?? eos)),
    );
    expect(part('lengths')).toEqual(wanted.map(({ tokens }) => tokens.length));
  });

  test('with few beams it keeps the best unfinished ones, as done by hand', () => {
    const next = uniforms(9);
    const [w, u] = [matrix(next, classes, classes, -2, 2), at(matrix(next, 1, classes), 0)];
    let open: Sequence[] = [{ tokens: [], score: 0, state: 0 }];
    let done: Sequence[] = [];
    for (let i = 0; i < steps; i++) {
      const grown = open.flatMap(({ tokens, score, state }) => {
        const last = tokens.at(-1) ?? 2;
        return logits(w, u, last, state).map((p, k) => ({
          tokens: [...tokens, k],
          score: score + p,
          state: state + 1 + last,
        }));
      });
      done = [...done, ...grown.filter(({ tokens }) => tokens.at(-1) === eos)];
      open = grown
        .filter(({ tokens }) => tokens.at(-1) !== eos)
        .toSorted((a, b) => b.score - a.score)
        .slice(0, 2);
    }
    const best = [...done, ...open].toSorted((a, b) => b.score - a.score).slice(0, 2);
    const search = `beam_search(${step}, [zeros([2])], full([1], 2), 2, ${eos}, ${steps}, n_best=2)`;
    const got = evaluated('w: f32[4, 4], u: f32[4]', `${search}.scores`, { w, u });
    expect(
      distance(
        got,
        best.map(({ score }) => score),
      ),
    ).toBeLessThan(1e-9);
  });
});

describe('greedy', () => {
  test('takes the most likely token until the end token', () => {
    const next = uniforms(5);
    const [w, u] = [matrix(next, classes, classes, -2, 2), at(matrix(next, 1, classes), 0)];
    const wanted = [1, 2, 3].map((first) => {
      const tokens: number[] = [];
      for (let [last, state] = [first, 0]; tokens.length < 6 && tokens.at(-1) !== eos;) {
        const row = logits(w, u, last, state);
        state += 1 + last;
        last = row.indexOf(Math.max(...row));
        tokens.push(last);
      }
      return tokens;
    });
    const text = (part: string): number[] =>
      evaluated('w: f32[4, 4], u: f32[4]', `greedy(${step}, [zeros([3])], stack([1, 2, 3]), ${eos}, 6).${part}`, {
        w,
        u,
      });
    expect(text('lengths')).toEqual(wanted.map((t) => t.length));
    expect(text('tokens')).toEqual(wanted.flatMap((t) => Array.from({ length: 6 }, (_, i) => t[i] ?? eos)));
  });
});

const sorted = (ids: readonly number[]): number[] => ids.toSorted((a, b) => a - b);

describe('filters', () => {
  const x = at(matrix(uniforms(6), 1, 8, -3, 3), 0);
  const order = x.map((_, i) => i).toSorted((a, b) => at(x, b) - at(x, a));
  const keptOf = (text: string): number[] =>
    evaluated('x: f32[8]', text, { x }).flatMap((v, i) => (v > -1e29 ? [i] : []));

  test('top_k_filter keeps k, the first of equal ones', () => {
    expect(keptOf('top_k_filter(x, 3)')).toEqual(sorted(order.slice(0, 3)));
    expect(evaluated('x: f32[4]', 'top_k_filter(x, 2)', { x: [1, 2, 2, 2] }).map((v) => v > -1e29)).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });
  test.each([0, 0.3, 0.6, 0.9, 1])('top_p_filter(x, %f) keeps the fewest that reach it', (p) => {
    const probability = logSoftmax(x).map(Math.exp);
    let [count, sum] = [0, 0];
    while (count < 8 && (count === 0 || sum < p - 1e-12)) sum += at(probability, at(order, count++));
    expect(keptOf(`top_p_filter(x, ${p.toFixed(1)})`)).toEqual(sorted(order.slice(0, count)));
  });
});

describe('sampling', () => {
  const count = 6000;
  const row = [1, 0, -1, 2];
  const frequencies = (text: string): number[] => {
    const ids = evaluated('x: f32[4]', text.replace('ROWS', `broadcast_to(x, [${count}, 4])`), { x: row });
    return row.map((_, k) => ids.filter((id) => id === k).length / count);
  };
  const near = (got: readonly number[], weights: readonly number[]): void => {
    const total = weights.reduce((a, b) => a + b, 0);
    got.forEach((f, k) => {
      const p = at(weights, k) / total;
      expect(Math.abs(f - p)).toBeLessThanOrEqual(5 * Math.sqrt((p * (1 - p)) / count));
    });
  };
  test('categorical follows softmax', () => near(frequencies('categorical(ROWS)'), row.map(Math.exp)));
  test('temperature', () =>
    near(
      frequencies('sample(ROWS, 2.0)'),
      row.map((v) => Math.exp(v / 2)),
    ));
  test('top-k', () => near(frequencies('sample(ROWS, top_k=2)'), [Math.E, 0, 0, Math.exp(2)]));
  test('nucleus', () => near(frequencies('sample(ROWS, top_p=0.8)'), [Math.E, 0, 0, Math.exp(2)]));
  test('temperature 0 takes the largest', () => expect(frequencies('sample(ROWS, 0.0)')).toEqual([0, 0, 0, 1]));
});

test('teacher_forcing mixes while training and gives its own tokens outside', () => {
  const module = graphOf(`${imports}
    import { SGD } from "std/optim"
    export model Net() {
      param w: [] = ones()
      export fn forward(gold: i32[n]) -> i32[n] = teacher_forcing(gold, 0 * gold, 0.25) + 0 * i32(w)
    }
    export train Fit(net: Net) {
      batch gold: i32[2000]
      minimize net.w ^ 2 using SGD()
      metric share = mean(f32(net(gold)))
    }`);
  const gold = Array.from({ length: 2000 }, () => 1);
  const keys = { 'key.0': 1, 'key.1': 2, iteration: 0, w: 1 };
  const share = at([...(run(module, 'Fit.step', { gold, ...keys })['share']?.data ?? [])], 0);
  expect(Math.abs(share - 0.25)).toBeLessThan(5 * Math.sqrt((0.25 * 0.75) / 2000));
  expect([...(run(module, 'Net.forward', { gold, ...keys })['result']?.data ?? [])].some((v) => v !== 0)).toBe(false);
});
