// What both schedules have in common: one nest in, kernels and the steps that dispatch them out.
import type { Kernel } from '../../ir/kernel.ts';
import type { Buffer, Nest, NestFunction, OpaqueNest } from '../../ir/nest.ts';
import type { PlanStep } from '../../ir/plan.ts';

/** Kernels with canonical buffer, param and local names, so that equal work is one kernel. */
export interface Scheduled {
  readonly kernels: readonly Kernel[];
  readonly steps: readonly PlanStep[];
  /** Temporaries that the schedule itself needs: partial sums of a split reduction. */
  readonly buffers: readonly Buffer[];
}

/** Schedules one nest of a function for one target. Kernel names are made unique by the caller. */
export type ScheduleNest = (nest: Nest | OpaqueNest, scope: NestFunction) => Scheduled;

// Parts of one nest share its name: a number tells their kernels apart.
function numbered({ kernels, steps, buffers }: Scheduled, at: number): Scheduled {
  if (at === 0) return { kernels, steps, buffers };
  const rename = (name: string): string => `${name}_part${at}`;
  return {
    kernels: kernels.map((kernel) => ({ ...kernel, name: rename(kernel.name) })),
    steps: steps.map((step) => (step.kind === 'dispatch' ? { ...step, kernel: rename(step.kernel) } : step)),
    buffers,
  };
}

/** The schedules of the parts of one nest, one after the other. */
export const joined = (given: readonly Scheduled[], buffers: Scheduled['buffers']): Scheduled => {
  const parts = given.map(numbered);
  return {
    kernels: parts.flatMap((part) => part.kernels),
    steps: parts.flatMap((part) => part.steps),
    buffers: [...buffers, ...parts.flatMap((part) => part.buffers)],
  };
};
