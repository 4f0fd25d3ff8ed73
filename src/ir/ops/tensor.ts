// Concrete tensors of the reference interpreter: making them, and walking their indices.
import type { DType } from '../dtype.ts';
import { isFloat } from '../dtype.ts';
import type { EvaluateContext, Tensor } from '../op.ts';
import { CompilerBug } from '../../support/diagnostic.ts';

/** The number of elements of a concrete shape. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((size, n) => size * n, 1);

/** A tensor whose element at row-major position e is `value(e)`. */
export function fill(dtype: DType, shape: readonly number[], value: (position: number) => number): Tensor {
  const data = new Float64Array(sizeOf(shape));
  for (let e = 0; e < data.length; e++) data[e] = value(e);
  return { dtype, shape, data };
}

/** A tensor whose element at `index` is `value(index)`; the index array is reused between calls. */
export function build(dtype: DType, shape: readonly number[], value: (index: readonly number[]) => number): Tensor {
  const data = new Float64Array(sizeOf(shape));
  let e = 0;
  forEachIndex(shape, (index) => {
    data[e++] = value(index);
  });
  return { dtype, shape, data };
}

/** Calls `visit` with every index of `shape`, in row-major order; the array is reused between calls. */
export function forEachIndex(shape: readonly number[], visit: (index: readonly number[]) => void): void {
  const index = shape.map(() => 0);
  const count = sizeOf(shape);
  for (let e = 0; e < count; e++) {
    visit(index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      if (next < (shape[axis] ?? 0)) {
        index[axis] = next;
        break;
      }
      index[axis] = 0;
    }
  }
}

/** Row-major position of `index` in a tensor of this shape. */
export const positionOf = (shape: readonly number[], index: readonly number[]): number =>
  index.reduce((position, i, axis) => position * (shape[axis] ?? 0) + i, 0);

/** The element at `index`. */
export const element = (x: Tensor, index: readonly number[]): number => itemAt(x, positionOf(x.shape, index));

/** The element at a row-major position. */
export function itemAt(x: Tensor, position: number): number {
  const value = x.data[position];
  if (value === undefined) throw new CompilerBug(`element ${position} of a tensor of ${x.data.length}`);
  return value;
}

/** Operand `at` of an evaluation. */
export function tensorAt(inputs: readonly Tensor[], at: number): Tensor {
  const tensor = inputs[at];
  if (!tensor) throw new CompilerBug(`operand ${at} of ${inputs.length} is missing`);
  return tensor;
}

/** The concrete shape that the declared type of result `at` has in this run. */
export function resultShape(cx: EvaluateContext, at = 0): number[] {
  const type = cx.types[at];
  if (!type) throw new CompilerBug(`result ${at} has no declared type`);
  return type.shape.map(cx.dims);
}

/** Rounds as this run computes, where the dtype is a float. */
export const rounder = (dtype: DType, cx: EvaluateContext): ((value: number) => number) =>
  isFloat(dtype) ? cx.round : (value) => value;
