// Attention becomes one nest where nobody else needs its scores, computes the same, and is one kernel on either target.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { interpretNests } from '../../src/ir/nest-interpreter.ts';
import { parseNests, printNests } from '../../src/ir/nest-text.ts';
import { verifyNests } from '../../src/ir/nest-verify.ts';
import type { NestFunction, NestModule } from '../../src/ir/nest.ts';
import { interpretPlan } from '../../src/ir/plan-interpreter.ts';
import { onlineSoftmaxFor } from '../../src/passes/online-softmax.ts';
import { planFor } from '../../src/passes/plan.ts';
import { sampleTensor } from '../support/graph-cases.ts';
import { requestTestDevice, type TestDevice } from '../support/webgpu.ts';
import { interpretPlan as interpretCpuPlan } from '../wasm/interpret-plan.ts';
import { planOf, runNests } from '../wasm/run-nests.ts';
import { agrees } from '../wgsl/agrees.ts';

const cx = { count: () => {} };

interface Shape {
  /** Extents of queries and keys: names of dims, or numbers. */
  readonly t?: string;
  readonly s?: string;
  readonly e?: number;
  readonly width?: number;
  /** What the product becomes: mask, bias. */
  readonly score?: string;
  readonly results?: string;
}

const plainScore = 'div.f32(reduced.f32("r", 0), const.f32(2))';
// A row sees so many keys more than the one before the first.
const maskedFrom = (first: number): string =>
  `select.f32(le.bool(index.i32(%s), add.i32(index.i32(%t), const.i32(${first}))), ${plainScore}, const.f32(-1e+30))`;
const masked = `select.f32(le.bool(index.i32(%s), index.i32(%t)), ${plainScore}, const.f32(-1e+30))`;

// Of keys before a row's last one, the first few may be padding: some rows see nothing else.
const padded = (keys: number, score = masked): string =>
  score.replace(plainScore, `select.f32(lt.bool(index.i32(%s), const.i32(${keys})), const.f32(-1e+30), ${plainScore})`);

/** Attention of two heads as three nests. */
const attention = ({ t = 't', s = 's', e = 8, width = 12, score = plainScore, results = '' }: Shape): string => {
  const dims = [t, s].filter((extent) => /^[a-z]/.test(extent)).map((name) => `${name} >= 1`);
  return `nests "attention"

func @f(
  @q argument "q",
  @k argument "k",
  @v argument "v",
  @bias argument "bias"
) entry dims (${['b >= 1', ...new Set(dims)].join(', ')}) {
  buffer @q: f32[b, 2, ${t}, ${e}]
  buffer @k: f32[b, ${s}, 2, ${e}]
  buffer @v: f32[b, 2, ${s}, ${width}]
  buffer @bias: f32[2, ${t}, ${s}]
  buffer @scores: f32[b, 2, ${t}, ${s}]
  buffer @weights: f32[b, 2, ${t}, ${s}]
  buffer @y: f32[b, 2, ${t}, ${width}]
  nest "dot" [%b: b, %h: 2, %t: ${t}, %s: ${s}] {
    reduce "r" sum over [%e: ${e}] (mul.f32(load.f32(@q, %b, %h, %t, %e), load.f32(@k, %b, %s, %h, %e))) : f32;
    store set @scores[%b, %h, %t, %s] = ${score}
  }
  nest "softmax" [%i: b, %j: 2, %l: ${t}] {
    reduce "m" max over [%x: ${s}] (load.f32(@scores, %i, %j, %l, %x)) : f32;
    reduce "z" sum over [%y: ${s}] (exp.f32(sub.f32(load.f32(@scores, %i, %j, %l, %y), reduced.f32("m", 0)))) : f32;
    store set @weights[%i, %j, %l, %w] over [%w: ${s}] = div.f32(exp.f32(sub.f32(load.f32(@scores, %i, %j, %l, %w), reduced.f32("m", 0))), reduced.f32("z", 0))
  }
  nest "dot" [%b: b, %h: 2, %t: ${t}, %d: ${width}] {
    reduce "r" sum over [%s: ${s}] (mul.f32(load.f32(@weights, %b, %h, %t, %s), load.f32(@v, %b, %h, %s, %d))) : f32;
    store set @y[%b, %h, %t, %d] = add.f32(reduced.f32("r", 0), const.f32(1))
  }
  return output "y" @y${results};
}
`;
};

type Sizes = readonly [t: number, s: number, e?: number, width?: number];

const inputs = (t: number, s: number, e = 8, width = 12) => ({
  q: sampleTensor([2, 2, t, e], 1),
  k: sampleTensor([2, s, 2, e], 2),
  v: sampleTensor([2, 2, s, width], 3),
  bias: sampleTensor([2, t, s], 4),
});

const only = ({ functions: [fn] }: NestModule): NestFunction => {
  if (!fn) throw new Error('no function');
  return fn;
};

let found: TestDevice;
beforeAll(async () => {
  found = await requestTestDevice();
});
afterAll(() => {
  if ('device' in found) found.device.destroy();
});

const biased = `add.f32(${plainScore}, load.f32(@bias, %h, %t, %s))`;
const cases: Readonly<Record<string, { shape: Shape; sizes: Sizes }>> = {
  'fewer queries than a workgroup takes, keys no multiple of four': { shape: {}, sizes: [5, 7] },
  'more keys than the threads of a query take at once': {
    shape: { score: masked, s: 't', e: 4, width: 4 },
    sizes: [43, 43, 4, 4],
  },
  'a single query': { shape: {}, sizes: [1, 143] },
  'sizes that are known': { shape: { t: '16', s: '32', score: biased }, sizes: [16, 32] },
  'rows that see nothing but padding': {
    shape: { score: padded(3), s: 't', e: 4, width: 4 },
    sizes: [13, 13, 4, 4],
  },
  'wide rows of values': { shape: { e: 4, width: 40 }, sizes: [9, 5, 4, 40] },
};

const more: typeof cases = {
  'rows of odd lengths': { shape: { e: 6, width: 10 }, sizes: [9, 21, 6, 10] },
  'more queries than a thread takes together': {
    shape: { score: masked, s: 't', e: 4, width: 4 },
    sizes: [131, 131, 4, 4],
  },
  'more keys than are packed together': { shape: { e: 256, width: 256 }, sizes: [5, 261, 256, 256] },
  'more keys than are packed together, masked': {
    shape: { e: 256, width: 256, score: maskedFrom(125) },
    sizes: [6, 133, 256, 256],
  },
  'rows that see nothing but padding, of more keys than are packed together': {
    shape: { e: 256, width: 256, score: padded(130, maskedFrom(125)) },
    sizes: [6, 133, 256, 256],
  },
};

const onGpu = onlineSoftmaxFor('gpu');
const onCpu = onlineSoftmaxFor('cpu');

// Everything that fits a GPU's kernel, and what only that of a CPU takes.
describe.each([...Object.entries(cases), ...Object.entries(more)])('attention with %s', (name, { shape, sizes }) => {
  const module = parseNests(attention(shape));
  const given = inputs(...sizes);
  const expected = interpretNests(only(module), given);
  const isNear = (got: ArrayLike<number> | undefined, digits: number): void =>
    expected['y']?.data.forEach((value, at) => expect(got?.[at], `${at}`).toBeCloseTo(value, digits));

  test('is one kernel on a CPU that computes the same', () => {
    const fn = only(onCpu.run(module, cx));
    expect(planOf(fn).kernels).toHaveLength(1);
    for (const threads of [1, 3]) isNear(runNests(fn, given, dimsOf(sizes), threads)['y']?.data, 5);
  });

  if (!(name in cases)) return;

  test.each([onGpu, onCpu])('$name: is one nest that computes the same', (pass) => {
    const after = pass.run(module, cx);
    expect(only(after).body).toHaveLength(1);
    expect(verifyNests(after)).toEqual([]);
    expect(printNests(parseNests(printNests(after)))).toBe(printNests(after));
    isNear(interpretNests(only(after), given)['y']?.data, 12);
  });

  test('reads nothing outside of memory on a CPU', () => {
    const { plan, kernels } = planOf(only(onCpu.run(module, cx)));
    const memory = interpretCpuPlan(plan, kernels, (id, into) => into.set(tensorOf(given, id)), dimsOf(sizes));
    isNear(memory.get('y'), 5);
  });

  test('is one kernel on a GPU that computes the same', () => {
    const program = planFor('gpu').run(onGpu.run(module, cx), cx);
    expect(program.kernels).toHaveLength(1);
    isNear(interpretPlan(program, 'f', given)['y']?.data, 5);
  });

  test('runs on a device', ({ skip }) =>
    agrees(found, { fn: only(onGpu.run(module, cx)), inputs: given, dims: dimsOf(sizes), within: 1e-5 }, skip));
});

const dimsOf = ([t, s]: Sizes): Record<string, number> => ({ b: 2, t, s });

const tensorOf = (given: Readonly<Record<string, { readonly data: ArrayLike<number> }>>, id: string) =>
  given[id]?.data ?? [];

const nestsOf = (shape: Shape, pass = onGpu): number => only(pass.run(parseNests(attention(shape)), cx)).body.length;

test.each([onGpu, onCpu])('$name: stays in parts where somebody reads the scores or the weights', (pass) => {
  expect(nestsOf({ results: ', output "weights" @weights' }, pass)).toBe(3);
  expect(nestsOf({ results: ', output "scores" @scores' }, pass)).toBe(3);
});

test('stays in parts where vectors of a GPU do not fit', () => {
  expect(nestsOf({ e: 6 })).toBe(3);
  expect(nestsOf({ width: 10 })).toBe(3);
  expect(nestsOf({ width: 256 })).toBe(3);
});

test('stays in parts on a CPU for a single query', () => {
  expect(nestsOf({ t: '1' }, onCpu)).toBe(3);
});

test('a reduction inside of another is checked', () => {
  const wrong = printNests(onGpu.run(parseNests(attention({})), cx))
    .replace(/= add\.f32\(/, '= add.f32(reduced.f32("score", 0), ')
    .replace(', const.f32(1))\n', ')\n');
  expect(verifyNests(parseNests(wrong))).toContainEqual(
    expect.stringContaining('which is not in scope where it is read'),
  );
});
