// One thread per point of the nest (or per four neighbouring points): maps, and reductions of which
// there are many. Reductions run serially in the thread, so neighbouring threads read neighbours.
import { ceilDiv, constant, divideExactly, floorDiv } from '../../../ir/dim.ts';
import type { Statement } from '../../../ir/kernel.ts';
import type { Nest } from '../../../ir/nest.ts';
import { int, less, named, times } from './expressions.ts';
import type { StoreStage } from './flatten.ts';
import {
  decode,
  definitions,
  forAxes,
  points,
  reduceSerially,
  runsInLanes,
  stageRuns,
  storeAll,
  storesInLanes,
  tableOf,
} from './loops.ts';
import { Scope } from './scope.ts';
import { invocationNumber, KernelWriter, linearGrid, type Surroundings, type Written } from './writer.ts';

const workgroupSize = 64;

// Four points per thread, where all loads and stores are aligned along the last axis.
function runsFourWide(nest: Nest, writer: KernelWriter): boolean {
  const last = nest.axes.at(-1);
  if (!last) return false;
  const roots = nest.stages.flatMap((stage) => (stage.kind === 'reduce' ? stage.args : [stage.value]));
  const stores = nest.stages.filter((stage): stage is StoreStage => stage.kind === 'store');
  const isArg = nest.stages.some((stage) => stage.kind === 'reduce' && stage.monoid.arity > 1);
  return !isArg && runsInLanes(writer, roots, last).ok && storesInLanes(writer, stores, last);
}

/** Schedules a flat nest with one thread per point. */
export function schedulePerThread(nest: Nest, surroundings: Surroundings): Written {
  const writer = new KernelWriter(surroundings);
  const total = points(nest.axes);
  const wide = runsFourWide(nest, writer);
  const threads = wide ? (divideExactly(total, constant(4)) ?? floorDiv(total, 4)) : total;
  const number = named('n');
  const block: Statement[] = [];
  const first = wide ? writer.bind(block, times(number, int(4))) : number;
  const values = decode(writer, block, nest.axes, first);
  const scope = Scope.root(writer, tableOf(nest), block, definitions(nest.axes, values, wide));
  for (const run of stageRuns(nest)) {
    if ('kind' in run) reduceSerially(scope, run);
    else forAxes(scope, run[0]?.axes ?? [], (inner) => storeAll(inner, run));
  }
  const body: Statement[] = [
    { kind: 'let', name: 'n', value: invocationNumber(workgroupSize) },
    { kind: 'if', cond: less(number, writer.param(threads)), then: block, otherwise: [] },
  ];
  return writer.finish(nest, nest.name, workgroupSize, linearGrid(ceilDiv(threads, workgroupSize)), body);
}
