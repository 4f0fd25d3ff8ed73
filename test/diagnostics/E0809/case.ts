// A session whose loss overflows in its third step.
import { runTraining } from '../../../src/cli/training-run.ts';
import { Failure } from '../../../src/cli/failure.ts';
import type { TrainSession } from '../../../src/cli/compiled-module.ts';
import type { Diagnostic } from '../../../src/index.ts';
import { plainPalette } from '../../../src/support/render-terminal.ts';

const measures = { losses: {}, metrics: {} };

const session: TrainSession = {
  iteration: 0,
  options: {},
  async *run() {
    yield { type: 'step', step: 2, loss: 1e30, ...measures };
    yield { type: 'nan', step: 3, loss: Infinity, ...measures };
  },
  evaluate: () => Promise.resolve(measures),
  save: () => Promise.resolve(new Uint8Array()),
  restore: () => Promise.resolve(),
  dispose: () => {},
};

const nothing = (): void => {};

export default async function overflow(): Promise<readonly Diagnostic[]> {
  try {
    await runTraining({
      console: { json: false, interactive: false, width: 80, palette: plainPalette, out: nothing, event: nothing, note: nothing, status: nothing },
      train: 'Fit',
      session,
      data: { count: 1, inputs: {}, classes: {} },
      indices: Int32Array.of(0),
      held: undefined,
      plan: { seed: 0, batch: 1, valid: 0 },
      epochs: 1,
      every: 1,
      checkpoint: { path: 'never.safetensors', keep: false },
      signal: new AbortController().signal,
    });
    return [];
  } catch (error) {
    return error instanceof Failure ? error.diagnostics : [];
  }
}
