// Gradients of attention on a GPU: no matrix of queries and keys lies in memory, and what is computed stays the same.
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
import { agrees } from '../wgsl/agrees.ts';

const cx = { count: (): void => undefined };

/** A layer of attention as a program that trains. */
const program = (attend: string, loss = 'mean(net(x) ^ 2)'): string => `
  import { SGD } from "std/optim"
  import { causal_mask, scaled_dot_product_attention } from "std/nn/attention"
  export model Net() {
    param q: [8, 8] = normal(0.3)
    param k: [8, 8] = normal(0.3)
    param v: [8, 8] = normal(0.3)
    param bias: [1, 1] = zeros()
    fn fan(x: [b, t, 8]) -> [b, 2, t, 4] = rearrange[b t (h e) -> b h t e](x, e=4)
    fn join(x: [b, 2, t, 4]) -> [b, t, 8] = rearrange[b h t e -> b t (h e)](x)
    export fn forward(x: [b, t, 8]) {
      let (q, k, v) = (fan(x @ q), fan(x @ k), fan(x @ v))
      ${attend}
    }
  }
  export train Fit(net: Net) {
    batch x: f32[b, t, 8]
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
const matricesOf = ({ buffers }: NestFunction): number =>
  buffers.filter(({ type }) => type.shape.filter((d) => d.key === 't').length > 1).length;

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

describe.each(Object.entries(cases))('the gradients of %s', (_, attend) => {
  const module = nestsOf(program(attend));
  let merges = 0;
  const after = onlineSoftmaxFor('gpu').run(module, {
    count: (name) => (merges += Number(name === 'attention-gradient')),
  });
  const [before, fn] = [only(module), only(after)];
  const given = inputsOf(before, sizes);
  const expected = interpretNests(before, given, { dims: sizes });
  const isNear = (got: Readonly<Record<string, { readonly data: ArrayLike<number> }>>, digits: number): void => {
    for (const [name, { data }] of Object.entries(expected))
      data.forEach((value, at) => expect(got[name]?.data[at], `${name} ${at}`).toBeCloseTo(value, digits));
  };

  test('need no matrix of queries and keys', () => {
    expect(merges).toBe(1);
    expect(matricesOf(before)).toBeGreaterThan(2);
    expect(matricesOf(fn)).toBe(0);
  });

  test('are the same numbers', () => {
    expect(verifyNests(after)).toEqual([]);
    expect(printNests(parseNests(printNests(after)))).toBe(printNests(after));
    isNear(interpretNests(fn, given, { dims: sizes }), 11);
  });

  test('are the same numbers by kernels', () => {
    isNear(interpretPlan(planFor('gpu').run(after, cx), fn.name, given, { dims: sizes }), 5);
  });

  test('are the same numbers on a device', ({ skip }) =>
    agrees(found, { fn, inputs: inputsOf(fn, larger), dims: larger, within: 1e-5 }, skip));
});

// Rows are queries, or keys where the gradient of keys or values is summed over queries.
test('a causal mask leaves some keys of all products', () => {
  const fn = only(onlineSoftmaxFor('gpu').run(nestsOf(program(cases['a causal mask and a scale'])), cx));
  const facts = new Facts(fn.dims, fn.facts);
  const kinds = fn.body.flatMap((step) => {
    const attention = step.kind === 'nest' && asAttention(flattenNest(step, fn));
    return attention ? [keptRange(attention, facts)?.kind] : [];
  });
  expect(kinds).toHaveLength(4);
  expect(kinds.filter((kind) => kind === 'before')).toHaveLength(2);
  expect(kinds.filter((kind) => kind === 'from')).toHaveLength(2);
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

test('a gradient that is computed before attention finds nothing that attention keeps', () => {
  const fused = nestsOf(program(plain(scores), 'mean(net(x) * x)'));
  const module = { ...fused, functions: fused.functions.map((fn) => ({ ...fn, body: withGradientFirst(fn.body) })) };
  expect(only(module).body).not.toEqual(only(fused).body);
  expect(verifyNests(module)).toEqual([]);
  const [before, after] = [only(module), onlineSoftmaxFor('gpu').run(module, cx)];
  const given = inputsOf(before, sizes);
  expect(verifyNests(after)).toEqual([]);
  const got = interpretNests(only(after), given, { dims: sizes });
  for (const [name, { data }] of Object.entries(interpretNests(before, given, { dims: sizes })))
    data.forEach((value, at) => expect(got[name]?.data[at], `${name} ${at}`).toBeCloseTo(value, 11));
});

test.each([
  ['a bias that is learned', plain(`${scores} + bias`)],
  ['weights that somebody else reads', `let w = softmax(${scores}, axis=-1)\njoin(w @ v) + sum(w ^ 2)`],
])('%s leaves matrices in memory', (_, attend) => {
  const module = nestsOf(program(attend));
  const fn = only(onlineSoftmaxFor('gpu').run(module, cx));
  expect(matricesOf(fn)).toBe(matricesOf(only(module)));
});

test('layers of several kinds train without matrices of one text', () => {
  const module = nestsOf(readFileSync('test/exec/programs/attention-training.dlm', 'utf8'));
  expect(matricesOf(only(module))).toBeGreaterThan(4);
  expect(matricesOf(only(onlineSoftmaxFor('gpu').run(module, cx)))).toBe(0);
});
