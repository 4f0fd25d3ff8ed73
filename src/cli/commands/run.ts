// `dlm run`: one entry point of a model on saved weights and a data file; prints or writes what it returns.
import { basename } from 'node:path';
import type { GraphFunction, GraphModule, ModelInfo, Structure } from '../../index.ts';
import { annotationsOf } from '../checkpoint.ts';
import { checkProgram, type CommandContext } from '../command.ts';
import { importProgram, type LoadedModel, type ResultTensor } from '../compiled-module.ts';
import { batches, type Classes, type Dataset } from '../data/dataset.ts';
import { loadDataset } from '../data/load.ts';
import { readMapping } from '../data/mapping.ts';
import { openData } from '../data/open.ts';
import { readBytes } from '../data/source.ts';
import { chooseDevice } from '../device.ts';
import { UsageError } from '../failure.ts';
import { readingFile } from '../module-failure.ts';
import { programArgument, shown } from '../program-files.ts';
import { writeResult, type Result } from '../result-file.ts';

/** An entry point: its model, its name there and its function. */
interface Entry {
  readonly model: ModelInfo;
  readonly name: string;
  readonly fn: GraphFunction;
  readonly returns: Structure;
}

/** Runs an entry point over all examples of the data file. */
export async function run(cx: CommandContext): Promise<number> {
  const { flags, console } = cx;
  const { file, entry: name } = programArgument(cx.args[0] ?? '');
  const module = checkProgram(cx, file);
  const entry = chooseEntry(module, file, name);
  const weights = readWeights(cx);
  const data = await readExamples(cx, entry, weights.classes);
  const device = await chooseDevice(console, flags);
  try {
    const compiled = await importProgram(cx, module, device.target, basename(file));
    const model = await compiled.load(entry.model.name, { device: device.device, seed: flags.count('seed', 0, 0) });
    try {
      if (weights.bytes) await readingFile(weights.file, model.weights.load(weights.bytes));
      const results = await callEntry(model, entry, data, flags.count('batch', 256));
      writeResult(cx, entry.name, results, weights.classes);
    } finally {
      model.dispose();
    }
  } finally {
    device.close();
  }
  return 0;
}

function chooseEntry(module: GraphModule, file: string, wanted: string | undefined): Entry {
  const all = module.models.flatMap((model) =>
    Object.entries(model.entries).map(([name, fn]) => ({ model, name, fn })),
  );
  const matches = (text: string): typeof all => all.filter(({ name, fn }) => name === text || fn === text);
  const found =
    wanted !== undefined
      ? matches(wanted)
      : ([matches('predict'), matches('forward'), all].find((list) => list.length > 0) ?? []);
  const [only, ...others] = found;
  const fn = module.functions.find((each) => each.name === only?.fn);
  const info = only && module.entries[only.fn];
  if (!only || !fn || !info || others.length > 0) {
    const why = only
      ? 'say which'
      : wanted === undefined
        ? 'there is no entry point'
        : `there is no entry point ${wanted}`;
    throw new UsageError(`${why}: ${all.map(({ fn: name }) => `${file}:${name}`).join(', ')}`);
  }
  return { ...only, fn, returns: info.returns };
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

async function readExamples({ flags }: CommandContext, { fn }: Entry, classes: Classes): Promise<Dataset> {
  const path = flags.text('data');
  if (path === undefined) throw new UsageError('--data is missing: a .csv, .npz or .safetensors file');
  const inputs = fn.inputs
    .filter(({ role }) => role === 'argument')
    .map(({ name, value: { type } }) => ({ name, type }));
  const mapping = readMapping(
    flags.list('map'),
    inputs.map(({ name }) => name),
  );
  return loadDataset(await openData(path), { unit: fn.name, inputs, mapping, classes });
}

/** Calls the entry batch by batch where every result counts examples like every argument, else once. */
async function callEntry(
  model: LoadedModel,
  { name, fn, returns }: Entry,
  data: Dataset,
  size: number,
): Promise<Result[]> {
  const call = Reflect.get(model, name) as (...args: unknown[]) => Promise<unknown>;
  const order = fn.inputs.filter(({ role }) => role === 'argument').map((input) => input.name);
  const all = Int32Array.from({ length: data.count }, (_, index) => index);
  const collected = new Map<string, Part[]>();
  for (const batch of batches(data, all, isBatched(fn) ? size : data.count)) {
    const returned = await call.apply(
      model,
      order.map((input) => batch[input]),
    );
    for (const [key, tensor] of tensorsOf(returns, returned)) {
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

function isBatched({ inputs, results }: GraphFunction): boolean {
  const types = [
    ...inputs.filter(({ role }) => role === 'argument'),
    ...results.filter(({ role }) => role === 'output'),
  ].map(({ value }) => value.type);
  const [first] = types;
  const rows = first?.shape[0];
  return rows !== undefined && rows.terms.length > 0 && types.every(({ shape }) => shape[0]?.key === rows.key);
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
