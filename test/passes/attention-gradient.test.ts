// Gradients of attention: no matrix of queries and keys lies in memory, and what is computed stays the same.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { check, lowerModule } from '../../src/index.ts';
import { Facts } from '../../src/ir/dim-solver.ts';
import { evaluateHost } from '../../src/ir/interpreter.ts';
import { interpretNests } from '../../src/ir/nest-interpreter.ts';
import { parseNests, printNests } from '../../src/ir/nest-text.ts';
import { verifyNests } from '../../src/ir/nest-verify.ts';
import type { NestFunction, NestModule, NestStep } from '../../src/ir/nest.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { interpretPlan } from '../../src/ir/plan-interpreter.ts';
import { readsOf, writesOf } from '../../src/passes/fusion/nest-graph.ts';
import { onlineSoftmaxFor } from '../../src/passes/online-softmax.ts';
import { planFor } from '../../src/passes/plan.ts';
import { asAttention } from '../../src/passes/schedule/attention.ts';
import { flattenNest } from '../../src/passes/schedule/flatten.ts';
import { keptRange } from '../../src/passes/schedule/kept.ts';
import { sampleTensor } from '../support/graph-cases.ts';
import { requestTestDevice, type TestDevice } from '../support/webgpu.ts';
import { runNests } from '../wasm/run-nests.ts';
import { agrees } from '../wgsl/agrees.ts';

const cx = { count: (): void => undefined };

const square = 'mean(net(x) ^ 2)';

/** A layer of attention of two heads, each so wide, as a program that trains. */
const program = (attend: string, { loss = square, width = 4, batch = 'b', length = 't' } = {}): string => `
  import { SGD } from "std/optim"
  import { causal_mask, scaled_dot_product_attention } from "std/nn/attention"
  export model Net() {
    param q: [8, ${2 * width}] = normal(0.3)
    param k: [8, ${2 * width}] = normal(0.3)
    param v: [8, ${2 * width}] = normal(0.3)
    param bias: [1, 1] = zeros()
    param memory: [2, 40, ${width}] = normal(0.3)
    fn fan(x: [b, t, ${2 * width}]) -> [b, 2, t, ${width}] = rearrange[b t (h e) -> b h t e](x, e=${width})
    fn join(x: [b, 2, t, ${width}]) -> [b, t, ${2 * width}] = rearrange[b h t e -> b t (h e)](x)
    export fn forward(x: [b, t, 8]) {
      let (q, k, v) = (fan(x @ q), fan(x @ k), fan(x @ v))
      ${attend}
    }
  }
  export train Fit(net: Net) {
    batch x: f32[${batch}, ${length}, 8]
    minimize ${loss} using SGD(lr=0.5)
  }`;

/** The step of the program before the pass. */
function nestsOf(text: string): NestModule {
  const { module } = check({ read: () => text, resolve: (_, path) => path }, 'net.dlm');
  if (!module) throw new Error('the program is wrong');
  const { nests } = lowerModule(module, []);
  return { ...nests, functions: nests.functions.filter(({ name }) => name === 'Fit.step') };
}

const only = ({ functions: [fn] }: NestModule): NestFunction => {
  if (!fn) throw new Error('no function');
  return fn;
};

const sizes = { b: 2, t: 7 };
// More rows and keys than the threads of a workgroup take at once.
const larger = { b: 1, t: 45 };

/** Numbers for every input. */
function inputsOf(fn: NestFunction, dims: typeof sizes): Record<string, Tensor> {
  const types = new Map(fn.buffers.map(({ id, type }) => [id, type]));
  const given = fn.inputs.filter(({ role }) => role !== 'step');
  const own = Object.fromEntries(
    given.map(({ name, buffer }, at) => {
      const { dtype = 'f32', shape = [] } = types.get(buffer) ?? {};
      const extents = shape.map((d) => dims[d.key as keyof typeof sizes] ?? Number(d.key));
      const scalar: Tensor = { dtype, shape: [], data: Float64Array.of(at + 1) };
      return [name, extents.length === 0 ? scalar : sampleTensor(extents, at + 1)];
    }),
  );
  return { ...evaluateHost(fn.host, own, new Map(Object.entries(dims))), ...own };
}

let found: TestDevice;
beforeAll(async () => {
  found = await requestTestDevice();
});
afterAll(() => {
  if ('device' in found) found.device.destroy();
});

// Temporaries with two axes of the texts.
const matricesOf = ({ buffers }: NestFunction, length = 't'): number =>
  buffers.filter(({ type }) => type.shape.filter((d) => d.key === length).length > 1).length;

const plain = (score: string, values = 'v'): string =>
  `join(einsum[b h t s, b h s e -> b h t e](softmax(${score}, axis=-1), ${values}))`;
const scores = 'einsum[b h t e, b h s e -> b h t s](q, k)';

const cases = {
  'plain attention': plain(scores),
  'a causal mask and a scale': 'join(scaled_dot_product_attention(q, k, v, causal_mask(t)))',
  'a mask that hides queries from themselves': plain(`where(for i < t, j < t => j >= i, -inf, ${scores})`),
  'dropped weights': 'join(scaled_dot_product_attention(q, k, v, causal_mask(t), 0.3))',
  'a bias of positions': plain(`${scores} - (for i < t, j < t => f32(i - j) * 0.25)`),
  'one head of keys and values for all queries': `
      let w = softmax(einsum[b h t e, b s e -> b h t s](q, k[:, 0]), axis=-1)
      join(einsum[b h t s, b s e -> b h t e](w, v[:, 1]))`,
};

const targets = ['gpu', 'cpu'] as const;

const joined = (module: NestModule, target: (typeof targets)[number]): NestModule =>
  onlineSoftmaxFor(target).run(module, cx);

describe.each(Object.entries(cases))('the gradients of %s', (_, attend) => {
  const module = nestsOf(program(attend));
  const before = only(module);
  const given = inputsOf(before, sizes);
  const expected = interpretNests(before, given, { dims: sizes });
  const isNear = (got: Readonly<Record<string, { readonly data: ArrayLike<number> }>>, digits: number): void => {
    for (const [name, { data }] of Object.entries(expected))
      data.forEach((value, at) => expect(got[name]?.data[at], `${name} ${at}`).toBeCloseTo(value, digits));
  };

  test.each(targets)('need no matrix of queries and keys: %s', (target) => {
    let merges = 0;
    const count = (name: string): number => (merges += Number(name === 'attention-gradient'));
    const fn = only(onlineSoftmaxFor(target).run(module, { count }));
    expect(merges).toBe(1);
    expect(matricesOf(before)).toBeGreaterThan(2);
    expect(matricesOf(fn)).toBe(0);
  });

  test.each(targets)('are the same numbers: %s', (target) => {
    const after = joined(module, target);
    expect(verifyNests(after)).toEqual([]);
    expect(printNests(parseNests(printNests(after)))).toBe(printNests(after));
    isNear(interpretNests(only(after), given, { dims: sizes }), 11);
  });

  test.each(targets)('are the same numbers by kernels: %s', (target) => {
    const after = joined(module, target);
    isNear(interpretPlan(planFor(target).run(after, cx), before.name, given, { dims: sizes }), 5);
  });

  test('are the same numbers on a device', ({ skip }) => {
    const fn = only(joined(module, 'gpu'));
    return agrees(found, { fn, inputs: inputsOf(fn, larger), dims: larger, within: 1e-5 }, skip);
  });

  test('are the same numbers on WebAssembly, however many threads', () => {
    const fn = only(joined(module, 'cpu'));
    const [alone, shared] = [1, 3].map((threads) => runNests(fn, given, sizes, threads));
    isNear(alone ?? {}, 5);
    expect(shared).toEqual(alone);
  });
});

test.each(['a causal mask and a scale', 'dropped weights'] as const)(
  'the gradients of attention with %s on WebAssembly take blocks of keys in turns',
  (name) => {
    const dims = { b: 1, t: 150 };
    const before = nestsOf(program(cases[name], { width: 256 }));
    const fn = only(joined(before, 'cpu'));
    expect(matricesOf(fn)).toBe(0);
    const given = inputsOf(fn, dims);
    const [got, expected] = [runNests(fn, given, dims, 2), runNests(only(before), given, dims)];
    for (const [result, { data }] of Object.entries(expected))
      data.forEach((value, at) => expect(got[result]?.data[at], `${result} ${at}`).toBeCloseTo(value, 4));
  },
);

test.each(targets)('keys are left out only where every query sees one: %s', (target) => {
  const attend = `
      let keys = memory + q[:, :, 0:1]
      let scores = einsum[b h t e, b h s e -> b h t s](q, keys)
      let w = softmax(where(for i < t, j < 40 => j < i, -inf, scores), axis=-1)
      join(einsum[b h t s, b h s e -> b h t e](w, keys))`;
  const module = nestsOf(program(attend, { loss: 'sum(net(x) ^ 2)' }));
  const before = only(module);
  const given = inputsOf(before, larger);
  const after = planFor(target).run(joined(module, target), cx);
  const got = interpretPlan(after, before.name, given, { dims: larger });
  for (const [name, { data }] of Object.entries(interpretNests(before, given, { dims: larger }))) {
    const scale = Math.max(...data.map(Math.abs));
    data.forEach((value, at) =>
      expect((got[name]?.data[at] ?? 0) / scale, `${name} ${at}`).toBeCloseTo(value / scale, 5),
    );
  }
});

// Rows are queries, or keys where the gradient of keys or values is summed over queries.
test('a causal mask leaves some keys of all products', () => {
  const fn = only(joined(nestsOf(program(cases['a causal mask and a scale'])), 'gpu'));
  const facts = new Facts(fn.dims, fn.facts);
  const kinds = fn.body.flatMap((step) => {
    const attention = step.kind === 'nest' && asAttention(flattenNest(step, fn));
    return attention ? [keptRange(attention, facts)?.kind] : [];
  });
  expect(kinds).toHaveLength(4);
  expect(kinds.filter((kind) => kind === 'before')).toHaveLength(2);
  expect(kinds.filter((kind) => kind === 'from')).toHaveLength(2);
});

test.each(targets)('a batch of one needs no matrix: %s', (target) => {
  const module = nestsOf(program(cases['a causal mask and a scale'], { batch: '1' }));
  const [before, after] = [only(module), joined(module, target)];
  expect(matricesOf(only(after))).toBe(0);
  expect(verifyNests(after)).toEqual([]);
  const given = inputsOf(before, sizes);
  const got = interpretNests(only(after), given, { dims: sizes });
  for (const [name, { data }] of Object.entries(interpretNests(before, given, { dims: sizes })))
    data.forEach((value, at) => expect(got[name]?.data[at], `${name} ${at}`).toBeCloseTo(value, 11));
});

test.each([
  ['a causal mask and a scale', '256', '512'],
  ['plain attention', '1024', '2048'],
] as const)('matrices that a CPU reads faster than it computes them are kept: %s', (name, short, long) => {
  const ofLength = (length: string): NestModule => nestsOf(program(cases[name], { length }));
  const kept = (length: string): number => matricesOf(only(joined(ofLength(length), 'cpu')), length);
  expect(kept(short)).toBeGreaterThan(2);
  expect(kept(long)).toBe(0);
  expect(matricesOf(only(joined(ofLength(short), 'gpu')), short)).toBe(0);
});

// The steps in an order in which the last product with what `softmax` stores, and what that needs, comes first.
function withGradientFirst(body: readonly NestStep[]): readonly NestStep[] {
  const softmax = body.find((step) => step.kind === 'nest' && step.name.startsWith('reduce_sub_exp'));
  const [weights = ''] = softmax ? writesOf(softmax) : [];
  const last = body.findLast((step) => step.kind === 'nest' && step.name === 'dot' && readsOf(step).includes(weights));
  const needed = new Set(last ? [last] : []);
  for (const step of body.toReversed())
    if ([...needed].flatMap(readsOf).some((buffer) => writesOf(step).includes(buffer))) needed.add(step);
  return [...body.filter((step) => needed.has(step)), ...body.filter((step) => !needed.has(step))];
}

test.each(targets)('a gradient that is computed before attention finds nothing that attention keeps: %s', (target) => {
  const fused = nestsOf(program(plain(scores), { loss: 'mean(net(x) * x)' }));
  const module = { ...fused, functions: fused.functions.map((fn) => ({ ...fn, body: withGradientFirst(fn.body) })) };
  expect(only(module).body).not.toEqual(only(fused).body);
  expect(verifyNests(module)).toEqual([]);
  const [before, after] = [only(module), joined(module, target)];
  const given = inputsOf(before, sizes);
  expect(verifyNests(after)).toEqual([]);
  const got = interpretNests(only(after), given, { dims: sizes });
  for (const [name, { data }] of Object.entries(interpretNests(before, given, { dims: sizes })))
    data.forEach((value, at) => expect(got[name]?.data[at], `${name} ${at}`).toBeCloseTo(value, 11));
});

const readElsewhere = {
  'a bias that is learned': plain(`${scores} + bias`),
  'weights that somebody else reads': `let w = softmax(${scores}, axis=-1)\njoin(w @ v) + sum(w ^ 2)`,
};

test.each(Object.entries(readElsewhere))('%s leaves matrices in memory', (_, attend) => {
  const module = nestsOf(program(attend));
  for (const target of targets) expect(matricesOf(only(joined(module, target)))).toBe(matricesOf(only(module)));
});

test.each(targets)('layers of several kinds train without matrices of one text: %s', (target) => {
  const module = nestsOf(readFileSync('test/exec/programs/attention-training.dlm', 'utf8'));
  expect(matricesOf(only(module))).toBeGreaterThan(4);
  expect(matricesOf(only(joined(module, target)))).toBe(0);
});
