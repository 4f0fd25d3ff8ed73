// Threads of a workgroup share one point of the nest: reductions with long rows, and row kernels (softmax, layer norm)
// whose stages run over the same inner axis. Short rows take a few threads each, several of them a workgroup. Each
// stage is shared by the threads of a row; results of reductions meet in workgroup memory, in an order that depends on
// the dims only.
import { ceilDiv, constant, one, sub } from '../../../ir/dim.ts';
import { loadsIn } from '../../../ir/expr-rewrite.ts';
import type { KernelExpr, Statement } from '../../../ir/kernel.ts';
import type { Nest } from '../../../ir/nest.ts';
import {
  all,
  binary,
  cast,
  int,
  laneNumbers,
  laneOf,
  less,
  named,
  plus,
  quotient,
  remainder,
  times,
  widen,
} from './expressions.ts';
import type { ReduceStage, StoreStage } from '../flatten.ts';
import { estimate } from '../linear.ts';
import {
  accumulators,
  decode,
  definitions,
  loadsInLanes,
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

// The threads of one row.
interface Team {
  readonly writer: KernelWriter;
  /** Threads of a row and of the workgroup: powers of two. */
  readonly size: number;
  readonly workgroup: number;
  /** The number of this thread in its team, and of the team's first thread in the workgroup. */
  readonly local: KernelExpr;
  readonly first: KernelExpr;
  /** False for a team without a row: it goes along to the barriers and stores nothing. Undefined where there is none. */
  readonly hasRow: KernelExpr | undefined;
}

// for the points of `axes` that fall to this thread { body }
function forShare(
  scope: Scope,
  { writer, size, local }: Team,
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

// Writes each thread's partial result. Of a large team a few threads add up those that lie a few apart first: two
// barriers, where halving takes one for every bit of the size. Then all threads add up what there is.
function meet(scope: Scope, team: Team, stage: ReduceStage, mine: readonly KernelExpr[]): KernelExpr[] {
  const { writer, size, workgroup, local, first } = team;
  const arrays = mine.map((x) => writer.array(arrayType(x), workgroup));
  const read = (part: number, index: KernelExpr): KernelExpr => {
    const type = mine[part]?.type ?? 'f32';
    const stored = type === 'bool' ? 'u32' : type;
    const array = arrays[part] ?? '';
    const value: KernelExpr = { kind: 'load-array', type: stored, width: 1, array, index: plus(first, index) };
    return type === 'bool' ? binary('ne', value, { kind: 'const', type: 'u32', width: 1, value: 0 }) : value;
  };
  const write = (part: number, value: KernelExpr): Statement => ({
    kind: 'store-array',
    array: arrays[part] ?? '',
    index: named('%lx'),
    value: cast(arrayType(value), value),
  });
  const { into } = scope;
  mine.forEach((x, part) => into.push(write(part, x)));
  into.push({ kind: 'barrier' });
  if (size <= 8) return accumulateAll(writer, into, stage, mine, size, read);
  const columns = 2 ** Math.floor(Math.log2(size) / 2);
  const block: Statement[] = [];
  const sums = accumulateAll(writer, block, stage, mine, size / columns, (part, at) =>
    read(part, plus(local, times(at, int(columns)))),
  );
  sums.forEach((x, part) => block.push(write(part, x)));
  into.push({ kind: 'if', cond: less(local, int(columns)), then: block, otherwise: [] }, { kind: 'barrier' });
  return accumulateAll(writer, into, stage, mine, columns, read);
}

const isWideReduce = (writer: KernelWriter, { axes, args, monoid }: ReduceStage): boolean =>
  monoid.arity === 1 && loadsInLanes(writer, args, axes.at(-1));

function isWideStore(writer: KernelWriter, stages: readonly StoreStage[]): boolean {
  const last = stages[0]?.axes.at(-1);
  const roots = stages.map((stage) => stage.value);
  return last !== undefined && runsInLanes(writer, roots, last).ok && storesInLanes(writer, stages, last);
}

function reduceTogether(scope: Scope, team: Team, stage: ReduceStage): void {
  const { monoid } = stage;
  const wide = isWideReduce(team.writer, stage);
  const accs = accumulators(scope, stage, wide ? 4 : 1);
  forShare(scope, team, stage.axes, wide, (inner) => {
    const values = stage.args.map((arg) => widen(inner.emit(arg), wide ? 4 : 1));
    accumulate(team.writer, inner.into, monoid, accs, values);
  });
  const mine = accs.map((acc) => {
    if (!wide || monoid.arity !== 1) return acc;
    const [a, b, c, d] = laneNumbers.map((lane) => laneOf(acc, lane));
    return a && b && c && d
      ? combineValues(monoid.name, combineValues(monoid.name, a, b), combineValues(monoid.name, c, d))
      : acc;
  });
  scope.setReduced(stage.id, meet(scope, team, stage, mine));
}

function storeTogether(scope: Scope, team: Team, stages: readonly StoreStage[]): void {
  const axes = stages[0]?.axes ?? [];
  const alone = axes.length === 0 ? binary('eq', team.local, int(0)) : undefined;
  const cond = all([alone, team.hasRow].filter((each) => each !== undefined));
  const block: Statement[] = cond ? [] : scope.into;
  const inner = cond ? scope.child({}, block, true) : scope;
  if (alone) storeAll(inner, stages);
  else forShare(inner, team, axes, isWideStore(team.writer, stages), (each) => storeAll(each, stages));
  if (cond) scope.into.push({ kind: 'if', cond, then: block, otherwise: [] });
}

// Threads that a row occupies with one load each.
const lanesOf = (writer: KernelWriter, run: ReturnType<typeof stageRuns>[number]): number => {
  const [axes, wide] =
    'kind' in run ? [run.axes, isWideReduce(writer, run)] : [run[0]?.axes ?? [], isWideStore(writer, run)];
  return estimate(points(axes), writer.facts) / (wide ? 4 : 1);
};

// Where rows are many, each thread of a row takes about four loads; where they are few, one if possible.
function sizesOf(writer: KernelWriter, nest: Nest): { readonly size: number; readonly workgroup: number } {
  const rows = estimate(points(nest.axes), writer.facts);
  const length = Math.max(...nest.stages.map((stage) => estimate(points(stage.axes), writer.facts)));
  if (length >= 1024) return { size: 256, workgroup: 256 };
  if (rows < 64) return { size: 64, workgroup: 64 };
  const loads = Math.max(...stageRuns(nest).map((run) => lanesOf(writer, run))) / 4;
  return { size: Math.min(64, Math.max(4, 2 ** Math.ceil(Math.log2(loads)))), workgroup: 64 };
}

/** Schedules a flat nest with the threads of a workgroup, or a share of them, for each point. */
export function schedulePerWorkgroup(nest: Nest, surroundings: Surroundings): Written {
  const writer = new KernelWriter(surroundings);
  const rows = points(nest.axes);
  const { size, workgroup } = sizesOf(writer, nest);
  const teams = workgroup / size;
  const [body, block]: [Statement[], Statement[]] = [[], []];
  const shared = teams > 1;
  const within = shared ? writer.bind(body, quotient(named('%lx'), int(size))) : int(0);
  const number = writer.bind(body, plus(times(workgroupNumber, int(teams)), within));
  const isWhole = less(number, writer.param(rows));
  const team: Team = {
    writer,
    size,
    workgroup,
    local: shared ? writer.bind(body, remainder(named('%lx'), int(size))) : named('%lx'),
    first: shared ? writer.bind(body, times(within, int(size))) : int(0),
    hasRow: shared && writer.facts.divisible(rows, teams) !== 'proved' ? isWhole : undefined,
  };
  const row = team.hasRow ? writer.bind(body, binary('min', number, writer.param(sub(rows, one)))) : number;
  const values = decode(writer, block, nest.axes, row);
  const scope = Scope.root(writer, tableOf(nest), block, definitions(nest.axes, values, false));
  const stored = new Set<string>();
  for (const run of stageRuns(nest)) {
    const stages = 'kind' in run ? [run] : run;
    const roots = stages.flatMap((stage) => (stage.kind === 'reduce' ? stage.args : [stage.value]));
    if (loadsIn(roots).some((load) => stored.has(load.buffer))) block.push({ kind: 'barrier' });
    for (const stage of stages) if (stage.kind === 'store') stored.add(stage.buffer);
    if ('kind' in run) reduceTogether(scope, team, run);
    else storeTogether(scope, team, run);
  }
  // Barriers need all threads of a workgroup: only whole workgroups are left out.
  if (shared) body.push(...block);
  else body.push({ kind: 'if', cond: isWhole, then: block, otherwise: [] });
  return writer.finish(nest, nest.name, workgroup, linearGrid(ceilDiv(rows, constant(teams))), body);
}
