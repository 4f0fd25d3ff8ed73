// Recognises matrix products: one sum of a product of two operands whose axes fall into batch, rows (only
// in the first operand), columns (only in the second) and the reduced ones; any prologue and epilogue.
import { asConstant, floorDiv, mod, product, variable, variables, type Dim } from '../../../ir/dim.ts';
import type { Expr } from '../../../ir/expr.ts';
import type { Index } from '../../../ir/expr.ts';
import { loadsIn, Rewriter, walkExprs } from '../../../ir/expr-rewrite.ts';
import type { Axis, Nest, Stage } from '../../../ir/nest.ts';
import { axesOf } from '../expr-dims.ts';
import { mapStage } from '../flatten.ts';
import { linearIn } from '../linear.ts';

type StoreStage = Extract<Stage, { kind: 'store' }>;

/** A product over single axes %row, %column and %depth, and the batch axes. */
export interface Contraction {
  readonly stage: string;
  readonly batch: readonly Axis[];
  readonly rows: Axis;
  readonly columns: Axis;
  readonly depth: Axis;
  readonly left: Expr;
  readonly right: Expr;
  readonly stores: readonly StoreStage[];
  /** Where several axes are reduced: how to visit them without taking one position apart per element. */
  readonly nested: NestedDepth | undefined;
  /** The same before its axes were joined. */
  readonly parts: Parts;
}

/** The reduced axis as `outer` positions (%outer) of `inner` steps each: %depth = %outer · inner.extent + inner. */
export interface NestedDepth {
  readonly inner: Axis;
  readonly steps: number;
  readonly left: NestedSide;
  readonly right: NestedSide;
}

/** An operand in terms of its own axes, `%outer` and the inner axis. */
export interface NestedSide {
  readonly axes: readonly Axis[];
  readonly expr: Expr;
}

const isSmall = (axes: readonly Axis[], limit: number): boolean => {
  const size = asConstant(product(axes.map((axis) => axis.extent)));
  return size !== undefined && size < limit;
};

/** The matrix product that `nest` (flat) is, or undefined. */
export function asContraction(nest: Nest): Contraction | undefined {
  const [reduce, ...rest] = nest.stages;
  const stores = rest.filter((stage): stage is StoreStage => stage.kind === 'store');
  if (reduce?.kind !== 'reduce' || stores.length !== rest.length || reduce.monoid.name !== 'sum') return undefined;
  const [arg] = reduce.args;
  if (arg?.kind !== 'binary' || arg.op !== 'mul' || arg.dtype !== 'f32') return undefined;
  if (
    stores.some(
      (store) => store.axes.length > 0 || store.combine !== 'set' || store.indices.some((index) => 'kind' in index),
    )
  )
    return undefined;
  const [inLeft, inRight] = [axesOf(arg.a), axesOf(arg.b)];
  if (reduce.axes.some(({ name }) => !inLeft.has(name) || !inRight.has(name))) return undefined;
  const rows = nest.axes.filter(({ name }) => inLeft.has(name) && !inRight.has(name));
  const columns = nest.axes.filter(({ name }) => !inLeft.has(name) && inRight.has(name));
  const batch = nest.axes.filter((axis) => !rows.includes(axis) && !columns.includes(axis));
  if (rows.length === 0 || columns.length === 0 || isSmall(reduce.axes, 4)) return undefined;
  if (isSmall(rows, 3) || isSmall(columns, 3)) return undefined;
  const straight = { rows, columns, left: arg.a, right: arg.b };
  const swapped = { rows: columns, columns: rows, left: arg.b, right: arg.a };
  const sides = storesAlong(stores, rows) && !storesAlong(stores, columns) ? swapped : straight;
  return joinAxes({ stage: reduce.id, batch, depth: reduce.axes, stores, ...sides });
}

// Whether the first store is contiguous along one of `axes`.
function storesAlong(stores: readonly StoreStage[], axes: readonly Axis[]): boolean {
  const [index] = stores[0]?.indices ?? [];
  if (!index || 'kind' in index) return false;
  return axes.some(({ name }) => isUnitAlong(index, name));
}

/** A product over several axes of each role. */
export type Parts = Omit<Contraction, 'rows' | 'columns' | 'depth' | 'nested' | 'parts'> &
  Record<'rows' | 'columns' | 'depth', readonly Axis[]>;

// Several axes of one role become one, taken apart by division.
function joinAxes(parts: Parts): Contraction {
  const replaced = new Map<string, Index>();
  const join = (axes: readonly Axis[], name: string): Axis => {
    const [only] = axes;
    if (only && axes.length === 1) return only;
    for (const [axis, position] of unravel(axes, variable(name))) replaced.set(axis, position);
    return { name, extent: product(axes.map((axis) => axis.extent)) };
  };
  const inner = innerAxis(parts);
  const outer = parts.depth.filter((axis) => axis !== inner);
  const [rows, columns, depth] = [
    join(parts.rows, '%rows'),
    join(parts.columns, '%columns'),
    join(inner ? [...outer, inner] : parts.depth, '%depth'),
  ];
  const nested = inner && nest(parts, outer, inner);
  if (replaced.size === 0) return { ...parts, parts, rows, columns, depth, nested };
  const rewriter = new Rewriter({ axes: replaced });
  const stores = parts.stores
    .map((store) => mapStage(store, { axes: replaced }))
    .filter((stage): stage is StoreStage => stage.kind === 'store');
  return {
    ...parts,
    parts,
    nested,
    rows,
    columns,
    depth,
    left: rewriter.expr(parts.left),
    right: rewriter.expr(parts.right),
    stores,
  };
}

function nest(parts: Parts, outer: readonly Axis[], inner: Axis): NestedDepth {
  const steps = asConstant(inner.extent) ?? 1;
  const side = (axes: readonly Axis[], expr: Expr): NestedSide => nestedSide(axes, expr, outer);
  return { inner, steps, left: side(parts.rows, parts.left), right: side(parts.columns, parts.right) };
}

/** An operand with the reduced axes `outer` as one, `%outer`. */
export const nestedSide = (axes: readonly Axis[], expr: Expr, outer: readonly Axis[]): NestedSide => ({
  axes,
  expr: new Rewriter({ axes: new Map<string, Index>(unravel(outer, variable('%outer'))) }).expr(expr),
});

// Of several reduced axes the one to step along innermost: of known extent, contiguous in memory, free of borders.
function innerAxis({ depth, left, right }: Parts): Axis | undefined {
  if (depth.length < 2) return undefined;
  const indices = loadsIn([left, right]).flatMap((load) => load.indices);
  const bordered = new Set<string>();
  walkExprs([left, right], (e) => {
    if (e.kind === 'guard') for (const { lhs } of e.conditions) variables(lhs, bordered);
  });
  const worth = ({ name, extent }: Axis): number => {
    const steps = asConstant(extent) ?? 0;
    const unit = indices.filter((index) => !('kind' in index) && isUnitAlong(index, name)).length;
    return steps < 4 ? -1 : 2 * unit + (bordered.has(name) ? 0 : 3) + Math.min(steps, 64) / 16;
  };
  const [best] = [...depth].sort((a, b) => worth(b) - worth(a));
  return best && worth(best) >= 0 ? best : undefined;
}

function isUnitAlong(index: Dim, axis: string): boolean {
  const linear = linearIn(index, axis);
  return linear !== undefined && asConstant(linear.coefficient) === 1;
}

/** The position along each axis of row-major element `at`. */
export function unravel(axes: readonly Axis[], at: Dim): [string, Dim][] {
  return axes.map(({ name, extent }, axis) => {
    const inner = floorDiv(at, product(axes.slice(axis + 1).map((next) => next.extent)));
    return [name, axis === 0 ? inner : mod(inner, extent)];
  });
}
