// Convolution and pooling over symbolic dims, against hand-computed numbers, and twice differentiated.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Builder, tensorType } from '../../src/ir/builder.ts';
import { asConstant, constant, variable } from '../../src/ir/dim.ts';
import { Facts } from '../../src/ir/dim-solver.ts';
import type { Attrs, GraphFunction, GraphModule, Value } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import { interpretNests } from '../../src/ir/nest-interpreter.ts';
import { ShapeError, type Tensor } from '../../src/ir/op.ts';
import { tensorOf } from '../../src/ir/ops/arbitrary.ts';
import { opNamed } from '../../src/ir/ops/registry.ts';
import { shapeText } from '../../src/ir/ops/shapes.ts';
import { autodiff } from '../../src/passes/autodiff.ts';
import { fuse } from '../../src/passes/fuse.ts';
import { lowerToNests } from '../../src/passes/lower-to-nests.ts';
import { sampleTensor } from '../support/graph-cases.ts';
import { caseFunction, functionOf, moduleOf, moved, partial } from '../support/op-case.ts';
import { runs } from '../support/property-settings.ts';
import { runNests } from '../wasm/run-nests.ts';

const cx = { count: () => undefined };
const [b, h, w] = [variable('b'), variable('h'), variable('w')];
const facts = (): Facts => new Facts(['b', 'h', 'w'].map((name) => ({ name, min: 1 })));

const plain = { stride: [1, 1], dilation: [1, 1], base: [1, 1], lo: [1, 1], hi: [1, 1] };
const tensor = (shape: number[], data: number[]): Tensor => ({ dtype: 'f32', shape, data: Float64Array.from(data) });

function run(op: string, inputs: Tensor[], attrs: Attrs, at = 0): number[] {
  const fn = caseFunction(opNamed(op), { inputs, attrs });
  const named = Object.fromEntries(inputs.map((x, at) => [`x${at}`, x]));
  return [...(interpret(fn, named)[`y${at}`]?.data ?? [])];
}

describe('numbers', () => {
  const image = tensor([1, 1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const corner = tensor([1, 1, 1, 2, 2], [1, 0, 0, -1]);

  test('a 2 × 2 kernel does not flip', () => {
    const attrs = { ...plain, lo: [0, 0], hi: [0, 0] };
    expect(run('conv', [image, corner], attrs)).toEqual([-4, -4, -4, -4]);
  });

  test('padding, stride and dilation', () => {
    expect(run('conv', [image, corner], { ...plain, stride: [2, 2] })).toEqual([-1, -3, -7, -4]);
    expect(run('conv', [image, corner], { ...plain, dilation: [2, 2] })).toEqual([-5, -6, 0, -8, -8, 2, 0, 4, 5]);
  });

  test('a transposed convolution: base is its stride', () => {
    const x = tensor([1, 1, 1, 2], [1, 10]);
    const taps = tensor([1, 1, 1, 3], [1, 2, 3]);
    const attrs = { stride: [1], dilation: [1], base: [2], lo: [2], hi: [2] };
    expect(run('conv', [x, taps], attrs)).toEqual([3, 2, 31, 20, 10]);
  });

  test('max pooling picks, and padding never wins', () => {
    const window = { window: [2], stride: [2], dilation: [1], base: [1], lo: [1], hi: [1] };
    const x = tensor([6], [-5, -2, -3, -3, 7, 9]);
    expect(run('window_max', [x], window)).toEqual([-5, -2, 7, 9]);
    expect(run('window_max', [x], window, 1)).toEqual([1, 0, 1, 0]);
    const taps: Tensor = { dtype: 'i32', shape: [4], data: Float64Array.from([1, 0, 1, 0]) };
    expect(run('window_pick', [x, taps], window)).toEqual([-5, -2, 7, 9]);
    expect(run('window_sum', [x], window)).toEqual([-5, -5, 4, 9]);
  });
});

interface Chain {
  readonly weights: number[];
  readonly shape: string;
  readonly make: (g: Builder, x: Value, weights: Value) => Value;
}

/** x: [b, 1, 2, h, w] through windows over symbolic extents. */
const chains: Readonly<Record<string, Chain>> = {
  same: { weights: [1, 3, 2, 3, 3], shape: '[b, 1, 3, h, w]', make: (g, x, k) => g.op('conv', [x, k], plain) },
  'strided and dilated': {
    weights: [1, 2, 2, 3, 1],
    shape: '[b, 1, 2, floor_div(h + 1, 2), floor_div(w + 1, 2) + 1]',
    make: (g, x, k) => g.op('conv', [x, k], { ...plain, stride: [2, 2], dilation: [1, 2], lo: [1, 1], hi: [1, 1] }),
  },
  'grown by a stride': {
    weights: [1, 1, 2, 2, 2],
    shape: '[b, 1, 1, 2*h, 2*w]',
    make: (g, x, k) => g.op('conv', [x, k], { ...plain, base: [2, 2] }),
  },
  'max pooling': {
    weights: [1],
    shape: '[b, 1, 2, floor_div(h, 2) + 1, floor_div(w, 2) + 1]',
    make: (g, x) => g.op('window_max', [x], { ...plain, window: [2, 2], stride: [2, 2] }),
  },
  'sum pooling': {
    weights: [1],
    shape: '[b, 1, 2, floor_div(h, 2) + 1, w]',
    make: (g, x) => g.op('window_sum', [x], { ...plain, window: [2, 3], stride: [2, 1] }),
  },
};

interface Built {
  readonly module: GraphModule;
  readonly y: Value;
}

/** y, the gradient of Σ sin y, and the gradient of the sum of squares of that one. */
function build({ weights, make }: Chain): Built {
  const g = new Builder(facts());
  const x: Value = { type: tensorType('f32', [b, 1, 2, h, w]) };
  const k: Value = { type: tensorType('f32', weights) };
  const y = make(g, x, k);
  const total = (v: Value): Value => g.reduce('sum', v, [...v.type.shape.keys()]);
  const loss = total(g.unary('sin', y));
  const [dx = x, dk = k] = g.node('gradient', [loss, x, k]);
  const norm = g.add(total(g.mul(dx, dx)), total(g.mul(dk, dk)));
  const [ddx = x, ddk = k] = g.node('gradient', [norm, x, k]);
  const fn = functionOf(g, { x, k }, { y, loss, norm, dx, dk, ddx, ddk });
  return { module: autodiff.run(moduleOf(fn), cx), y };
}

const sampled = ({ type }: Value): Tensor => sampleTensor(type.shape.map((d) => asConstant(d) ?? 1));

const only = <T>([item]: readonly T[]): T => {
  if (item === undefined) throw new Error('nothing there');
  return item;
};

/** Differences of the scalar `loss` by some elements of `input` against the tensor `gradient`. */
function differ(
  fn: GraphFunction,
  given: Record<string, Tensor>,
  loss: string,
  input: string,
  gradient: string,
): number {
  const results = interpret(fn, given);
  const x = given[input] ?? tensor([], []);
  let compared = 0;
  for (let at = 0; at < x.data.length; at += 3) {
    const numeric = partial(
      (shift) =>
        interpret(fn, { ...given, [input]: moved(x, at, shift) }, { outputs: [loss] })[loss]?.data[0] ?? Number.NaN,
    );
    if (numeric === undefined) continue;
    compared++;
    const exact = results[gradient]?.data[at] ?? Number.NaN;
    expect(Math.abs(exact - numeric) / (1 + Math.abs(numeric)), `${gradient}[${at}]`).toBeLessThan(1e-5);
  }
  return compared;
}

describe('windows over symbolic dims', () => {
  test.each(Object.entries(chains))('%s', (_name, chain) => {
    const { module, y } = build(chain);
    expect(shapeText(y.type.shape)).toBe(chain.shape);
    const fn = only(module.functions);
    const nests = only(lowerToNests.run(module, cx).functions);
    let compared = 0;
    const sizes = fc.tuple(
      fc.integer({ min: 1, max: 2 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 3 }),
    );
    const given = sizes.chain(([rows, height, width]) =>
      fc.record({
        x: tensorOf(fc, 'f32', [rows, 1, 2, height, width]),
        k: tensorOf(fc, 'f32', chain.weights, { min: -1, max: 1 }),
      }),
    );
    fc.assert(
      fc.property(given, (inputs) => {
        const expected = interpret(fn, inputs);
        for (const [name, { data }] of Object.entries(interpretNests(nests, inputs)))
          data.forEach((value, at) => expect(value).toBeCloseTo(expected[name]?.data[at] ?? Number.NaN, 9));
        compared += differ(fn, inputs, 'loss', 'x', 'dx') + differ(fn, inputs, 'loss', 'k', 'dk');
        compared += differ(fn, inputs, 'norm', 'x', 'ddx') + differ(fn, inputs, 'norm', 'k', 'ddk');
      }),
      { numRuns: runs(4) },
    );
    expect(compared).toBeGreaterThan(10);
  });
});

describe('elements that lie apart', () => {
  // Windows one apart over elements `base` apart, as many as fill whole phases.
  const grown = fc
    .record({
      extent: fc.integer({ min: 1, max: 6 }),
      taps: fc.integer({ min: 1, max: 5 }),
      base: fc.integer({ min: 2, max: 3 }),
      lo: fc.integer({ min: -1, max: 4 }),
      groups: fc.integer({ min: 1, max: 4 }),
    })
    .map((one) => ({ ...one, hi: one.groups * one.base - 2 + one.taps - (one.extent - 1) * one.base - one.lo }));

  test('whole phases visit only the taps that hit an element, with any epilogue', () => {
    fc.assert(
      fc.property(fc.array(grown, { minLength: 1, maxLength: 2 }), fc.integer({ min: 1, max: 5 }), (axes, channels) => {
        const ones = axes.map(() => 1);
        const of = (name: 'extent' | 'taps' | 'base' | 'lo' | 'hi'): number[] => axes.map((axis) => axis[name]);
        const g = new Builder();
        const x: Value = { type: tensorType('f32', [2, 1, channels, ...of('extent')]) };
        const k: Value = { type: tensorType('f32', [1, 3, channels, ...of('taps')]) };
        const attrs = { stride: ones, dilation: ones, base: of('base'), lo: of('lo'), hi: of('hi') };
        const y = g.op('conv', [x, k], attrs);
        const fn = functionOf(g, { x, k }, { y: g.binary('max', y, g.like(y, 0.25)) });
        const nests = lowerToNests.run(moduleOf(fn), cx);
        const [nest] = only(nests.functions).body;
        const visited =
          nest?.kind === 'nest' ? nest.stages.flatMap((stage) => (stage.kind === 'reduce' ? stage.axes : [])) : [];
        const taps = of('taps').map((n, at) => constant(Math.ceil(n / (of('base')[at] ?? 1))));
        expect(visited.map(({ extent }) => extent)).toEqual([constant(channels), ...taps]);
        const inputs = { x: sampled(x), k: sampled(k) };
        const fused = only(fuse.run(nests, cx).functions);
        const expected = interpret(fn, inputs)['y'] ?? tensor([], []);
        for (const found of [interpretNests(fused, inputs), runNests(fused, inputs)])
          expected.data.forEach((value, at) => expect(found['y']?.data[at]).toBeCloseTo(value, 4));
      }),
      { numRuns: runs(40) },
    );
  });
});

/** What the shape rule says. */
const refusal = (inputs: number[][], attrs: Attrs): string => {
  try {
    opNamed('conv').infer(
      inputs.map((shape) => tensorType('f32', shape)),
      attrs,
      facts(),
    );
  } catch (error) {
    if (error instanceof ShapeError) return `${error.reason}: ${error.message}`;
  }
  return 'accepted';
};

describe('refusals', () => {
  const attrs = { stride: [1], dilation: [2], base: [1], lo: [0], hi: [0] };

  test.each([
    [
      'a window that does not fit',
      [
        [1, 1, 1, 4],
        [1, 1, 1, 3],
      ],
      attrs,
      'bounds: the window along spatial axis 0, from its first tap to its last: 4 ≤ 3 does not hold',
    ],
    [
      'channels',
      [
        [1, 1, 2, 9],
        [1, 1, 1, 3],
      ],
      attrs,
      'shape: channels of f32[1, 1, 2, 9] and of the weights f32[1, 1, 1, 3]: 2 is not 1',
    ],
    [
      'groups',
      [
        [1, 2, 1, 9],
        [1, 1, 1, 3],
      ],
      attrs,
      'shape: groups of f32[1, 2, 1, 9] and of the weights f32[1, 1, 1, 3]: 2 is not 1',
    ],
    [
      'a stride of 0',
      [
        [1, 1, 1, 9],
        [1, 1, 1, 3],
      ],
      { ...attrs, stride: [0] },
      'attribute: stride, dilation and base must be whole numbers ≥ 1',
    ],
    [
      'attributes of another rank',
      [
        [1, 1, 1, 9],
        [1, 1, 1, 3],
      ],
      { ...attrs, lo: [0, 0] },
      'attribute: a window over 1 axes needs as many entries in every attribute',
    ],
    [
      'what fits',
      [
        [1, 1, 1, 5],
        [1, 1, 1, 3],
      ],
      attrs,
      'accepted',
    ],
  ] as const)('%s', (_what, inputs, given, message) => {
    expect(
      refusal(
        inputs.map((shape) => [...shape]),
        given,
      ),
    ).toBe(message);
  });

  test('a symbolic extent needs room for the window', () => {
    const x = tensorType('f32', [1, 1, 1, h]);
    const narrow = (): unknown => opNamed('conv').infer([x, tensorType('f32', [1, 1, 1, 3])], attrs, facts());
    expect(narrow).toThrow('cannot prove that 4 ≤ h - 1');
    expect(
      opNamed('conv').infer([x, tensorType('f32', [1, 1, 1, 3])], { ...attrs, hi: [constant(4)] }, facts()),
    ).toEqual([tensorType('f32', [1, 1, 1, h])]);
  });
});
