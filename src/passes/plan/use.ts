// What the steps of a plan read and write.
import type { Kernel } from '../../ir/kernel.ts';
import type { PlanStep } from '../../ir/plan.ts';
import type { Bound } from './bind.ts';

/** What a step reads and writes, by memory. */
export interface Use {
  readonly reads: ReadonlySet<string>;
  readonly writes: ReadonlySet<string>;
}

/** What several uses read and write. */
export const union = (uses: readonly Use[]): Use => ({
  reads: new Set(uses.flatMap(({ reads }) => [...reads])),
  writes: new Set(uses.flatMap(({ writes }) => [...writes])),
});

/** What a dispatch reads and writes. */
export function useOf({ kernel, dispatch }: Bound): Use {
  const without = (access: 'read' | 'write'): Set<string> =>
    new Set(dispatch.buffers.filter((_, at) => kernel.buffers[at]?.access !== access));
  return { reads: without('write'), writes: without('read') };
}

/** What a step reads and writes. */
export function useOfStep(step: PlanStep, kernelNamed: (name: string) => Kernel): Use {
  switch (step.kind) {
    case 'dispatch':
      return useOf({ kernel: kernelNamed(step.kernel), dispatch: step });
    case 'copy':
      return { reads: new Set([step.from]), writes: new Set([step.to]) };
    case 'fill':
      return { reads: new Set(), writes: new Set([step.buffer]) };
    case 'loop':
    case 'prepare':
      return union(step.body.map((inner) => useOfStep(inner, kernelNamed)));
  }
}
