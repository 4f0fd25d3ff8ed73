// `dlm train`: compiles a program, trains it on a data file, measures it on held-out examples, saves the weights.
import { basename } from 'node:path';
import type { GraphModule, TrainInfo } from '../../index.ts';
import { annotate } from '../checkpoint.ts';
import { checkProgram, type CommandContext } from '../command.ts';
import { importProgram, type LoadedModel } from '../compiled-module.ts';
import { chooseDevice, type ChosenDevice } from '../device.ts';
import { exitCodes } from '../failure.ts';
import { readingFile } from '../module-failure.ts';
import { programArgument } from '../program-files.ts';
import { durationText, measuresText } from '../progress.ts';
import {
  chooseTrain,
  planOf,
  readExamples,
  readResume,
  trainOptions,
  type Examples,
  type Resumed,
} from '../train-arguments.ts';
import { measuresOf, runTraining, type Outcome, type TrainingRun } from '../training-run.ts';
import { checkWritable, writeFiles } from '../write-file.ts';

/** Trains and reports. */
export async function train(cx: CommandContext): Promise<number> {
  const { file, entry } = programArgument(cx.args[0] ?? '');
  const module = checkProgram(cx, file);
  const info = chooseTrain(module, file, entry);
  const options = trainOptions(cx, info);
  const resumed = await readResume(cx);
  const examples = await readExamples(cx, info, planOf(cx, resumed?.plan), resumed?.classes ?? {});
  const device = await chooseDevice(cx.console, cx.flags);
  try {
    return await trainOn(cx, { file, module, info, options, resumed, device, ...examples });
  } finally {
    device.close();
  }
}

interface Prepared extends Examples {
  readonly file: string;
  readonly module: GraphModule;
  readonly info: TrainInfo;
  readonly options: Readonly<Record<string, number>>;
  readonly resumed: Resumed | undefined;
  readonly device: ChosenDevice;
}

async function trainOn(cx: CommandContext, prepared: Prepared): Promise<number> {
  const { module, info, device, resumed, plan, data, indices, held } = prepared;
  const compiled = await importProgram(cx, module, device.target, basename(prepared.file));
  const models: LoadedModel[] = [];
  for (const [at, { model }] of info.models.entries())
    models.push(await compiled.load(model, { device: device.device, seed: plan.seed + at }));
  const session = await compiled.create(info.name, models, { ...prepared.options, seed: plan.seed });
  if (resumed) await readingFile(resumed.file, session.restore(resumed.bytes));
  const epochs = cx.flags.count('epochs', 20, 0);
  const checkpoint = checkpointOf(cx, prepared);
  checkWritable([checkpoint.path, ...weightFiles(prepared, cx.flags.text('save'))]);
  announce(cx, prepared, epochs);
  const interrupt = new AbortController();
  const stop = (): void => interrupt.abort();
  process.once('SIGINT', stop);
  try {
    // Every epoch shows at least one step.
    const every = Math.min(
      cx.flags.count('every', device.target === 'wasm' ? 1 : 10),
      Math.ceil(indices.length / plan.batch),
    );
    const run: TrainingRun = {
      console: cx.console,
      train: info.name,
      session,
      data,
      indices,
      held,
      plan,
      epochs,
      every,
      checkpoint,
      signal: interrupt.signal,
    };
    return await finish(cx, prepared, models, await runTraining(run), checkpoint.path);
  } finally {
    process.removeListener('SIGINT', stop);
    session.dispose();
    for (const model of models) model.dispose();
  }
}

function announce(
  { console }: CommandContext,
  { info, device, data, indices, held, plan, file }: Prepared,
  epochs: number,
): void {
  const examples = { train: indices.length, valid: held?.indices.length ?? 0 };
  if (console.json) {
    const start = {
      event: 'start',
      train: info.name,
      device: device.target,
      adapter: device.name,
      examples,
      epochs,
      ...plan,
    };
    console.event({ ...start, ...(Object.keys(data.classes).length > 0 && { classes: data.classes }) });
  }
  console.note(
    `${file}:${info.name} on ${device.name}: ${examples.train} examples${examples.valid > 0 ? `, ${examples.valid} held out` : ''}, ${epochs} epochs of batches of ${plan.batch}`,
  );
}

function checkpointOf({ flags }: CommandContext, { file, info }: Prepared): TrainingRun['checkpoint'] {
  const path = flags.text('checkpoint');
  const base = flags.text('save')?.replace(/\.safetensors$/, '') ?? `${basename(file, '.dlm')}.${info.name}`;
  return { path: path ?? `${base}.checkpoint.safetensors`, keep: path !== undefined };
}

async function finish(
  { console, flags }: CommandContext,
  prepared: Prepared,
  models: readonly LoadedModel[],
  outcome: Outcome,
  checkpoint: string,
): Promise<number> {
  const { final, step, seconds } = outcome;
  if (!final) {
    if (console.json) console.event({ event: 'interrupted', step, seconds, checkpoint });
    console.note(`stopped at step ${step}; continue with --resume ${checkpoint}`);
    return exitCodes.interrupted;
  }
  const save = flags.text('save');
  const written = save === undefined ? [] : await saveWeights(prepared, models, save);
  console.note(
    `${final.on === 'valid' ? 'held out' : 'on the training examples'}: ${measuresText(final)}  (${step} steps in ${durationText(seconds)})`,
  );
  for (const path of written) console.note(`weights in ${path}`);
  if (save === undefined) console.note('the weights are gone: --save file.safetensors keeps them');
  if (console.json)
    console.event({
      event: 'done',
      step,
      seconds: Number(seconds.toFixed(3)),
      on: final.on,
      ...measuresOf(final),
      ...(written.length > 0 && { weights: written.length === 1 ? written[0] : written }),
    });
  return exitCodes.ok;
}

// Several models go to one file each, named after the train's parameter.
function weightFiles({ info }: Prepared, save: string | undefined): string[] {
  if (save === undefined) return [];
  if (info.models.length === 1) return [save];
  return info.models.map(({ name }) => `${save.replace(/\.safetensors$/, '')}.${name}.safetensors`);
}

async function saveWeights(prepared: Prepared, models: readonly LoadedModel[], save: string): Promise<string[]> {
  const names = weightFiles(prepared, save);
  const files: Record<string, Uint8Array> = {};
  for (const [at, model] of models.entries())
    files[names[at] ?? save] = annotate(await model.weights.save(), prepared.data.classes);
  writeFiles(files);
  return names;
}
