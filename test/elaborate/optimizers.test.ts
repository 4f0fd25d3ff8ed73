// What a `minimize` moves and how: groups of parameters, penalties, constraints, accumulated gradients, clipping.
import { describe, expect, test } from 'vitest';
import { functionNamed, graphOf, run } from './evaluate.ts';
import { program } from './files.ts';

const header = `import { Linear } from "std/nn"
import { SGD, global_norm } from "std/optim"
`;

const net = `${header}
export model Net() {
  let fc1 = Linear(2, 2)
  let fc2 = Linear(2, 1)
  export fn forward(x: [b, 2]) -> [b, 1] = x |> fc1 |> fc2
}
`;

const moved = (text: string): string[] =>
  functionNamed(graphOf(text), 'Fit.step').results.flatMap(({ name, role }) => (role === 'update' ? [name] : []));

describe('of', () => {
  test.each([
    ['net', ['fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias']],
    ['matrices(net)', ['fc1.weight', 'fc2.weight']],
    ['vectors(net)', ['fc1.bias', 'fc2.bias']],
    ['vectors(net.fc1), net.fc2', ['fc1.bias', 'fc2.weight', 'fc2.bias']],
    ['except(net, net.fc1)', ['fc2.weight', 'fc2.bias']],
    ['except(matrices(net), net.fc2.weight)', ['fc1.weight']],
  ])('%s', (of, expected) => {
    const text = `${net}
export train Fit(net: Net) {
  batch x: f32[b, 2]
  minimize mean(net(x)) of ${of} using SGD(lr=0.1)
}`;
    expect(moved(text)).toEqual(expected);
  });

  test('a group needs something to take from', () => {
    const { diagnostics } = program(`${net}
export train Fit(net: Net) {
  batch x: f32[b, 2]
  minimize mean(net(x)) of except(net) using SGD(lr=0.1)
}`);
    expect(diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual([
      'E0206 group `except` takes 2 or more arguments but gets 1',
    ]);
  });
});

// One weight w: f32[2, 2], whose gradient under the loss is g.
const single = (attributes: string, options = ''): string => `${header}
export model Net() {
  ${attributes} param w: f32[2, 2] = zeros()
  export fn forward(g: [2, 2]) -> [] = sum(g * w)
}
export train Fit(net: Net) {
  batch g: f32[2, 2]
  minimize net(g) using SGD(lr=0.5)${options}
}`;

const w = [
  [3, 4],
  [-0.5, 0],
];
const g = [
  [1, 0],
  [0, -2],
];

const after = (text: string): readonly number[] => [...(run(graphOf(text), 'Fit.step', { w, g })['w']?.data ?? [])];

describe('attributes of parameters', () => {
  test('penalties join the gradient', () => {
    expect(after(single(''))).toEqual([2.5, 4, -0.5, 1]);
    expect(after(single('@regularize(l2(0.5))'))).toEqual([1, 2, -0.25, 1]);
    expect(after(single('@regularize(l1(0.5))'))).toEqual([2.25, 3.75, -0.25, 1]);
    expect(after(single('@regularize(fn (p: [...]) => 0.25 * sum(p ^ 4))'))).toEqual([-11, -28, -0.4375, 1]);
  });

  test('constraints hold after the update', () => {
    expect(after(single('@constrain(non_negative())'))).toEqual([2.5, 4, 0, 1]);
    expect(after(single('@constrain(clip_value(1.5))'))).toEqual([1.5, 1.5, -0.5, 1]);
    const norm = Math.hypot(2.5, 4);
    const bounded = after(single('@constrain(max_norm(2.0))'));
    [5 / norm, 8 / norm, -0.5, 1].forEach((x, i) => expect(bounded[i]).toBeCloseTo(x, 12));
    const unit = after(single('@regularize(l2(0.0)) @constrain(unit_norm())'));
    expect(Math.hypot(unit[0] ?? 0, unit[1] ?? 0)).toBeCloseTo(1, 12);
    expect(Math.hypot(unit[2] ?? 0, unit[3] ?? 0)).toBeCloseTo(1, 12);
  });

  test('a `let` covers all its parameters, and a tie has the rules of both places', () => {
    const text = `${header}
export model Net() {
  @constrain(non_negative()) let fc1 = Linear(2, 2)
  let fc2 = Linear(2, 2, bias=false) with { weight=fc1.weight }
  export fn forward(x: [b, 2]) -> [b, 2] = x |> fc1 |> fc2
}
export train Fit(net: Net) {
  batch x: f32[b, 2]
  minimize mean(net(x)) using SGD(lr=10.0)
}`;
    const { 'fc1.weight': weight, 'fc1.bias': bias } = run(graphOf(text), 'Fit.step', {
      x: [[1, 1]],
      'fc1.weight': [
        [1, 1],
        [1, 1],
      ],
      'fc1.bias': [1, 1],
    });
    expect([...(weight?.data ?? []), ...(bias?.data ?? [])]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test.each([
    ['@constrain(2.0)', 'E0402'],
    ['@regularize(fn (p: [...]) => p)', 'E0704'],
    ['@constrain(fn (p: [...]) => sum(p))', 'E0402'],
    ['@regularize()', 'E0206'],
  ])('%s is %s', (attribute, code) => {
    expect(program(single(attribute)).diagnostics.map((d) => d.code)).toEqual([code]);
  });
});

/** w[0][0] after each of several steps, whose gradients are given. */
function steps(options: string, gradients: readonly number[]): number[] {
  const module = graphOf(single('', ` with { ${options} }`));
  const fn = functionNamed(module, 'Fit.step');
  const state: Record<string, number[][]> = {
    w,
    'accumulate:w': [
      [0, 0],
      [0, 0],
    ],
  };
  const seen: number[] = [];
  gradients.forEach((size, iteration) => {
    const results = run(module, 'Fit.step', {
      ...state,
      g: [
        [size, 0],
        [0, 0],
      ],
      iteration,
    });
    for (const { name, role } of fn.results) {
      const data = [...(results[name]?.data ?? [])];
      if (role === 'update') state[name] = [data.slice(0, 2), data.slice(2)];
    }
    seen.push(state['w']?.[0]?.[0] ?? NaN);
  });
  return seen;
}

const clippedBy = (second: string): string => `${header}
export model Net() {
  param a: f32[] = zeros()
  param b: f32[] = zeros()
  export fn forward(x: f32[]) -> [] = 3.0 * x * a + 4.0 * x * b
}
export train Fit(net: Net) {
  batch x: f32[]
  minimize net(x) of net.a using SGD(lr=1.0) with { clip=global_norm(1.0) }
  minimize net(x) of net.b using SGD(lr=1.0) with { clip=${second} }
}`;

describe('options of optimizers', () => {
  test('`accumulate` moves by the mean of k gradients, every k-th time', () => {
    expect(steps('accumulate=3', [1, 2, 6, 0, 0, 3])).toEqual([3, 3, 1.5, 1.5, 1.5, 1]);
    expect(steps('accumulate=1', [1, 1])).toEqual([2.5, 2]);
  });

  test('`loss_scale` leaves the update as it is', () => {
    expect(steps('loss_scale=1024.0', [1, 2])).toEqual([2.5, 1.5]);
    expect(steps('loss_scale=8, accumulate=2', [1, 3])).toEqual([3, 2]);
  });

  test.each(['accumulate=0', 'accumulate=1.5', 'loss_scale=-1.0'])('%s is refused', (option) => {
    expect(program(single('', ` with { ${option} }`)).diagnostics.map((d) => d.code)).toEqual(['E0402']);
  });

  test('groups that name a norm alike are clipped by one norm', () => {
    const alike = run(graphOf(clippedBy('global_norm(1.0)')), 'Fit.step', { x: 1, a: 0, b: 0 });
    expect(alike['a']?.data[0]).toBeCloseTo(-0.6, 5);
    expect(alike['b']?.data[0]).toBeCloseTo(-0.8, 5);
    const apart = run(graphOf(clippedBy('global_norm(2.0)')), 'Fit.step', { x: 1, a: 0, b: 0 });
    expect(apart['a']?.data[0]).toBeCloseTo(-1, 5);
    expect(apart['b']?.data[0]).toBeCloseTo(-2, 5);
  });
});
