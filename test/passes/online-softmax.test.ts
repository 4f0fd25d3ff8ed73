// Attention becomes one nest where nobody else needs its scores, computes the same, and is one kernel on a GPU.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { interpretNests } from '../../src/ir/nest-interpreter.ts';
import { parseNests, printNests } from '../../src/ir/nest-text.ts';
import { verifyNests } from '../../src/ir/nest-verify.ts';
import type { NestFunction, NestModule } from '../../src/ir/nest.ts';
import { interpretPlan } from '../../src/ir/plan-interpreter.ts';
import { onlineSoftmax } from '../../src/passes/online-softmax.ts';
import { planFor } from '../../src/passes/plan.ts';
import { agrees } from '../wgsl/agrees.ts';
import { sampleTensor } from '../support/graph-cases.ts';
import { requestTestDevice, type TestDevice } from '../support/webgpu.ts';

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
const masked = `select.f32(le.bool(index.i32(%s), index.i32(%t)), ${plainScore}, const.f32(-1e+30))`;

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
  'a single query, which is known': { shape: { t: '1' }, sizes: [1, 9] },
  'sizes that are known': { shape: { t: '16', s: '32', score: biased }, sizes: [16, 32] },
  'wide rows of values': { shape: { e: 4, width: 40 }, sizes: [9, 5, 4, 40] },
};

describe.each(Object.entries(cases))('attention with %s', (_, { shape, sizes }) => {
  const module = parseNests(attention(shape));
  const after = onlineSoftmax.run(module, cx);
  const given = inputs(...sizes);
  const expected = interpretNests(only(module), given);

  test('is one nest that computes the same', () => {
    expect(only(after).body).toHaveLength(1);
    expect(verifyNests(after)).toEqual([]);
    expect(printNests(parseNests(printNests(after)))).toBe(printNests(after));
    const got = interpretNests(only(after), given)['y']?.data;
    expected['y']?.data.forEach((value, at) => expect(got?.[at]).toBeCloseTo(value, 12));
  });

  test('is one kernel that computes the same', () => {
    const program = planFor('gpu').run(after, cx);
    expect(program.kernels).toHaveLength(1);
    const got = interpretPlan(program, 'f', given)['y']?.data;
    expected['y']?.data.forEach((value, at) => expect(got?.[at]).toBeCloseTo(value, 5));
  });

  test('runs on a device', ({ skip }) =>
    agrees(found, { fn: only(after), inputs: given, dims: dimsOf(sizes), within: 1e-5 }, skip));
});

const dimsOf = ([t, s]: Sizes): Record<string, number> => ({ b: 2, t, s });

const nestsOf = (shape: Shape): number => only(onlineSoftmax.run(parseNests(attention(shape)), cx)).body.length;

test('stays in parts where somebody reads the scores or the weights', () => {
  expect(nestsOf({ results: ', output "weights" @weights' })).toBe(3);
  expect(nestsOf({ results: ', output "scores" @scores' })).toBe(3);
});

test('stays in parts where vectors do not fit', () => {
  expect(nestsOf({ e: 6 })).toBe(3);
  expect(nestsOf({ width: 10 })).toBe(3);
  expect(nestsOf({ width: 256 })).toBe(3);
});

test('a reduction inside of another is checked', () => {
  const wrong = printNests(onlineSoftmax.run(parseNests(attention({})), cx))
    .replace(/= add\.f32\(/, '= add.f32(reduced.f32("score", 0), ')
    .replace(', const.f32(1))\n', ')\n');
  expect(verifyNests(parseNests(wrong))).toContainEqual(
    expect.stringContaining('which is not in scope where it is read'),
  );
});
