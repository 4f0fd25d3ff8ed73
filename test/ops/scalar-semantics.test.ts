// The scalar table: what each op gives at its edges, and published answers of threefry.
import { describe, expect, test } from 'vitest';
import type { DType } from '../../src/ir/dtype.ts';
import type { BinaryOp, UnaryOp } from '../../src/ir/expr.ts';
import {
  erf,
  evaluateBinary,
  evaluateBitcast,
  evaluateCast,
  evaluateUnary,
  roundToEven,
} from '../../src/ir/scalar-semantics.ts';
import { threefry2x32 } from '../../src/ir/threefry.ts';

const MIN = -2147483648;

test.each<[BinaryOp, DType, number, number, number]>([
  ['add', 'i32', 2147483647, 1, MIN],
  ['add', 'u32', 4294967295, 1, 0],
  ['sub', 'u32', 0, 1, 4294967295],
  ['mul', 'i32', 65537, 65537, 131073],
  ['mul', 'u32', 4294967295, 4294967295, 1],
  ['div', 'i32', 7, -2, -3],
  ['div', 'i32', 5, 0, 0],
  ['div', 'i32', MIN, -1, MIN],
  ['div', 'u32', 4294967295, 2, 2147483647],
  ['div', 'f32', 1, 4, 0.25],
  ['rem', 'i32', -7, 3, -1],
  ['rem', 'i32', 5, 0, 0],
  ['rem', 'i32', MIN, -1, 0],
  ['rem', 'f32', -7.5, 2, -1.5],
  ['shl', 'i32', 1, 33, 2],
  ['shl', 'u32', 1, 31, 2147483648],
  ['shr', 'i32', -8, 1, -4],
  ['shr', 'u32', 4294967288, 1, 2147483644],
  ['min', 'f32', Number.NaN, 2, 2],
  ['max', 'f32', 2, Number.NaN, 2],
  ['max', 'u32', 4294967295, 1, 4294967295],
  ['lt', 'f32', 1, 2, 1],
  ['le', 'f32', 2, 2, 1],
  ['ne', 'f32', Number.NaN, Number.NaN, 1],
  ['eq', 'bool', 1, 1, 1],
  ['and', 'u32', 0xf0f0f0f0, 0xff000000, 0xf0000000],
  ['xor', 'bool', 1, 1, 0],
  ['pow', 'f32', -2, 3, -8],
  ['pow', 'f32', 0, 0, 1],
])('%s of %s: %d, %d gives %d', (op, dtype, a, b, expected) => {
  expect(evaluateBinary(op, dtype, a, b) + 0).toBe(expected);
});

test.each<[UnaryOp, DType, number, number]>([
  ['neg', 'i32', MIN, MIN],
  ['abs', 'i32', MIN, MIN],
  ['sign', 'f32', -0.5, -1],
  ['not', 'bool', 1, 0],
  ['not', 'u32', 0, 4294967295],
  ['not', 'i32', 0, -1],
  ['sigmoid', 'f32', -800, 0],
  ['sigmoid', 'f32', 800, 1],
  ['round', 'f32', 2.5, 2],
  ['round', 'f32', -3.5, -4],
])('%s of %s: %d gives %d', (op, dtype, x, expected) => {
  expect(evaluateUnary(op, dtype, x) + 0).toBe(expected);
});

test('round goes to even on ties only', () => {
  expect([0.5, 1.5, 2.5, 0.49, 2.51, -0.5, -1.5].map((x) => roundToEven(x) + 0)).toEqual([0, 2, 2, 0, 3, 0, -2]);
});

test.each([
  [0.1, 0.1124629160182849],
  [0.5, 0.5204998778130465],
  [1, 0.8427007929497149],
  [2, 0.9953222650189527],
  [-3, -0.9999779095030014],
  [7, 1],
])('erf(%d)', (x, expected) => {
  expect(Math.abs(erf(x) - expected)).toBeLessThan(4e-16);
});

test.each<[DType, DType, number, number]>([
  ['f32', 'i32', 1e20, 2147483647],
  ['f32', 'i32', -1e20, MIN],
  ['f32', 'i32', -1.9, -1],
  ['f32', 'i32', Number.NaN, 0],
  ['f32', 'u32', -3, 0],
  ['f32', 'u32', 5e9, 4294967295],
  ['i32', 'u32', -1, 4294967295],
  ['u32', 'i32', 4294967295, -1],
  ['f32', 'bool', -0.5, 1],
  ['bool', 'f32', 1, 1],
])('cast %s to %s: %d gives %d', (from, to, x, expected) => {
  expect(evaluateCast(from, to, x)).toBe(expected);
});

test('bitcast keeps the bits', () => {
  expect(evaluateBitcast('f32', 'u32', 1)).toBe(0x3f800000);
  expect(evaluateBitcast('u32', 'f32', 0x40490fdb)).toBe(Math.fround(Math.PI));
  expect(evaluateBitcast('u32', 'i32', 4294967295)).toBe(-1);
});

describe('threefry2x32 with 20 rounds', () => {
  // Known answers of the Random123 library (kat_vectors).
  test.each<[readonly [number, number], readonly [number, number], readonly [number, number]]>([
    [
      [0, 0],
      [0, 0],
      [0x6b200159, 0x99ba4efe],
    ],
    [
      [0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x1cb996fc, 0xbb002be7],
    ],
    [
      [0x13198a2e, 0x03707344],
      [0x243f6a88, 0x85a308d3],
      [0xc4923a9c, 0x483df7a0],
    ],
  ])('key %s, counter %s', (key, counter, words) => {
    expect(threefry2x32(key, counter)).toEqual(words);
  });
});
