// Nests of every scheduled shape, larger than a vector and with remainders, fused and not, with dims
// bound at run time: WebAssembly against the graph interpreter.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dim, variable, type DimLike } from '../../src/ir/dim.ts';
import type { GraphFunction } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import { runs } from '../support/property-settings.ts';
import { graphOf, nestsOf, tensor, type Signature } from './graphs.ts';
import { runNests } from './run-nests.ts';

const [m, n, k] = ['m', 'n', 'k'].map((name) => variable(name)) as [DimLike, DimLike, DimLike];
const symbols = ['m', 'n', 'k'].map((name) => ({ name, min: 1 }));

interface Sizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}
const sizes = fc.record({
  m: fc.integer({ min: 1, max: 23 }),
  n: fc.integer({ min: 1, max: 41 }),
  k: fc.integer({ min: 1, max: 37 }),
});

function check(
  fn: GraphFunction,
  signature: Signature,
  { m: rows, n: columns, k: depth }: Sizes,
  bound: Record<string, number>,
): void {
  const of: Readonly<Record<string, number>> = { m: rows, n: columns, k: depth };
  const size = (d: DimLike): number => (typeof d === 'number' ? d : (of[d.key] ?? Number(d.key)));
  const inputs = Object.fromEntries(
    Object.entries(signature).map(([name, [dtype, shape]], at) => [name, tensor(shape.map(size), at + 1, dtype)]),
  );
  const want = interpret(fn, inputs);
  for (const fused of [false, true]) {
    const got = runNests(nestsOf(fn, fused), inputs, bound);
    for (const [name, { data }] of Object.entries(want)) {
      data.forEach((value, at) =>
        expect(Math.abs((got[name]?.data[at] ?? Number.NaN) - value), `${name}[${at}]`).toBeLessThanOrEqual(
          1e-5 * (Math.abs(value) + 1),
        ),
      );
    }
  }
}

// Once with dims bound at run time and once with constants.
function both(make: (m: DimLike, n: DimLike, k: DimLike) => readonly [Signature, Parameters<typeof graphOf>[1]]): void {
  fc.assert(
    fc.property(sizes, (drawn) => {
      const [symbolic, body] = make(m, n, k);
      check(graphOf(symbolic, body, symbols), symbolic, drawn, { ...drawn });
      const [constant, again] = make(drawn.m, drawn.n, drawn.k);
      check(graphOf(constant, again), constant, drawn, {});
    }),
    { numRuns: runs(6) },
  );
}

const layouts = [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
] as const;

test.each(layouts)('matrix product, left transposed %s, right transposed %s', (left, right) => {
  both((rows, columns, depth) => [
    { a: ['f32', left ? [depth, rows] : [rows, depth]], b: ['f32', right ? [columns, depth] : [depth, columns]] },
    (b, x) => (x['a'] && x['b'] ? [b.dot(x['a'], x['b'], [], [[left ? 0 : 1, right ? 1 : 0]])] : []),
  ]);
});

test('matrix product with prologue, bias and relu', () => {
  both((rows, columns, depth) => [
    { a: ['f32', [rows, depth]], w: ['f32', [columns, depth]], c: ['f32', [columns]] },
    (b, { a, w, c }) => {
      if (!a || !w || !c) return [];
      const sum = b.dot(b.mul(a, a), w, [], [[1, 1]]);
      return [b.binary('max', b.add(sum, b.broadcast(c, [1], [rows, columns])), b.zero(sum))];
    },
  ]);
});

test('batched products, contracted over two axes', () => {
  both((rows, columns, depth) => [
    { a: ['f32', [3, rows, depth, 2]], b: ['f32', [3, depth, columns, 2]] },
    (b, x) =>
      x['a'] && x['b']
        ? [
            b.dot(
              x['a'],
              x['b'],
              [[0, 0]],
              [
                [2, 1],
                [3, 3],
              ],
            ),
          ]
        : [],
  ]);
});

const softmaxOf = (rows: DimLike, columns: DimLike): readonly [Signature, Parameters<typeof graphOf>[1]] => [
  { x: ['f32', [rows, columns]] },
  (b, { x }) => {
    if (!x) return [];
    const largest = b.broadcast(b.reduce('max', x, [1]), [0], [rows, columns]);
    const e = b.unary('exp', b.sub(x, largest));
    return [b.div(e, b.broadcast(b.reduce('sum', e, [1]), [0], [rows, columns]))];
  },
];

test('row softmax', () => {
  both((rows, columns) => softmaxOf(rows, columns));
});

// Fewer lanes than a group, one and two groups at a time, a remainder, more than a chunk.
test.each([3, 8, 12, 16, 40, 44, 64, 1030, 4096, 4104, 8200])('row softmax of %i columns', (columns) => {
  const [symbolic, body] = softmaxOf(m, n);
  const sizes = { m: 2, n: columns, k: 1 };
  check(graphOf(symbolic, body, symbols), symbolic, sizes, { ...sizes });
  const [constant, again] = softmaxOf(2, columns);
  check(graphOf(constant, again), constant, sizes, {});
});

// One group at a time and two, with axes that are one to loops and others that are not.
test.each([3, 4, 8, 12, 24])('long chains of %i elements', (columns) => {
  const signature: Signature = { x: ['f32', [6, columns]], c: ['f32', [columns]] };
  const fn = graphOf(signature, (b, { x, c }) => {
    if (!x || !c) return [];
    const row = b.broadcast(c, [1], [6, columns]);
    return [b.unary('tanh', x), b.mul(b.unary('sigmoid', b.add(x, row)), b.unary('exp', row))];
  });
  check(fn, signature, { m: 6, n: columns, k: 1 }, {});
});

test.each([[[0]], [[1]], [[2]], [[0, 1]], [[0, 2]], [[1, 2]], [[0, 1, 2]]])('sums over axes %j', (axes) => {
  both((rows, columns, depth) => [
    { x: ['f32', [rows, columns, depth]] },
    (b, { x }) =>
      x
        ? [
            b.reduce('sum', x, axes),
            b.reduce('max', x, axes),
            b.op('argreduce', [x], { kind: 'min', axis: axes[0] ?? 0 }),
          ]
        : [],
  ]);
});

test('views: permuted, sliced, padded, joined, broadcast', () => {
  both((rows, columns) => [
    { x: ['f32', [rows, columns]], y: ['f32', [columns]] },
    (b, { x, y }) => {
      if (!x || !y) return [];
      const turned = b.op(
        'slice',
        [
          b.permute(
            b.op('pad', [x], { lo: [dim(1), dim(0)], hi: [dim(0), dim(2)], interior: [0, 1], value: 5 }),
            [1, 0],
          ),
        ],
        { start: [dim(0), dim(0)], size: [dim(columns), dim(rows)], stride: [1, 1] },
      );
      const joined = b.op('concat', [x, x, b.broadcast(y, [1], [rows, columns])], { axis: 1 });
      return [turned, joined, b.unary('tanh', b.add(joined, joined))];
    },
  ]);
});

test('random numbers and integers', () => {
  both((rows, columns) => [
    { k0: ['u32', []], k1: ['u32', []], x: ['i32', [rows, columns]] },
    (b, { k0, k1, x }) => {
      if (!k0 || !k1 || !x) return [];
      const bits = b.op('random_bits', [k0, k1], { shape: x.type.shape });
      const half = b.op('shr', [bits, b.like(bits, 9)]);
      return [b.cast(half, 'f32'), b.op('rem', [x, b.like(x, 3)]), b.op('div', [x, b.sub(x, x)])];
    },
  ]);
});

test('a product of several tiles and depth blocks', () => {
  const [rows, columns, depth] = [200, 391, 517];
  const fn = graphOf({ a: ['f32', [rows, depth]], b: ['f32', [depth, columns]] }, (b, x) =>
    x['a'] && x['b'] ? [b.dot(x['a'], x['b'], [], [[1, 0]])] : [],
  );
  const [a, b] = [tensor([rows, depth], 1), tensor([depth, columns], 2)];
  const got = runNests(nestsOf(fn, true), { a, b })['y0']?.data ?? new Float64Array();
  const split = runNests(nestsOf(fn, true), { a, b }, {}, 2)['y0']?.data;
  for (let i = 0; i < rows; i += 7) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let l = 0; l < depth; l++) sum += (a.data[i * depth + l] ?? 0) * (b.data[l * columns + j] ?? 0);
      expect(Math.abs((got[i * columns + j] ?? Number.NaN) - sum)).toBeLessThan(1e-3);
    }
  }
  expect(split).toEqual(got);
});

test('sums of a million numbers keep their digits', () => {
  const count = 1_000_003;
  const data = new Float64Array(count).fill(Math.fround(0.1));
  const fn = graphOf({ x: ['f32', [count]], z: ['f32', [count, 5]] }, (b, { x, z }) =>
    x && z ? [b.reduce('sum', x, [0]), b.reduce('sum', z, [0])] : [],
  );
  const z = new Float64Array(count * 5).fill(Math.fround(0.1));
  const got = runNests(nestsOf(fn, true), {
    x: { dtype: 'f32', shape: [count], data },
    z: { dtype: 'f32', shape: [count, 5], data: z },
  });
  const want = count * Math.fround(0.1);
  for (const sum of [...(got['y0']?.data ?? []), ...(got['y1']?.data ?? [])])
    expect(Math.abs(sum - want) / want).toBeLessThan(5e-5);
});

// Every other element: in lanes, up to the last of the buffer.
test.each([2, 3])('windows %s wide, two apart', (taps) => {
  const inputs = { x: tensor([5, 3, 18 + taps], 1) };
  const attrs = {
    window: [1, taps],
    stride: [1, 2],
    dilation: [1, 1],
    base: [1, 1],
    lo: [dim(0), dim(0)],
    hi: [dim(0), dim(0)],
  };
  const fn = graphOf({ x: ['f32', inputs.x.shape] }, (b, { x }) => (x ? [b.op('window_max', [x], attrs)] : []));
  const want = interpret(fn, inputs)['y0'];
  const got = runNests(nestsOf(fn, true), inputs)['y0'];
  expect([...(got?.data ?? [])]).toEqual([...(want?.data ?? [])]);
});

// Patches of convolutions: panels inside one row, across rows, over borders, past the end; blocks of whole channels.
test.each([
  { channels: 12, size: [9, 21], kernel: [3, 3], stride: [1, 1], pad: 1 },
  { channels: 70, size: [5, 19], kernel: [3, 3], stride: [2, 1], pad: 1 },
  { channels: 5, size: [20, 17], kernel: [5, 2], stride: [2, 2], pad: 2 },
  { channels: 3, size: [18, 30], kernel: [7, 7], stride: [2, 2], pad: 3 },
  { channels: 150, size: [4, 11], kernel: [2, 3], stride: [1, 1], pad: 0 },
])('a convolution of $channels channels, kernel $kernel, stride $stride', ({ channels, size, kernel, stride, pad }) => {
  const inputs = { x: tensor([2, 1, channels, ...size], 1), w: tensor([1, 9, channels, ...kernel], 2) };
  const signature: Signature = { x: ['f32', inputs.x.shape], w: ['f32', inputs.w.shape] };
  const borders = [dim(pad), dim(pad)];
  const attrs = { stride, dilation: [1, 1], base: [1, 1], lo: borders, hi: borders };
  const fn = graphOf(signature, (b, { x, w }) => (x && w ? [b.op('conv', [x, w], attrs)] : []));
  const want = interpret(fn, inputs)['y0'];
  const got = runNests(nestsOf(fn, true), inputs)['y0'];
  want?.data.forEach((value, at) =>
    expect(Math.abs((got?.data[at] ?? Number.NaN) - value)).toBeLessThan(1e-5 * (Math.abs(value) + channels)),
  );
});

test('a matrix times a vector, rows in groups and left over, with an epilogue', () => {
  const [rows, depth] = [13, 203];
  const fn = graphOf({ w: ['f32', [rows, depth]], x: ['f32', [depth]], c: ['f32', [rows]] }, (b, { w, x, c }) =>
    w && x && c ? [b.unary('abs', b.add(b.dot(w, x, [], [[1, 0]]), c))] : [],
  );
  const inputs = { w: tensor([rows, depth], 1), x: tensor([depth], 2), c: tensor([rows], 3) };
  const want = interpret(fn, inputs)['y0'];
  for (const threads of [1, 3]) {
    const got = runNests(nestsOf(fn, true), inputs, {}, threads)['y0'];
    want?.data.forEach((value, at) => expect(Math.abs((got?.data[at] ?? Number.NaN) - value)).toBeLessThan(1e-4));
  }
});

test.each([
  { size: [7, 40], kernel: [3, 3], stride: [1, 1], pad: 1 },
  { size: [9, 33], kernel: [5, 4], stride: [2, 2], pad: 2 },
  { size: [3, 2], kernel: [3, 3], stride: [1, 1], pad: 1 },
  { size: [6, 25], kernel: [2, 3], stride: [1, 3], pad: 0 },
])('a window per channel: $size by $kernel, stride $stride', ({ size, kernel, stride, pad }) => {
  const inputs = { x: tensor([2, 3, 1, ...size], 1), w: tensor([3, 1, 1, ...kernel], 2) };
  const signature: Signature = { x: ['f32', inputs.x.shape], w: ['f32', inputs.w.shape] };
  const borders = [dim(pad), dim(pad)];
  const attrs = { stride, dilation: [1, 1], base: [1, 1], lo: borders, hi: borders };
  const fn = graphOf(signature, (b, { x, w }) => (x && w ? [b.unary('abs', b.op('conv', [x, w], attrs))] : []));
  const want = interpret(fn, inputs)['y0'];
  for (const threads of [1, 2]) {
    const got = runNests(nestsOf(fn, true), inputs, {}, threads)['y0'];
    want?.data.forEach((value, at) => expect(Math.abs((got?.data[at] ?? Number.NaN) - value)).toBeLessThan(1e-5));
  }
});
