// f16 in the nests, in packed memory and in the interpreters: the same bits everywhere.
import { describe, expect, test } from 'vitest';
import { compile, type FileHost } from '../../src/index.ts';
import { constant, variable } from '../../src/ir/dim.ts';
import { roundToHalf } from '../../src/ir/half.ts';
import { interpretNests } from '../../src/ir/nest-interpreter.ts';
import type { NestFunction } from '../../src/ir/nest.ts';
import { verifyNests } from '../../src/ir/nest-verify.ts';
import { halvesFor } from '../../src/passes/halves.ts';
import { scheduleForGpu } from '../../src/passes/schedule/gpu.ts';
import { requestTestDevice } from '../support/webgpu.ts';
import { runOnDevice } from '../wgsl/run-on-device.ts';
import { runNests } from '../wasm/run-nests.ts';

// All f16 numbers from 0 up, by their bits.
const numbers = Array.from({ length: 0x7c00 }, (_, bits) => {
  const [exponent, fraction] = [bits >> 10, bits & 1023];
  return exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
});

test('every f16 stays, what lies between two goes to the nearer, ties to even', () => {
  numbers.forEach((value, bits) => {
    expect(roundToHalf(value)).toBe(value);
    const next = numbers[bits + 1];
    if (next === undefined) return;
    const middle = (value + next) / 2;
    const even = bits % 2 === 0 ? value : next;
    expect([roundToHalf(middle), roundToHalf(-middle)]).toEqual([even, -even]);
    expect(roundToHalf(middle - (next - value) / 64)).toBe(value);
    expect(roundToHalf(middle + (next - value) / 64)).toBe(next);
  });
});

test('what is too large is NaN', () => {
  expect([65504, 65519.99, 65520, -65520, Infinity, NaN].map(roundToHalf)).toEqual([65504, 65504, NaN, NaN, NaN, NaN]);
});

/** r = f32(f16(x)) by way of a temporary of f16, or without memory between. */
function through(count: number, stored: boolean): NestFunction {
  const i = variable('%i');
  const load = (buffer: string, dtype: 'f32' | 'f16') => ({ kind: 'load' as const, dtype, buffer, indices: [i] });
  const cast = { kind: 'cast' as const, dtype: 'f16' as const, x: load('x', 'f32') };
  const nest = (name: string, buffer: string, value: Parameters<typeof Object.freeze>[0]) => ({
    kind: 'nest' as const,
    name,
    axes: [{ name: '%i', extent: constant(count) }],
    origin: [],
    stages: [
      { kind: 'store' as const, axes: [], buffer, indices: [i], value: value as typeof cast, combine: 'set' as const },
    ],
  });
  const wide = (x: object) => ({ kind: 'cast' as const, dtype: 'f32' as const, x });
  const type = (dtype: 'f32' | 'f16') => ({ dtype, shape: [constant(count)] });
  return {
    name: 'f',
    kind: 'entry',
    dims: [],
    facts: [],
    inputs: [{ name: 'x', role: 'argument', buffer: 'x' }],
    results: [{ name: 'r', role: 'output', buffer: 'r' }],
    buffers: [
      { id: 'x', type: type('f32') },
      ...(stored ? [{ id: 'h', type: type('f16') }] : []),
      { id: 'r', type: type('f32') },
    ],
    body: stored
      ? [nest('narrow', 'h', cast), nest('widen', 'r', wide(load('h', 'f16')))]
      : [nest('both', 'r', wide(cast))],
    host: [],
  };
}

const values = Float64Array.from(
  numbers
    .filter((_, bits) => bits % 7 === 0 || bits < 40)
    .flatMap((x, at) => [x, -x, Math.fround(x * (1 + (at % 97) * 1e-5)), -Math.fround(x + 2 ** -25)])
    .concat([65519, -65519, 65520, 1e30, -1e30, NaN, 2 ** -25, 2 ** -26, -0]),
);

describe.each([true, false])('the pass, with memory between: %s', (stored) => {
  const fn = through(values.length, stored);
  const [widened] = halvesFor('gpu').run({ name: 'm', functions: [fn] }, { count: () => undefined }).functions;
  const input = { x: { dtype: 'f32' as const, shape: [values.length], data: values } };
  const want = values.map(roundToHalf);

  test('gives nests that are well formed', () => {
    expect(widened && verifyNests({ name: 'm', functions: [widened] })).toEqual([]);
  });
  test('rounds as the interpreter', () => {
    expect(interpretNests(fn, input, { precision: 'f32' })['r']?.data).toEqual(want);
    expect(widened && interpretNests(widened, input, { precision: 'f32' })['r']?.data).toEqual(want);
  });
  test('rounds as WebGPU', async () => {
    const found = await requestTestDevice();
    if ('missing' in found) throw new Error(`WebGPU is missing: ${found.missing}`);
    // Whole vectors of four, and an odd number of elements.
    for (const count of [values.length - (values.length % 4), values.length]) {
      const [own] = halvesFor('gpu').run(
        { name: 'm', functions: [through(count, stored)] },
        { count: () => undefined },
      ).functions;
      const given = { x: { dtype: 'f32' as const, shape: [count], data: values.slice(0, count) } };
      const got = own && (await runOnDevice(found.device, own, given, {}, scheduleForGpu))['r'];
      expect(got?.data).toEqual(want.slice(0, count));
    }
    found.device.destroy();
  });
  test('rounds as WebAssembly', () => {
    expect(widened && runNests(widened, input)['r']?.data).toEqual(want);
  });
});

test('temporaries and weights of f16 take two bytes, arguments and outputs four', async () => {
  const source = `export model M() {
  param w: f16[6, 4] = normal(0.5)
  export fn forward(x: f16[b, 6]) -> f16[b, 6] {
    let h = x @ w
    let s = sum(h, axis=0)
    (h - s) @ permute(w, [1, 0])
  }
}`;
  const host: FileHost = { read: () => source, resolve: (_, path) => path };
  const { lowered } = await compile(host, 'm.dlm', {});
  for (const program of lowered?.programs ?? []) {
    const plan = program.plans.find(({ name }) => name === 'M.forward');
    const inside = plan?.buffers.filter(({ pool }) => pool === 'arena') ?? [];
    expect(inside.filter(({ dtype }) => dtype === 'f16').length).toBeGreaterThan(0);
    const outside = plan?.buffers.filter(({ pool }) => pool !== 'arena') ?? [];
    expect(new Set(outside.map(({ pool, dtype }) => `${pool} ${dtype}`))).toEqual(new Set(['weights f16', 'io f32']));
  }
});

test('attention of f16 has no matrix of queries and keys', async () => {
  const source = `@precision(compute=f16)
export model M() {
  export fn attend(q: [b, t, 8], k: [b, s, 8], v: [b, s, 8]) -> [b, t, 8] {
    let scores = einsum[b t e, b s e -> b t s](q, k) * 0.25
    einsum[b t s, b s e -> b t e](softmax(where(for i < t, j < s => j <= i, scores, -inf), axis=-1), v) * 2.0
  }
}`;
  const host: FileHost = { read: () => source, resolve: (_, path) => path };
  const { lowered, diagnostics } = await compile(host, 'm.dlm', {});
  expect(diagnostics).toEqual([]);
  const plans = lowered?.programs.map((program) => program.plans.find(({ name }) => name === 'M.attend')) ?? [];
  expect(plans.length).toBe(2);
  const shapes = plans.flatMap((plan) => plan?.buffers.map(({ shape }) => shape.map(({ key }) => key).join()));
  expect(new Set(shapes)).toEqual(new Set(['b,t,8', 'b,s,8']));
});

test('tiles are of f16 where operands are read from memory of f16, not where they are constants', async () => {
  const source = `@precision(compute=f16, params=f16)
export model M() {
  param w: [64, 64] = normal(0.5)
  export fn half(x: [b, 64]) -> [b, 64] = x @ w
  export fn mask(x: f32[b, 64]) -> f32[b, 64] = x @ (for i < 64, j < 64 => if i <= j { f32(1.0) } else { f32(0.0) })
}`;
  const host: FileHost = { read: () => source, resolve: (_, path) => path };
  const { lowered, diagnostics } = await compile(host, 'm.dlm', { targets: ['webgpu'] });
  expect(diagnostics).toEqual([]);
  const [program] = lowered?.programs ?? [];
  const tilesOf = (name: string): (readonly string[])[] => {
    const steps = program?.plans.find((plan) => plan.name === name)?.steps ?? [];
    const used = new Set(steps.flatMap((step) => (step.kind === 'dispatch' ? [step.kernel] : [])));
    const kernels = program?.kernels.filter((kernel) => used.has(kernel.name)) ?? [];
    return kernels.map(({ arrays }) => arrays.map(({ type }) => type)).filter((types) => types.length > 0);
  };
  expect(tilesOf('M.half')).toEqual([['f16', 'f16']]);
  expect(tilesOf('M.mask')).toEqual([['f32', 'f32']]);
});
