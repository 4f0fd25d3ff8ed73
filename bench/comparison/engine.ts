// What the rounds need of an engine.
import type { Case } from './case.ts';
import type { CaseData } from './random.ts';

/** A case made ready on an engine. Inputs lie in the engine's memory where its API allows that. */
export interface Runner {
  /** Runs once and waits; the result comes to the host: the output, or the loss of the step. */
  run(): Promise<Float32Array>;
  /** A result in the order of the model's output, where the engine keeps another; not timed. */
  inOrder?(result: Float32Array): Float32Array;
  /** Milliseconds that runs have taken so far, where they are not measured here: in another process. */
  readonly clock?: () => number;
  close(): void;
}

/** A framework under measurement. */
export interface Engine {
  readonly name: string;
  /** Native code outside of the JavaScript engine: shown, but not among the peers that the best is chosen of. */
  readonly native?: boolean;
  /** @throws Error saying what the engine cannot do */
  open(one: Case, data: CaseData): Promise<Runner>;
}
