// The parts that attention is made of: products, the softmax of their rows, and places at which one reads another.
import { asConstant, asVariable, variable, type Dim } from '../../ir/dim.ts';
import { ExprPool, Rewriter, type Load, type Replacement } from '../../ir/expr-rewrite.ts';
import type { Expr, Index } from '../../ir/expr.ts';
import type { Axis, Nest } from '../../ir/nest.ts';
import type { ReduceStage, StoreStage } from '../schedule/flatten.ts';

/** A nest that stores the softmax of rows of scores. */
export interface Softmax {
  readonly nest: Nest;
  readonly store: StoreStage;
  /** The axis of its rows, and the score at a point of it. */
  readonly axis: Axis;
  readonly score: Expr;
}

export const isBinary = (e: Expr | undefined, op: string): e is Extract<Expr, { kind: 'binary' }> =>
  e?.kind === 'binary' && e.op === op;

export const isResult = (e: Expr, { id }: ReduceStage): boolean => e.kind === 'reduced' && e.stage === id;

/** e^(x − max): the x. */
function powerOf(e: Expr | undefined, max: ReduceStage): Expr | undefined {
  if (e?.kind !== 'unary' || e.op !== 'exp' || !isBinary(e.x, 'sub') || !isResult(e.x.b, max)) return undefined;
  return e.x.a;
}

/** The softmax that a nest is: e^(x − max x) / Σ e^(x − max x), and nothing else. */
export function asSoftmax(nest: Nest): Softmax | undefined {
  const [max, sum, store, ...more] = nest.stages;
  if (max?.kind !== 'reduce' || sum?.kind !== 'reduce' || store?.kind !== 'store' || more.length > 0) return undefined;
  if (max.monoid.name !== 'max' || sum.monoid.name !== 'sum' || store.combine !== 'set') return undefined;
  const [axis] = store.axes;
  if (!axis || [max, sum, store].some(({ axes }) => axes.length !== 1 || axes[0]?.extent.key !== axis.extent.key))
    return undefined;
  if (!isBinary(store.value, 'div') || !isResult(store.value.b, sum)) return undefined;
  const score = powerOf(store.value.a, max);
  if (!score || score.dtype !== 'f32') return undefined;
  const pool = new ExprPool();
  const own = pool.intern(score);
  const isSame = (e: Expr | undefined, from: Axis | undefined): boolean =>
    e !== undefined &&
    from !== undefined &&
    pool.intern(new Rewriter({ axes: new Map([[from.name, variable(axis.name)]]) }).expr(e)) === own;
  if (!isSame(max.args[0], max.axes[0]) || !isSame(powerOf(sum.args[0], max), sum.axes[0])) return undefined;
  return { nest, store, axis, score };
}

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

// The places at which a nest reads a buffer are one.
export function onlyLoad(loads: readonly Load[], buffer: string): Load | undefined {
  const own = loads.filter((load) => load.buffer === buffer);
  const places = new Set(own.map(({ indices }) => indices.map((i) => ('kind' in i ? '?' : i.key)).join()));
  return places.size === 1 ? own[0] : undefined;
}

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

// New names for the axes of one part, and what else stands in for its expressions.
export const moved = (axes: ReadonlyMap<string, Dim>, more: Replacement = {}): Rewriter =>
  new Rewriter({ axes, ...more });
