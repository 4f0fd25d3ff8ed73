// Loops: a recurrent cell as a scan against the same cell unrolled, forward and gradient, on the graph,
// as nests, and fused; the number of nests does not depend on the length.
import { describe, expect, test } from 'vitest';
import { Builder } from '../../src/ir/builder.ts';
import { dim } from '../../src/ir/dim.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import { interpretNests } from '../../src/ir/nest-interpreter.ts';
import type { GraphModule, Region, Value } from '../../src/ir/graph.ts';
import type { NestModule, NestStep } from '../../src/ir/nest.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { autodiff } from '../../src/passes/autodiff.ts';
import { dce } from '../../src/passes/dce.ts';
import { hoist } from '../../src/passes/hoist.ts';
import { fuse } from '../../src/passes/fuse.ts';
import { lowerToNests } from '../../src/passes/lower-to-nests.ts';
import { verifyGraph } from '../../src/ir/graph-verify.ts';
import { FunctionCase, sampleTensor } from '../support/graph-cases.ts';

const cx = { count: () => {} };
const [batch, width] = [2, 3];

/** h' = tanh(x·w + h·wᵀ + bias) */
function cell(b: Builder, h: Value, x: Value, w: Value, bias: Value): Value {
  const z = b.add(b.dot(x, w, [], [[1, 0]]), b.dot(h, w, [], [[1, 1]]));
  return b.unary('tanh', b.add(z, b.broadcast(bias, [1], z.type.shape)));
}

interface Recurrent {
  readonly length: number;
  readonly unrolled: boolean;
  readonly reverse?: boolean;
}

/** Σ of all h and twice the last one, its gradients by x, w, bias and the first h. */
function recurrent({ length, unrolled, reverse = false }: Recurrent): GraphModule {
  const f = new FunctionCase();
  const { b } = f;
  const x = f.input('x', [length, batch, width]);
  const [w, bias, h0] = [f.input('w', [width, width]), f.input('bias', [width]), f.input('h0', [batch, width])];
  const { last, outs } = (unrolled ? unrolledLoop : scanLoop)(b, x, w, bias, h0, length, reverse);
  const total = b.reduce('sum', b.mul(outs, outs), [0, 1, 2]);
  const loss = b.add(total, b.reduce('sum', b.add(last, last), [0, 1]));
  const [dx, dw, dbias, dh0] = b.node('gradient', [loss, x, w, bias, h0]);
  if (!dx || !dw || !dbias || !dh0) throw new Error('no gradients');
  return f.module({ loss, outs, last, dx, dw, dbias, dh0 });
}

const param = (shape: number[], dtype: 'f32' | 'i32' = 'f32'): Value => ({
  type: { dtype, shape: shape.map((n) => dim(n)) },
});

type Loop = (
  b: Builder,
  x: Value,
  w: Value,
  bias: Value,
  h0: Value,
  length: number,
  reverse: boolean,
) => { last: Value; outs: Value };

const scanLoop: Loop = (b, x, w, bias, h0, length, reverse) => {
  const inner = new Builder(b.facts);
  const params = [param([], 'i32'), param([batch, width]), param([batch, width])] as const;
  const h = cell(inner, params[1], params[2], w, bias);
  const region: Region = { params, nodes: inner.nodes, results: [h, h] };
  const [last, outs] = b.node('scan', [h0, x], { carries: 1, length: dim(length), reverse }, [region]);
  if (!last || !outs) throw new Error('no results');
  return { last, outs };
};

const unrolledLoop: Loop = (b, x, w, bias, h0, length, reverse) => {
  const outs: Value[] = [];
  let last = h0;
  for (let step = 0; step < length; step++) {
    const t = reverse ? length - 1 - step : step;
    const slice = b.op('slice', [x], {
      start: [dim(t), dim(0), dim(0)],
      size: [dim(1), dim(batch), dim(width)],
      stride: [1, 1, 1],
    });
    last = cell(b, last, b.reshape(slice, [batch, width]), w, bias);
    outs[t] = b.reshape(last, [1, batch, width]);
  }
  return { last, outs: b.op('concat', outs, { axis: 0 }) };
};

const inputs = (length: number): Record<string, Tensor> => ({
  x: sampleTensor([length, batch, width]),
  w: sampleTensor([width, width], 2),
  bias: sampleTensor([width], 3),
  h0: sampleTensor([batch, width], 4),
});

const graphOf = (module: GraphModule): GraphModule => dce.run(autodiff.run(module, cx), cx);
const first = <T>(items: readonly T[]): T => {
  const [item] = items;
  if (item === undefined) throw new Error('nothing there');
  return item;
};

function expectSame(actual: Record<string, Tensor>, expected: Record<string, Tensor>): void {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [name, { data }] of Object.entries(expected)) {
    data.forEach((value, at) => expect(actual[name]?.data[at], `${name}[${at}]`).toBeCloseTo(value, 9));
  }
}

const countNests = (steps: readonly NestStep[]): number =>
  steps.reduce((sum, step) => sum + (step.kind === 'loop' ? countNests(step.body) : 1), 0);

describe.each([false, true])('a scan, reverse %s', (reverse) => {
  const length = 4;
  const module = graphOf(recurrent({ length, unrolled: false, reverse }));
  const expected = interpret(first(graphOf(recurrent({ length, unrolled: true, reverse })).functions), inputs(length));

  test('verifies', () => expect(verifyGraph(module)).toEqual([]));

  test('equals the unrolled loop, forward and gradient', () => {
    expectSame(interpret(first(module.functions), inputs(length)), expected);
  });

  const hoisted = dce.run(
    hoist.run(autodiff.run(hoist.run(recurrent({ length, unrolled: false, reverse }), cx), cx), cx),
    cx,
  );

  test('keeps its meaning when products leave the loop', () => {
    expect(verifyGraph(hoisted)).toEqual([]);
    expectSame(interpret(first(hoisted.functions), inputs(length)), expected);
  });

  // Forward h·w, which the backward loop reads; backward its pull-back to h.
  test('leaves only the recurrent products in the loops', () => {
    const loops = first(hoisted.functions).nodes.filter(({ op }) => op === 'scan');
    const products = loops.map(({ regions }) => first(regions).nodes.filter(({ op }) => op === 'dot').length);
    expect(products).toEqual([1, 1]);
  });

  test.each([
    ['as written', module],
    ['with products hoisted', hoisted],
  ])('equals it as nests and fused, %s', (_, graph) => {
    const nests: NestModule = lowerToNests.run(graph, cx);
    expectSame(interpretNests(first(nests.functions), inputs(length)), expected);
    expectSame(interpretNests(first(fuse.run(nests, cx).functions), inputs(length)), expected);
  });
});

const nestsOf = (length: number): number =>
  countNests(first(fuse.run(lowerToNests.run(graphOf(recurrent({ length, unrolled: false })), cx), cx).functions).body);

test('the number of nests does not depend on the length', () => {
  expect(nestsOf(512)).toBe(nestsOf(4));
});
