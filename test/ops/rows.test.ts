// Sorting, choosing, running reductions and their gradients along rows of all lengths, with extents that are
// known and unknown: WebAssembly and a GPU device against the reference interpreter.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { graphPasses } from '../../src/compile.ts';
import { Builder, tensorType } from '../../src/ir/builder.ts';
import { constant, variable, type Dim } from '../../src/ir/dim.ts';
import { Facts } from '../../src/ir/dim-solver.ts';
import type { GraphFunction, Value } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import { interpretPlan } from '../../src/ir/plan-interpreter.ts';
import type { NestFunction } from '../../src/ir/nest.ts';
import { verifyNests } from '../../src/ir/nest-verify.ts';
import { parseNests, printNests } from '../../src/ir/nest-text.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { argsort, sortedFirst, sortValues } from '../../src/ir/ops/sort-graph.ts';
import { autodiff } from '../../src/passes/autodiff.ts';
import { fuse } from '../../src/passes/fuse.ts';
import { halvesFor } from '../../src/passes/halves.ts';
import { lowerToNests } from '../../src/passes/lower-to-nests.ts';
import { planFor } from '../../src/passes/plan.ts';
import { scheduleForGpu } from '../../src/passes/schedule/gpu.ts';
import { functionOf, moduleOf, type Tensors } from '../support/op-case.ts';
import { requestTestDevice, type TestDevice } from '../support/webgpu.ts';
import { runNests } from '../wasm/run-nests.ts';
import { runOnDevice } from '../wgsl/run-on-device.ts';

let found: TestDevice;
beforeAll(async () => {
  found = await requestTestDevice();
});
afterAll(() => {
  if ('device' in found) found.device.destroy();
});

const cx = { count: () => undefined };

const only = <T>([item]: readonly T[]): T => {
  if (item === undefined) throw new Error('nothing there');
  return item;
};

/** The function as a graph without gradients, and its fused nests. */
function compiled(fn: GraphFunction): { graph: GraphFunction; nests: NestFunction } {
  const module = moduleOf(fn);
  const graph = only(autodiff.run(module, cx).functions);
  const optimised = graphPasses.reduce((m, pass) => pass.run(m, cx), module);
  const nests = fuse.run(lowerToNests.run(optimised, cx), cx);
  expect(verifyNests(nests)).toEqual([]);
  expect(printNests(parseNests(printNests(nests)))).toBe(printNests(nests));
  return { graph, nests: only(nests.functions) };
}

function expectSame(where: string, got: Tensors, want: Tensors): void {
  for (const [name, { data }] of Object.entries(want)) {
    const result = got[name]?.data ?? new Float64Array();
    const size = data.reduce((largest, value) => (Math.abs(value) > largest ? Math.abs(value) : largest), 1);
    const wrong = data.findIndex((value, at) => {
      const other = result[at] ?? 0.5;
      return Number.isNaN(value) ? !Number.isNaN(other) : !(Math.abs(other - value) <= 1e-4 * size);
    });
    if (wrong >= 0) expect.fail(`${where}: ${name}[${wrong}] is ${result[wrong]}, not ${data[wrong]}`);
    expect(result.length).toBe(data.length);
  }
}

async function agree(
  fn: GraphFunction,
  inputs: Tensors,
  dims: Readonly<Record<string, number>>,
  skip: (why: string) => void,
): Promise<void> {
  const { graph, nests } = compiled(fn);
  const want = interpret(graph, inputs, { dims });
  expectSame('one thread', runNests(nests, inputs, dims), want);
  // Threads wait for each other between kernels, which this harness does not do.
  if (nests.body.length === 1) expectSame('three threads', runNests(nests, inputs, dims, 3), want);
  if ('missing' in found) return skip(found.missing);
  expectSame('device', await runOnDevice(found.device, nests, inputs, dims, scheduleForGpu), want);
}

/** Eighths, in no order, many of them equal. */
function eighths(shape: readonly number[], seed: number): Tensor {
  const data = new Float64Array(shape.reduce((size, n) => size * n, 1));
  let state = seed;
  for (let e = 0; e < data.length; e++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[e] = (((state >>> 8) % 401) - 200) / 8;
  }
  return { dtype: 'f32', shape, data };
}

const weighed = (b: Builder, y: Value): Value => {
  const place = b.op('iota', [], { dtype: 'f32', shape: y.type.shape, axis: y.type.shape.length - 1 });
  const weight = b.add(b.one(y), b.op('sin', [place]));
  return b.reduce('sum', b.mul(y, weight), [...y.type.shape.keys()]);
};

interface Layout {
  readonly axis: 0 | 1;
  readonly isKnown: boolean;
}

/** A function of x: f32[3, n] or f32[n, 3]. */
function along(n: number, { axis, isKnown }: Layout, make: (b: Builder, x: Value, n: Dim) => Record<string, Value>) {
  const b = new Builder(new Facts(isKnown ? [] : [{ name: 'n', min: 1 }]));
  const extent = isKnown ? constant(n) : variable('n');
  const shape = axis === 0 ? [extent, constant(3)] : [constant(3), extent];
  const x: Value = { type: tensorType('f32', shape) };
  return functionOf(b, { x }, make(b, x, extent));
}

const lengths = [1, 2, 7, 33, 1000, 1025, 5000];
const layouts: readonly Layout[] = [
  { axis: 1, isKnown: true },
  { axis: 0, isKnown: true },
  { axis: 1, isKnown: false },
];
const cases = lengths.flatMap((n) => layouts.map((layout) => ({ n, ...layout })));
const inputOf = (n: number, axis: number): Tensor => eighths(axis === 0 ? [n, 3] : [3, n], n);

/** Row numbers from `low` to `high`, in no order. */
const rowNumbers = (count: number, low: number, high: number): Tensor => {
  const { data } = eighths([count], 77);
  return { dtype: 'i32', shape: [count], data: data.map((value) => low + ((value * 8 + 200) % (high - low + 1))) };
};

describe('updates of rows', () => {
  const sizes = [
    [1, 1, 1],
    [7, 2, 3],
    [33, 1000, 2],
    [1000, 33, 5],
    [5000, 300, 8],
    [17, 5000, 33],
  ] as const;
  const ways = sizes.flatMap(([rows, count, width]) =>
    (['add', 'set', 'max'] as const).flatMap((combine) =>
      [0, 1].map((axis) => ({ rows, count, width, combine, axis })),
    ),
  );
  test.for(ways)('$combine $count into $rows × $width along axis $axis', async (way, { skip }) => {
    const { rows, count, width, combine, axis } = way;
    const b = new Builder();
    const shaped = (n: number): number[] => (axis === 0 ? [n, width] : [width, n]);
    const value = (shape: number[], dtype: 'f32' | 'i32' = 'f32'): Value => ({ type: tensorType(dtype, shape) });
    const [x, ids, updates] = [value(shaped(rows)), value([count], 'i32'), value(shaped(count))];
    const y = b.op('scatter', [x, ids, updates], { axis, combine });
    const table = b.op('gather', [x, ids], { axis });
    const [dx] = combine === 'add' ? b.node('gradient', [weighed(b, b.mul(table, updates)), x]) : [];
    const fn = functionOf(b, { x, ids, updates }, dx ? { y, dx } : { y });
    const inputs = {
      x: eighths(shaped(rows), 5),
      ids: rowNumbers(count, -1, Math.min(rows, 300)),
      updates: eighths(shaped(count), 6),
    };
    await agree(fn, inputs, {}, skip);
  });
});

// What the devices run, statement by statement: also reads and writes outside of memory would show.
test.each(['cpu', 'gpu'] as const)('kernels for the %s stay inside their memory', (target) => {
  const b = new Builder();
  const [x, rows, updates]: Value[] = [[1, 1030], [4096], [256]].map((shape) => ({ type: tensorType('f32', shape) }));
  const ids: Value = { type: tensorType('i32', [256]) };
  if (!x || !rows || !updates) throw new Error('nothing there');
  const sorted = sortedFirst(b, x, 40, 1, false);
  const run = b.op('cumreduce', [x], { kind: 'max', axis: 1, reverse: true, exclusive: false });
  const table = b.op('scatter', [rows, ids, updates], { axis: 0, combine: 'add' });
  const best = sortedFirst(b, x, 3, 1, true);
  const [dx] = b.node('gradient', [b.add(weighed(b, sorted.values), weighed(b, b.mul(best.values, best.values))), x]);
  const results = { ...sorted, run, table, best: best.indices, ...(dx ? { dx } : {}) };
  const module = moduleOf(functionOf(b, { x, rows, ids, updates }, results));
  const nests = graphPasses.reduce((m, pass) => pass.run(m, cx), module);
  const program = planFor(target).run(fuse.run(lowerToNests.run(nests, cx), cx), cx);
  const inputs = {
    x: eighths([1, 1030], 3),
    rows: eighths([4096], 4),
    ids: rowNumbers(256, -1, 300),
    updates: eighths([256], 5),
  };
  expectSame(target, interpretPlan(program, 'f', inputs), interpret(only(autodiff.run(module, cx).functions), inputs));
});

test('many updates are sorted by row, few are looked at by every row', () => {
  const kernelsOf = (rows: number, count: number): string[] => {
    const b = new Builder();
    const table: Value = { type: tensorType('f32', [rows, 64]) };
    const ids: Value = { type: tensorType('i32', [count]) };
    const ct: Value = { type: tensorType('f32', [count, 64]) };
    const y = b.op('scatter', [table, ids, ct], { axis: 0, combine: 'add' });
    const { nests } = compiled(functionOf(b, { table, ids, ct }, { y }));
    return nests.body.flatMap((step) =>
      step.kind === 'loop' ? [] : scheduleForGpu(step, nests).kernels.map(({ name }) => name),
    );
  };
  expect(kernelsOf(50_257, 512)).toEqual(['scatter', 'scatter_ids', 'sort_blocks', 'scatter']);
  expect(kernelsOf(100, 16)).toEqual(['scatter', 'scatter']);
});

describe('rows of any length', () => {
  test.for(cases)('sort $n along axis $axis, known: $isKnown', async ({ n, ...layout }, { skip }) => {
    const { axis } = layout;
    const fn = along(n, layout, (b, x) => {
      const up = sortValues(b, x, axis);
      const [dx] = b.node('gradient', [weighed(b, b.mul(up, up)), x]);
      return { up, down: argsort(b, x, axis, true), ...(dx ? { dx } : {}) };
    });
    const x = inputOf(n, axis);
    if (n > 2) x.data[1] = Number.NaN;
    await agree(fn, { x }, { n }, skip);
  });

  test.for(cases)('a few of $n along axis $axis, known: $isKnown', async ({ n, ...layout }, { skip }) => {
    const { axis } = layout;
    const few = layout.isKnown ? Math.min(n, 5) : 1;
    const fn = along(n, layout, (b, x) => {
      const best = sortedFirst(b, x, few, axis, true);
      const [dx] = b.node('gradient', [weighed(b, b.mul(best.values, best.values)), x]);
      return { ...best, ...(dx ? { dx } : {}) };
    });
    await agree(fn, { x: inputOf(n, axis) }, { n }, skip);
  });

  test('NaN among the few, and many of a long row', async ({ skip }) => {
    const fn = along(1500, { axis: 1, isKnown: true }, (b, x) => ({
      few: sortedFirst(b, x, 6, 1, true).indices,
      many: sortedFirst(b, x, 700, 1, false).indices,
    }));
    const x = { ...inputOf(1500, 1) };
    x.data.fill(Number.NaN, 4, 1500);
    await agree(fn, { x }, {}, skip);
  });

  const kinds = ['sum', 'max', 'min', 'prod'] as const;
  test.for(cases)('run along $n on axis $axis, known: $isKnown', async ({ n, ...layout }, { skip }) => {
    const { axis } = layout;
    const fn = along(n, layout, (b, x) => {
      const run = (kind: string, reverse: boolean, exclusive: boolean): Value =>
        b.op('cumreduce', [kind === 'prod' ? nearOne(b, x) : x], { kind, axis, reverse, exclusive });
      const results = kinds.map((kind): [string, Value] => [kind, run(kind, false, false)]);
      const others: [string, Value][] = [
        ['back', run('sum', true, true)],
        ['highest', run('max', true, false)],
      ];
      const [dx] = b.node('gradient', [weighed(b, b.add(run('max', false, false), run('min', true, false))), x]);
      return { ...Object.fromEntries([...results, ...others]), ...(dx ? { dx } : {}) };
    });
    await agree(fn, { x: inputOf(n, axis) }, { n }, skip);
  });

  test('halves are sorted and added up in f32', async ({ skip }) => {
    const b = new Builder();
    const x: Value = { type: tensorType('f16', [3, 20]) };
    const run = (kind: string, exclusive: boolean): Value =>
      b.op('cumreduce', [x], { kind, axis: 1, reverse: false, exclusive });
    const fn = functionOf(b, { x }, { up: sortValues(b, x, 1), sum: run('sum', false), max: run('max', true) });
    const { graph, nests } = compiled(fn);
    const wide = only(halvesFor('gpu').run({ name: 'm', functions: [nests] }, cx).functions);
    const whole = { ...eighths([3, 20], 9), dtype: 'f16' as const };
    const inputs = { x: { ...whole, data: whole.data.map(Math.round) } };
    const want = interpret(graph, inputs);
    expectSame('one thread', runNests(wide, inputs), want);
    if ('missing' in found) return skip(found.missing);
    expectSame('device', await runOnDevice(found.device, wide, inputs, {}, scheduleForGpu), want);
  });

  test('run along rows so long that they are scanned in parts', async ({ skip }) => {
    const n = 40_001;
    const fn = along(n, { axis: 1, isKnown: true }, (b, x) => ({
      sum: b.op('cumreduce', [x], { kind: 'sum', axis: 1, reverse: false, exclusive: true }),
      max: b.op('cumreduce', [x], { kind: 'max', axis: 1, reverse: true, exclusive: false }),
    }));
    await agree(fn, { x: inputOf(n, 1) }, {}, skip);
  });
});

// Products that neither vanish nor overflow.
const nearOne = (b: Builder, x: Value): Value => b.add(b.one(x), b.mul(x, b.like(x, 1 / 8192)));
