// Plans as functions: copies, fills, loops whose bodies use the loop index in params, updates in place.
import { expect, test } from 'vitest';
import { Builder, tensorType } from '../../src/ir/builder.ts';
import { constant, floorDiv, mod, sub, variable } from '../../src/ir/dim.ts';
import type { GraphFunction, Value } from '../../src/ir/graph.ts';
import type { NestFunction } from '../../src/ir/nest.ts';
import type { Plan } from '../../src/ir/plan.ts';
import { planFor } from '../../src/passes/plan.ts';
import { nestsOf } from './graphs.ts';
import { load, planOf } from './run-nests.ts';

const n = variable('n');
const [i, t] = [variable('%i'), variable('%t')];

// row[t] = x[n - 1 - t] + t for one t, over the columns.
const rowFunction: NestFunction = {
  name: 'rows',
  kind: 'entry',
  dims: [{ name: 'n', min: 1 }],
  facts: [],
  host: [],
  inputs: [],
  results: [],
  buffers: [
    { id: 'x', type: { dtype: 'f32', shape: [n, constant(5)] } },
    { id: 'y', type: { dtype: 'f32', shape: [n, constant(5)] } },
  ],
  body: [
    {
      kind: 'nest',
      name: 'row',
      axes: [{ name: '%i', extent: constant(5) }],
      origin: [],
      stages: [
        {
          kind: 'store',
          axes: [],
          buffer: 'y',
          indices: [t, i],
          combine: 'set',
          value: {
            kind: 'binary',
            dtype: 'f32',
            op: 'add',
            a: { kind: 'load', dtype: 'f32', buffer: 'x', indices: [sub(sub(n, 1), t), i] },
            b: { kind: 'index', dtype: 'f32', dim: floorDiv(mod(t, 3), 2) },
          },
        },
      ],
    },
  ],
};

test.each([false, true])('a loop over rows, reverse %s, with a fill before and a copy behind', (reverse) => {
  const { plan, kernels } = planOf(rowFunction);
  const z = { id: 'z', pool: 'arena' as const, dtype: 'f32' as const, shape: [n, constant(5)], first: 0, last: 2 };
  const looped: Plan = {
    ...plan,
    buffers: [...plan.buffers, z],
    steps: [
      { kind: 'fill', buffer: 'y', value: -2.5 },
      { kind: 'loop', index: '%t', count: sub(n, 1), reverse, body: plan.steps },
      { kind: 'copy', from: 'y', to: 'z' },
      { kind: 'fill', buffer: 'x', value: 0 },
    ],
  };
  const loaded = load(looped, kernels, { n: 7 });
  const x = Float32Array.from({ length: 35 }, (_, at) => at);
  loaded.view('x').set(x);
  loaded.run();
  const want = Array.from({ length: 35 }, (_, at) => {
    const row = Math.floor(at / 5);
    return row === 6 ? -2.5 : (x[(6 - row) * 5 + (at % 5)] ?? 0) + Math.floor((row % 3) / 2);
  });
  expect([...loaded.view('z')]).toEqual(want);
  expect([...loaded.view('x')]).toEqual(Array(35).fill(0));
});

test.each([13, 16, 64])('an update of %d elements happens in place, without a copy', (size) => {
  const type = tensorType('f32', [size]);
  const [w, g]: Value[] = [{ type }, { type }];
  const b = new Builder();
  if (!w || !g) throw new Error('two values');
  const updated = b.sub(w, b.mul(g, b.unary('tanh', w)));
  const fn: GraphFunction = {
    name: 'step',
    kind: 'step',
    dims: [],
    facts: [],
    host: [],
    nodes: b.nodes,
    inputs: [
      { name: 'w', role: 'param', value: w },
      { name: 'g', role: 'argument', value: g },
    ],
    results: [{ name: 'w', role: 'update', value: updated }],
  };
  const cx = { count: (): void => undefined };
  const {
    plans: [plan],
    kernels,
  } = planFor('cpu').run({ name: 'test', functions: [nestsOf(fn, true)] }, cx);
  if (!plan) throw new Error('nothing was planned');
  expect(plan.steps.map((step) => step.kind)).toEqual(['dispatch']);
  const loaded = load(plan, kernels, {});
  const before = Float32Array.from({ length: size }, (_, at) => at / 8 - 1);
  loaded.view('w').set(before);
  loaded.view('g').fill(0.5);
  loaded.run();
  loaded.view('w').forEach((value, at) => {
    const x = before[at] ?? Number.NaN;
    expect(value).toBeCloseTo(x - 0.5 * Math.tanh(x), 6);
  });
});
