// Reductions and scatters on a real device: per thread, per workgroup, in two stages, in order.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Expr } from '../../src/ir/expr.ts';
import { scheduleForGpu } from '../../src/passes/schedule/gpu.ts';
import { requestTestDevice, type TestDevice } from '../support/webgpu.ts';
import { agrees, matrix } from './agrees.ts';
import {
  at,
  axis,
  bin,
  dynamic,
  load,
  n,
  nest,
  nestFunction,
  num,
  position,
  reduce,
  result,
  store,
  tensor,
  un,
} from './nests.ts';
import { runOnDevice, scheduleAll } from './run-on-device.ts';

let found: TestDevice;
beforeAll(async () => {
  found = await requestTestDevice();
});
afterAll(() => {
  if ('device' in found) found.device.destroy();
});

describe('reductions', () => {
  const [i, k] = [axis('i', n('b')), axis('k', 100)];
  const x = load('x', [at(i), at(k)]);
  const index = position(at(k));
  test.for(['sum', 'max', 'min'] as const)('%s of rows, one workgroup a row', async (name, { skip }) => {
    const fn = nestFunction(
      { x: { shape: [n('b'), 100] } },
      { y: { shape: [n('b')] } },
      [nest([i], reduce('r', [k], name, [x]), store('y', [at(i)], result('r')))],
      ['b'],
    );
    await agrees(found, { fn, inputs: { x: matrix(5, 100) }, dims: { b: 5 } }, skip);
  });
  test('argmax and argmin keep the lowest index', async ({ skip }) => {
    for (const name of ['argmax', 'argmin'] as const) {
      const fn = nestFunction(
        { x: { shape: [n('b'), 100] } },
        { v: { shape: [n('b')] }, y: { shape: [n('b')], dtype: 'i32' } },
        [
          nest(
            [i],
            reduce('r', [k], name, [x, index]),
            store('v', [at(i)], result('r')),
            store('y', [at(i)], result('r', 1, 'i32')),
          ),
        ],
        ['b'],
      );
      await agrees(found, { fn, inputs: { x: tensor([6, 100], 5, 'f32', 8) }, dims: { b: 6 } }, skip);
    }
  });
  test('sums down columns, one thread a column or four', async ({ skip }) => {
    for (const columns of [256, 130]) {
      const [r, c] = [axis('r', n('b')), axis('c', columns)];
      const fn = nestFunction(
        { x: { shape: [n('b'), columns] } },
        { y: { shape: [columns] } },
        [
          nest(
            [c],
            reduce('r', [r], 'sum', [load('x', [at(r), at(c)])]),
            store('y', [at(c)], bin('mul', result('r'), num(0.5))),
          ),
        ],
        ['b'],
      );
      await agrees(found, { fn, inputs: { x: matrix(33, columns) }, dims: { b: 33 } }, skip);
    }
  });
  test('short rows in one thread; bool and integer monoids', async ({ skip }) => {
    const s = axis('s', 7);
    const fn = nestFunction(
      { x: { shape: [n('b'), 7], dtype: 'i32' } },
      { any: { shape: [n('b')], dtype: 'bool' }, total: { shape: [n('b')], dtype: 'i32' } },
      [
        nest(
          [i],
          reduce('a', [s], 'or', [bin('lt', load('x', [at(i), at(s)], 'i32'), num(-20, 'i32'))]),
          reduce('t', [s], 'prod', [load('x', [at(i), at(s)], 'i32')]),
          store('any', [at(i)], result('a', 0, 'bool')),
          store('total', [at(i)], result('t', 0, 'i32')),
        ),
      ],
      ['b'],
    );
    await agrees(found, { fn, inputs: { x: tensor([9, 7], 3, 'i32') }, dims: { b: 9 } }, skip);
  });
  test('and of a long bool row through workgroup memory', async ({ skip }) => {
    const fn = nestFunction(
      { x: { shape: [n('b'), 100] } },
      { y: { shape: [n('b')], dtype: 'bool' } },
      [nest([i], reduce('a', [k], 'and', [bin('le', x, num(3.75))]), store('y', [at(i)], result('a', 0, 'bool')))],
      ['b'],
    );
    await agrees(found, { fn, inputs: { x: matrix(12, 100) }, dims: { b: 12 } }, skip);
  });
  test('a full reduction of a large tensor takes two stages', async ({ skip }) => {
    const [r, c] = [axis('r', 300), axis('c', 70)];
    const fn = nestFunction({ x: { shape: [300, 70] } }, { y: { shape: [] }, z: { shape: [] } }, [
      nest(
        [],
        reduce('s', [r, c], 'sum', [load('x', [at(r), at(c)])]),
        store('y', [], result('s')),
        store('z', [], bin('mul', result('s'), num(2))),
      ),
    ]);
    expect(scheduleAll(fn, scheduleForGpu).kernels.length).toBe(2);
    await agrees(found, { fn, inputs: { x: matrix(300, 70) } }, skip);
  });
  test('a short outer axis over a long one is cut along the long one', async ({ skip }) => {
    const [r, c, e] = [axis('r', 2), axis('c', 4097), axis('e', 4)];
    const fn = nestFunction({ x: { shape: [4097, 2, 4] } }, { y: { shape: [] } }, [
      nest([], reduce('s', [r, c, e], 'sum', [load('x', [at(c), at(r), at(e)])]), store('y', [], result('s'))),
    ]);
    expect(scheduleAll(fn, scheduleForGpu).kernels.length).toBe(2);
    await agrees(found, { fn, inputs: { x: tensor([4097, 2, 4], 1) } }, skip);
  });
  test('long columns take two stages', async ({ skip }) => {
    const [r, c] = [axis('r', 16384), axis('c', 6)];
    const fn = nestFunction({ x: { shape: [16384, 6] } }, { y: { shape: [6] } }, [
      nest([c], reduce('s', [r], 'max', [load('x', [at(r), at(c)])]), store('y', [at(c)], result('s'))),
    ]);
    expect(scheduleAll(fn, scheduleForGpu).kernels.length).toBe(2);
    await agrees(found, { fn, inputs: { x: matrix(16384, 6) } }, skip);
  });
  test.for([40, 37])('%i long columns are shared by the threads of a workgroup', async (columns, { skip }) => {
    const [r, q, c] = [axis('r', 1037), axis('q', 1037), axis('c', columns)];
    const centred = bin('sub', load('x', [at(q), at(c)]), result('m'));
    const fn = nestFunction(
      { x: { shape: [1037, columns] }, bias: { shape: [columns] } },
      { y: { shape: [columns] } },
      [
        nest(
          [c],
          reduce('m', [r], 'max', [load('x', [at(r), at(c)])]),
          reduce('s', [q], 'sum', [bin('mul', centred, centred)]),
          store('y', [at(c)], bin('add', result('s'), load('bias', [at(c)]))),
        ),
      ],
    );
    expect(scheduleAll(fn, scheduleForGpu).kernels.map(({ workgroup }) => workgroup[0])).toEqual([256]);
    await agrees(found, { fn, inputs: { x: matrix(1037, columns), bias: tensor([columns], 2) } }, skip);
  });
  test('more rows than one dimension of the grid holds', async ({ skip }) => {
    const [r, c] = [axis('r', n('b')), axis('c', 17)];
    const fn = nestFunction(
      { x: { shape: [n('b'), 17] } },
      { y: { shape: [n('b')] } },
      [nest([r], reduce('s', [c], 'sum', [load('x', [at(r), at(c)])]), store('y', [at(r)], result('s')))],
      ['b'],
    );
    if ('missing' in found) return skip(found.missing);
    const x = matrix(65_600, 17);
    const { y } = await runOnDevice(found.device, fn, { x }, { b: 65_600 }, scheduleForGpu);
    const sums = Array.from({ length: 65_600 }, (_, row) =>
      x.data.slice(row * 17, row * 17 + 17).reduce((a, b) => a + b),
    );
    expect([...(y?.data ?? [])]).toEqual(sums);
  });
  test('softmax is one row kernel', async ({ skip }) => {
    for (const columns of [100, 37]) {
      const axes = ['a', 'b', 'c'].map((name) => axis(name, columns));
      const [a, b, c] = [axes[0] ?? k, axes[1] ?? k, axes[2] ?? k];
      const shifted = (along: typeof k): Expr => un('exp', bin('sub', load('x', [at(i), at(along)]), result('m')));
      const fn = nestFunction(
        { x: { shape: [n('b'), columns] } },
        { y: { shape: [n('b'), columns] }, lse: { shape: [n('b')] } },
        [
          nest(
            [i],
            reduce('m', [a], 'max', [load('x', [at(i), at(a)])]),
            reduce('s', [b], 'sum', [shifted(b)]),
            store('y', [at(i), at(c)], bin('div', shifted(c), result('s')), [c]),
            store('lse', [at(i)], result('s')),
          ),
        ],
        ['b'],
      );
      expect(scheduleAll(fn, scheduleForGpu).kernels.length).toBe(1);
      await agrees(found, { fn, inputs: { x: matrix(5, columns) }, dims: { b: 5 }, within: 2e-6 }, skip);
    }
  });
});

describe('scatters', () => {
  test.for(['add', 'max', 'set'] as const)('%s in order, out-of-range rows dropped', async (combine, { skip }) => {
    const [i, j, o, c] = [axis('i', n('b')), axis('j', 6), axis('o', 5), axis('c', 6)];
    const fn = nestFunction(
      { ids: { shape: [n('b')], dtype: 'i32' }, u: { shape: [n('b'), 6] } },
      { y: { shape: [5, 6] } },
      [
        nest([o, c], store('y', [at(o), at(c)], num(0.5))),
        nest([i, j], store('y', [dynamic(load('ids', [at(i)], 'i32')), at(j)], load('u', [at(i), at(j)]), [], combine)),
      ],
      ['b'],
    );
    const ids = { dtype: 'i32' as const, shape: [8], data: Float64Array.of(1, 4, 1, 9, 0, -1, 4, 1) };
    await agrees(found, { fn, inputs: { ids, u: matrix(8, 6) }, dims: { b: 8 } }, skip);
  });
  test('sums of rows scattered with repeats', async ({ skip }) => {
    const [i, k] = [axis('i', n('b')), axis('k', 9)];
    const fn = nestFunction(
      { ids: { shape: [n('b')], dtype: 'i32' }, x: { shape: [n('b'), 9] } },
      { y: { shape: [4] } },
      [
        nest([axis('o', 4)], store('y', [at(axis('o', 4))], num(0))),
        nest(
          [i],
          reduce('s', [k], 'sum', [load('x', [at(i), at(k)])]),
          store('y', [dynamic(load('ids', [at(i)], 'i32'))], result('s'), [], 'add'),
        ),
      ],
    );
    const ids = { dtype: 'i32' as const, shape: [6], data: Float64Array.of(3, 1, 3, 3, 0, 1) };
    await agrees(found, { fn, inputs: { ids, x: matrix(6, 9) }, dims: { b: 6 } }, skip);
  });
});
