// Threads of a workgroup share one point of the nest: reductions with long rows, and row kernels (softmax, layer norm)
// whose stages run over the same inner axis. Short rows take a few threads each, several of them a workgroup. Each
// stage is shared by the threads of a row, who then combine what they have, in an order that depends on the dims and the
// device only.
import { ceilDiv, constant, one, sub } from '../../../ir/dim.ts';
import { loadsIn } from '../../../ir/expr-rewrite.ts';
import type { CombineOp, KernelExpr, Statement } from '../../../ir/kernel.ts';
import type { Nest } from '../../../ir/nest.ts';
import { CompilerBug } from '../../../support/diagnostic.ts';
import {
  all,
  binary,
  cast,
  int,
  laneNumbers,
  laneOf,
  less,
  literal,
  named,
  plus,
  quotient,
  remainder,
  select,
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
import { accumulate, combineValues, identityValue, operatorOf } from './monoids.ts';
import { Scope } from './scope.ts';
import { KernelWriter, linearGrid, workgroupNumber, type Surroundings, type Written } from './writer.ts';

// The threads of one row.
interface Team {
  readonly writer: KernelWriter;
  /** Threads of a row and of the workgroup: powers of two. */
  readonly size: number;
  readonly workgroup: number;
  /** The number of this thread in its team. */
  readonly local: KernelExpr;
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

// What the threads of the team have, combined: the same number in all of them.
function combine({ into, writer }: Scope, team: Team, op: CombineOp, own: KernelExpr): KernelExpr {
  const type = own.type === 'bool' ? 'u32' : own.type;
  const total = writer.variable(into, cast(type, own));
  const array = writer.array(type, team.workgroup);
  if (total.kind === 'name') into.push({ kind: 'combine', name: total.name, op, team: team.size, array });
  return own.type === 'bool' ? binary('ne', total, literal('u32', 0)) : total;
}

// The results of a stage from the partial results of the team. Of equal extremes the lowest index is the one.
function meet(scope: Scope, team: Team, { monoid, dtypes }: ReduceStage, own: readonly KernelExpr[]): KernelExpr[] {
  const [value, index] = own;
  if (!value) throw new CompilerBug('a reduction of no parts');
  if (monoid.arity === 1) return [combine(scope, team, operatorOf(monoid), value)];
  if (monoid.arity === 3 || !index) throw new CompilerBug(`threads cannot share ${monoid.name}`);
  const best = combine(scope, team, operatorOf(monoid), value);
  const nowhere = identityValue(monoid, dtypes[1] ?? 'i32', 1);
  return [best, combine(scope, team, 'min', select(binary('eq', value, best), index, nowhere))];
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
