// What `dlm train` was asked to do: which train, its options, the checkpoint to resume, the examples and how to cut them.
import { existsSync } from 'node:fs';
import type { GraphModule, TrainInfo } from '../index.ts';
import { annotationsOf, type DataPlan } from './checkpoint.ts';
import type { CommandContext } from './command.ts';
import { split, type Classes, type Dataset } from './data/dataset.ts';
import { loadDataset } from './data/load.ts';
import { readMapping } from './data/mapping.ts';
import { openData } from './data/open.ts';
import { readBytes } from './data/source.ts';
import { UsageError } from './failure.ts';
import { numberOf } from './flags.ts';
import { shown } from './program-files.ts';
import type { TrainingRun } from './training-run.ts';

/** Examples to train on and those held out. */
export interface Examples {
  readonly plan: DataPlan;
  readonly data: Dataset;
  readonly indices: Int32Array;
  readonly held: TrainingRun['held'];
}

/** A checkpoint to continue from. */
export interface Resumed {
  readonly file: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly classes: Classes;
  readonly plan: DataPlan | undefined;
}

/** The train that was named, or the only one. */
export function chooseTrain({ trains }: GraphModule, file: string, entry: string | undefined): TrainInfo {
  const names = trains.map(({ name }) => name);
  if (trains.length === 0) throw new UsageError(`${file} exports no train`);
  const found = entry === undefined ? trains.length === 1 && trains[0] : trains.find(({ name }) => name === entry);
  if (!found)
    throw new UsageError(
      `${entry === undefined ? 'say which' : `there is no train ${entry}`}: ${names.map((name) => `${file}:${name}`).join(', ')}`,
    );
  return found;
}

/** Options given with `--option`; those without a default must be among them. */
export function trainOptions({ flags }: CommandContext, info: TrainInfo): Readonly<Record<string, number>> {
  const given = Object.entries(flags.pairs('option')).map(([name, text]) => {
    if (info.options.some((option) => option.name === name)) return [name, numberOf(`--option ${name}`, text)] as const;
    const known = info.options.map((option) => option.name).join(', ');
    throw new UsageError(`${info.name} has no option ${name}${known === '' ? '' : `, only ${known}`}`);
  });
  const options = Object.fromEntries(given);
  const missing = info.options.filter((option) => option.default === null && !(option.name in options));
  if (missing.length > 0)
    throw new UsageError(`${info.name} needs ${missing.map(({ name }) => `--option ${name}=…`).join(' ')}`);
  return options;
}

/** The checkpoint of `--resume`. */
export async function readResume({ flags }: CommandContext): Promise<Resumed | undefined> {
  const path = flags.text('resume');
  if (path === undefined) return undefined;
  const bytes = readBytes(path);
  const file = shown(path);
  return { file, bytes, ...annotationsOf(bytes, file) };
}

/** Seed, batch size and held-out share; what is not given continues as in the checkpoint. */
export function planOf({ flags }: CommandContext, resumed: DataPlan | undefined): DataPlan {
  const valid = flags.text('valid');
  const share = valid === undefined || existsSync(valid) ? (resumed?.valid ?? 0) : numberOf('--valid', valid);
  if (share < 0 || share >= 1)
    throw new UsageError(`--valid is ${share}, expected a share from 0 to below 1, or a data file`);
  return {
    seed: flags.count('seed', resumed?.seed ?? 0, 0),
    batch: flags.count('batch', resumed?.batch ?? 32),
    valid: valid !== undefined && existsSync(valid) ? 0 : share,
  };
}

/** Reads and cuts the examples. */
export async function readExamples(
  { flags }: CommandContext,
  info: TrainInfo,
  plan: DataPlan,
  classes: Classes,
): Promise<Examples> {
  const path = flags.text('data');
  if (path === undefined) throw new UsageError('--data is missing: a .csv, .npz or .safetensors file');
  const mapping = readMapping(
    flags.list('map'),
    info.batch.map(({ name }) => name),
  );
  const request = { unit: info.name, inputs: info.batch, mapping, classes };
  const data = loadDataset(await openData(path), request);
  const { train: indices, valid } = split(data.count, plan.valid, plan.seed);
  if (indices.length === 0 || (plan.valid > 0 && valid.length === 0))
    throw new UsageError(
      `--valid ${plan.valid} of ${data.count} examples leaves ${indices.length} to train on and ${valid.length} to check`,
    );
  const other = flags.text('valid');
  if (other === undefined || !existsSync(other))
    return { plan, data, indices, held: valid.length > 0 ? { data, indices: valid } : undefined };
  const heldData = loadDataset(await openData(other), { ...request, classes: data.classes });
  return {
    plan,
    data,
    indices,
    held: { data: heldData, indices: Int32Array.from({ length: heldData.count }, (_, index) => index) },
  };
}
