// Maps on a real device: vectors or not, guards, gathers, integer rules, random bits. Inputs are multiples
// of 1/8, so that results must be the interpreter's to the bit.
import { afterAll, beforeAll, describe, test } from 'vitest';
import { add, floorDiv, mod, mul, sub } from '../../src/ir/dim.ts';
import type { Expr } from '../../src/ir/expr.ts';
import { requestTestDevice, type TestDevice } from '../support/webgpu.ts';
import { agrees, matrix, scalar } from './agrees.ts';
import {
  at,
  axis,
  bin,
  cast,
  dynamic,
  load,
  n,
  nest,
  nestFunction,
  num,
  position,
  store,
  tensor,
  un,
} from './nests.ts';

let found: TestDevice;
beforeAll(async () => {
  found = await requestTestDevice();
});
afterAll(() => {
  if ('device' in found) found.device.destroy();
});

describe('maps', () => {
  const [i, j] = [axis('i', n('b')), axis('j', 12)];
  test('a map over a symbolic batch, four elements a thread', async ({ skip }) => {
    const value = bin('max', bin('add', bin('mul', load('x', [at(i), at(j)]), num(2)), load('w', [at(j)])), num(0));
    const fn = nestFunction(
      { x: { shape: [n('b'), 12] }, w: { shape: [12] } },
      { y: { shape: [n('b'), 12] } },
      [nest([i, j], store('y', [at(i), at(j)], value))],
      ['b'],
    );
    await agrees(found, { fn, inputs: { x: matrix(7, 12), w: tensor([12], 2) }, dims: { b: 7 } }, skip);
  });
  test('a row length that is not a multiple of four', async ({ skip }) => {
    const k = axis('k', 5);
    const fn = nestFunction(
      { x: { shape: [n('b'), 5] } },
      { y: { shape: [n('b'), 5] } },
      [nest([i, k], store('y', [at(i), at(k)], un('neg', load('x', [at(i), at(k)]))))],
      ['b'],
    );
    await agrees(found, { fn, inputs: { x: matrix(13, 5) }, dims: { b: 13 } }, skip);
  });
  test('transposed and reversed reads', async ({ skip }) => {
    const value = bin('sub', load('x', [at(j), at(i)]), load('z', [sub(11, at(j))]));
    const fn = nestFunction(
      { x: { shape: [12, n('b')] }, z: { shape: [12] } },
      { y: { shape: [n('b'), 12] } },
      [nest([i, j], store('y', [at(i), at(j)], value))],
      ['b'],
    );
    await agrees(found, { fn, inputs: { x: matrix(12, 6), z: tensor([12], 3) }, dims: { b: 6 } }, skip);
  });
  test('padding: guards at the edges, positions off by one', async ({ skip }) => {
    const inside = [
      { kind: '>=0' as const, lhs: sub(at(j), 1) },
      { kind: '>=0' as const, lhs: sub(10, at(j)) },
    ];
    const value: Expr = {
      kind: 'guard',
      dtype: 'f32',
      conditions: inside,
      then: load('x', [at(i), sub(at(j), 1)]),
      otherwise: num(-1),
    };
    const fn = nestFunction(
      { x: { shape: [n('b'), 10] } },
      { y: { shape: [n('b'), 12] } },
      [nest([i, j], store('y', [at(i), at(j)], value))],
      ['b'],
    );
    await agrees(found, { fn, inputs: { x: matrix(5, 10) }, dims: { b: 5 } }, skip);
  });
  test('concatenation at a multiple of four keeps vectors', async ({ skip }) => {
    const left = [{ kind: '>=0' as const, lhs: sub(3, at(j)) }];
    const value: Expr = {
      kind: 'guard',
      dtype: 'f32',
      conditions: left,
      then: load('x', [at(i), at(j)]),
      otherwise: load('z', [at(i), sub(at(j), 4)]),
    };
    const fn = nestFunction(
      { x: { shape: [n('b'), 4] }, z: { shape: [n('b'), 8] } },
      { y: { shape: [n('b'), 12] } },
      [nest([i, j], store('y', [at(i), at(j)], value))],
      ['b'],
    );
    await agrees(found, { fn, inputs: { x: matrix(5, 4), z: matrix(5, 8, 2) }, dims: { b: 5 } }, skip);
  });
  test('congruence guards, floor_div and mod of positions', async ({ skip }) => {
    const even = [{ kind: '==0' as const, lhs: mod(at(j), 2) }];
    const value: Expr = {
      kind: 'guard',
      dtype: 'f32',
      conditions: even,
      then: load('x', [at(i), floorDiv(at(j), 2)]),
      otherwise: num(0),
    };
    const fn = nestFunction(
      { x: { shape: [n('b'), 6] } },
      { y: { shape: [n('b'), 12] } },
      [nest([i, j], store('y', [at(i), at(j)], value))],
      ['b'],
    );
    await agrees(found, { fn, inputs: { x: matrix(5, 6) }, dims: { b: 5 } }, skip);
  });
  test('gather, comparisons, select, casts and bool buffers', async ({ skip }) => {
    const row = load('ids', [at(i)], 'i32');
    const picked = load('x', [dynamic(row), at(j)]);
    const positive = bin('lt', num(0), picked);
    const value: Expr = {
      kind: 'select',
      dtype: 'f32',
      cond: load('m', [at(j)], 'bool'),
      then: picked,
      otherwise: cast('f32', row),
    };
    const fn = nestFunction(
      { x: { shape: [4, 12] }, ids: { shape: [n('b')], dtype: 'i32' }, m: { shape: [12], dtype: 'bool' } },
      { y: { shape: [n('b'), 12] }, p: { shape: [n('b'), 12], dtype: 'bool' } },
      [nest([i, j], store('y', [at(i), at(j)], value), store('p', [at(i), at(j)], positive))],
      ['b'],
    );
    const ids = { dtype: 'i32' as const, shape: [3], data: Float64Array.of(2, 0, 3) };
    await agrees(found, { fn, inputs: { x: matrix(4, 12), ids, m: tensor([12], 4, 'bool') }, dims: { b: 3 } }, skip);
  });
  test('integer rules: division by zero, negative shifts, saturating casts', async ({ skip }) => {
    const v = axis('v', 8);
    const [a, b] = [load('a', [at(v)], 'i32'), load('b', [at(v)], 'i32')];
    const fn = nestFunction(
      { a: { shape: [8], dtype: 'i32' }, b: { shape: [8], dtype: 'i32' }, f: { shape: [8] } },
      Object.fromEntries(['q', 'r', 's', 'c'].map((name) => [name, { shape: [8], dtype: 'i32' as const }])),
      [
        nest(
          [v],
          store('q', [at(v)], bin('div', a, b)),
          store('r', [at(v)], bin('rem', a, b)),
          store('s', [at(v)], bin('shr', bin('shl', a, b), num(33, 'i32'))),
          store('c', [at(v)], cast('i32', load('f', [at(v)]))),
        ),
      ],
    );
    await agrees(
      found,
      {
        fn,
        inputs: {
          a: { dtype: 'i32', shape: [8], data: Float64Array.of(7, -7, 5, -2147483648, -2147483648, 9, 1, -1) },
          b: { dtype: 'i32', shape: [8], data: Float64Array.of(2, 2, 0, -1, 0, -4, 31, 33) },
          f: { dtype: 'f32', shape: [8], data: Float64Array.of(1.9, -1.9, 3e9, -3e9, 1e30, -1e30, 0, 2147483520) },
        },
      },
      skip,
    );
  });
  test('step scalars come from the record, and constants overflow at run time only', async ({ skip }) => {
    const huge = bin('mul', bin('mul', num(1e30), num(1e-10)), load('lr', []));
    const fn = nestFunction(
      { x: { shape: [n('b'), 12] }, lr: { shape: [], role: 'option' }, k: { shape: [], role: 'key', dtype: 'u32' } },
      { y: { shape: [n('b'), 12] } },
      [
        nest(
          [i, j],
          store(
            'y',
            [at(i), at(j)],
            bin(
              'add',
              bin('mul', load('x', [at(i), at(j)]), load('lr', [])),
              bin('mul', cast('f32', load('k', [], 'u32')), bin('mul', huge, num(0))),
            ),
          ),
        ),
      ],
      ['b'],
    );
    await agrees(
      found,
      { fn, inputs: { x: matrix(3, 12), lr: scalar(0.5, 'f32'), k: scalar(7, 'u32') }, dims: { b: 3 } },
      skip,
    );
  });
  test('random bits are threefry, both words', async ({ skip }) => {
    const key = [load('k0', [], 'u32'), load('k1', [], 'u32')] as const;
    const counter = [position(add(mul(at(i), 12), at(j)), 'u32'), num(0, 'u32')] as const;
    const words = ([0, 1] as const).map((word): Expr => ({ kind: 'threefry', dtype: 'u32', key, counter, word }));
    const [first = num(0), second = num(0)] = words;
    const fn = nestFunction(
      { k0: { shape: [], role: 'key', dtype: 'u32' }, k1: { shape: [], role: 'key', dtype: 'u32' } },
      { u: { shape: [n('b'), 12], dtype: 'u32' }, v: { shape: [n('b'), 12], dtype: 'u32' } },
      [nest([i, j], store('u', [at(i), at(j)], first), store('v', [at(i), at(j)], second))],
      ['b'],
    );
    await agrees(
      found,
      { fn, inputs: { k0: scalar(0x13198a2e, 'u32'), k1: scalar(0xdeadbeef, 'u32') }, dims: { b: 4 } },
      skip,
    );
  });
  test('random numbers whose count is no multiple of four', async ({ skip }) => {
    const k = axis('k', 10);
    const key = [load('k0', [], 'u32'), num(7, 'u32')] as const;
    const counter = [position(floorDiv(at(k), 2), 'u32'), num(0, 'u32')] as const;
    const bits: Expr = { kind: 'threefry', dtype: 'u32', key, counter, word: 1 };
    const fn = nestFunction({ k0: { shape: [], role: 'key', dtype: 'u32' } }, { u: { shape: [10], dtype: 'u32' } }, [
      nest([k], store('u', [at(k)], bits)),
    ]);
    await agrees(found, { fn, inputs: { k0: scalar(0x13198a2e, 'u32') }, dims: {} }, skip);
  });
  test('more operands than a kernel may bind', async ({ skip }) => {
    const names = Array.from({ length: 11 }, (_, place) => `x${place}`);
    const c = axis('c', 44);
    // A concatenation: element c comes from operand c / 4.
    const value = names.reduceRight<Expr>((otherwise, name, k) => {
      const then = load(name, [at(i), sub(at(c), 4 * k)]);
      const conditions = [{ kind: '>=0' as const, lhs: sub(4 * k + 3, at(c)) }];
      return k === 10 ? then : { kind: 'guard', dtype: 'f32', conditions, then, otherwise };
    }, num(0));
    const inputs = Object.fromEntries(names.map((name, k) => [name, matrix(3, 4, k)]));
    const fn = nestFunction(
      Object.fromEntries(names.map((name) => [name, { shape: [n('b'), 4] }])),
      { y: { shape: [n('b'), 44] } },
      [nest([i, c], store('y', [at(i), at(c)], value))],
      ['b'],
    );
    await agrees(found, { fn, inputs, dims: { b: 3 } }, skip);
  });
});
