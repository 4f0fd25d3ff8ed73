// Products on a real device: every layout and tile, edges, batches, splits and operands that compute.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { add, asConstant, sub, type DimLike } from '../../src/ir/dim.ts';
import type { Expr } from '../../src/ir/expr.ts';
import type { Statement } from '../../src/ir/kernel.ts';
import type { NestFunction } from '../../src/ir/nest.ts';
import { visitBody } from '../../src/codegen/wgsl/storage.ts';
import { fallbackGpuOptions, gpuOptions, gpuScheduler, scheduleForGpu } from '../../src/passes/schedule/gpu.ts';
import type { ScheduleNest } from '../../src/passes/schedule/schedule.ts';
import { requestTestDevice, type TestDevice } from '../support/webgpu.ts';
import { agrees, type Case, matrix } from './agrees.ts';
import { at, axis, bin, load, n, nest, nestFunction, num, reduce, result, store, tensor, un } from './nests.ts';
import { scheduleAll } from './run-on-device.ts';

let found: TestDevice;
beforeAll(async () => {
  found = await requestTestDevice();
});
afterAll(() => {
  if ('device' in found) found.device.destroy();
});

const epilogue = (sum: Expr, bias: Expr): Expr => bin('max', bin('add', sum, bias), num(0));

function product(m: number, count: number, depth: number, layout: 'nt' | 'nn' | 'tn', batch?: number): Case {
  const [g, i, j, k] = [axis('g', batch ?? 1), axis('i', n('b')), axis('j', count), axis('k', depth)];
  const lead = batch === undefined ? [] : [at(g)];
  const shape = (rows: DimLike, columns: DimLike) => ({
    shape: [...(batch === undefined ? [] : [batch]), rows, columns],
  });
  const a = layout === 'tn' ? load('a', [...lead, at(k), at(i)]) : load('a', [...lead, at(i), at(k)]);
  const w = layout === 'nt' ? load('w', [...lead, at(j), at(k)]) : load('w', [...lead, at(k), at(j)]);
  const fn = nestFunction(
    {
      a: layout === 'tn' ? shape(depth, n('b')) : shape(n('b'), depth),
      w: layout === 'nt' ? shape(count, depth) : shape(depth, count),
      bias: { shape: [count] },
    },
    { y: shape(n('b'), count) },
    [
      nest(
        [...(batch === undefined ? [] : [g]), i, j],
        reduce('r', [k], 'sum', [bin('mul', a, w)]),
        store('y', [...lead, at(i), at(j)], epilogue(result('r'), load('bias', [at(j)]))),
      ),
    ],
    ['b'],
  );
  const sizes = (rows: number, columns: number): number[] => [...(batch === undefined ? [] : [batch]), rows, columns];
  return {
    fn,
    dims: { b: m },
    inputs: {
      a: tensor(layout === 'tn' ? sizes(depth, m) : sizes(m, depth), 1),
      w: tensor(layout === 'nt' ? sizes(count, depth) : sizes(depth, count), 2),
      bias: tensor([count], 3),
    },
  };
}

// y[g, j, i] = max(Σ a[g, i, k] · w + bias[j], 0): few rows, which the result has as columns.
function rowsTimesMatrix(m: number, count: number, depth: number, layout: 'nt' | 'nn', batch = 1): Case {
  const [g, i, j, k] = [axis('g', batch), axis('i', m), axis('j', count), axis('k', depth)];
  const w = load('w', layout === 'nt' ? [at(g), at(j), at(k)] : [at(g), at(k), at(j)]);
  const shape = layout === 'nt' ? [batch, count, depth] : [batch, depth, count];
  const fn = nestFunction(
    { a: { shape: [batch, m, depth] }, w: { shape }, bias: { shape: [count] } },
    { y: { shape: [batch, count, m] } },
    [
      nest(
        [g, i, j],
        reduce('r', [k], 'sum', [bin('mul', load('a', [at(g), at(i), at(k)]), w)]),
        store('y', [at(g), at(j), at(i)], epilogue(result('r'), load('bias', [at(j)]))),
      ),
    ],
  );
  return { fn, inputs: { a: tensor([batch, m, depth], 1), w: tensor(shape, 2), bias: tensor([count], 3) } };
}

// Divisions inside a loop: positions along k are taken apart at every step.
function takesPatchesApart(fn: NestFunction, schedule: ScheduleNest): boolean {
  let divides = 0;
  for (const { body } of scheduleAll(fn, schedule).kernels) {
    const loops: Statement[] = [];
    visitBody(
      body,
      () => {},
      (s) => void (s.kind === 'for' && s.step > 1 && loops.push(...s.body)),
    );
    visitBody(
      loops,
      (e) => void (e.kind === 'binary' && e.op === 'div' && divides++),
      () => {},
    );
  }
  return divides > 0;
}

describe('products', () => {
  const schedules = [
    ['workgroup tiles', scheduleForGpu],
    ['large workgroup tiles', gpuScheduler({ ...gpuOptions, smallTiles: gpuOptions.largeTiles })],
    ['registers from storage', gpuScheduler(fallbackGpuOptions)],
  ] as const;
  test.for(schedules)('%s: layouts, edges, vectors or not', async ([name, schedule], { skip }) => {
    const shapes =
      name === 'large workgroup tiles'
        ? ([[70, 68, 20]] as const)
        : ([
            [33, 40, 24],
            [10, 37, 19],
          ] as const);
    for (const layout of ['nt', 'nn', 'tn'] as const) {
      for (const [m, count, depth] of shapes) await agrees(found, product(m, count, depth, layout), skip, schedule);
    }
  });
  test('batched, and exact tiles', async ({ skip }) => {
    await agrees(found, product(9, 12, 8, 'nt', 3), skip);
    await agrees(found, product(32, 64, 32, 'nn'), skip);
  });
  test('few rows, few columns', async ({ skip }) => {
    await agrees(found, product(1, 5, 300, 'nt'), skip);
    await agrees(found, product(3, 2, 40, 'nn'), skip);
  });
  test('few rows times a large matrix: four rows of it, or 64 columns, for a workgroup', async ({ skip }) => {
    const cases = [1, 3, 8].flatMap((rows) => [
      { one: rowsTimesMatrix(rows, 70, 264, 'nt'), workgroups: 18 },
      { one: rowsTimesMatrix(rows, 68, 258, 'nn'), workgroups: 2 },
    ]);
    const batches = [
      { one: rowsTimesMatrix(2, 64, 512, 'nt', 3), workgroups: 48 },
      { one: rowsTimesMatrix(5, 128, 256, 'nn', 2), workgroups: 4 },
    ];
    for (const { one, workgroups } of [...cases, ...batches]) {
      const [step] = scheduleAll(one.fn, scheduleForGpu).steps;
      expect(step?.kind === 'dispatch' && asConstant(step.grid[0])).toBe(workgroups);
      await agrees(found, one, skip);
    }
  });
  test('rows counted at run time times a large matrix: few or many', async ({ skip }) => {
    const schedule = gpuScheduler({ ...gpuOptions, largeMatrix: 1 });
    for (const rows of [1, 3, 4, 5, 40]) {
      const one = product(rows, 37, 72, 'nt');
      expect(scheduleAll(one.fn, schedule).kernels.map(({ arrays }) => arrays.length)).toEqual([3]);
      await agrees(found, one, skip, schedule);
    }
  });
  test('a long sum with a small result is split along k', async ({ skip }) => {
    const [i, j, k] = [axis('i', 16), axis('j', 12), axis('k', 4096)];
    const fn = nestFunction({ a: { shape: [4096, 16] }, w: { shape: [4096, 12] } }, { y: { shape: [16, 12] } }, [
      nest(
        [i, j],
        reduce('r', [k], 'sum', [bin('mul', load('a', [at(k), at(i)]), load('w', [at(k), at(j)]))]),
        store('y', [at(i), at(j)], un('neg', result('r'))),
      ),
    ]);
    expect(scheduleAll(fn, scheduleForGpu).kernels.length).toBe(2);
    await agrees(found, { fn, inputs: { a: matrix(4096, 16), w: matrix(4096, 12, 2) } }, skip);
  });
  test('operands that compute, and two results', async ({ skip }) => {
    const [i, j, k] = [axis('i', n('b')), axis('j', 20), axis('k', 16)];
    const dy: Expr = {
      kind: 'select',
      dtype: 'f32',
      cond: bin('lt', num(0), load('h', [at(i), at(k)])),
      then: load('g', [at(i), at(k)]),
      otherwise: num(0),
    };
    const fn = nestFunction(
      { h: { shape: [n('b'), 16] }, g: { shape: [n('b'), 16] }, w: { shape: [16, 20] } },
      { y: { shape: [n('b'), 20] }, t: { shape: [20, n('b')] } },
      [
        nest(
          [i, j],
          reduce('r', [k], 'sum', [bin('mul', dy, load('w', [at(k), at(j)]))]),
          store('y', [at(i), at(j)], result('r')),
          store('t', [at(j), at(i)], bin('mul', result('r'), num(2))),
        ),
      ],
      ['b'],
    );
    await agrees(
      found,
      { fn, inputs: { h: matrix(18, 16), g: matrix(18, 16, 2), w: matrix(16, 20, 3) }, dims: { b: 18 } },
      skip,
    );
  });
  test.for([3, 16, 32])(
    'a padded convolution of %i channels is a product over guarded operands',
    async (channels, { skip }) => {
      const [b, o, y, x] = [axis('b', n('b')), axis('o', 8), axis('y', 6), axis('x', 8)];
      const [c, u, v] = [axis('c', channels), axis('u', 3), axis('v', 3)];
      const [row, column] = [sub(add(at(y), at(u)), 1), sub(add(at(x), at(v)), 1)];
      const inside = [row, sub(5, row), column, sub(7, column)].map((lhs) => ({ kind: '>=0' as const, lhs }));
      const image: Expr = {
        kind: 'guard',
        dtype: 'f32',
        conditions: inside,
        then: load('x', [at(b), at(c), row, column]),
        otherwise: num(0),
      };
      const weight = load('w', [at(o), at(c), at(u), at(v)]);
      const fn = nestFunction(
        { x: { shape: [n('b'), channels, 6, 8] }, w: { shape: [8, channels, 3, 3] } },
        { z: { shape: [n('b'), 8, 6, 8] } },
        [
          nest(
            [b, o, y, x],
            reduce('r', [c, u, v], 'sum', [bin('mul', image, weight)]),
            store('z', [at(b), at(o), at(y), at(x)], result('r')),
          ),
        ],
        ['b'],
      );
      const inputs = { x: tensor([2, channels, 6, 8], 1), w: tensor([8, channels, 3, 3], 2) };
      for (const [, schedule] of schedules) {
        expect(takesPatchesApart(fn, schedule)).toBe(channels === 3);
        await agrees(found, { fn, inputs, dims: { b: 2 } }, skip, schedule);
      }
    },
  );
});
