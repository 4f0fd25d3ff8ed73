// Training steps against the published update rules, in float64.
import { describe, expect, test } from 'vitest';
import { functionNamed, graphOf, run, type Nested } from './evaluate.ts';

const quadratic = (optimizer: string, options = ''): string => `
  import { SGD, Adam, AdamW, RMSprop, Adagrad, cosine, linear_decay, step_decay, global_norm, clip_value } from "std/optim"
  export model Net() {
    param w: [2] = ones()
    export fn forward(x: [2]) -> [] = sum(x * w ^ 2)
  }
  export train Fit(net: Net${options}) {
    batch x: f32[2]
    minimize net(x) using ${optimizer}
  }`;
const x = [1, 3];

/** Weights after some steps; slots start at zero. */
function weights(text: string, steps: number, options: Readonly<Record<string, Nested>> = {}): number[] {
  const module = graphOf(text);
  const step = functionNamed(module, 'Fit.step');
  let state: Record<string, Nested> = Object.fromEntries(
    step.inputs.filter((i) => i.role === 'slot').map((i) => [i.name, [0, 0]]),
  );
  state['w'] = [1, -2];
  for (let iteration = 0; iteration < steps; iteration++) {
    const results = run(module, 'Fit.step', { x, iteration, ...options, ...state });
    state = {
      ...state,
      ...Object.fromEntries(
        Object.entries(results)
          .filter(([name]) => name in state)
          .map(([name, t]) => [name, [...t.data]]),
      ),
    };
  }
  return state['w'] as number[];
}

/** The same by hand: `rule` gets gradient, weight, a store for slots and t from 1. */
function byHand(
  steps: number,
  rule: (g: number, p: number, slots: Record<string, number>, t: number) => number,
): number[] {
  return [1, -2].map((start, i) => {
    const slots: Record<string, number> = {};
    let p = start;
    for (let t = 1; t <= steps; t++) p = rule(2 * (x[i] ?? 0) * p, p, slots, t);
    return p;
  });
}

const adam =
  (lr: (t: number) => number, decay = 0) =>
  (g: number, p: number, s: Record<string, number>, t: number): number => {
    s['m'] = 0.9 * (s['m'] ?? 0) + 0.1 * g;
    s['v'] = 0.999 * (s['v'] ?? 0) + 0.001 * g * g;
    const step = (lr(t) * (s['m'] / (1 - 0.9 ** t))) / (Math.sqrt(s['v'] / (1 - 0.999 ** t)) + 1e-8);
    return p * (1 - lr(t) * decay) - step;
  };
const momentum =
  (nesterov: boolean) =>
  (g: number, p: number, s: Record<string, number>, t: number): number => {
    const d = g + 0.01 * p;
    s['v'] = t === 1 ? d : 0.9 * (s['v'] ?? 0) + d;
    return p - 0.01 * (nesterov ? d + 0.9 * s['v'] : s['v']);
  };

describe('optimizers', () => {
  test.each([
    ['SGD(lr=0.01)', (g: number, p: number) => p - 0.01 * g],
    ['SGD(lr=0.01, momentum=0.9, weight_decay=0.01)', momentum(false)],
    ['SGD(lr=0.01, momentum=0.9, weight_decay=0.01, nesterov=true)', momentum(true)],
    ['Adam(lr=0.1)', adam(() => 0.1)],
    ['AdamW(lr=0.1, weight_decay=0.05)', adam(() => 0.1, 0.05)],
    [
      'RMSprop(lr=0.1)',
      (g: number, p: number, s: Record<string, number>) => {
        s['v'] = 0.99 * (s['v'] ?? 0) + 0.01 * g * g;
        return p - (0.1 * g) / (Math.sqrt(s['v']) + 1e-8);
      },
    ],
    [
      'Adagrad(lr=0.1)',
      (g: number, p: number, s: Record<string, number>) => {
        s['v'] = (s['v'] ?? 0) + g * g;
        return p - (0.1 * g) / (Math.sqrt(s['v']) + 1e-10);
      },
    ],
    ['SGD(lr=0.01) with { clip=clip_value(1.0) }', (g: number, p: number) => p - 0.01 * Math.max(-1, Math.min(1, g))],
  ])('%s', (optimizer, rule) => {
    const expected = byHand(5, rule);
    weights(quadratic(optimizer), 5).forEach((w, i) => expect(w).toBeCloseTo(expected[i] ?? NaN, 8));
  });

  test('the joint norm of all gradients is clipped', () => {
    const norm = Math.hypot(2, 12);
    expect(weights(quadratic('SGD(lr=1.0) with { clip=global_norm(0.5) }'), 1)[1]).toBeCloseTo(
      -2 + (12 / norm) * 0.5,
      5,
    );
  });
});

/** The rate of the first steps: the gradient of the first weight is 2 at the start. */
const rates = (schedule: string, steps: number): number[] => {
  const module = graphOf(quadratic(`SGD(lr=${schedule})`, ', lr: f32[] = 1.0, total: i32[] = 10'));
  return Array.from(
    { length: steps },
    (_, iteration) =>
      (1 - (run(module, 'Fit.step', { x, iteration, w: [1, 0], lr: 0.5, total: 10 })['w']?.data[0] ?? 0)) / 2,
  );
};

describe('schedules', () => {
  test('cosine with warmup', () => {
    const expected = Array.from({ length: 12 }, (_, t) =>
      t < 4 ? (0.5 * (t + 1)) / 4 : 0.25 * (1 + Math.cos((Math.PI * Math.min(t - 4, 6)) / 6)),
    );
    rates('cosine(lr, total, warmup=4)', 12).forEach((r, t) => expect(r).toBeCloseTo(expected[t] ?? NaN, 8));
  });

  test('linear and step decay', () => {
    rates('linear_decay(lr, total)', 12).forEach((r, t) => expect(r).toBeCloseTo(0.5 * (1 - Math.min(t, 10) / 10), 8));
    rates('step_decay(lr, 3)', 7).forEach((r, t) => expect(r).toBeCloseTo(0.5 * 0.1 ** Math.floor(t / 3), 8));
  });
});

const gan = (generator: string): string => `
  import { SGD } from "std/optim"
  export model G() {
    param w: [1] = ones()
    export fn forward(x: [1]) -> [1] = w * x
  }
  export model D() {
    param v: [1] = ones()
    export fn forward(x: [1]) -> [] = sum(v * x)
  }
  export train Fit(g: G, d: D) {
    batch x: f32[1]
    let fake = g(x)
    step disc {
      minimize d(fake) of d using SGD(lr=0.5)
    }
    step gen${generator} {
      maximize d(fake) of g using SGD(lr=0.25)
    }
  }`;

describe('steps', () => {
  test('each step moves its own model, against the parameters as it finds them', () => {
    const results = run(graphOf(gan('')), 'Fit.step', { x: [2], iteration: 0, 'g.w': [3], 'd.v': [1] });
    // disc: v = 1 - 0.5 * 6 = -2; gen then sees v = -2: w = 3 + 0.25 * (-2 * 2) = 2
    expect(results['d.v']?.data[0]).toBeCloseTo(-2, 9);
    expect(results['g.w']?.data[0]).toBeCloseTo(2, 9);
    expect(Object.keys(results).sort()).toEqual(['d.v', 'disc', 'g.w', 'gen']);
  });

  test('a step with every=k keeps the parameters in between', () => {
    const module = graphOf(gan('(every=2)'));
    const w = (iteration: number): number =>
      run(module, 'Fit.step', { x: [2], iteration, 'g.w': [3], 'd.v': [1] })['g.w']?.data[0] ?? NaN;
    expect([w(0), w(1), w(2)]).toEqual([2, 3, 2]);
  });

  test('evaluation runs every step without updates', () => {
    expect(Object.keys(run(graphOf(gan('')), 'Fit.evaluate', { x: [2], 'g.w': [3], 'd.v': [1] })).sort()).toEqual([
      'disc',
      'gen',
    ]);
  });

  test('an average of models is updated after the optimizer', () => {
    const module = graphOf(`
      import { SGD } from "std/optim"
      export model Net() {
        param w: [1] = ones()
        export fn forward(x: [1]) -> [] = sum(w * x)
      }
      export train Fit(net: Net, ema: Net) {
        batch x: f32[1]
        minimize net(x) of net using SGD(lr=1.0)
        update ema = net when iteration == 0
        update ema = lerp(ema, net, 0.25)
      }`);
    const step = (iteration: number): number =>
      run(module, 'Fit.step', { x: [1], iteration, 'net.w': [5], 'ema.w': [0] })['ema.w']?.data[0] ?? NaN;
    expect([step(0), step(1)]).toEqual([4, 1]);
  });

  const refused =
    (parameter: string, update: string): (() => unknown) =>
    () =>
      graphOf(`
      import { SGD } from "std/optim"
      export model Net() {
        param w: [1] = ones()
        export fn forward(x: [1]) -> [] = sum(w * x)
      }
      export train Fit(net: Net, ${parameter}) {
        batch x: f32[1]
        minimize net(x) of net using SGD(lr=1.0)
        ${update}
      }`);

  test.each(['int = 1.5', 'str = 3', 'bool = none', '"a" | "b" = "c"'])('no parameter is %s', (type) => {
    expect(refused(`k: ${type}`, '')).toThrow(/E0402/);
  });

  test.each(['iteration', 'true', 'net.w', '_'])('%s is no share of an average', (share) => {
    expect(refused('ema: Net', `update ema = lerp(ema, net, ${share})`)).toThrow(share === '_' ? /E0310/ : /E0402/);
  });

  test('a frozen parameter does not move, and is no input of the optimizer', () => {
    const module = graphOf(`
      import { SGD } from "std/optim"
      export model Net() {
        @freeze param w: [1] = ones()
        param v: [1] = ones()
        export fn forward(x: [1]) -> [] = sum(w * v * x)
      }
      export train Fit(net: Net) {
        batch x: f32[1]
        minimize net(x) using SGD(lr=1.0)
      }`);
    expect(Object.keys(run(module, 'Fit.step', { x: [1], iteration: 0, w: [2], v: [3] }))).toEqual(['loss', 'v']);
    expect(module.models[0]?.parameters.map((p) => p.frozen)).toEqual([true, false]);
  });
});

test('options, slots, losses and metrics are described', () => {
  const { trains } = graphOf(
    quadratic('AdamW(lr=cosine(lr, total, warmup=10))', ', lr: f32[] = 1e-3, total: i32[] = 2000'),
  );
  const [info] = trains;
  expect(info?.options).toEqual([
    { name: 'lr', dtype: 'f32', default: 1e-3 },
    { name: 'total', dtype: 'i32', default: 2000 },
  ]);
  expect(info?.slots.map((s) => [s.name, s.initial])).toEqual([
    ['m:w', 0],
    ['v:w', 0],
  ]);
  expect([info?.losses, info?.metrics, info?.models]).toEqual([['loss'], [], [{ name: 'net', model: 'Net' }]]);
});
