// Scatters without atomics: one thread per output element walks the updates in order and takes those
// that name it. The order of additions is the order of the axes, so the result has the same bits always.
import { asVariable, ceilDiv, sameDim, variable, variables, type Dim } from '../../../ir/dim.ts';
import type { Expr, Index } from '../../../ir/expr.ts';
import type { KernelExpr, Statement } from '../../../ir/kernel.ts';
import type { Axis, Nest, Stage } from '../../../ir/nest.ts';
import { CompilerBug } from '../../../support/diagnostic.ts';
import { all, binary, less, named } from './expressions.ts';
import { flattenLoads, mapStage, type ReduceStage, type StoreStage } from '../flatten.ts';
import { decode, forAxes, points, reduceSerially, tableOf } from './loops.ts';
import { Scope } from './scope.ts';
import { invocationNumber, KernelWriter, linearGrid, type Surroundings, type Written } from './writer.ts';

const workgroupSize = 64;

/** True for stores that may meet at one element, or at an element that is only known at run time. */
export const isScatter = (stage: Stage): stage is StoreStage =>
  stage.kind === 'store' && (stage.combine !== 'set' || stage.indices.some((index) => 'kind' in index));

// The output's axes, which updates axes they replace, and what must hold for an update to meet an element.
/** Where the updates of a scatter go. */
export interface Target {
  readonly axes: readonly Axis[];
  readonly replaced: ReadonlyMap<string, Dim>;
  readonly matches: readonly Expr[];
}

const indexExpr = (index: Index): Expr => ('kind' in index ? index.expr : { kind: 'index', dtype: 'i32', dim: index });

function targetOf(stage: StoreStage, shape: readonly Dim[], axes: readonly Axis[]): Target {
  const outputs = shape.map((extent, at): Axis => ({ name: `%out${at}`, extent }));
  const replaced = new Map<string, Dim>();
  const matches: Expr[] = [];
  stage.indices.forEach((index, at) => {
    const output = outputs[at];
    if (!output) throw new CompilerBug(`a scatter into ${stage.buffer} has too many indices`);
    const own = axes.find(
      (axis) => !('kind' in index) && asVariable(index) === axis.name && sameDim(axis.extent, output.extent),
    );
    const onlyHere =
      own && stage.indices.every((other, i) => i === at || 'kind' in other || !variables(other).has(own.name));
    if (own && onlyHere) replaced.set(own.name, variable(output.name));
    else {
      const [a, b] = [indexExpr(index), indexExpr(variable(output.name))];
      matches.push({
        kind: 'binary',
        dtype: 'bool',
        op: 'eq',
        a: a.dtype === 'i32' ? a : { kind: 'cast', dtype: 'i32', x: a },
        b,
      });
    }
  });
  return { axes: outputs, replaced, matches };
}

/** The old value with an update. */
export const combined = (combine: StoreStage['combine'], old: KernelExpr, value: KernelExpr): KernelExpr =>
  combine === 'set' ? value : binary(combine, old, value);

/** A nest whose last stage is a scatter, taken apart. */
export interface Scatter {
  readonly store: StoreStage;
  readonly target: Target;
  /** The axes of the updates that are no axes of the output. */
  readonly scan: readonly Axis[];
  /** Stages that the update needs. */
  readonly before: readonly Stage[];
}

/** The parts of a nest (not yet flat) whose last stage is a scatter. */
export function scatterOf(nest: Nest, surroundings: Surroundings): Scatter {
  const store = nest.stages.at(-1);
  const before = nest.stages.slice(0, -1);
  if (!store || !isScatter(store) || before.some((stage) => stage.kind === 'store')) {
    throw new CompilerBug(`nest ${nest.name} scatters and does something else`, nest.origin[0] ?? null);
  }
  const shape = surroundings.scope.buffers.find((buffer) => buffer.id === store.buffer)?.type.shape ?? [];
  const axes = [...nest.axes, ...store.axes];
  const target = targetOf(store, shape, axes);
  return { store, target, scan: axes.filter((axis) => !target.replaced.has(axis.name)), before };
}

/** Schedules a nest (not yet flat) whose last stage is a scatter. */
export function scheduleScatter(nest: Nest, surroundings: Surroundings): Written {
  const { store, target, scan, before } = scatterOf(nest, surroundings);
  return writeScan(nest, surroundings, store, target, scan, before);
}

// Expressions that travel with the stages through the rewrites.
const asReduce = (id: string, args: readonly Expr[]): ReduceStage => ({
  kind: 'reduce',
  id,
  axes: [],
  monoid: { name: 'sum', arity: 1 },
  args,
  dtypes: [],
});

function writeScan(
  nest: Nest,
  surroundings: Surroundings,
  store: StoreStage,
  target: Target,
  scan: readonly Axis[],
  before: readonly Stage[],
): Written {
  const load: Expr = {
    kind: 'load',
    dtype: surroundings.dtypes.get(store.buffer) ?? 'f32',
    buffer: store.buffer,
    indices: target.axes.map((axis) => variable(axis.name)),
  };
  const carried: StoreStage = {
    ...store,
    axes: [],
    indices: target.axes.map((axis) => variable(axis.name)),
    combine: 'set',
  };
  const rewritten = [...before, asReduce('matches', target.matches), asReduce('old', [load]), carried].map((stage) =>
    mapStage(stage, { axes: target.replaced }),
  );
  const flat = flattenLoads({ ...nest, axes: [...target.axes, ...scan], stages: rewritten }, surroundings.scope);
  const final = flat.stages.at(-1);
  const [matches, old] = [flat.stages.at(-3), flat.stages.at(-2)];
  if (final?.kind !== 'store' || matches?.kind !== 'reduce' || old?.kind !== 'reduce')
    throw new CompilerBug('a scatter lost a stage');
  const writer = new KernelWriter(surroundings);
  const block: Statement[] = [];
  const scope = Scope.root(writer, tableOf(flat), block, { axes: decode(writer, block, target.axes, named('n')) });
  const [oldValue] = old.args;
  const [index] = final.indices;
  if (!oldValue || !index || 'kind' in index) throw new CompilerBug('a scatter has no place');
  const total = writer.variable(block, scope.emit(oldValue));
  forAxes(scope, scan, (inner) => {
    const take: Statement[] = [];
    const hit = all(matches.args.map((match) => inner.emit(match)));
    const taken = hit ? inner.child({}, take, true) : inner;
    for (const stage of flat.stages.slice(0, -3)) if (stage.kind === 'reduce') reduceSerially(taken, stage);
    const value = combined(store.combine, total, taken.emit(final.value));
    if (total.kind === 'name') taken.into.push({ kind: 'assign', name: total.name, value });
    if (hit) inner.into.push({ kind: 'if', cond: hit, then: take, otherwise: [] });
  });
  scope.store(store.buffer, index, total);
  const count = points(target.axes);
  const body: Statement[] = [
    { kind: 'let', name: 'n', value: invocationNumber(workgroupSize) },
    { kind: 'if', cond: less(named('n'), writer.param(count)), then: block, otherwise: [] },
  ];
  return writer.finish(nest, nest.name, workgroupSize, linearGrid(ceilDiv(count, workgroupSize)), body);
}
