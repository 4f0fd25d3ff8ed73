// Pieces of schedules: taking a linear number apart into axes, serial reductions and stores.
import { product, variables, type Dim } from '../../../ir/dim.ts';
import type { Expr, Index } from '../../../ir/expr.ts';
import { walkExprs } from '../../../ir/expr-rewrite.ts';
import type { KernelExpr, Statement } from '../../../ir/kernel.ts';
import type { Axis, Nest } from '../../../ir/nest.ts';
import { CompilerBug } from '../../../support/diagnostic.ts';
import { binary, int, named, quotient, remainder, select, widen } from './expressions.ts';
import { ExprTable } from './expr-table.ts';
import type { ReduceStage, StoreStage } from '../flatten.ts';
import { constantStride } from '../linear.ts';
import { accumulate, identityValue } from './monoids.ts';
import {
  isUniformAccess,
  isUniformCondition,
  isVectorAccess,
  isVectorPosition,
  type Definitions,
  type Needs,
  type Scope,
} from './scope.ts';
import type { KernelWriter } from './writer.ts';

/** The number of points of some axes. */
export const points = (axes: readonly Axis[]): Dim => product(axes.map((axis) => axis.extent));

/** Values of `axes` at the point `linear` of their row-major order. */
export function decode(
  writer: KernelWriter,
  into: Statement[],
  axes: readonly Axis[],
  linear: KernelExpr,
): Map<string, KernelExpr> {
  const values = new Map<string, KernelExpr>();
  let left = linear;
  [...axes].reverse().forEach((axis, at) => {
    if (at === axes.length - 1) {
      values.set(axis.name, left);
      return;
    }
    const extent = writer.param(axis.extent);
    values.set(axis.name, writer.bind(into, remainder(left, extent)));
    left = writer.bind(into, quotient(left, extent));
  });
  return values;
}

/** A table that knows all expressions of a nest and how often each is used. */
export function tableOf(nest: Nest): ExprTable {
  const table = new ExprTable();
  for (const stage of nest.stages) {
    if (stage.kind === 'reduce') stage.args.forEach((arg) => table.use(arg));
    else table.use(stage.value);
  }
  return table;
}

/** for i in axes { body }, outermost first. */
export function forAxes(scope: Scope, axes: readonly Axis[], body: (inner: Scope) => void): void {
  const [axis, ...rest] = axes;
  if (!axis) return body(scope);
  const name = scope.writer.fresh('i');
  const block: Statement[] = [];
  const to = scope.writer.param(axis.extent);
  forAxes(scope.child({ axes: new Map([[axis.name, named(name)]]) }, block), rest, body);
  scope.into.push({ kind: 'for', name, from: int(0), to, step: 1, body: block });
}

/** items[index], for an index that is not a constant. */
export const pick = (items: readonly KernelExpr[], index: KernelExpr): KernelExpr =>
  items.reduce((chosen, item, at) => (at === 0 ? item : select(binary('eq', index, int(at)), item, chosen)));

/** for index in 0..count { body } */
export function countedLoop(scope: Scope, count: number, body: (inner: Scope, index: KernelExpr) => void): void {
  const name = scope.writer.fresh('i');
  const block: Statement[] = [];
  body(scope.child({}, block), named(name));
  scope.into.push({ kind: 'for', name, from: int(0), to: int(count), step: 1, body: block });
}

/** New accumulators holding the identity. */
export const accumulators = (scope: Scope, stage: ReduceStage, width: 1 | 4): KernelExpr[] =>
  stage.dtypes.map((dtype, part) =>
    scope.writer.variable(scope.into, widen(identityValue(stage.monoid, dtype, part), width)),
  );

/** Reduces a stage in this thread; the results are known in `scope` afterwards. */
export function reduceSerially(scope: Scope, stage: ReduceStage): void {
  const width = stage.args.some((arg) => scope.widthOf(arg) === 4) ? 4 : 1;
  const accs = accumulators(scope, stage, width);
  forAxes(scope, stage.axes, (inner) => {
    const values = stage.args.map((arg) => widen(inner.emit(arg), width));
    accumulate(scope.writer, inner.into, stage.monoid, accs, values);
  });
  scope.setReduced(stage.id, accs);
}

/** The one affine index of a plain store. */
export function storeIndex(stage: StoreStage): Dim {
  const [index] = stage.indices;
  if (!index || 'kind' in index || stage.combine !== 'set') {
    throw new CompilerBug(`a scatter into ${stage.buffer} reached a schedule of plain stores`);
  }
  return index;
}

/** Stores of one point: every value is computed before the first store, which may overwrite an operand. */
export function storeAll(scope: Scope, stages: readonly StoreStage[]): void {
  const values = stages.map((stage) => {
    const value = scope.emit(stage.value);
    return stages.length > 1 ? scope.writer.bind(scope.into, value) : value;
  });
  stages.forEach((stage, at) => {
    const value = values[at];
    if (value) scope.store(stage.buffer, storeIndex(stage), value);
  });
}

const axesKey = (stage: StoreStage | undefined): string => (stage?.axes ?? []).map((axis) => axis.name).join(' ');

/** Stages in runs: one reduce, or neighbouring stores over the same axes. */
export function stageRuns(nest: Nest): (ReduceStage | readonly StoreStage[])[] {
  const runs: (ReduceStage | StoreStage[])[] = [];
  for (const stage of nest.stages) {
    const last = runs.at(-1);
    if (stage.kind === 'reduce') runs.push(stage);
    else if (Array.isArray(last) && axesKey(last[0]) === axesKey(stage)) last.push(stage);
    else runs.push([stage]);
  }
  return runs;
}

/** True when everything under `roots` is uniform, or four aligned neighbours, along `axis`. */
export function runsInLanes(
  writer: KernelWriter,
  roots: readonly Expr[],
  axis: Axis,
): { readonly ok: boolean; readonly vectorLoads: number } {
  let ok = writer.facts.divisible(axis.extent, 4) === 'proved';
  let vectorLoads = 0;
  const table = new ExprTable();
  const needs: Needs = (e) => table.entry(e).needs;
  const isVector = (index: Index): boolean =>
    'kind' in index ? isVectorPosition(index.expr, axis.name, needs, writer) : isVectorAccess(index, axis.name, writer);
  const moves = (index: Index): boolean => ('kind' in index ? needs(index.expr) : variables(index)).has(axis.name);
  walkExprs(roots, (e) => {
    if (e.kind === 'guard') ok &&= e.conditions.every((c) => isUniformCondition(c, axis.name, writer));
    if (e.kind !== 'load') return;
    for (const index of e.indices.filter(moves)) {
      if (!('kind' in index) && isUniformAccess(index, axis.name, writer)) continue;
      ok &&= isVector(index);
      vectorLoads++;
    }
  });
  return { ok, vectorLoads };
}

/** True when `roots` run in lanes along `axis`, and some of what they load is four neighbours. */
export function loadsInLanes(writer: KernelWriter, roots: readonly Expr[], axis: Axis | undefined): boolean {
  if (!axis) return false;
  const { ok, vectorLoads } = runsInLanes(writer, roots, axis);
  return ok && vectorLoads > 0;
}

/** True when plain stores along `axis` write four aligned neighbours. */
export const storesInLanes = (writer: KernelWriter, stages: readonly StoreStage[], axis: Axis): boolean =>
  stages.every((stage) => isVectorAccess(storeIndex(stage), axis.name, writer));

/** Axes with their values, the last one four lanes wide when `vector`. */
export const definitions = (
  axes: readonly Axis[],
  values: ReadonlyMap<string, KernelExpr>,
  vector: boolean,
): Definitions => {
  const last = axes.at(-1);
  return vector && last ? { axes: values, vector: last.name } : { axes: values };
};

/** True when the dim is the constant 1 or its step along the axis is at most one element. */
export const isCoalesced = (index: Dim, axis: string): boolean => {
  const stride = constantStride(index, axis);
  return stride === 0 || stride === 1;
};
