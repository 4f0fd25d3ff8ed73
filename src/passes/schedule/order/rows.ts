// What the kernels for rows share: a tensor seen as [outer, n, inner] around the axis that they run along.
import { product, type Dim } from '../../../ir/dim.ts';
import { Facts } from '../../../ir/dim-solver.ts';
import type { DType } from '../../../ir/dtype.ts';
import type { KernelExpr } from '../../../ir/kernel.ts';
import type { NestFunction, OpaqueNest } from '../../../ir/nest.ts';
import { dimOf } from '../../../ir/ops/attributes.ts';
import { CompilerBug } from '../../../support/diagnostic.ts';
import { binary, int, less, minus } from '../gpu/expressions.ts';

/** The extents before, along and after an axis. */
export interface Rows {
  readonly outer: Dim;
  readonly n: Dim;
  readonly inner: Dim;
}

/** The buffer that the nest reads or writes at a place. */
export function bufferAt(list: readonly string[], at: number): string {
  const id = list[at];
  if (id === undefined) throw new CompilerBug(`an opaque nest lacks buffer ${at}`);
  return id;
}

/** The shape of `buffer` as rows along `axis`. */
export function rowsOf(scope: NestFunction, buffer: string, axis: number): Rows {
  const shape = scope.buffers.find(({ id }) => id === buffer)?.type.shape;
  const n = shape?.[axis];
  if (!shape || !n) throw new CompilerBug(`${buffer} has no axis ${axis}`);
  return { outer: product(shape.slice(0, axis)), n, inner: product(shape.slice(axis + 1)) };
}

/** The dtypes of a function's buffers and of `more`. */
export function dtypesOf(scope: NestFunction, more: NestFunction['buffers'] = []): (buffer: string) => DType {
  const dtypes = new Map([...scope.buffers, ...more].map(({ id, type }) => [id, type.dtype]));
  return (buffer) => dtypes.get(buffer) ?? 'i32';
}

export const factsOf = (scope: NestFunction): Facts => new Facts(scope.dims, scope.facts);

/** A dim among the attributes of a nest. */
export const dimAttr = (nest: OpaqueNest, name: string): Dim => dimOf(nest.attrs, name);

export const smaller = (a: KernelExpr, b: KernelExpr): KernelExpr => binary('min', a, b);
export const and = (a: KernelExpr, b: KernelExpr): KernelExpr => binary('and', a, b);
export const or = (a: KernelExpr, b: KernelExpr): KernelExpr => binary('or', a, b);
export const shiftLeft = (a: KernelExpr, b: KernelExpr): KernelExpr => binary('shl', a, b);
export const shiftRight = (a: KernelExpr, b: KernelExpr): KernelExpr => binary('shr', a, b);

/** Whether (key, index) comes before (otherKey, otherIndex). */
export const precedes = (
  key: KernelExpr,
  index: KernelExpr,
  otherKey: KernelExpr,
  otherIndex: KernelExpr,
): KernelExpr => or(less(key, otherKey), and(binary('eq', key, otherKey), less(index, otherIndex)));

/** 1 − x, for x of 0 and 1. */
export const other = (x: KernelExpr): KernelExpr => minus(int(1), x);
