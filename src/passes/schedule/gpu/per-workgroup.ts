// One workgroup per point of the nest: reductions with long rows, and row kernels (softmax, layer norm)
// whose stages run over the same inner axis. Each stage is shared by the threads; results of reductions
// meet in a tree in workgroup memory, whose order depends on the dims only.
import { loadsIn } from '../../../ir/expr-rewrite.ts';
import type { KernelExpr, Statement } from '../../../ir/kernel.ts';
import type { Nest } from '../../../ir/nest.ts';
import { binary, cast, int, laneNumbers, laneOf, less, named, plus, times, widen } from './expressions.ts';
import type { ReduceStage, StoreStage } from '../flatten.ts';
import {
  accumulators,
  decode,
  definitions,
  points,
  runsInLanes,
  stageRuns,
  storeAll,
  storesInLanes,
  tableOf,
} from './loops.ts';
import { accumulate, combineValues } from './monoids.ts';
import { Scope } from './scope.ts';
import { KernelWriter, linearGrid, workgroupNumber, type Surroundings, type Written } from './writer.ts';

const local = named('%lx');

interface Shape {
  readonly writer: KernelWriter;
  readonly size: number;
}

// for the points of `axes` that fall to this thread { body }
function forShare(
  scope: Scope,
  { writer, size }: Shape,
  axes: ReduceStage['axes'],
  wide: boolean,
  body: (inner: Scope) => void,
): void {
  const name = writer.fresh('i');
  const block: Statement[] = [];
  const values = decode(writer, block, axes, named(name));
  const width = wide ? 4 : 1;
  const to = writer.param(points(axes));
  body(scope.child(definitions(axes, values, wide), block));
  scope.into.push({ kind: 'for', name, from: times(local, int(width)), to, step: size * width, body: block });
}

const arrayType = (x: KernelExpr): 'f32' | 'i32' | 'u32' => (x.type === 'bool' ? 'u32' : x.type);

// value(0) ∘ … ∘ value(count − 1), for every part of the monoid.
function accumulateAll(
  writer: KernelWriter,
  into: Statement[],
  { monoid }: ReduceStage,
  like: readonly KernelExpr[],
  count: number,
  value: (part: number, at: KernelExpr) => KernelExpr,
): KernelExpr[] {
  const totals = like.map((_, part) => writer.variable(into, value(part, int(0))));
  const [name, body]: [string, Statement[]] = [writer.fresh('i'), []];
  accumulate(
    writer,
    body,
    monoid,
    totals,
    like.map((_, part) => value(part, named(name))),
  );
  into.push({ kind: 'for', name, from: int(1), to: int(count), step: 1, body });
  return totals;
}

// Writes each thread's partial result. A few threads add up those that lie a few apart, then all threads add up
// what these have: two barriers, where halving takes one for every bit of the size.
function meet(scope: Scope, { writer, size }: Shape, stage: ReduceStage, mine: readonly KernelExpr[]): KernelExpr[] {
  const arrays = mine.map((x) => writer.array(arrayType(x), size));
  const read = (part: number, index: KernelExpr): KernelExpr => {
    const type = mine[part]?.type ?? 'f32';
    const stored = type === 'bool' ? 'u32' : type;
    const value: KernelExpr = { kind: 'load-array', type: stored, width: 1, array: arrays[part] ?? '', index };
    return type === 'bool' ? binary('ne', value, { kind: 'const', type: 'u32', width: 1, value: 0 }) : value;
  };
  const write = (part: number, value: KernelExpr): Statement => ({
    kind: 'store-array',
    array: arrays[part] ?? '',
    index: local,
    value: cast(arrayType(value), value),
  });
  const { into } = scope;
  mine.forEach((x, part) => into.push(write(part, x)));
  into.push({ kind: 'barrier' });
  const columns = 2 ** Math.floor(Math.log2(size) / 2);
  const block: Statement[] = [];
  const sums = accumulateAll(writer, block, stage, mine, size / columns, (part, at) =>
    read(part, plus(local, times(at, int(columns)))),
  );
  sums.forEach((x, part) => block.push(write(part, x)));
  into.push({ kind: 'if', cond: less(local, int(columns)), then: block, otherwise: [] }, { kind: 'barrier' });
  return accumulateAll(writer, into, stage, mine, columns, read);
}

function reduceTogether(scope: Scope, shape: Shape, stage: ReduceStage): void {
  const last = stage.axes.at(-1);
  const lanes = last ? runsInLanes(shape.writer, stage.args, last) : { ok: false, vectorLoads: 0 };
  const { monoid } = stage;
  const wide = lanes.ok && lanes.vectorLoads > 0 && monoid.arity === 1;
  const accs = accumulators(scope, stage, wide ? 4 : 1);
  forShare(scope, shape, stage.axes, wide, (inner) => {
    const values = stage.args.map((arg) => widen(inner.emit(arg), wide ? 4 : 1));
    accumulate(shape.writer, inner.into, monoid, accs, values);
  });
  const mine = accs.map((acc) => {
    if (!wide || monoid.arity !== 1) return acc;
    const [a, b, c, d] = laneNumbers.map((lane) => laneOf(acc, lane));
    return a && b && c && d
      ? combineValues(monoid.name, combineValues(monoid.name, a, b), combineValues(monoid.name, c, d))
      : acc;
  });
  scope.setReduced(stage.id, meet(scope, shape, stage, mine));
}

function storeTogether(scope: Scope, shape: Shape, stages: readonly StoreStage[]): void {
  const axes = stages[0]?.axes ?? [];
  const last = axes.at(-1);
  if (last) {
    const roots = stages.map((stage) => stage.value);
    const wide = runsInLanes(shape.writer, roots, last).ok && storesInLanes(shape.writer, stages, last);
    forShare(scope, shape, axes, wide, (inner) => storeAll(inner, stages));
    return;
  }
  const block: Statement[] = [];
  storeAll(scope.child({}, block, true), stages);
  scope.into.push({ kind: 'if', cond: binary('eq', local, int(0)), then: block, otherwise: [] });
}

/** Schedules a flat nest with one workgroup of `size` threads (a power of two) per point. */
export function schedulePerWorkgroup(nest: Nest, surroundings: Surroundings, size: number): Written {
  const writer = new KernelWriter(surroundings);
  const rows = points(nest.axes);
  const block: Statement[] = [];
  const values = decode(writer, block, nest.axes, named('n'));
  const scope = Scope.root(writer, tableOf(nest), block, definitions(nest.axes, values, false));
  const stored = new Set<string>();
  for (const run of stageRuns(nest)) {
    const stages = 'kind' in run ? [run] : run;
    const roots = stages.flatMap((stage) => (stage.kind === 'reduce' ? stage.args : [stage.value]));
    if (loadsIn(roots).some((load) => stored.has(load.buffer))) block.push({ kind: 'barrier' });
    for (const stage of stages) if (stage.kind === 'store') stored.add(stage.buffer);
    if ('kind' in run) reduceTogether(scope, { writer, size }, run);
    else storeTogether(scope, { writer, size }, run);
  }
  const body: Statement[] = [
    { kind: 'let', name: 'n', value: workgroupNumber },
    { kind: 'if', cond: less(named('n'), writer.param(rows)), then: block, otherwise: [] },
  ];
  return writer.finish(nest, nest.name, size, linearGrid(rows), body);
}
