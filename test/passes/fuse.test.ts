// Fusion keeps what a function computes and makes the nests that schedules expect.
import { describe, expect, test } from 'vitest';
import { check, lowerModule } from '../../src/index.ts';
import { interpretNests } from '../../src/ir/nest-interpreter.ts';
import { parseNests } from '../../src/ir/nest-text.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import { Facts } from '../../src/ir/dim-solver.ts';
import type { Expr } from '../../src/ir/expr.ts';
import type { GraphModule } from '../../src/ir/graph.ts';
import type { Nest, NestModule } from '../../src/ir/nest.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { autodiff } from '../../src/passes/autodiff.ts';
import { fuse } from '../../src/passes/fuse.ts';
import { NestGraph } from '../../src/passes/fusion/nest-graph.ts';
import { lowerToNests } from '../../src/passes/lower-to-nests.ts';
import {
  layerNormCase,
  linearCase,
  regressionCase,
  sampleTensor,
  softmaxCase,
  viewsCase,
} from '../support/graph-cases.ts';

const cx = { count: () => {} };
const cases: Readonly<Record<string, { module: () => GraphModule; nests: number; inputs: Record<string, Tensor> }>> = {
  softmax: { module: softmaxCase, nests: 1, inputs: { x: sampleTensor([3, 7]) } },
  'layer norm': { module: layerNormCase, nests: 1, inputs: { x: sampleTensor([3, 6]) } },
  'linear with relu': {
    module: linearCase,
    nests: 1,
    inputs: { x: sampleTensor([3, 5]), w: sampleTensor([4, 5], 2), bias: sampleTensor([4], 3) },
  },
  // x·w − y with its square; the loss; dw with the update as its epilogue.
  'regression step': {
    module: regressionCase,
    nests: 3,
    inputs: { x: sampleTensor([4, 3]), y: sampleTensor([4, 2], 2), w: sampleTensor([2, 3], 3) },
  },
  views: { module: viewsCase, nests: 1, inputs: { x: sampleTensor([2, 2, 6]) } },
};

const lowered = (module: GraphModule): NestModule => lowerToNests.run(autodiff.run(module, cx), cx);

function results(module: NestModule, inputs: Record<string, Tensor>): Record<string, readonly number[]> {
  const [fn] = module.functions;
  if (!fn) throw new Error('no function');
  return Object.fromEntries(
    Object.entries(interpretNests(fn, inputs)).map(([name, tensor]) => [name, [...tensor.data]]),
  );
}

describe.each(Object.entries(cases))('%s', (_, { module, nests, inputs }) => {
  test('lowered and fused nests compute what the graph computes', () => {
    const [fn] = autodiff.run(module(), cx).functions;
    if (!fn) throw new Error('no function');
    const expected = interpret(fn, inputs);
    for (const nestModule of [lowered(module()), fuse.run(lowered(module()), cx)]) {
      for (const [name, data] of Object.entries(results(nestModule, inputs))) {
        const wanted = [...(expected[name]?.data ?? [])];
        expect(data.length).toBe(wanted.length);
        data.forEach((value, at) => expect(value).toBeCloseTo(wanted[at] ?? NaN, 10));
      }
    }
  });

  test(`fuses to ${nests} nests`, () => {
    const [fn] = fuse.run(lowered(module()), cx).functions;
    expect(fn?.body.map((step) => (step.kind === 'loop' ? 'loop' : step.name))).toHaveLength(nests);
  });
});

test('a bias and an activation join the convolution that they follow', () => {
  const text = `
    import { Conv2d } from "std/nn"
    export model Net() {
      let conv = Conv2d(4, 8, 3, padding=1)
      export fn forward(x: [1, 4, 6, 6]) -> [1, 8, 6, 6] = relu(conv(x))
    }`;
  const { module } = check({ read: () => text, resolve: (_, path) => path }, 'net.dlm');
  if (!module) throw new Error('the program is wrong');
  const plan = lowerModule(module, ['wasm']).programs[0]?.plans.find(({ name }) => name === 'Net.forward');
  expect(plan?.steps.map(({ kind }) => kind)).toEqual(['dispatch']);
});

test('a mask of positions is computed where it is read, however many read it', () => {
  const text = `
    export model Net() {
      export fn forward(x: [t, t], y: [t, t]) {
        let allow = for i < t, j < t => j <= i
        (where(allow, x @ y, -inf), where(allow, y @ x, 0.0))
      }
    }`;
  const { module } = check({ read: () => text, resolve: (_, path) => path }, 'net.dlm');
  if (!module) throw new Error('the program is wrong');
  const forward = lowerModule(module).nests.functions.find(({ name }) => name === 'Net.forward');
  expect(forward?.body).toHaveLength(2);
  expect(forward?.buffers.map(({ type }) => type.dtype)).not.toContain('bool');
});

test('a merged nest does not come to read what is written while it could run', () => {
  const load = (buffer: string): Expr => ({ kind: 'load', dtype: 'f32', buffer, indices: [] });
  const store = (buffer: string, value: Expr): Nest => ({
    kind: 'nest',
    name: buffer,
    axes: [],
    origin: [],
    stages: [{ kind: 'store', axes: [], buffer, indices: [], value, combine: 'set' }],
  });
  // t has two writers; v and y come after both.
  const reads = store('y', load('p'));
  const body = [store('p', load('x')), store('t', load('x')), store('t', load('p')), store('v', load('t')), reads];
  const scope = { facts: new Facts(), body, outside: new Set(['x']), kept: new Set(['y']) };
  const graphs = [new NestGraph(scope), new NestGraph(scope)] as const;
  const mayRead = (graph: NestGraph, merged: boolean): boolean => {
    const [p, , , v, y] = graph.items;
    if (!p || !v || !y) throw new Error('five steps');
    if (merged) graph.merge(p, y, reads);
    return graph.mayReadDirectly(load('t'), v, y);
  };
  expect(mayRead(graphs[0], false)).toBe(true);
  expect(mayRead(graphs[1], true)).toBe(false);
});

test('a value under an axis of extent 1 is used without it where its store does not name it', () => {
  const text = `nests "units"

func @units(
  @x argument "x",
  @y argument "y"
) entry dims (n >= 1) {
  buffer @x: f32[1]
  buffer @y: f32[n]
  buffer @t0: f32[]
  buffer @t1: f32[n]
  nest "neg" [%i0: 1] {
    store set @t0[] = neg.f32(load.f32(@x, %i0))
  }
  nest "mul" [%i0: n] {
    store set @t1[%i0] = mul.f32(load.f32(@t0), load.f32(@y, %i0))
  }
  return output "r" @t1;
}
`;
  const fused = fuse.run(parseNests(text), cx);
  const inputs = { x: sampleTensor([1]), y: sampleTensor([3], 2) };
  expect(fused.functions[0]?.body.length).toBe(1);
  expect(results(fused, inputs)).toEqual(results(parseNests(text), inputs));
});
