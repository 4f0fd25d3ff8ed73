// Nest → flat nest: every load and store has one index, an element number of its row-major buffer;
// axes of extent 1 are gone; neighbouring axes that every index treats as one are one.
import { add, asConstant, mul, product, sameDim, variable, zero, type Dim } from '../../ir/dim.ts';
import { Rewriter, type Load, type Replacement } from '../../ir/expr-rewrite.ts';
import type { Expr, Index } from '../../ir/expr.ts';
import type { Axis, Nest, NestFunction, Stage } from '../../ir/nest.ts';
import { CompilerBug } from '../../support/diagnostic.ts';
import { linearIn } from './linear.ts';

/** A store stage. */
export type StoreStage = Extract<Stage, { kind: 'store' }>;

/** A reduce stage. */
export type ReduceStage = Extract<Stage, { kind: 'reduce' }>;

const i32 = (dim: Dim): Expr => ({ kind: 'index', dtype: 'i32', dim });
const binary = (op: 'add' | 'mul', a: Expr, b: Expr): Expr => ({ kind: 'binary', dtype: 'i32', op, a, b });
const asI32 = (e: Expr): Expr => (e.dtype === 'i32' ? e : { kind: 'cast', dtype: 'i32', x: e });

/** The element number of `indices` in a row-major tensor of `shape`. */
export function flatIndex(indices: readonly Index[], shape: readonly Dim[]): Index {
  let affine = zero;
  let dynamic: Expr | undefined;
  indices.forEach((index, at) => {
    const stride = product(shape.slice(at + 1));
    if (!('kind' in index)) {
      affine = add(affine, mul(index, stride));
      return;
    }
    const part = asConstant(stride) === 1 ? asI32(index.expr) : binary('mul', asI32(index.expr), i32(stride));
    dynamic = dynamic ? binary('add', dynamic, part) : part;
  });
  if (!dynamic) return affine;
  return { kind: 'dynamic', expr: asConstant(affine) === 0 ? dynamic : binary('add', dynamic, i32(affine)) };
}

/** Rewrites all expressions and indices of a stage. */
export function mapStage(stage: Stage, replacement: Replacement): Stage {
  const rewriter = new Rewriter(replacement);
  if (stage.kind === 'reduce') return { ...stage, args: stage.args.map((e) => rewriter.expr(e)) };
  return { ...stage, indices: stage.indices.map((i) => rewriter.index(i)), value: rewriter.expr(stage.value) };
}

/** Every dim that a stage computes with: indices, conditions, index expressions. */
export function stageDims(stage: Stage): Dim[] {
  const dims: Dim[] = [];
  mapStage(stage, { simplify: (d) => (dims.push(d), d) });
  return dims;
}

/** One index per load and store. */
export function flattenLoads(nest: Nest, scope: NestFunction): Nest {
  const shapes = new Map(scope.buffers.map((buffer) => [buffer.id, buffer.type.shape]));
  const shapeOf = (buffer: string): readonly Dim[] => {
    const shape = shapes.get(buffer);
    if (!shape) throw new CompilerBug(`nest ${nest.name} uses the undeclared buffer ${buffer}`, nest.origin[0] ?? null);
    return shape;
  };
  const flat = (load: Load): Expr => ({ ...load, indices: [flatIndex(load.indices, shapeOf(load.buffer))] });
  const stages = nest.stages.map((stage) => {
    const mapped = mapStage(stage, { load: flat });
    return mapped.kind === 'store'
      ? { ...mapped, indices: [flatIndex(mapped.indices, shapeOf(mapped.buffer))] }
      : mapped;
  });
  return { ...nest, stages };
}

function substituteStages(nest: Nest, name: string, by: Dim): Nest {
  const axes = new Map([[name, by]]);
  return { ...nest, stages: nest.stages.map((stage) => mapStage(stage, { axes })) };
}

// Axes of one list (the nest's own, or a stage's) with the means to put a new list in their place.
interface AxisList {
  readonly axes: readonly Axis[];
  put(nest: Nest, axes: readonly Axis[]): Nest;
}

const axisLists = (nest: Nest): AxisList[] => [
  { axes: nest.axes, put: (n, axes) => ({ ...n, axes }) },
  ...nest.stages.map((stage, at): AxisList => ({
    axes: stage.axes,
    put: (n, axes) => ({ ...n, stages: n.stages.map((s, i) => (i === at ? { ...s, axes } : s)) }),
  })),
];

/** The nest without axes of extent 1, at whose only point positions are 0. */
export function dropUnitAxes(nest: Nest): Nest {
  let result = nest;
  for (const list of axisLists(nest)) {
    const unit = list.axes.filter((axis) => asConstant(axis.extent) === 1);
    if (unit.length === 0) continue;
    for (const axis of unit) result = substituteStages(result, axis.name, zero);
    result = list.put(
      result,
      list.axes.filter((axis) => !unit.includes(axis)),
    );
  }
  return result;
}

// outer·extent(inner) + inner, in every dim: the pair can be one axis.
function movesAsOne(dims: readonly Dim[], outer: Axis, inner: Axis): boolean {
  return dims.every((d) => {
    const [a, b] = [linearIn(d, outer.name), linearIn(d, inner.name)];
    return a !== undefined && b !== undefined && sameDim(a.coefficient, mul(b.coefficient, inner.extent));
  });
}

function collapseOnce(nest: Nest): Nest | undefined {
  const dims = [...new Map(nest.stages.flatMap(stageDims).map((d) => [d.key, d])).values()];
  for (const list of axisLists(nest)) {
    for (let at = 0; at + 1 < list.axes.length; at++) {
      const [outer, inner] = [list.axes[at], list.axes[at + 1]];
      if (!outer || !inner || !movesAsOne(dims, outer, inner)) continue;
      const merged: Axis = { name: inner.name, extent: mul(outer.extent, inner.extent) };
      return substituteStages(list.put(nest, list.axes.toSpliced(at, 2, merged)), outer.name, zero);
    }
  }
  return undefined;
}

/** The flat form of a nest. */
export function flattenNest(nest: Nest, scope: NestFunction): Nest {
  let result = dropUnitAxes(flattenLoads(nest, scope));
  for (let next = collapseOnce(result); next; next = collapseOnce(result)) result = next;
  return contiguousLast(result);
}

/** Whether a store of a flat nest fills its buffer: memory of buffers goes on to the next group of four elements. */
export function fillsBuffer(nest: Nest, { buffer, indices }: StoreStage, scope: NestFunction): boolean {
  const [axis, ...others] = nest.axes;
  const [index, ...more] = indices;
  const shape = scope.buffers.find(({ id }) => id === buffer)?.type.shape;
  if (!axis || !index || !shape || 'kind' in index || others.length + more.length > 0) return false;
  return sameDim(index, variable(axis.name)) && sameDim(axis.extent, product(shape));
}

// Parallel axes may run in any order: the one along which the first store is contiguous goes last.
function contiguousLast(nest: Nest): Nest {
  const store = nest.stages.find((stage): stage is StoreStage => stage.kind === 'store' && stage.axes.length === 0);
  const [index] = store?.indices ?? [];
  if (!index || 'kind' in index) return nest;
  const isContiguous = (axis: Axis): boolean => {
    const linear = linearIn(index, axis.name);
    return linear !== undefined && asConstant(linear.coefficient) === 1;
  };
  const last = nest.axes.filter(isContiguous);
  return last.length === 1 ? { ...nest, axes: [...nest.axes.filter((axis) => !last.includes(axis)), ...last] } : nest;
}
