// Random tensors and shapes for the generators of ops. fast-check comes in as an argument, so that the
// compiler does not ship it.
import type * as FastCheck from 'fast-check';
import type { DType } from '../dtype.ts';
import type { Tensor } from '../op.ts';
import { sizeOf } from './tensor.ts';

type Arbitrary<T> = FastCheck.Arbitrary<T>;
type Fc = typeof FastCheck;

/** Bounds of the values of a random tensor. */
export interface Values {
  readonly min?: number;
  readonly max?: number;
}

/** A number of `dtype`. Floats are f32 numbers, a quarter of them halves of integers (ties, zeros). */
export function scalars(fc: Fc, dtype: DType, { min = -3, max = 3 }: Values = {}): Arbitrary<number> {
  if (dtype === 'bool') return fc.integer({ min: 0, max: 1 });
  if (dtype === 'i32') return fc.integer({ min: Math.ceil(min), max: Math.floor(max) });
  if (dtype === 'u32') return fc.integer({ min: Math.max(0, Math.ceil(min)), max: Math.floor(max) });
  const halves = fc.integer({ min: Math.ceil(min * 2), max: Math.floor(max * 2) }).map((n) => n / 2);
  const reals = fc.integer({ min: 0, max: 1 << 20 }).map((n) => Math.fround(min + ((max - min) * n) / (1 << 20)));
  return fc.oneof({ weight: 1, arbitrary: halves }, { weight: 3, arbitrary: reals });
}

/** A tensor of this concrete shape. */
export function tensorOf(fc: Fc, dtype: DType, shape: readonly number[], values: Values = {}): Arbitrary<Tensor> {
  const size = sizeOf(shape);
  return fc
    .array(scalars(fc, dtype, values), { minLength: size, maxLength: size })
    .map((data) => ({ dtype, shape, data: Float64Array.from(data) }));
}

/** A concrete shape with extents 1 … `max`. */
export function shapes(fc: Fc, { minRank = 0, maxRank = 3, max = 4 } = {}): Arbitrary<number[]> {
  return fc.array(fc.integer({ min: 1, max }), { minLength: minRank, maxLength: maxRank });
}

/** A tensor of a random shape. */
export function tensors(fc: Fc, dtype: DType, values: Values = {}, ranks = {}): Arbitrary<Tensor> {
  return shapes(fc, ranks).chain((shape) => tensorOf(fc, dtype, shape, values));
}

/** One of the dtypes. */
export const oneDType = (fc: Fc, ...from: readonly DType[]): Arbitrary<DType> => fc.constantFrom(...from);

/** An order of the axes 0 … rank − 1. */
export const orders = (fc: Fc, rank: number): Arbitrary<number[]> => {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  return fc.shuffledSubarray(axes, { minLength: rank, maxLength: rank });
};

/** Some of the axes 0 … rank − 1, in order. */
export const someAxes = (fc: Fc, rank: number, minLength = 0): Arbitrary<number[]> =>
  fc.subarray(
    Array.from({ length: rank }, (_, axis) => axis),
    { minLength },
  );

/** A random sliding window: extents of the operand's axes, taps, and attributes under which it fits. */
export interface WindowCase {
  readonly extents: readonly number[];
  readonly taps: readonly number[];
  readonly attrs: Readonly<Record<'stride' | 'dilation' | 'base' | 'lo' | 'hi', readonly number[]>>;
}

/** Windows over `minRank` to `maxRank` axes: strides, holes on either side, padding and cutting. */
export function windowCases(fc: Fc, { minRank = 0, maxRank = 2 } = {}): Arbitrary<WindowCase> {
  const axis = fc
    .record({
      extent: fc.integer({ min: 1, max: 5 }),
      taps: fc.integer({ min: 1, max: 3 }),
      stride: fc.integer({ min: 1, max: 3 }),
      dilation: fc.integer({ min: 1, max: 2 }),
      base: fc.constantFrom(1, 1, 2, 3),
      lo: fc.integer({ min: -1, max: 2 }),
      hi: fc.integer({ min: -1, max: 2 }),
    })
    .map((one) => {
      const room = (one.extent - 1) * one.base + one.lo + one.hi - (one.taps - 1) * one.dilation;
      return room < 0 ? { ...one, hi: one.hi - room } : one;
    });
  return fc.array(axis, { minLength: minRank, maxLength: maxRank }).map((axes) => {
    const all = (name: 'extent' | 'taps' | keyof WindowCase['attrs']): number[] => axes.map((one) => one[name]);
    const attrs = { stride: all('stride'), dilation: all('dilation'), base: all('base'), lo: all('lo'), hi: all('hi') };
    return { extents: all('extent'), taps: all('taps'), attrs };
  });
}

/** The number of windows along each axis of a case. */
export const windowShape = ({ extents, taps, attrs: { stride, dilation, base, lo, hi } }: WindowCase): number[] =>
  extents.map((extent, at) => {
    const room = (extent - 1) * (base[at] ?? 1) + (lo[at] ?? 0) + (hi[at] ?? 0);
    return Math.floor((room - ((taps[at] ?? 1) - 1) * (dilation[at] ?? 1)) / (stride[at] ?? 1)) + 1;
  });
