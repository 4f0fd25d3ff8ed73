// Which attention a CPU computes in one nest, and whether its gradients do (`attend-rows.ts` emits both).
import { asConstant, mul } from '../../../ir/dim.ts';
import type { Facts } from '../../../ir/dim-solver.ts';
import type { Axis, Nest } from '../../../ir/nest.ts';
import { asAttention as asAnyAttention, type Attention as AnyAttention, type Product } from '../attention.ts';
import { keptRange } from '../kept.ts';

/** Rows of a register tile. */
export const registerRows = 4;

/** Bytes of a matrix of rows and keys that stays in cache: computing a larger one again takes less time, if half of it is masked. */
const mostInCache = 2 ** 20;

/** Bytes of a matrix that has no such mask, for each head and example: computing it again only gains memory. */
const mostInMemory = 2 ** 24;

/** A product over one axis of known extent. */
export interface DeepProduct extends Product {
  readonly depth: Axis;
  readonly deep: number;
}

/** Attention with one axis of rows and one of keys; other axes of keys are loops around. Columns are known. */
export interface Attention extends AnyAttention {
  readonly products: readonly DeepProduct[];
  readonly row: Axis;
  readonly key: Axis;
  readonly otherKeys: readonly Axis[];
  readonly columns: number;
}

// Register tiles and packed panels are full of them.
const areMany = ({ extent }: Axis): boolean => (asConstant(extent) ?? registerRows) >= registerRows;
const isPacked = (size: number): boolean => size >= 4 && size <= 256;

function deepProduct(found: Product): DeepProduct | undefined {
  const [depth, ...more] = found.stage.axes;
  const deep = (depth && asConstant(depth.extent)) ?? 0;
  return depth && more.length === 0 && isPacked(deep) ? { ...found, depth, deep } : undefined;
}

/** The attention that a flat nest is, if it is one that this schedule is good for. */
export function asAttention(nest: Nest): Attention | undefined {
  const found = asAnyAttention(nest);
  const row = found?.rows.findLast(areMany);
  const key = found?.keys.findLast(areMany);
  const products = (found?.products ?? []).flatMap((each) => deepProduct(each) ?? []);
  if (!found || !row || !key || products.length < found.products.length) return undefined;
  const columns = asConstant(found.column.extent) ?? 0;
  if (!isPacked(columns)) return undefined;
  const batch = [...found.batch, ...found.rows.filter((axis) => axis !== row)];
  const otherKeys = found.keys.filter((axis) => axis !== key);
  return { ...found, products, batch, rows: [row], row, keys: [key], key, otherKeys, columns };
}

/**
 * Whether gradients compute weights again, in the place of keeping a matrix of them for each of the batch: where that is
 * larger than the cache and a mask leaves out half of the work, or takes too much memory. Lengths that are known at run
 * time only may be long, and memory grows with their square.
 */
export function paysToRecompute(at: Attention, facts: Facts): boolean {
  const size = asConstant(mul(at.row.extent, at.key.extent));
  return size === undefined || 4 * size >= (keptRange(at, facts) ? mostInCache : mostInMemory);
}
