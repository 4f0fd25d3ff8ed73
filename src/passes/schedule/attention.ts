// Recognises attention in flat nests: products of a row and a key (queries and keys; rows of a gradient and values), a
// weight that is made of them, and values that are summed by that weight: their mean by softmax, or a sum, as in the
// gradients of attention.
import { walkExprs } from '../../ir/expr-rewrite.ts';
import { variables } from '../../ir/dim.ts';
import type { Expr } from '../../ir/expr.ts';
import type { Axis, Nest, Stage } from '../../ir/nest.ts';
import { axesOf } from './expr-dims.ts';
import type { ReduceStage, StoreStage } from './flatten.ts';

/** Σ row · key, of what only rows and only keys have. */
export interface Product {
  readonly stage: ReduceStage;
  readonly row: Expr;
  readonly key: Expr;
}

/** A flat nest seen as attention. */
export interface Attention {
  readonly nest: Nest;
  readonly products: readonly Product[];
  /** The reduction over keys: softmax, whose weight is a score, or a sum. */
  readonly over: ReduceStage;
  /** Stores of every column, and those of what a row has once. */
  readonly stores: readonly StoreStage[];
  readonly rowStores: readonly StoreStage[];
  /** Axes along which keys or values differ, and those of the rows that share them. */
  readonly batch: readonly Axis[];
  readonly rows: readonly Axis[];
  readonly keys: readonly Axis[];
  readonly column: Axis;
  readonly weight: Expr;
  /** What the weights of a softmax are multiplied by, of a row and a key: 0 where dropped. */
  readonly factor: Expr | undefined;
  readonly value: Expr;
}

const isReduce = (stage: Stage): stage is ReduceStage => stage.kind === 'reduce';

const isPlainStore = (stage: Stage): stage is StoreStage =>
  stage.kind === 'store' &&
  stage.axes.length === 0 &&
  stage.combine === 'set' &&
  stage.indices.every((index) => !('kind' in index));

const isSum = ({ monoid, dtypes }: ReduceStage): boolean => monoid.name === 'sum' && dtypes[0] === 'f32';

function factorsOf(product: Expr | undefined): readonly [Expr, Expr] | undefined {
  return product?.kind === 'binary' && product.op === 'mul' ? [product.a, product.b] : undefined;
}

function readsReduced(e: Expr): boolean {
  let reads = false;
  walkExprs([e], (x) => (reads ||= x.kind === 'reduced'));
  return reads;
}

function isAlong(e: Expr, ...axes: readonly Axis[]): boolean {
  const known = axesOf(e);
  return axes.some(({ name }) => known.has(name));
}

function productOf(stage: ReduceStage, keys: readonly Axis[]): Product | undefined {
  const factors = isSum(stage) ? factorsOf(stage.args[0]) : undefined;
  if (!factors || isAlong(factors[0], ...keys) === isAlong(factors[1], ...keys)) return undefined;
  const [row, key] = isAlong(factors[0], ...keys) ? [factors[1], factors[0]] : factors;
  return { stage, row, key };
}

// The weight and the value of a reduction over keys.
function weighed(over: ReduceStage): readonly [weight: Expr | undefined, value: Expr | undefined] {
  if (over.monoid.name === 'softmax') return [over.args[0], over.args[2]];
  const [a, b] = (isSum(over) && factorsOf(over.args[0])) || [];
  if (!a || !b || readsReduced(a) === readsReduced(b)) return [undefined, undefined];
  return readsReduced(a) ? [a, b] : [b, a];
}

// A value that varies along the column, and what it is multiplied by that varies along other axes than it.
function factored(value: Expr, column: Axis): readonly [factor: Expr | undefined, value: Expr] {
  const [a, b] = factorsOf(value) ?? [];
  if (!a || !b || isAlong(a, column) === isAlong(b, column)) return [undefined, value];
  const [factor, own] = isAlong(a, column) ? [b, a] : [a, b];
  const known = axesOf(own);
  return [...axesOf(factor)].every((name) => known.has(name)) ? [undefined, value] : [factor, own];
}

/** The attention that a flat nest is: only values vary along one axis of it, the column. */
export function asAttention(nest: Nest): Attention | undefined {
  const reduces = nest.stages.filter(isReduce);
  const over = reduces.at(-1);
  const all = nest.stages.filter(isPlainStore);
  if (!over || reduces.length < 2) return undefined;
  const keys = over.axes;
  if (reduces.length + all.length !== nest.stages.length) return undefined;
  const products = reduces.slice(0, -1).flatMap((stage) => productOf(stage, keys) ?? []);
  const [weight, value] = weighed(over);
  if (products.length !== reduces.length - 1 || !weight || !value) return undefined;
  const ofWeights = new Set([weight, ...products.flatMap(({ row, key }) => [row, key])].flatMap((e) => [...axesOf(e)]));
  const ofValues = axesOf(value);
  const columns = nest.axes.filter(({ name }) => ofValues.has(name) && !ofWeights.has(name));
  const [column] = columns;
  if (!column || columns.length > 1) return undefined;
  const ofKeys = new Set(products.flatMap(({ key }) => [...axesOf(key)]));
  const outer = nest.axes.filter((axis) => axis !== column);
  const [factor, own] = factored(value, column);
  const ofOwn = axesOf(own);
  const batch = outer.filter(({ name }) => ofKeys.has(name) || ofOwn.has(name));
  const rows = outer.filter((axis) => !batch.includes(axis));
  const isOfColumn = ({ indices }: StoreStage): boolean =>
    indices.some((index) => !('kind' in index) && variables(index).has(column.name));
  const [stores, rowStores] = [all.filter(isOfColumn), all.filter((store) => !isOfColumn(store))];
  if (rowStores.some((store) => isAlong(store.value, column))) return undefined;
  return { nest, products, over, stores, rowStores, batch, rows, keys, column, weight, factor, value: own };
}
