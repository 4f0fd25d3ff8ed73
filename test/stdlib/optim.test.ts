// Every optimizer over 200 steps against its published rule in float64, with schedules, clipping and weight decay;
// schedules at their corners; the average of weights.
import { describe, expect, test } from 'vitest';
import { evaluateText, functionNamed, graphOf, run, type Nested } from '../elaborate/evaluate.ts';
import { at, distance } from './draw.ts';

const steps = 200;
const names =
  'SGD, Perceptron, Adam, AdamW, Lamb, Adagrad, RMSprop, Adadelta, cosine, step_decay, exponential, inverse_sqrt, one_cycle, warmup, constant, multi_step, global_norm, clip_norm, clip_value';
const start = { u: [1.5, -2, 0.7], v: [0.4, -1.1] };
const scale = { u: [1, 3, 0.5], v: [2, 0.2] };

/** Weights after the steps down Σ scale · (1 − cos(weight)). */
function trained(optimizer: string): number[] {
  const module = graphOf(`
    import { ${names} } from "std/optim"
    export model Net() {
      param u: [3] = zeros()
      param v: [2] = zeros()
      export fn forward() = (u, v)
    }
    export train Fit(net: Net) {
      batch a: f32[3], b: f32[2]
      minimize sum(a * (1 - cos(net.u))) + sum(b * (1 - cos(net.v))) using ${optimizer}
    }`);
  const slots = module.trains[0]?.slots ?? [];
  let state: Record<string, Nested> = {
    ...start,
    ...Object.fromEntries(
      slots.map(({ name, initial }) => [name, (name.endsWith(':u') ? start.u : start.v).map(() => initial)]),
    ),
  };
  functionNamed(module, 'Fit.step');
  for (let iteration = 0; iteration < steps; iteration++) {
    const results = run(module, 'Fit.step', { a: scale.u, b: scale.v, iteration, ...state });
    state = {
      ...state,
      ...Object.fromEntries(
        Object.entries(results)
          .filter(([name]) => name in state)
          .map(([name, t]) => [name, [...t.data]]),
      ),
    };
  }
  return [...(state['u'] as number[]), ...(state['v'] as number[])];
}

type Slots = Record<string, number[]>;
type Rule = (p: readonly number[], g: readonly number[], slots: Slots, t: number) => number[];
type Clip = (gradients: readonly (readonly number[])[]) => readonly (readonly number[])[];

function byHand(rule: Rule, clip: Clip = (g) => g): number[] {
  const weights = [[...start.u], [...start.v]];
  const slots: Slots[] = [{}, {}];
  for (let t = 1; t <= steps; t++) {
    const gradients = clip(weights.map((p, k) => p.map((w, i) => at(at([scale.u, scale.v], k), i) * Math.sin(w))));
    weights.forEach((p, k) => (weights[k] = rule(p, at(gradients, k), at(slots, k), t)));
  }
  return weights.flat();
}

const norm = (x: readonly number[]): number => Math.hypot(...x);
const moved = (slots: Slots, name: string, next: (old: number, i: number) => number, size: number): number[] =>
  (slots[name] = Array.from({ length: size }, (_, i) => next(slots[name]?.[i] ?? 0, i)));

const always =
  (lr: number) =>
  (t: number): number =>
    t > 0 ? lr : NaN;
const sgd =
  ({ lr = always(0.1), momentum = 0, dampening = 0, decay = 0, nesterov = false }): Rule =>
  (p, g, slots, t) => {
    const d = g.map((v, i) => v + decay * at(p, i));
    const v = moved(
      slots,
      'v',
      (old, i) => (t === 1 ? at(d, i) : momentum * old + (1 - dampening) * at(d, i)),
      p.length,
    );
    const move = momentum === 0 ? d : nesterov ? d.map((x, i) => x + momentum * at(v, i)) : v;
    return p.map((w, i) => w - lr(t) * at(move, i));
  };
const adam =
  ({
    lr = always(0.01),
    b1 = 0.9,
    b2 = 0.999,
    eps = 1e-8,
    l2 = 0,
    decoupled = 0,
    amsgrad = false,
    lamb = false,
    decay = 0,
  }): Rule =>
  (p, g, slots, t) => {
    const d = g.map((v, i) => v + l2 * at(p, i));
    const m = moved(slots, 'm', (old, i) => b1 * old + (1 - b1) * at(d, i), p.length);
    const v = moved(slots, 'v', (old, i) => b2 * old + (1 - b2) * at(d, i) ** 2, p.length);
    const top = amsgrad ? moved(slots, 'top', (old, i) => Math.max(old, at(v, i)), p.length) : v;
    const u = m.map((x, i) => x / (1 - b1 ** t) / (Math.sqrt(at(top, i) / (1 - b2 ** t)) + eps) + decay * at(p, i));
    const trust = lamb && norm(p) > 0 && norm(u) > 0 ? norm(p) / norm(u) : 1;
    return p.map((w, i) => w * (1 - lr(t) * decoupled) - lr(t) * trust * at(u, i));
  };
const adagrad =
  (lrDecay = 0, decay = 0, initial = 0): Rule =>
  (p, g, slots, t) => {
    slots['sum'] ??= p.map(() => initial);
    const d = g.map((v, i) => v + decay * at(p, i));
    const sum = moved(slots, 'sum', (old, i) => old + at(d, i) ** 2, p.length);
    return p.map((w, i) => w - ((0.1 / (1 + (t - 1) * lrDecay)) * at(d, i)) / (Math.sqrt(at(sum, i)) + 1e-10));
  };
const rmsprop =
  ({ momentum = 0, centered = false, decay = 0 }): Rule =>
  (p, g, slots) => {
    const d = g.map((v, i) => v + decay * at(p, i));
    const sq = moved(slots, 'sq', (old, i) => 0.99 * old + 0.01 * at(d, i) ** 2, p.length);
    const mean = moved(slots, 'mean', (old, i) => 0.99 * old + 0.01 * at(d, i), p.length);
    const move = d.map((v, i) => v / (Math.sqrt(at(sq, i) - (centered ? at(mean, i) ** 2 : 0)) + 1e-8));
    const sum = moved(slots, 'sum', (old, i) => momentum * old + at(move, i), p.length);
    return p.map((w, i) => w - 0.01 * at(sum, i));
  };
const adadelta =
  (decay = 0): Rule =>
  (p, g, slots) => {
    const d = g.map((v, i) => v + decay * at(p, i));
    const acc = slots['acc'] ?? p.map(() => 0);
    const sq = moved(slots, 'sq', (old, i) => 0.9 * old + 0.1 * at(d, i) ** 2, p.length);
    const delta = d.map((v, i) => (v * Math.sqrt(at(acc, i) + 1e-6)) / Math.sqrt(at(sq, i) + 1e-6));
    slots['acc'] = acc.map((old, i) => 0.9 * old + 0.1 * at(delta, i) ** 2);
    return p.map((w, i) => w - at(delta, i));
  };

const halfCosine = (t: number): number => 0.01 + 0.09 * 0.5 * (1 + Math.cos((Math.PI * Math.min(t, 150)) / 150));
const jointly =
  (limit: number): Clip =>
  (g) =>
    g.map((x) => x.map((v) => v * Math.min(1, limit / (norm(g.flat()) + 1e-6))));
const singly =
  (limit: number): Clip =>
  (g) =>
    g.map((x) => x.map((v) => v * Math.min(1, limit / (norm(x) + 1e-6))));
const elements =
  (limit: number): Clip =>
  (g) =>
    g.map((x) => x.map((v) => Math.max(-limit, Math.min(limit, v))));

const rules: Readonly<Record<string, readonly [Rule, Clip?]>> = {
  'SGD(lr=0.1, weight_decay=0.01)': [sgd({ decay: 0.01 })],
  'Perceptron(lr=0.1)': [sgd({})],
  'SGD(lr=cosine(0.1, 150, final=0.01), momentum=0.9, dampening=0.1)': [
    sgd({ lr: (t) => halfCosine(t - 1), momentum: 0.9, dampening: 0.1 }),
  ],
  'SGD(lr=step_decay(0.1, 60), momentum=0.9, nesterov=true, weight_decay=0.01) with { clip=global_norm(0.7) }': [
    sgd({ lr: (t) => 0.1 * 0.1 ** Math.floor((t - 1) / 60), momentum: 0.9, nesterov: true, decay: 0.01 }),
    jointly(0.7),
  ],
  'Adam(lr=0.01, weight_decay=0.1) with { clip=clip_norm(0.5) }': [adam({ l2: 0.1 }), singly(0.5)],
  'Adam(lr=exponential(0.05, 0.99), beta1=0.8, beta2=0.9, amsgrad=true)': [
    adam({ lr: (t) => 0.05 * 0.99 ** (t - 1), b1: 0.8, b2: 0.9, amsgrad: true }),
  ],
  'AdamW(lr=0.01, weight_decay=0.2) with { clip=clip_value(0.3) }': [adam({ decoupled: 0.2 }), elements(0.3)],
  'Lamb(lr=inverse_sqrt(0.05, 20), weight_decay=0.05)': [
    adam({ lr: (t) => 0.05 * Math.min(t / 20, Math.sqrt(20 / t)), lamb: true, decay: 0.05, eps: 1e-6 }),
  ],
  'Adagrad(lr=0.1, lr_decay=0.02, weight_decay=0.05, initial_accumulator_value=0.3)': [adagrad(0.02, 0.05, 0.3)],
  'RMSprop(lr=0.01, weight_decay=0.1)': [rmsprop({ decay: 0.1 })],
  'RMSprop(lr=0.01, momentum=0.5, centered=true)': [rmsprop({ momentum: 0.5, centered: true })],
  'Adadelta(weight_decay=0.1)': [adadelta(0.1)],
};

describe('200 steps', () => {
  test.each(Object.entries(rules))('%s', (optimizer, [rule, clip]) => {
    const [got, wanted] = [trained(optimizer), byHand(rule, clip)];
    expect(distance(got, wanted)).toBeLessThan(1e-7);
    expect(distance(wanted, [...start.u, ...start.v])).toBeGreaterThan(0.05);
  });
});

const rates = (schedule: string, ts: readonly number[]): number[] =>
  ts.map(
    (t) =>
      evaluateText(
        't: i32[]',
        `{ let rate = ${schedule}\n rate(t) }`,
        { t },
        `import { ${names} } from "std/optim"`,
      )[0] ?? NaN,
  );

describe('schedules', () => {
  const table: Readonly<Record<string, readonly [readonly number[], readonly number[]]>> = {
    'constant(0.5)': [
      [0, 9999],
      [0.5, 0.5],
    ],
    'multi_step(1.0, [10, 20], gamma=0.5)': [
      [9, 10, 19, 20],
      [1, 0.5, 0.5, 0.25],
    ],
    'warmup(step_decay(1.0, 10), 4)': [
      [0, 3, 4, 13, 14],
      [0.25, 1, 1, 1, 0.1],
    ],
    'cosine(1.0, 10, warmup=2)': [
      [0, 1, 2, 6, 10, 50],
      [0.5, 1, 1, 0.5, 0, 0],
    ],
    'one_cycle(1.0, 100)': [
      [0, 29, 99, 500],
      [0.04, 1, 4e-6, 4e-6],
    ],
    'inverse_sqrt(1.0, 100)': [
      [0, 99, 399],
      [0.01, 1, 0.5],
    ],
  };
  test.each(Object.entries(table))('%s', (schedule, [ts, wanted]) => {
    expect(distance(rates(schedule, ts), wanted)).toBeLessThan(1e-9);
  });
});

const weight = (t: number): number | undefined =>
  evaluateText('t: i32[]', 'ema_weight(t, 0.99)', { t }, 'import { ema_weight } from "std/optim"')[0];

test('ema_weight averages quickly at first, then slowly', () => {
  expect(weight(0)).toBeCloseTo(0.9, 12);
  expect(weight(90)).toBeCloseTo(0.09, 12);
  expect(weight(100_000)).toBeCloseTo(0.01, 12);
});
