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
