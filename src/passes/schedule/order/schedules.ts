// The ops that stay whole down to Kernel IR, with their schedules for each target.
import type { OpaqueNest } from '../../../ir/nest.ts';
import { CompilerBug } from '../../../support/diagnostic.ts';
import type { ScheduleOpaque } from '../sketch.ts';
import { argsortOnCpu } from './argsort-cpu.ts';
import { argsortOnGpu } from './argsort-gpu.ts';
import { cumreduceOnCpu } from './cumreduce-cpu.ts';
import { cumreduceOnGpu } from './cumreduce-gpu.ts';
import { inverseOrderOnCpu, inverseOrderOnGpu } from './inverse-order.ts';

const schedules: Readonly<Record<string, Readonly<Record<'cpu' | 'gpu', ScheduleOpaque>>>> = {
  argsort: { cpu: argsortOnCpu, gpu: argsortOnGpu },
  cumreduce: { cpu: cumreduceOnCpu, gpu: cumreduceOnGpu },
  inverse_order: { cpu: inverseOrderOnCpu, gpu: inverseOrderOnGpu },
};

/** The schedule of an opaque nest. @throws CompilerBug for ops that have none */
export function opaqueSchedule(nest: OpaqueNest, target: 'cpu' | 'gpu'): ScheduleOpaque {
  const found = schedules[nest.op]?.[target];
  if (!found) throw new CompilerBug(`no ${target} kernel for the op ${nest.op}`, nest.origin[0] ?? null);
  return found;
}
