// Every schedule for WebGPU against the nest interpreter, on a real device with small shapes. Inputs are
// multiples of 1/8, so that sums and products are exact and results must be equal to the bit.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { add, floorDiv, mod, mul, sub, variable } from '../../src/ir/dim.ts';
import type { Expr } from '../../src/ir/expr.ts';
import { interpretNests } from '../../src/ir/nest-interpreter.ts';
import type { NestFunction } from '../../src/ir/nest.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { fallbackGpuOptions, gpuOptions, gpuScheduler, scheduleForGpu } from '../../src/passes/schedule/gpu.ts';
import type { ScheduleNest } from '../../src/passes/schedule/schedule.ts';
import { requestTestDevice, type TestDevice } from '../support/webgpu.ts';
import { at, axis, bin, cast, dynamic, load, n, nest, nestFunction, num, position, reduce, result, store, tensor, un } from './nests.ts';
import { runOnDevice, scheduleAll } from './run-on-device.ts';

let found: TestDevice;
beforeAll(async () => { found = await requestTestDevice(); });
afterAll(() => { if ('device' in found) found.device.destroy(); });

interface Case {
  readonly fn: NestFunction;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly dims?: Readonly<Record<string, number>>;
  /** Largest difference from the interpreter; 0 = the same numbers. */
  readonly within?: number;
}

async function agrees({ fn, inputs, dims = {}, within = 0 }: Case, skip: (why: string) => void, schedule: ScheduleNest = scheduleForGpu): Promise<void> {
  if ('missing' in found) return skip(found.missing);
  const expected = interpretNests(fn, inputs, { dims });
  const actual = await runOnDevice(found.device, fn, inputs, dims, schedule);
  for (const [name, tensor] of Object.entries(expected)) {
    const got = actual[name]?.data ?? new Float64Array();
    const wrong = [...tensor.data].findIndex((x, i) => !(Math.abs(x - (got[i] ?? Number.NaN)) <= within * Math.max(1, Math.abs(x))));
    if (wrong >= 0) expect.fail(`${name}[${wrong}]: ${got[wrong]} instead of ${tensor.data[wrong]} (${[...got.slice(0, 12)].join(', ')} … for ${[...tensor.data.slice(0, 12)].join(', ')} …)`);
    expect(got.length).toBe(tensor.data.length);
  }
}

const matrix = (rows: number, columns: number, seed = 1): Tensor => tensor([rows, columns], seed);

describe('maps', () => {
  const [i, j] = [axis('i', n('b')), axis('j', 12)];
  test('a map over a symbolic batch, four elements a thread', async ({ skip }) => {
    const value = bin('max', bin('add', bin('mul', load('x', [at(i), at(j)]), num(2)), load('w', [at(j)])), num(0));
    const fn = nestFunction({ x: { shape: [n('b'), 12] }, w: { shape: [12] } }, { y: { shape: [n('b'), 12] } },
      [nest([i, j], store('y', [at(i), at(j)], value))], ['b']);
    await agrees({ fn, inputs: { x: matrix(7, 12), w: tensor([12], 2) }, dims: { b: 7 } }, skip);
  });
  test('a row length that is not a multiple of four', async ({ skip }) => {
    const k = axis('k', 5);
    const fn = nestFunction({ x: { shape: [n('b'), 5] } }, { y: { shape: [n('b'), 5] } },
      [nest([i, k], store('y', [at(i), at(k)], un('neg', load('x', [at(i), at(k)]))))], ['b']);
    await agrees({ fn, inputs: { x: matrix(13, 5) }, dims: { b: 13 } }, skip);
  });
  test('transposed and reversed reads', async ({ skip }) => {
    const value = bin('sub', load('x', [at(j), at(i)]), load('z', [sub(11, at(j))]));
    const fn = nestFunction({ x: { shape: [12, n('b')] }, z: { shape: [12] } }, { y: { shape: [n('b'), 12] } },
      [nest([i, j], store('y', [at(i), at(j)], value))], ['b']);
    await agrees({ fn, inputs: { x: matrix(12, 6), z: tensor([12], 3) }, dims: { b: 6 } }, skip);
  });
  test('padding: guards at the edges, positions off by one', async ({ skip }) => {
    const inside = [{ kind: '>=0' as const, lhs: sub(at(j), 1) }, { kind: '>=0' as const, lhs: sub(10, at(j)) }];
    const value: Expr = { kind: 'guard', dtype: 'f32', conditions: inside, then: load('x', [at(i), sub(at(j), 1)]), otherwise: num(-1) };
    const fn = nestFunction({ x: { shape: [n('b'), 10] } }, { y: { shape: [n('b'), 12] } },
      [nest([i, j], store('y', [at(i), at(j)], value))], ['b']);
    await agrees({ fn, inputs: { x: matrix(5, 10) }, dims: { b: 5 } }, skip);
  });
  test('concatenation at a multiple of four keeps vectors', async ({ skip }) => {
    const left = [{ kind: '>=0' as const, lhs: sub(3, at(j)) }];
    const value: Expr = {
      kind: 'guard', dtype: 'f32', conditions: left, then: load('x', [at(i), at(j)]), otherwise: load('z', [at(i), sub(at(j), 4)]),
    };
    const fn = nestFunction({ x: { shape: [n('b'), 4] }, z: { shape: [n('b'), 8] } }, { y: { shape: [n('b'), 12] } },
      [nest([i, j], store('y', [at(i), at(j)], value))], ['b']);
    await agrees({ fn, inputs: { x: matrix(5, 4), z: matrix(5, 8, 2) }, dims: { b: 5 } }, skip);
  });
  test('congruence guards, floor_div and mod of positions', async ({ skip }) => {
    const even = [{ kind: '==0' as const, lhs: mod(at(j), 2) }];
    const value: Expr = { kind: 'guard', dtype: 'f32', conditions: even, then: load('x', [at(i), floorDiv(at(j), 2)]), otherwise: num(0) };
    const fn = nestFunction({ x: { shape: [n('b'), 6] } }, { y: { shape: [n('b'), 12] } },
      [nest([i, j], store('y', [at(i), at(j)], value))], ['b']);
    await agrees({ fn, inputs: { x: matrix(5, 6) }, dims: { b: 5 } }, skip);
  });
  test('gather, comparisons, select, casts and bool buffers', async ({ skip }) => {
    const row = load('ids', [at(i)], 'i32');
    const picked = load('x', [dynamic(row), at(j)]);
    const positive = bin('lt', num(0), picked);
    const value: Expr = { kind: 'select', dtype: 'f32', cond: load('m', [at(j)], 'bool'), then: picked, otherwise: cast('f32', row) };
    const fn = nestFunction(
      { x: { shape: [4, 12] }, ids: { shape: [n('b')], dtype: 'i32' }, m: { shape: [12], dtype: 'bool' } },
      { y: { shape: [n('b'), 12] }, p: { shape: [n('b'), 12], dtype: 'bool' } },
      [nest([i, j], store('y', [at(i), at(j)], value), store('p', [at(i), at(j)], positive))], ['b']);
    const ids = { dtype: 'i32' as const, shape: [3], data: Float64Array.of(2, 0, 3) };
    await agrees({ fn, inputs: { x: matrix(4, 12), ids, m: tensor([12], 4, 'bool') }, dims: { b: 3 } }, skip);
  });
  test('integer rules: division by zero, negative shifts, saturating casts', async ({ skip }) => {
    const v = axis('v', 8);
    const [a, b] = [load('a', [at(v)], 'i32'), load('b', [at(v)], 'i32')];
    const fn = nestFunction({ a: { shape: [8], dtype: 'i32' }, b: { shape: [8], dtype: 'i32' }, f: { shape: [8] } },
      Object.fromEntries(['q', 'r', 's', 'c'].map((name) => [name, { shape: [8], dtype: 'i32' as const }])),
      [nest([v], store('q', [at(v)], bin('div', a, b)), store('r', [at(v)], bin('rem', a, b)),
        store('s', [at(v)], bin('shr', bin('shl', a, b), num(33, 'i32'))), store('c', [at(v)], cast('i32', load('f', [at(v)]))))]);
    await agrees({ fn, inputs: {
      a: { dtype: 'i32', shape: [8], data: Float64Array.of(7, -7, 5, -2147483648, -2147483648, 9, 1, -1) },
      b: { dtype: 'i32', shape: [8], data: Float64Array.of(2, 2, 0, -1, 0, -4, 31, 33) },
      f: { dtype: 'f32', shape: [8], data: Float64Array.of(1.9, -1.9, 3e9, -3e9, 1e30, -1e30, 0, 2147483520) },
    } }, skip);
  });
  test('step scalars come from the record, and constants overflow at run time only', async ({ skip }) => {
    const huge = bin('mul', bin('mul', num(1e30), num(1e-10)), load('lr', []));
    const fn = nestFunction({ x: { shape: [n('b'), 12] }, lr: { shape: [], role: 'option' }, k: { shape: [], role: 'key', dtype: 'u32' } },
      { y: { shape: [n('b'), 12] } },
      [nest([i, j], store('y', [at(i), at(j)], bin('add', bin('mul', load('x', [at(i), at(j)]), load('lr', [])), bin('mul', cast('f32', load('k', [], 'u32')), bin('mul', huge, num(0))))))], ['b']);
    const scalar = (value: number, dtype: 'f32' | 'u32'): Tensor => ({ dtype, shape: [], data: Float64Array.of(value) });
    await agrees({ fn, inputs: { x: matrix(3, 12), lr: scalar(0.5, 'f32'), k: scalar(7, 'u32') }, dims: { b: 3 } }, skip);
  });
  test('random bits are threefry, both words', async ({ skip }) => {
    const key = [load('k0', [], 'u32'), load('k1', [], 'u32')] as const;
    const counter = [position(add(mul(at(i), 12), at(j)), 'u32'), num(0, 'u32')] as const;
    const words = ([0, 1] as const).map((word): Expr => ({ kind: 'threefry', dtype: 'u32', key, counter, word }));
    const [first = num(0), second = num(0)] = words;
    const fn = nestFunction({ k0: { shape: [], role: 'key', dtype: 'u32' }, k1: { shape: [], role: 'key', dtype: 'u32' } },
      { u: { shape: [n('b'), 12], dtype: 'u32' }, v: { shape: [n('b'), 12], dtype: 'u32' } },
      [nest([i, j], store('u', [at(i), at(j)], first), store('v', [at(i), at(j)], second))], ['b']);
    const word = (value: number): Tensor => ({ dtype: 'u32', shape: [], data: Float64Array.of(value) });
    await agrees({ fn, inputs: { k0: word(0x13198a2e), k1: word(0xdeadbeef) }, dims: { b: 4 } }, skip);
  });
});

describe('reductions', () => {
  const [i, k] = [axis('i', n('b')), axis('k', 100)];
  const x = load('x', [at(i), at(k)]);
  const index = position(at(k));
  test.each(['sum', 'max', 'min'] as const)('%s of rows, one workgroup a row', async (name) => {
    const fn = nestFunction({ x: { shape: [n('b'), 100] } }, { y: { shape: [n('b')] } },
      [nest([i], reduce('r', [k], name, [x]), store('y', [at(i)], result('r')))], ['b']);
    await agrees({ fn, inputs: { x: matrix(5, 100) }, dims: { b: 5 } }, () => {});
  });
  test('argmax and argmin keep the lowest index', async ({ skip }) => {
    for (const name of ['argmax', 'argmin'] as const) {
      const fn = nestFunction({ x: { shape: [n('b'), 100] } }, { v: { shape: [n('b')] }, y: { shape: [n('b')], dtype: 'i32' } },
        [nest([i], reduce('r', [k], name, [x, index]), store('v', [at(i)], result('r')), store('y', [at(i)], result('r', 1, 'i32')))], ['b']);
      await agrees({ fn, inputs: { x: tensor([6, 100], 5, 'f32', 8) }, dims: { b: 6 } }, skip);
    }
  });
  test('sums down columns, one thread a column or four', async ({ skip }) => {
    for (const columns of [256, 130]) {
      const [r, c] = [axis('r', n('b')), axis('c', columns)];
      const fn = nestFunction({ x: { shape: [n('b'), columns] } }, { y: { shape: [columns] } },
        [nest([c], reduce('r', [r], 'sum', [load('x', [at(r), at(c)])]), store('y', [at(c)], bin('mul', result('r'), num(0.5))))], ['b']);
      await agrees({ fn, inputs: { x: matrix(33, columns) }, dims: { b: 33 } }, skip);
    }
  });
  test('short rows in one thread; bool and integer monoids', async ({ skip }) => {
    const s = axis('s', 7);
    const fn = nestFunction({ x: { shape: [n('b'), 7], dtype: 'i32' } },
      { any: { shape: [n('b')], dtype: 'bool' }, total: { shape: [n('b')], dtype: 'i32' } },
      [nest([i], reduce('a', [s], 'or', [bin('lt', load('x', [at(i), at(s)], 'i32'), num(-20, 'i32'))]),
        reduce('t', [s], 'prod', [load('x', [at(i), at(s)], 'i32')]),
        store('any', [at(i)], result('a', 0, 'bool')), store('total', [at(i)], result('t', 0, 'i32')))], ['b']);
    await agrees({ fn, inputs: { x: tensor([9, 7], 3, 'i32') }, dims: { b: 9 } }, skip);
  });
  test('and of a long bool row through workgroup memory', async ({ skip }) => {
    const fn = nestFunction({ x: { shape: [n('b'), 100] } }, { y: { shape: [n('b')], dtype: 'bool' } },
      [nest([i], reduce('a', [k], 'and', [bin('le', x, num(3.75))]), store('y', [at(i)], result('a', 0, 'bool')))], ['b']);
    await agrees({ fn, inputs: { x: matrix(12, 100) }, dims: { b: 12 } }, skip);
  });
  test('a full reduction of a large tensor takes two stages', async ({ skip }) => {
    const [r, c] = [axis('r', 300), axis('c', 70)];
    const fn = nestFunction({ x: { shape: [300, 70] } }, { y: { shape: [] }, z: { shape: [] } },
      [nest([], reduce('s', [r, c], 'sum', [load('x', [at(r), at(c)])]), store('y', [], result('s')), store('z', [], bin('mul', result('s'), num(2))))]);
    expect(scheduleAll(fn, scheduleForGpu).kernels.length).toBe(2);
    await agrees({ fn, inputs: { x: matrix(300, 70) } }, skip);
  });
  test('softmax is one row kernel', async ({ skip }) => {
    for (const columns of [100, 37]) {
      const axes = ['a', 'b', 'c'].map((name) => axis(name, columns));
      const [a, b, c] = [axes[0] ?? k, axes[1] ?? k, axes[2] ?? k];
      const shifted = (along: typeof k): Expr => un('exp', bin('sub', load('x', [at(i), at(along)]), result('m')));
      const fn = nestFunction({ x: { shape: [n('b'), columns] } }, { y: { shape: [n('b'), columns] }, lse: { shape: [n('b')] } },
        [nest([i], reduce('m', [a], 'max', [load('x', [at(i), at(a)])]), reduce('s', [b], 'sum', [shifted(b)]),
          store('y', [at(i), at(c)], bin('div', shifted(c), result('s')), [c]), store('lse', [at(i)], result('s')))], ['b']);
      expect(scheduleAll(fn, scheduleForGpu).kernels.length).toBe(1);
      await agrees({ fn, inputs: { x: matrix(5, columns) }, dims: { b: 5 }, within: 2e-6 }, skip);
    }
  });
});

describe('products', () => {
  const epilogue = (sum: Expr, bias: Expr): Expr => bin('max', bin('add', sum, bias), num(0));
  function product(m: number, count: number, depth: number, layout: 'nt' | 'nn' | 'tn', batch?: number): Case {
    const [g, i, j, k] = [axis('g', batch ?? 1), axis('i', n('b')), axis('j', count), axis('k', depth)];
    const lead = batch === undefined ? [] : [at(g)];
    const shape = (rows: ReturnType<typeof variable> | number, columns: ReturnType<typeof variable> | number) =>
      ({ shape: [...(batch === undefined ? [] : [batch]), rows, columns] });
    const a = layout === 'tn' ? load('a', [...lead, at(k), at(i)]) : load('a', [...lead, at(i), at(k)]);
    const w = layout === 'nt' ? load('w', [...lead, at(j), at(k)]) : load('w', [...lead, at(k), at(j)]);
    const fn = nestFunction(
      { a: layout === 'tn' ? shape(depth, n('b')) : shape(n('b'), depth), w: layout === 'nt' ? shape(count, depth) : shape(depth, count), bias: { shape: [count] } },
      { y: shape(n('b'), count) },
      [nest([...(batch === undefined ? [] : [g]), i, j], reduce('r', [k], 'sum', [bin('mul', a, w)]),
        store('y', [...lead, at(i), at(j)], epilogue(result('r'), load('bias', [at(j)]))))], ['b']);
    const sizes = (rows: number, columns: number): number[] => [...(batch === undefined ? [] : [batch]), rows, columns];
    return { fn, dims: { b: m }, inputs: {
      a: tensor(layout === 'tn' ? sizes(depth, m) : sizes(m, depth), 1), w: tensor(layout === 'nt' ? sizes(count, depth) : sizes(depth, count), 2), bias: tensor([count], 3),
    } };
  }
  const schedules = [
    ['workgroup tiles', scheduleForGpu],
    ['large workgroup tiles', gpuScheduler({ ...gpuOptions, smallTiles: gpuOptions.largeTiles })],
    ['registers from storage', gpuScheduler(fallbackGpuOptions)],
  ] as const;
  test.each(schedules)('%s: layouts, edges, vectors or not', async (name, schedule) => {
    const shapes = name === 'large workgroup tiles' ? [[70, 68, 20]] as const : [[33, 40, 24], [10, 37, 19]] as const;
    for (const layout of ['nt', 'nn', 'tn'] as const) {
      for (const [m, count, depth] of shapes) await agrees(product(m, count, depth, layout), () => {}, schedule);
    }
  });
  test('batched, and exact tiles', async ({ skip }) => {
    await agrees(product(9, 12, 8, 'nt', 3), skip);
    await agrees(product(32, 64, 32, 'nn'), skip);
  });
  test('few rows, few columns', async ({ skip }) => {
    await agrees(product(1, 5, 300, 'nt'), skip);
    await agrees(product(3, 2, 40, 'nn'), skip);
  });
  test('a long sum with a small result is split along k', async ({ skip }) => {
    const [i, j, k] = [axis('i', 16), axis('j', 12), axis('k', 4096)];
    const fn = nestFunction({ a: { shape: [4096, 16] }, w: { shape: [4096, 12] } }, { y: { shape: [16, 12] } },
      [nest([i, j], reduce('r', [k], 'sum', [bin('mul', load('a', [at(k), at(i)]), load('w', [at(k), at(j)]))]),
        store('y', [at(i), at(j)], un('neg', result('r'))))]);
    expect(scheduleAll(fn, scheduleForGpu).kernels.length).toBe(2);
    await agrees({ fn, inputs: { a: matrix(4096, 16), w: matrix(4096, 12, 2) } }, skip);
  });
  test('operands that compute, and two results', async ({ skip }) => {
    const [i, j, k] = [axis('i', n('b')), axis('j', 20), axis('k', 16)];
    const dy: Expr = { kind: 'select', dtype: 'f32', cond: bin('lt', num(0), load('h', [at(i), at(k)])), then: load('g', [at(i), at(k)]), otherwise: num(0) };
    const fn = nestFunction({ h: { shape: [n('b'), 16] }, g: { shape: [n('b'), 16] }, w: { shape: [16, 20] } },
      { y: { shape: [n('b'), 20] }, t: { shape: [20, n('b')] } },
      [nest([i, j], reduce('r', [k], 'sum', [bin('mul', dy, load('w', [at(k), at(j)]))]),
        store('y', [at(i), at(j)], result('r')), store('t', [at(j), at(i)], bin('mul', result('r'), num(2))))], ['b']);
    await agrees({ fn, inputs: { h: matrix(18, 16), g: matrix(18, 16, 2), w: matrix(16, 20, 3) }, dims: { b: 18 } }, skip);
  });
});

describe('scatters', () => {
  test.each(['add', 'max', 'set'] as const)('%s in order, out-of-range rows dropped', async (combine) => {
    const [i, j, o, c] = [axis('i', n('b')), axis('j', 6), axis('o', 5), axis('c', 6)];
    const fn = nestFunction({ ids: { shape: [n('b')], dtype: 'i32' }, u: { shape: [n('b'), 6] } }, { y: { shape: [5, 6] } },
      [nest([o, c], store('y', [at(o), at(c)], num(0.5))),
        nest([i, j], store('y', [dynamic(load('ids', [at(i)], 'i32')), at(j)], load('u', [at(i), at(j)]), [], combine))], ['b']);
    const ids = { dtype: 'i32' as const, shape: [8], data: Float64Array.of(1, 4, 1, 9, 0, -1, 4, 1) };
    await agrees({ fn, inputs: { ids, u: matrix(8, 6) }, dims: { b: 8 } }, () => {});
  });
});
