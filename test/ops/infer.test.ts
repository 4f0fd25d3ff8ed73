// Shape rules over symbolic dims: what they accept, and what they say when they do not.
import { describe, expect, test } from 'vitest';
import { tensorType } from '../../src/ir/builder.ts';
import { add, constant, floorDiv, mul, sub, variable } from '../../src/ir/dim.ts';
import { Facts } from '../../src/ir/dim-solver.ts';
import type { Attrs, TensorType } from '../../src/ir/graph.ts';
import { ShapeError } from '../../src/ir/op.ts';
import { opNamed } from '../../src/ir/ops/registry.ts';
import { reshapedIndex } from '../../src/ir/ops/reshape.ts';
import { shapeText } from '../../src/ir/ops/shapes.ts';

const [b, n, m] = [variable('b'), variable('n'), variable('m')];
const facts = new Facts(['b', 'n', 'm'].map((name) => ({ name, min: 1 })));

function refusal(op: string, inputs: readonly TensorType[], attrs: Attrs = {}): { reason: string; message: string } {
  try {
    opNamed(op).infer(inputs, attrs, facts);
  } catch (error) {
    if (error instanceof ShapeError) return { reason: error.reason, message: error.message };
    throw error;
  }
  throw new Error(`${op} was accepted`);
}

const shapeOf = (op: string, inputs: readonly TensorType[], attrs: Attrs = {}): string =>
  opNamed(op)
    .infer(inputs, attrs, facts)
    .map(({ shape }) => shapeText(shape))
    .join(' ');

describe('symbolic shapes', () => {
  test('dot, concat, reshape, slice and pad over dims', () => {
    const x = tensorType('f32', [b, n]);
    expect(shapeOf('dot', [x, tensorType('f32', [m, n])], { batch: [], contract: [[1, 1]] })).toBe('[b, m]');
    expect(shapeOf('concat', [x, tensorType('f32', [b, 3])], { axis: 1 })).toBe('[b, n + 3]');
    expect(shapeOf('reshape', [x], { shape: [mul(b, n)] })).toBe('[b*n]');
    expect(shapeOf('slice', [x], { start: [0, 0], size: [b, n], stride: [1, 1] })).toBe('[b, n]');
    expect(shapeOf('slice', [x], { start: [sub(b, 1), 0], size: [b, 1], stride: [-1, 1] })).toBe('[b, 1]');
    expect(shapeOf('pad', [x], { lo: [0, m], hi: [0, 1], interior: [0, 1], value: 0 })).toBe('[b, m + 2*n]');
    expect(shapeOf('gather', [tensorType('f32', [n, m]), tensorType('i32', [b, 7])], { axis: 0 })).toBe('[b, 7, m]');
    expect(shapeOf('reduce', [tensorType('f32', [b, n, m])], { kind: 'sum', axes: [1] })).toBe('[b, m]');
  });

  test('refusals say what does not agree', () => {
    expect(refusal('add', [tensorType('f32', [b, 3]), tensorType('f32', [b, 4])])).toEqual({
      reason: 'shape',
      message: 'axis 1 of [b, 3] and [b, 4]: 3 is not 4',
    });
    expect(refusal('add', [tensorType('f32', [n]), tensorType('f32', [m])])).toEqual({
      reason: 'unknown',
      message: 'axis 0 of [n] and [m]: cannot prove that n = m',
    });
    expect(refusal('mul', [tensorType('f32', [n]), tensorType('i32', [n])])).toEqual({
      reason: 'dtype',
      message: 'operands have dtypes f32 and i32',
    });
    expect(refusal('exp', [tensorType('i32', [n])])).toEqual({
      reason: 'dtype',
      message: 'needs a float (f32, f16), got i32',
    });
    expect(refusal('reshape', [tensorType('f32', [b, 6])], { shape: [b, 7] })).toEqual({
      reason: 'shape',
      message: '[b, 6] has 6*b elements, [b, 7] has 7*b',
    });
    expect(refusal('slice', [tensorType('f32', [5])], { start: [3], size: [3], stride: [1] })).toEqual({
      reason: 'bounds',
      message: 'last element of the slice of axis 0 of f32[5]: 5 ≤ 4 does not hold',
    });
    expect(refusal('reduce', [tensorType('f32', [n])], { kind: 'sum', axes: [1] }).reason).toBe('attribute');
    expect(refusal('permute', [tensorType('f32', [n, m])], { order: [0, 0] }).reason).toBe('attribute');
    expect(refusal('gather', [tensorType('f32', [n]), tensorType('f32', [m])], { axis: 0 }).message).toBe(
      'the ids must be i32, got f32',
    );
    expect(refusal('gradient', [tensorType('f32', [n]), tensorType('f32', [])]).reason).toBe('rank');
    expect(refusal('iota', [], { shape: [n], axis: 0 })).toEqual({
      reason: 'attribute',
      message: "attribute 'dtype' must be a dtype",
    });
    expect(refusal('select', [tensorType('f32', []), tensorType('f32', []), tensorType('f32', [])]).message).toBe(
      'the condition must be bool, got f32',
    );
  });
});

describe('reshape touches only the axes that change', () => {
  const [i, j, k] = [variable('%i'), variable('%j'), variable('%k')];

  test('merged and split axes', () => {
    expect(reshapedIndex([b, constant(28), constant(28)], [b, constant(784)], [i, j])).toEqual(
      [i, floorDiv(j, 28), sub(j, mul(28, floorDiv(j, 28)))].map((d, at) =>
        at === 2 ? expect.objectContaining({ key: 'mod(%j, 28)' }) : d,
      ),
    );
    expect(reshapedIndex([b, mul(n, m)], [b, n, m], [i, j, k])).toEqual([i, add(mul(m, j), k)]);
  });

  test('axes of extent 1 come and go', () => {
    expect(reshapedIndex([b, n], [b, constant(1), n], [i, j, k])).toEqual([i, k]);
    expect(reshapedIndex([constant(1), n, m], [n, m, constant(1)], [i, j, k]).map(({ key }) => key)).toEqual([
      '0',
      '%i',
      '%j',
    ]);
    expect(reshapedIndex([constant(1), constant(1)], [], []).map(({ key }) => key)).toEqual(['0', '0']);
  });
});
