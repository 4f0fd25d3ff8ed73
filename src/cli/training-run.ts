// The training loop of the command line: epochs over shuffled batches, events, evaluation, checkpoints.
import { messages } from '../index.ts';
import { annotate, type DataPlan } from './checkpoint.ts';
import type { Measures, TrainSession } from './compiled-module.ts';
import type { Console } from './console.ts';
import { batches, type Batch, type Dataset } from './data/dataset.ts';
import { shuffled } from './data/shuffle.ts';
import { Failure } from './failure.ts';
import { Progress, type Standing } from './progress.ts';
import { writeFiles } from './write-file.ts';

/** Everything that a run needs; the session may have been restored. */
export interface TrainingRun {
  readonly console: Console;
  readonly train: string;
  readonly session: TrainSession;
  readonly data: Dataset;
  readonly indices: Int32Array;
  /** Held-out examples, in the order in which they are evaluated. */
  readonly held: { readonly data: Dataset; readonly indices: Int32Array } | undefined;
  readonly plan: DataPlan;
  readonly epochs: number;
  /** Steps between two readings of the loss. */
  readonly every: number;
  /** File written on interruption, and after each epoch where `keep`. */
  readonly checkpoint: { readonly path: string; readonly keep: boolean };
  readonly signal: AbortSignal;
}

/** How a run ended. */
export interface Outcome {
  readonly interrupted: boolean;
  readonly step: number;
  readonly seconds: number;
  /** What was measured at the end, and on which examples. */
  readonly final?: Measures & { readonly on: 'valid' | 'train' };
}

/** Trains until the last epoch or an interruption; an interrupted run leaves a checkpoint. */
export async function runTraining(run: TrainingRun): Promise<Outcome> {
  const started = performance.now();
  const steps = Math.ceil(run.indices.length / run.plan.batch);
  const progress = new Progress(run.console, run.session.iteration);
  const seconds = (): number => (performance.now() - started) / 1000;
  let valid: Measures | undefined;
  try {
    for (let epoch = Math.floor(run.session.iteration / steps); epoch < run.epochs; epoch++) {
      await runEpoch(run, epoch, steps, progress);
      valid = await endEpoch(run, epoch, valid);
      progress.epoch(
        { step: run.session.iteration, steps: steps * run.epochs, epoch: epoch + 1, epochs: run.epochs },
        valid,
      );
    }
  } catch (error) {
    if (!run.signal.aborted || !(error instanceof Error && error.name === 'AbortError')) throw error;
    progress.clear();
    await saveCheckpoint(run);
    return { interrupted: true, step: run.session.iteration, seconds: seconds() };
  }
  progress.clear();
  const final = run.held
    ? (valid ?? (await evaluateHeld(run)))
    : await run.session.evaluate(batches(run.data, run.indices, run.plan.batch));
  checkFinite(run, final, run.session.iteration);
  return {
    interrupted: false,
    step: run.session.iteration,
    seconds: seconds(),
    final: { ...final, on: run.held ? 'valid' : 'train' },
  };
}

async function runEpoch(run: TrainingRun, epoch: number, steps: number, progress: Progress): Promise<void> {
  const { session, signal, every, epochs } = run;
  const done = session.iteration - epoch * steps;
  if (done >= steps) return;
  for await (const event of session.run(epochBatches(run, epoch, done), { every, signal })) {
    if (event.type === 'nan') checkFinite(run, event, event.step);
    if (event.type !== 'step') continue;
    const standing: Standing = { step: event.step, steps: steps * epochs, epoch: epoch + 1, epochs };
    if (run.console.json)
      run.console.event({ event: 'step', step: event.step, epoch: epoch + 1, ...measuresOf(event) });
    progress.step(standing, event);
  }
}

// The order of an epoch depends on the seed and the epoch alone, so that a resumed run continues the same order.
function* epochBatches({ data, indices, plan }: TrainingRun, epoch: number, skip: number): Generator<Batch, void> {
  const order = shuffled(indices, plan.seed, epoch + 1);
  yield* batches(data, order.subarray(skip * plan.batch), plan.batch);
}

async function endEpoch(run: TrainingRun, epoch: number, before: Measures | undefined): Promise<Measures | undefined> {
  const valid = run.held ? await evaluateHeld(run) : before;
  if (valid) checkFinite(run, valid, run.session.iteration);
  if (run.console.json)
    run.console.event({
      event: 'epoch',
      epoch: epoch + 1,
      step: run.session.iteration,
      ...(valid && { valid: measuresOf(valid) }),
    });
  if (run.checkpoint.keep) await saveCheckpoint(run);
  return valid;
}

async function evaluateHeld({ session, held, plan }: TrainingRun): Promise<Measures> {
  if (!held) throw new RangeError('nothing is held out');
  return session.evaluate(batches(held.data, held.indices, Math.max(plan.batch, 256)));
}

/** Writes the session and its data plan. */
async function saveCheckpoint({ session, data, plan, checkpoint, console }: TrainingRun): Promise<void> {
  writeFiles({ [checkpoint.path]: annotate(await session.save(), data.classes, plan) });
  if (console.json) console.event({ event: 'checkpoint', path: checkpoint.path, step: session.iteration });
}

/** Loss, losses and metrics alone, as they go into events. */
export function measuresOf({ loss, losses, metrics }: Partial<Measures>): object {
  return {
    ...(loss !== undefined && { loss }),
    ...(losses && Object.keys(losses).length > 0 && { losses }),
    ...(metrics && { metrics }),
  };
}

// Not every step is read back, so a loss that overflowed may first show in an evaluation.
function checkFinite({ train }: TrainingRun, { loss, losses = {} }: Partial<Measures>, step: number): void {
  const all = loss === undefined ? Object.entries(losses) : [['loss', loss] as const];
  const [name, value] = all.find(([, each]) => !Number.isFinite(each)) ?? [];
  if (name !== undefined && value !== undefined)
    throw new Failure(messages.E0809(null, { train, loss: name, value, step }));
}
