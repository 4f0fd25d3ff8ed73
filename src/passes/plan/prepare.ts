// What a plan computes from weights alone (their panels, combinations of them, folded norms) goes first, into a step that
// runs only where weights have changed.
import { asConstant, type Dim } from '../../ir/dim.ts';
import type { Kernel } from '../../ir/kernel.ts';
import type { Dispatch, PlanStep } from '../../ir/plan.ts';
import { useOfStep } from './use.ts';

/** What is known of memory: whether it is a weight that the plan never writes, and whether it is a temporary of fixed size. */
export interface MemoryFacts {
  readonly isWeight: (id: string) => boolean;
  readonly isFixed: (id: string) => boolean;
}

/** The steps with those that prepare weights in one, and what these leave behind for the others. */
export function prepareWeights(
  steps: readonly PlanStep[],
  kernelNamed: (name: string) => Kernel,
  { isWeight, isFixed }: MemoryFacts,
): { steps: readonly PlanStep[]; prepared: ReadonlySet<string> } {
  const uses = steps.map((step) => useOfStep(step, kernelNamed));
  const writers = new Map<string, number>();
  for (const { writes } of uses) for (const id of writes) writers.set(id, (writers.get(id) ?? 0) + 1);
  const prepared = new Set<string>();
  const body: Dispatch[] = [];
  const rest = steps.filter((step, at) => {
    const use = uses[at];
    if (step.kind !== 'dispatch' || !use || !isStatic(step)) return true;
    const { reads, writes } = use;
    if (![...reads].every((id) => isWeight(id) || prepared.has(id))) return true;
    if (![...writes].every((id) => isFixed(id) && writers.get(id) === 1 && !reads.has(id))) return true;
    for (const id of writes) prepared.add(id);
    body.push(step);
    return false;
  });
  if (body.length === 0) return { steps, prepared };
  return { steps: [{ kind: 'prepare', body }, ...rest], prepared };
}

const isConstant = (d: Dim): boolean => asConstant(d) !== undefined;

// Neither dims nor the words of the step record take part.
const isStatic = ({ scalars, params, grid }: Dispatch): boolean =>
  scalars.length === 0 && params.every(isConstant) && grid.every(isConstant);
