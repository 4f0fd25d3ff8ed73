// Recognises attention in flat nests: scores of queries and keys, their softmax, and the mean of values that it weighs.
import type { Expr } from '../../ir/expr.ts';
import type { Axis, Nest } from '../../ir/nest.ts';
import { axesOf } from './expr-dims.ts';
import type { ReduceStage, StoreStage } from './flatten.ts';

/** A flat nest seen as attention. */
export interface Attention {
  readonly nest: Nest;
  readonly scores: ReduceStage;
  readonly softmax: ReduceStage;
  readonly stores: readonly StoreStage[];
  /** Axes along which keys or values differ, and those of the queries that share them. */
  readonly batch: readonly Axis[];
  readonly rows: readonly Axis[];
  readonly keys: Axis;
  readonly column: Axis;
  readonly query: Expr;
  readonly key: Expr;
  readonly score: Expr;
  readonly value: Expr;
}

/** The attention that a flat nest is: only values vary along its last axis. */
export function asAttention(nest: Nest): Attention | undefined {
  const [scores, softmax, ...rest] = nest.stages;
  if (scores?.kind !== 'reduce' || scores.monoid.name !== 'sum' || scores.dtypes[0] !== 'f32') return undefined;
  if (softmax?.kind !== 'reduce' || softmax.monoid.name !== 'softmax' || softmax.axes.length !== 1) return undefined;
  const stores = rest.filter(
    (stage): stage is StoreStage =>
      stage.kind === 'store' &&
      stage.axes.length === 0 &&
      stage.combine === 'set' &&
      stage.indices.every((index) => !('kind' in index)),
  );
  const [keys] = softmax.axes;
  const [product] = scores.args;
  const [score, , value] = softmax.args;
  const column = nest.axes.at(-1);
  if (stores.length !== rest.length || product?.kind !== 'binary' || product.op !== 'mul') return undefined;
  if (!keys || !score || !value || !column) return undefined;
  const isAlong = (e: Expr, { name }: Axis): boolean => axesOf(e).has(name);
  if (isAlong(product.a, keys) === isAlong(product.b, keys)) return undefined;
  const [query, key] = isAlong(product.a, keys) ? [product.b, product.a] : [product.a, product.b];
  if (!isAlong(value, column) || [query, key, score].some((e) => isAlong(e, column))) return undefined;
  const [ofKeys, ofValues] = [axesOf(key), axesOf(value)];
  const outer = nest.axes.slice(0, -1);
  const batch = outer.filter(({ name }) => ofKeys.has(name) || ofValues.has(name));
  const rows = outer.filter((axis) => !batch.includes(axis));
  return { nest, scores, softmax, stores, batch, rows, keys, column, query, key, score, value };
}
