// The parts that attention is made of: products, the softmax of their rows, and places at which one reads another.
import { asConstant, asVariable, variable, type Dim } from '../../ir/dim.ts';
import { ExprPool, Rewriter, walkExprs, type Load, type Replacement } from '../../ir/expr-rewrite.ts';
import type { Expr, Index } from '../../ir/expr.ts';
import type { Axis, Nest } from '../../ir/nest.ts';
import { Widening } from '../halves/widening.ts';
import type { ReduceStage, StoreStage } from '../schedule/flatten.ts';

/** A nest that stores the softmax of rows of scores, and elements that are made of it (dropped, say). */
export interface Softmax {
  readonly nest: Nest;
  /** The axis of its rows, which all stores run over, and the score at a point of it. */
  readonly axis: Axis;
  readonly score: Expr;
  /** What is stored in f32, all at the same place, with {@link weight} for e^(score − max) / Σ e^(score − max). */
  readonly stores: readonly StoreStage[];
}

/** The softmax itself, in what is stored of it. */
export const weight: Expr = { kind: 'reduced', dtype: 'f32', stage: '%weight', part: 0 };

/** Whether an expression is a binary of this op. */
export const isBinary = (e: Expr | undefined, op: string): e is Extract<Expr, { kind: 'binary' }> =>
  e?.kind === 'binary' && e.op === op;

/** Whether an expression is the result of a stage. */
export const isResult = (e: Expr, { id }: { readonly id: string }): boolean => e.kind === 'reduced' && e.stage === id;

/** All nodes of an expression. */
export function nodesIn(root: Expr): Expr[] {
  const found: Expr[] = [];
  walkExprs([root], (e) => found.push(e));
  return found;
}

/** New names for the axes of one part, and what else stands in for its expressions. */
export const moved = (axes: ReadonlyMap<string, Dim>, more: Replacement = {}): Rewriter =>
  new Rewriter({ axes, ...more });

/** e^(x − max): the x. */
function powerOf(e: Expr | undefined, max: ReduceStage): Expr | undefined {
  if (e?.kind !== 'unary' || e.op !== 'exp' || !isBinary(e.x, 'sub') || !isResult(e.x.b, max)) return undefined;
  return e.x.a;
}

// x, of what a cast to f16 makes of x: at most 65504, at least -65504.
function unsaturated(e: Expr): Expr {
  const isLimit = (limit: Expr, value: number): boolean => limit.kind === 'const' && limit.value === value;
  if (e.kind !== 'select' || !isBinary(e.cond, 'lt') || !isLimit(e.cond.a, 65504) || !isLimit(e.then, 65504)) return e;
  const { otherwise: low } = e;
  if (low.kind !== 'select' || !isBinary(low.cond, 'lt') || !isLimit(low.cond.b, -65504)) return e;
  return isLimit(low.then, -65504) ? low.otherwise : e;
}

/** In f32, and without what is rounded to f16 in between: what is fused keeps its digits. */
export const unrounded = (e: Expr): Expr => new Widening(() => true, false).wide(e);

/** The softmax that a nest is: max x, Σ e^(x − max x), and stores that read nothing of these but their quotient. */
export function asSoftmax(nest: Nest): Softmax | undefined {
  const [max, sum, ...rest] = nest.stages;
  if (max?.kind !== 'reduce' || sum?.kind !== 'reduce') return undefined;
  const stores = rest.filter((stage): stage is StoreStage => stage.kind === 'store' && stage.combine === 'set');
  if (max.monoid.name !== 'max' || sum.monoid.name !== 'sum' || stores.length !== rest.length) return undefined;
  const [axis] = stores[0]?.axes ?? [];
  if (!axis || [max, sum, ...stores].some(({ axes }) => axes.length !== 1 || axes[0]?.extent.key !== axis.extent.key))
    return undefined;
  const along = (from: Axis | undefined): Rewriter => moved(new Map(from ? [[from.name, variable(axis.name)]] : []));
  const pool = new ExprPool();
  const [power, scores] = [sum, max].map(({ args: [arg], axes: [from] }) => arg && along(from).expr(arg));
  const score = powerOf(power, max);
  if (!power || !score || !scores || score.dtype !== 'f32' || pool.intern(scores) !== pool.intern(score))
    return undefined;
  const isWeight = (e: Expr): boolean =>
    isBinary(e, 'div') && isResult(e.b, sum) && pool.intern(e.a) === pool.intern(power);
  const own = stores.map((store): StoreStage => {
    const by = along(store.axes[0]);
    const value = by.expr(store.value);
    const nodes = new Map(nodesIn(value).flatMap((e) => (isWeight(unsaturated(e)) ? [[e, weight] as const] : [])));
    const indices = store.indices.map((index) => by.index(index));
    return { ...store, axes: [axis], indices, value: unrounded(moved(new Map(), { nodes }).expr(value)) };
  });
  const readsMore = own.some(({ value }) => nodesIn(value).some((e) => e.kind === 'reduced' && e !== weight));
  const places = new Set(own.map(({ indices }) => placeOf(indices)));
  return readsMore || places.size > 1 ? undefined : { nest, axis, score, stores: own };
}

const placeOf = (indices: readonly Index[]): string => indices.map((i) => ('kind' in i ? '?' : i.key)).join();

/** Where `from` is each of `to`, an axis for each of its axes; undefined where they are no plain axes. */
export function axesAt(from: readonly Index[], to: readonly Index[]): Map<string, Dim> | undefined {
  const axes = new Map<string, Dim>();
  for (const [at, index] of from.entries()) {
    const target = to[at];
    if (!target || 'kind' in index || 'kind' in target) return undefined;
    const name = asVariable(index);
    if (name === undefined && (asConstant(index) === undefined || index.key !== target.key)) return undefined;
    if (name === undefined) continue;
    if (axes.has(name)) return undefined;
    axes.set(name, target);
  }
  return axes;
}

/** The one load of some buffers, if the places at which they are read are one. */
export function onlyLoad(loads: readonly Load[], ...buffers: readonly string[]): Load | undefined {
  const own = loads.filter((load) => buffers.includes(load.buffer));
  return new Set(own.map(({ indices }) => placeOf(indices))).size === 1 ? own[0] : undefined;
}

/** The sum and the stores of a product. */
export const stagesOf = (
  nest: Nest,
): { readonly sum: ReduceStage; readonly stores: readonly StoreStage[] } | undefined => {
  const [sum, ...stores] = nest.stages;
  if (sum?.kind !== 'reduce' || sum.monoid.name !== 'sum' || sum.dtypes[0] !== 'f32') return undefined;
  const plain = stores.filter((stage): stage is StoreStage => stage.kind === 'store' && stage.axes.length === 0);
  return plain.length === stores.length && plain.length > 0 && isBinary(sum.args[0], 'mul')
    ? { sum, stores: plain }
    : undefined;
};
