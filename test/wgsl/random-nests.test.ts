// Random nests of the shapes that fusion makes: loads that are transposed, broadcast, strided, reversed or
// guarded, axes of extents that do and do not divide by four, reductions over any of them.
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { add, asConstant, constant, mul, sub, type Dim } from '../../src/ir/dim.ts';
import type { Expr } from '../../src/ir/expr.ts';
import type { Axis, Nest, NestFunction, Stage } from '../../src/ir/nest.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { interpretNests } from '../../src/ir/nest-interpreter.ts';
import { fallbackGpuOptions, gpuScheduler, scheduleForGpu } from '../../src/passes/schedule/gpu.ts';
import type { ScheduleNest } from '../../src/passes/schedule/schedule.ts';
import { runs } from '../support/property-settings.ts';
import { requestTestDevice, type TestDevice } from '../support/webgpu.ts';
import { at, axis, bin, load, n, nest, nestFunction, num, reduce, result, store, tensor } from './nests.ts';
import { runOnDevice } from './run-on-device.ts';

let found: TestDevice;
beforeAll(async () => {
  found = await requestTestDevice();
});
afterAll(() => {
  if ('device' in found) found.device.destroy();
});

const batch = 5;
const sizeOf = (d: Dim): number => asConstant(d) ?? batch;

interface Drawn {
  readonly fn: NestFunction;
  readonly inputs: Readonly<Record<string, Tensor>>;
}

// How one operand is read: which axes, in which order, and the form of each index.
const operand = fc.record({
  order: fc.nat(23),
  keep: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
  forms: fc.array(fc.constantFrom('plain', 'plain', 'plain', 'reversed', 'shifted', 'strided', 'padded'), {
    minLength: 4,
    maxLength: 4,
  }),
});
type Operand = typeof operand extends fc.Arbitrary<infer T> ? T : never;

const shape = fc.record({
  extents: fc.array(fc.constantFrom(1, 2, 3, 4, 8, 12, 'b' as const), { minLength: 1, maxLength: 4 }),
  reduced: fc.nat(3),
  monoid: fc.constantFrom('sum' as const, 'max' as const, 'min' as const),
  operands: fc.tuple(operand, operand),
  long: fc.boolean(),
});

function permuted<T>(items: readonly T[], order: number): T[] {
  const left = [...items];
  const result: T[] = [];
  for (let code = order; left.length > 0; code = Math.floor(code / (left.length + 1))) {
    result.push(...left.splice(code % left.length, 1));
  }
  return result;
}

// The load, and the extents of the tensor that it reads.
function read(name: string, axes: readonly Axis[], { order, keep, forms }: Operand): { value: Expr; shape: number[] } {
  const used = permuted(axes, order).filter((a) => keep[axes.indexOf(a)] ?? true);
  const shape: number[] = [];
  const conditions: { kind: '>=0'; lhs: Dim }[] = [];
  const indices = used.map((a, i) => {
    const extent = sizeOf(a.extent);
    const form = forms[i] ?? 'plain';
    shape.push({ plain: extent, reversed: extent, shifted: extent + 2, strided: 2 * extent, padded: extent }[form]);
    if (form === 'reversed') return sub(sub(a.extent, 1), at(a));
    if (form === 'shifted') return add(at(a), 2);
    if (form === 'strided') return mul(at(a), 2);
    if (form !== 'padded') return at(a);
    conditions.push({ kind: '>=0', lhs: sub(at(a), 1) });
    return sub(at(a), 1);
  });
  const value = load(name, indices);
  const guarded: Expr = { kind: 'guard', dtype: 'f32', conditions, then: value, otherwise: num(0.5) };
  return { value: conditions.length === 0 ? value : guarded, shape };
}

// Buffers with a symbolic extent have it wherever the axis of extent b is read in full.
const dims = (shape: readonly number[]): Dim[] => shape.map(constant);

const drawn = shape.map(({ extents, reduced, monoid, operands, long }): Drawn => {
  const axes = extents.map((extent, i) => axis(`i${i}`, extent === 'b' ? n('b') : extent));
  const inner = axes.slice(axes.length - Math.min(reduced, axes.length));
  const longer = inner.map((a, i) => (long && i === 0 ? axis('long', 64) : a));
  const outer = axes.slice(0, axes.length - inner.length);
  const all = [...outer, ...longer];
  const [x, y] = [read('x', all, operands[0]), read('y', all, operands[1])];
  const both = bin('mul', x.value, y.value);
  const indices = outer.map(at);
  const body: Nest =
    longer.length === 0
      ? nest(outer, store('z', indices, bin('add', both, num(1))))
      : nest(outer, reduce('r', longer, monoid, [both]), store('z', indices, bin('sub', result('r'), num(1))));
  const fn = nestFunction(
    { x: { shape: dims(x.shape) }, y: { shape: dims(y.shape) } },
    { z: { shape: outer.map((a) => a.extent) } },
    [body],
    ['b'],
  );
  return { fn, inputs: { x: tensor(x.shape, 1, 'f32', 16), y: tensor(y.shape, 2, 'f32', 16) } };
});

const schedules: readonly (readonly [string, ScheduleNest])[] = [
  ['for GPUs', scheduleForGpu],
  ['for software adapters', gpuScheduler(fallbackGpuOptions)],
];

// How many of the drawn nests come out wrong.
async function countWrong(device: GPUDevice, schedule: ScheduleNest, numRuns: number): Promise<number> {
  let wrong = 0;
  for (const { fn, inputs } of fc.sample(drawn, { numRuns, seed: 5 })) {
    const expected = interpretNests(fn, inputs, { dims: { b: batch } });
    const actual = await runOnDevice(device, fn, inputs, { b: batch }, schedule);
    const same = expected['z']?.data.every((value, e) => value === actual['z']?.data[e]);
    if (same !== true) wrong++;
  }
  return wrong;
}

// A longer run has as much more time.
const timeout = runs(60_000);

test.for(schedules)('random nests, scheduled %s', { timeout }, async ([, schedule], { skip }) => {
  if ('missing' in found) return skip(found.missing);
  expect(await countWrong(found.device, schedule, runs(40))).toBe(0);
});

const loosen = (e: Expr): Expr => {
  if (e.kind === 'guard') {
    return { ...e, conditions: e.conditions.map(({ kind, lhs }) => ({ kind, lhs: add(lhs, 1) })) };
  }
  return e.kind === 'binary' ? { ...e, a: loosen(e.a), b: loosen(e.b) } : e;
};

const loosenStage = (stage: Stage): Stage =>
  stage.kind === 'reduce' ? { ...stage, args: stage.args.map(loosen) } : { ...stage, value: loosen(stage.value) };

const loosened: ScheduleNest = (nest, scope) =>
  scheduleForGpu(nest.kind === 'nest' ? { ...nest, stages: nest.stages.map(loosenStage) } : nest, scope);

test('a planted fault is noticed: guards that let one position more through', async ({ skip }) => {
  if ('missing' in found) return skip(found.missing);
  expect(await countWrong(found.device, loosened, 40)).toBeGreaterThan(0);
});
