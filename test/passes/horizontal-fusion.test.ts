// Dispatches that read the same, or are alike, and do not wait for one another become one; the order of all others stays.
import { expect, test } from 'vitest';
import { interpretNests } from '../../src/ir/nest-interpreter.ts';
import { parseNests } from '../../src/ir/nest-text.ts';
import { interpretPlan } from '../../src/ir/plan-interpreter.ts';
import { dispatchesOf, type TargetProgram } from '../../src/ir/plan.ts';
import { planFor } from '../../src/passes/plan.ts';
import { compileFile } from '../support/exec.ts';
import { sampleTensor } from '../support/graph-cases.ts';

interface Planned {
  readonly program: TargetProgram;
  readonly dispatches: number;
  readonly merges: number;
}

const inputs = Object.fromEntries(
  ['x', 'wq', 'wk', 'wv', 'bias'].map((name, at) => [
    name,
    sampleTensor(name === 'x' ? [5, 16] : name === 'bias' ? [16] : [16, 16], at + 1),
  ]),
);

/** Plans a function of x, the weights and a bias, and checks what it computes. */
function planned(buffers: string, body: string, results: string): Planned {
  const module = parseNests(`nests "horizontal"

func @f(
  @x argument "x",
  @wq param "wq",
  @wk param "wk",
  @wv param "wv",
  @bias param "bias"
) entry dims (n >= 1) {
  buffer @x: f32[n, 16]
  buffer @wq: f32[16, 16]
  buffer @wk: f32[16, 16]
  buffer @wv: f32[16, 16]
  buffer @bias: f32[16]
${buffers}
${body}
  return ${results};
}
`);
  const [fn] = module.functions;
  if (!fn) throw new Error('no function');
  let merges = 0;
  const program = planFor('gpu').run(module, { count: (_, times = 1) => (merges += times) });
  const got = interpretPlan(program, 'f', inputs);
  for (const [name, { data }] of Object.entries(interpretNests(fn, inputs)))
    data.forEach((value, at) => expect(got[name]?.data[at]).toBeCloseTo(value, 4));
  const [plan] = program.plans;
  expect(program.kernels.map(({ name }) => name).sort()).toEqual(
    [...new Set(dispatchesOf(plan?.steps ?? []).map(({ kernel }) => kernel))].sort(),
  );
  return { program, dispatches: dispatchesOf(plan?.steps ?? []).length, merges };
}

const product = (to: string, from: string, weight: string): string => `  nest "dot" [%i: n, %j: 16] {
    reduce "r" sum over [%k: 16] (mul.f32(load.f32(@${from}, %i, %k), load.f32(@${weight}, %j, %k))) : f32;
    store set @${to}[%i, %j] = reduced.f32("r", 0)
  }`;
const buffers = (...ids: readonly string[]): string => ids.map((id) => `  buffer @${id}: f32[n, 16]`).join('\n');
const three = 'output "q" @q, output "k" @k, output "v" @v';

test('three products of one input are one dispatch', () => {
  const { program, ...found } = planned(
    buffers('q', 'k', 'v'),
    [product('q', 'x', 'wq'), product('k', 'x', 'wk'), product('v', 'x', 'wv')].join('\n'),
    three,
  );
  expect(found).toEqual({ dispatches: 1, merges: 2 });
  // Only one product runs in a workgroup: its two tiles serve the other products too.
  expect(program.kernels[0]?.arrays).toHaveLength(2);
});

test('a product that reads another stays behind it, and what lies between gives way', () => {
  // k reads q; v reads x as q does, and may run before k.
  const found = planned(
    buffers('q', 'k', 'v'),
    [product('q', 'x', 'wq'), product('k', 'q', 'wk'), product('v', 'x', 'wv')].join('\n'),
    three,
  );
  expect(found).toMatchObject({ dispatches: 2, merges: 1 });
});

test('a weight is not changed before the product that reads it', () => {
  const update = `  nest "update" [%i: 16, %j: 16] {
    reduce "r" sum over [%k: n] (mul.f32(load.f32(@x, %k, %i), load.f32(@x, %k, %j))) : f32;
    store set @next[%i, %j] = sub.f32(load.f32(@wq, %i, %j), reduced.f32("r", 0))
  }`;
  const found = planned(
    `${buffers('q')}\n  buffer @next: f32[16, 16]`,
    [product('q', 'x', 'wq'), update].join('\n'),
    'output "q" @q, update "wq" @next',
  );
  expect(found).toMatchObject({ dispatches: 2, merges: 0 });
});

test('what would bind more buffers than WebGPU grants stays apart', () => {
  const biased = (to: string, weight: string): string =>
    product(to, 'x', weight).replace('= reduced.f32("r", 0)', '= add.f32(reduced.f32("r", 0), load.f32(@bias, %j))');
  const body = [biased('q', 'wq'), biased('k', 'wk'), biased('v', 'wv')].join('\n');
  // x, bias, three weights, three results.
  expect(planned(buffers('q', 'k', 'v'), body, three)).toMatchObject({ dispatches: 1, merges: 2 });
  const fourth = product('o', 'x', 'wq').replace('= reduced.f32("r", 0)', '= neg.f32(reduced.f32("r", 0))');
  const found = planned(buffers('q', 'k', 'v', 'o'), `${body}\n${fourth}`, `${three}, output "o" @o`);
  expect(found).toMatchObject({ dispatches: 2, merges: 2 });
});

test('of what has nothing in common, only small dispatches of one kernel go together', () => {
  const column = (to: string, from: string, monoid: string): string => `  nest "column" [%j: 16] {
    reduce "r" ${monoid} over [%i: 16] (load.f32(@${from}, %i, %j)) : f32;
    store set @${to}[%j] = reduced.f32("r", 0)
  }`;
  const own = '  buffer @q: f32[16]\n  buffer @k: f32[16]';
  const results = 'output "q" @q, output "k" @k';
  const alike = planned(own, `${column('q', 'wq', 'sum')}\n${column('k', 'wk', 'sum')}`, results);
  expect(alike).toMatchObject({ dispatches: 1, merges: 1 });
  const others = planned(own, `${column('q', 'wq', 'sum')}\n${column('k', 'wk', 'max')}`, results);
  expect(others).toMatchObject({ dispatches: 2, merges: 0 });
});

const dispatchesIn = async (file: string, name: string): Promise<number> => {
  const { lowered } = await compileFile(file, ['webgpu']);
  const plan = lowered.programs[0]?.plans.find((each) => each.name === name);
  return dispatchesOf(plan?.steps ?? []).length;
};

test('a transformer block takes 7 dispatches: both norms, the projections, attention, and the feed-forward', async () => {
  expect(await dispatchesIn('bench/models/block.dlm', 'Block.forward')).toBe(7);
});

test('a training step of three dense layers takes 11 dispatches', async () => {
  expect(await dispatchesIn('bench/models/mlp-train.dlm', 'Fit.step')).toBe(11);
});
