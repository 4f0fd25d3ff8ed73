// Running reductions on the CPU: serial along a row, four rows at once where they lie side by side, and
// rows shared by threads.
import { constant, divideExactly, floorDiv, mul } from '../../../ir/dim.ts';
import { KernelSketch, sketchedAll, type ScheduleOpaque } from '../sketch.ts';
import { dtypesOf, factsOf } from './rows.ts';
import { rowAt, runningOf, runSerially } from './running.ts';

/** Schedules cumreduce for the CPU. */
export const cumreduceOnCpu: ScheduleOpaque = (nest, scope) => {
  const running = runningOf(nest, scope);
  const isWide = running.starts === undefined && factsOf(scope).divisible(running.inner, 4) === 'proved';
  const width = isWide ? 4 : 1;
  const across = isWide ? (divideExactly(running.inner, constant(4)) ?? floorDiv(running.inner, 4)) : running.inner;
  const s = new KernelSketch('cpu', dtypesOf(scope));
  const kernel = s.overShare(mul(running.outer, across), `cum${running.run.kind}`, nest.origin, (row) =>
    runSerially(s, running, rowAt(s, running, row, across, width), width),
  );
  return sketchedAll([kernel]);
};
