// Loops of GPU plans. Only modules with such plans carry this.
import type { StepSpec } from './program.ts';

/** The steps of a loop: every turn has dispatches of its own, with the loop index in their params. */
export const loopSteps = (
  count: number,
  reverse: boolean,
  body: (index: number) => readonly StepSpec[],
): readonly StepSpec[] => Array.from({ length: count }, (_, turn) => body(reverse ? count - 1 - turn : turn)).flat();
