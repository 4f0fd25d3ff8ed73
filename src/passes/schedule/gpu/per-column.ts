// Reductions of long columns: neighbouring threads take neighbouring columns, and the other threads of a workgroup
// share the rows. Their partial results meet in workgroup memory, in an order that the dims alone decide. One thread
// for a whole column would leave most of a GPU idle: a bias has few gradients, of many rows each.
import { ceilDiv, constant, divideExactly, floorDiv, sub } from '../../../ir/dim.ts';
import type { KernelExpr, Statement } from '../../../ir/kernel.ts';
import type { Nest } from '../../../ir/nest.ts';
import type { ReduceStage } from '../flatten.ts';
import { binary, int, less, named, plus, quotient, remainder, times, widen } from './expressions.ts';
import { accumulators, decode, definitions, points, stageRuns, storeAll, tableOf } from './loops.ts';
import { accumulate } from './monoids.ts';
import { runsFourWide } from './per-thread.ts';
import { Scope } from './scope.ts';
import { KernelWriter, linearGrid, workgroupNumber, type Surroundings, type Written } from './writer.ts';

const threads = 256;
// Threads side by side along columns.
const across = 16;
const shares = threads / across;
const local = named('%lx');

// Their vectors fill the workgroup memory that every device grants.
const mostStages = 4;

/** True when a few reductions that threads can share come first, and stores without loops after them. */
export function hasPlainColumns({ stages }: Nest): boolean {
  const count = stages.findIndex((stage) => stage.kind === 'store');
  return stages.every((stage, at) =>
    stage.kind === 'store'
      ? stage.axes.length === 0
      : at < Math.min(count, mostStages) && stage.monoid.arity === 1 && stage.dtypes[0] === 'f32',
  );
}

// This thread's share of the rows, then the shares of its column one after the other.
function reduceShared(scope: Scope, stage: ReduceStage, [own, share]: readonly [KernelExpr, KernelExpr]): void {
  const { writer, into } = scope;
  const width = stage.args.some((arg) => scope.widthOf(arg) === 4) ? 4 : 1;
  const partial = accumulators(scope, stage, width);
  const [name, body]: [string, Statement[]] = [writer.fresh('i'), []];
  const inner = scope.child({ axes: decode(writer, body, stage.axes, named(name)) }, body);
  const values = stage.args.map((arg) => widen(inner.emit(arg), width));
  accumulate(writer, body, stage.monoid, partial, values);
  into.push({ kind: 'for', name, from: share, to: writer.param(points(stage.axes)), step: shares, body });
  const array = writer.array('f32', threads * width);
  const place = (thread: KernelExpr): KernelExpr => times(thread, int(width));
  for (const value of partial) into.push({ kind: 'store-array', array, index: place(local), value });
  into.push({ kind: 'barrier' });
  const totals = accumulators(scope, stage, width);
  const [at, sum]: [string, Statement[]] = [writer.fresh('i'), []];
  const index = place(plus(times(named(at), int(across)), own));
  accumulate(writer, sum, stage.monoid, totals, [{ kind: 'load-array', type: 'f32', width, array, index }]);
  into.push({ kind: 'for', name: at, from: int(0), to: int(shares), step: 1, body: sum });
  scope.setReduced(stage.id, totals);
}

/** Schedules a flat nest whose columns are long; see {@link hasPlainColumns}. */
export function schedulePerColumn(nest: Nest, surroundings: Surroundings): Written {
  const writer = new KernelWriter(surroundings);
  const wide = runsFourWide(nest, writer);
  const all = points(nest.axes);
  const total = wide ? (divideExactly(all, constant(4)) ?? floorDiv(all, 4)) : all;
  const body: Statement[] = [];
  const bind = (value: KernelExpr): KernelExpr => writer.bind(body, value);
  const own = bind(remainder(local, int(across)));
  const share = bind(quotient(local, int(across)));
  const column = bind(plus(times(workgroupNumber, int(across)), own));
  const inside = bind(binary('min', column, writer.param(sub(total, 1))));
  const first = wide ? bind(times(inside, int(4))) : inside;
  const values = decode(writer, body, nest.axes, first);
  const scope = Scope.root(writer, tableOf(nest), body, definitions(nest.axes, values, wide));
  const block: Statement[] = [];
  const stores = scope.child({}, block, true);
  for (const run of stageRuns(nest)) {
    if ('kind' in run) reduceShared(scope, run, [own, share]);
    else storeAll(stores, run);
  }
  const cond = binary('and', binary('eq', share, int(0)), less(column, writer.param(total)));
  body.push({ kind: 'if', cond, then: block, otherwise: [] });
  return writer.finish(nest, nest.name, threads, linearGrid(ceilDiv(total, across)), body);
}
