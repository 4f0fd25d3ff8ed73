// One thread per point of the nest (or per four neighbouring points): maps, and reductions of which
// there are many. Reductions run serially in the thread, so neighbouring threads read neighbours.
import { ceilDiv, constant, divideExactly, floorDiv } from '../../../ir/dim.ts';
import { walkExprs } from '../../../ir/expr-rewrite.ts';
import type { KernelExpr, Statement } from '../../../ir/kernel.ts';
import type { Nest } from '../../../ir/nest.ts';
import { int, laneNumbers, laneOf, less, named, plus, times } from './expressions.ts';
import { fillsBuffer, type StoreStage } from '../flatten.ts';
import {
  countedLoop,
  decode,
  definitions,
  forAxes,
  pick,
  points,
  reduceSerially,
  runsInLanes,
  stageRuns,
  storeAll,
  storeIndex,
  storesInLanes,
  tableOf,
} from './loops.ts';
import { Scope } from './scope.ts';
import { invocationNumber, KernelWriter, linearGrid, type Surroundings, type Written } from './writer.ts';

const workgroupSize = 64;

/** True when all loads and stores are aligned along the last axis: four points then are one. */
export function runsFourWide(nest: Nest, writer: KernelWriter): boolean {
  const last = nest.axes.at(-1);
  if (!last) return false;
  const roots = nest.stages.flatMap((stage) => (stage.kind === 'reduce' ? stage.args : [stage.value]));
  const stores = nest.stages.filter((stage): stage is StoreStage => stage.kind === 'store');
  const isArg = nest.stages.some((stage) => stage.kind === 'reduce' && stage.monoid.arity > 1);
  return !isArg && runsInLanes(writer, roots, last).ok && storesInLanes(writer, stores, last);
}

// Four random numbers take little more than one: also where the last four are not all there.
function generatesInLanes(nest: Nest, writer: KernelWriter): StoreStage | undefined {
  const [stage, ...more] = nest.stages;
  const [axis, ...others] = nest.axes;
  if (stage?.kind !== 'store' || more.length > 0 || stage.axes.length > 0 || !axis || others.length > 0)
    return undefined;
  let [isRandom, isAlone] = [false, true];
  walkExprs([stage.value], (e) => {
    if (e.kind === 'threefry') isRandom = true;
    if (e.kind === 'load' && !writer.surroundings.scalars.has(e.buffer)) isAlone = false;
  });
  return isRandom && isAlone && storesInLanes(writer, [stage], axis) ? stage : undefined;
}

// The lanes of a generated vector that lie inside the nest.
function storeLanes(scope: Scope, nest: Nest, stage: StoreStage, first: KernelExpr): void {
  const value = scope.writer.bind(scope.into, scope.emit(stage.value));
  const lanes = laneNumbers.map((lane) => laneOf(value, lane));
  countedLoop(scope, 4, (inner, lane) => {
    const at = inner.writer.bind(inner.into, plus(first, lane));
    const then: Statement[] = [];
    const axes = new Map(nest.axes.map((axis) => [axis.name, at]));
    inner.child({ axes }, then).store(stage.buffer, storeIndex(stage), pick(lanes, lane));
    inner.into.push({ kind: 'if', cond: less(at, inner.writer.param(points(nest.axes))), then, otherwise: [] });
  });
}

/** Schedules a flat nest with one thread per point. */
export function schedulePerThread(nest: Nest, surroundings: Surroundings): Written {
  const writer = new KernelWriter(surroundings);
  const total = points(nest.axes);
  const whole = runsFourWide(nest, writer);
  const generated = whole ? undefined : generatesInLanes(nest, writer);
  const wide = whole || generated !== undefined;
  const threads = generated
    ? ceilDiv(total, constant(4))
    : whole
      ? (divideExactly(total, constant(4)) ?? floorDiv(total, 4))
      : total;
  const number = named('n');
  const block: Statement[] = [];
  const first = wide ? writer.bind(block, times(number, int(4))) : number;
  const values = decode(writer, block, nest.axes, first);
  const scope = Scope.root(writer, tableOf(nest), block, definitions(nest.axes, values, wide));
  if (generated && !fillsBuffer(nest, generated, surroundings.scope)) storeLanes(scope, nest, generated, first);
  else
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
