// `dlm run`: one entry point of a model on saved weights and a data file; prints or writes what it returns.
import { basename } from 'node:path';
import { asConstant, type Structure } from '../../index.ts';
import { annotationsOf } from '../checkpoint.ts';
import { checkProgram, type CommandContext } from '../command.ts';
import { importProgram, type ResultTensor } from '../compiled-module.ts';
import { batches, type Classes, type Dataset } from '../data/dataset.ts';
import { loadDataset } from '../data/load.ts';
import { openData } from '../data/open.ts';
import { readBytes } from '../data/source.ts';
import { chooseDevice } from '../device.ts';
import { planCall, type EntryCall } from '../entry-call.ts';
import { sessionFor } from '../entry-session.ts';
import { chooseEntry } from '../entry.ts';
import { UsageError } from '../failure.ts';
import { readingFile } from '../module-failure.ts';
import { programArgument, shown } from '../program-files.ts';
import { writeResult, type Result } from '../result-file.ts';

/** Runs an entry point over all examples of the data file, or once where it takes no tensors. */
export async function run(cx: CommandContext): Promise<number> {
  const { flags, console } = cx;
  const { file, entry: name } = programArgument(cx.args[0] ?? '');
  const module = checkProgram(cx, file);
  const entry = chooseEntry(module, file, name);
  const session = sessionFor(entry, flags.counts('dim'));
  const weights = readWeights(cx);
  const path = flags.text('data');
  const source = path === undefined ? undefined : await openData(path);
  const call = planCall(cx, entry, source);
  const data = source && loadDataset(source, { ...call, unit: call.variant.fn.name, classes: weights.classes });
  const device = await chooseDevice(console, flags);
  try {
    const compiled = await importProgram(cx, module, device.target, basename(file));
    const model = await compiled.load(entry.model.name, { device: device.device, seed: flags.count('seed', 0, 0) });
    try {
      if (weights.bytes) await readingFile(weights.file, model.weights.load(weights.bytes));
      const host = session ? await model.session(session) : model;
      // The caches of a session are sized for all examples at once.
      const size = data && isBatched(call) && !session ? flags.count('batch', 256) : (data?.count ?? 1);
      writeResult(cx, entry.name, await callEntry(host, call, data, size), weights.classes);
    } finally {
      model.dispose();
    }
  } finally {
    device.close();
  }
  return 0;
}

function readWeights({ flags }: CommandContext): { bytes?: Uint8Array<ArrayBuffer>; file: string; classes: Classes } {
  const path = flags.text('weights');
  if (path === undefined)
    throw new UsageError('--weights is missing: a .safetensors file, or `init` for untrained ones');
  if (path === 'init') return { file: path, classes: {} };
  const bytes = readBytes(path);
  const file = shown(path);
  return { bytes, file, classes: annotationsOf(bytes, file).classes };
}

/** Calls the entry point for `size` examples at a time. */
async function callEntry(
  host: object,
  { entry, variant, numbers }: EntryCall,
  data: Dataset | undefined,
  size: number,
): Promise<Result[]> {
  const call = Reflect.get(host, entry.name) as (...args: unknown[]) => Promise<unknown>;
  const required = entry.parameters.filter(({ optional }) => !optional).map(({ name }) => name);
  const optional = variant.given;
  const collected = new Map<string, Part[]>();
  for (const batch of data
    ? batches(
        data,
        Int32Array.from({ length: data.count }, (_, at) => at),
        size,
      )
    : [{}]) {
    const all: Readonly<Record<string, unknown>> = { ...batch, ...numbers };
    const options = Object.fromEntries(optional.map((name) => [name, all[name]]));
    const returned = await call.call(host, ...required.map((name) => all[name]), options);
    for (const [key, tensor] of tensorsOf(variant.returns, returned)) {
      const parts = collected.get(key) ?? [];
      parts.push({ dtype: tensor.dtype, shape: tensor.shape, data: Array.from(await tensor.data()) });
      collected.set(key, parts);
      tensor.dispose();
    }
  }
  return [...collected].map(([key, parts]) => joinParts(key, parts));
}

interface Part {
  readonly dtype: ResultTensor['dtype'];
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** Whether every result counts examples like every tensor from the data file. */
function isBatched({ inputs, variant, numbers }: EntryCall): boolean {
  const outputs = variant.fn.results.filter(({ role }) => role === 'output').map(({ value }) => value);
  const types = [...inputs, ...outputs].map(({ type }) => type);
  const rows = types[0]?.shape[0];
  if (rows === undefined || asConstant(rows) !== undefined || rows.key in numbers) return false;
  return types.every(({ shape }) => shape[0]?.key === rows.key);
}

function tensorsOf(returns: Structure, value: unknown, path = ''): [string, ResultTensor][] {
  if (returns.kind === 'tensor') return [[path === '' ? 'result' : path, value as ResultTensor]];
  return returns.items.flatMap(({ name, item }, at) => {
    const key = name ?? at;
    return tensorsOf(
      item,
      (value as Record<string | number, unknown>)[key],
      path === '' ? String(key) : `${path}.${key}`,
    );
  });
}

function joinParts(name: string, parts: readonly Part[]): Result {
  const [first] = parts;
  const [, ...row] = first?.shape ?? [];
  const rows = parts.reduce((sum, part) => sum + (part.shape[0] ?? 1), 0);
  const shape = first && first.shape.length === 0 ? [] : [rows, ...row];
  return { name, dtype: first?.dtype ?? 'f32', shape, data: parts.flatMap((part) => part.data) };
}
