// Recognises contractions in flat nests: one sum over k of a(batch, m, k) · b(batch, n, k), whatever
// the operands compute, followed by stores that use the sum.
import type { Expr } from '../../../ir/expr.ts';
import type { Axis, Nest } from '../../../ir/nest.ts';
import { axesOf } from '../expr-dims.ts';
import type { ReduceStage, StoreStage } from '../flatten.ts';
import { constantStride } from '../linear.ts';
import { isScatter } from './scatter.ts';

/** A nest seen as a batched matrix product; one side may be a vector, without axes of its own. */
export interface Contraction {
  readonly nest: Nest;
  readonly stage: ReduceStage;
  readonly stores: readonly StoreStage[];
  readonly batch: readonly Axis[];
  readonly m: readonly Axis[];
  readonly n: readonly Axis[];
  readonly k: readonly Axis[];
  readonly a: Expr;
  readonly b: Expr;
}

const isContiguousAlong = (axis: Axis | undefined, stores: readonly StoreStage[]): boolean =>
  axis !== undefined &&
  stores.every((store) => {
    const [index] = store.indices;
    return index !== undefined && !('kind' in index) && constantStride(index, axis.name) === 1;
  });

/** The contraction that a flat nest is, if it is one; n is the side along which the stores are contiguous. */
export function asContraction(nest: Nest): Contraction | undefined {
  const [stage, ...rest] = nest.stages;
  if (stage?.kind !== 'reduce' || stage.monoid.name !== 'sum' || stage.dtypes[0] !== 'f32') return undefined;
  const stores = rest.filter(
    (other): other is StoreStage => other.kind === 'store' && other.axes.length === 0 && !isScatter(other),
  );
  const [product] = stage.args;
  if (stores.length !== rest.length || product?.kind !== 'binary' || product.op !== 'mul') return undefined;
  const sides = { a: product.a, b: product.b };
  const inA = axesOf(sides.a);
  const inB = axesOf(sides.b);
  const of = (a: boolean, b: boolean): Axis[] =>
    nest.axes.filter(({ name }) => inA.has(name) === a && inB.has(name) === b);
  const batch = [...of(true, true), ...of(false, false)];
  const [m, n] = [of(true, false), of(false, true)];
  if (m.length + n.length === 0 || !stage.axes.every(({ name }) => inA.has(name) && inB.has(name))) return undefined;
  const swap = isContiguousAlong(m.at(-1), stores) && !isContiguousAlong(n.at(-1), stores);
  const common = { nest, stage, stores, batch, k: stage.axes };
  return swap ? { ...common, m: n, n: m, a: sides.b, b: sides.a } : { ...common, m, n, ...sides };
}
