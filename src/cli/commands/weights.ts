// `dlm weights`: what a file of weights holds, how two files differ, and files made from others.
import { extname } from 'node:path';
import {
  fileTypeBytes,
  parseNpz,
  parseSafetensors,
  safetensorsBytes,
  type FileTensor,
  type FileType,
} from '../../index.ts';
import type { CommandContext } from '../command.ts';
import { readBytes } from '../data/source.ts';
import { exitCodes, UsageError } from '../failure.ts';
import { shown } from '../program-files.ts';
import { tableLines } from '../table.ts';
import { differences, type Difference } from '../weight-differences.ts';
import { writeFiles } from '../write-file.ts';

interface WeightsFile {
  readonly file: string;
  readonly tensors: ReadonlyMap<string, FileTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

const actions = 'ls <file>, diff <file> <file> or convert <file> <file.safetensors>';

/** Runs `dlm weights ls|diff|convert`. */
export async function weights(cx: CommandContext): Promise<number> {
  const [action, ...files] = cx.args;
  const [first, second, ...more] = files;
  if (action === 'ls' && first !== undefined && second === undefined) return list(cx, await readWeights(first));
  if (first === undefined || second === undefined || more.length > 0) throw new UsageError(`expected ${actions}`);
  if (action === 'diff') return diff(cx, await readWeights(first), await readWeights(second));
  if (action === 'convert') return convert(cx, await readWeights(first), second);
  throw new UsageError(`there is no weights ${action}, only ${actions}`);
}

/** @throws Failure or FormatError E0802 */
async function readWeights(path: string): Promise<WeightsFile> {
  const file = shown(path);
  const kind = extname(path).toLowerCase();
  if (kind === '.safetensors') return { file, ...parseSafetensors(readBytes(path), file) };
  if (kind === '.npz') return { file, tensors: await parseNpz(readBytes(path), file), metadata: {} };
  throw new UsageError(`${path}: expected .safetensors or .npz`);
}

const typeText = ({ dtype, shape }: FileTensor): string => `${dtype}[${shape.join(', ')}]`;

function list({ console }: CommandContext, { file, tensors, metadata }: WeightsFile): number {
  const rows = [...tensors].map(([name, tensor]) => ({ name, tensor, ...statistics(tensor.data) }));
  const elements = rows.reduce((sum, { tensor }) => sum + tensor.data.length, 0);
  const bytes = rows.reduce((sum, { tensor }) => sum + tensor.data.length * fileTypeBytes[tensor.dtype], 0);
  if (console.json) {
    for (const { name, tensor, ...rest } of rows)
      console.event({ event: 'weight', name, dtype: tensor.dtype, shape: tensor.shape, ...rest });
    console.event({ event: 'done', file, tensors: rows.length, elements, bytes, metadata });
    return exitCodes.ok;
  }
  const cells = rows.map(({ name, tensor, mean, deviation, min, max }) => [
    name,
    typeText(tensor),
    ...[mean, deviation, min, max].map((value) => value.toPrecision(4)),
  ]);
  const head = ['name', 'type', 'mean', 'deviation', 'min', 'max'];
  const texts = Object.entries(metadata).map(
    ([key, value]) => `${key}: ${value.length > 100 ? `${value.slice(0, 97)}...` : value}`,
  );
  const lines = [...tableLines([head, ...cells], [2, 3, 4, 5]), ...texts];
  console.out(lines.map((line) => `${line}\n`).join(''));
  console.note(
    `${rows.length} tensors, ${elements.toLocaleString('en-US')} elements, ${bytes.toLocaleString('en-US')} bytes`,
  );
  return exitCodes.ok;
}

interface Statistics {
  readonly mean: number;
  readonly deviation: number;
  readonly min: number;
  readonly max: number;
}

function statistics(data: ArrayLike<number>): Statistics {
  let [sum, min, max] = [0, Infinity, -Infinity];
  for (let at = 0; at < data.length; at++) {
    const value = data[at] ?? NaN;
    sum += value;
    if (!(value >= min)) min = value;
    if (!(value <= max)) max = value;
  }
  const mean = sum / data.length;
  let squares = 0;
  for (let at = 0; at < data.length; at++) squares += ((data[at] ?? NaN) - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / data.length), min, max };
}

function diff(cx: CommandContext, a: WeightsFile, b: WeightsFile): number {
  const tolerance = cx.flags.number('tolerance') ?? 0;
  const found = differences(a.tensors, b.tensors, tolerance);
  const { console } = cx;
  if (console.json) for (const each of found) console.event({ event: 'difference', ...each });
  else
    console.out(
      tableLines(found.map(cellsOf))
        .map((line) => `${line}\n`)
        .join(''),
    );
  const same = new Set([...a.tensors.keys(), ...b.tensors.keys()]).size - found.length;
  console.note(`${same} equal, ${found.length} different`);
  return found.length > 0 ? exitCodes.diagnostics : exitCodes.ok;
}

function cellsOf(each: Difference): string[] {
  switch (each.kind) {
    case 'missing':
      return [each.name, `only in the ${each.only} file`];
    case 'type':
      return [each.name, each.first, each.second];
    case 'values':
      return [
        each.name,
        `${each.count} of ${each.of} differ`,
        `by at most ${each.largest.toPrecision(3)}`,
        `relative to the largest ${each.relative.toPrecision(3)}`,
      ];
  }
}

const floats = ['f32', 'f16', 'bf16', 'f64'] as const;
const isFloat = (dtype: FileType): boolean => floats.some((float) => float === dtype);

function convert({ flags, console }: CommandContext, source: WeightsFile, target: string): number {
  if (extname(target) !== '.safetensors') throw new UsageError(`${target}: only .safetensors files are written`);
  const dtype = flags.text('dtype') === undefined ? undefined : flags.choice('dtype', floats);
  const renames = Object.entries(flags.pairs('rename'));
  const tensors = new Map<string, FileTensor>();
  for (const [name, tensor] of source.tensors) {
    const key = renamed(name, renames);
    if (tensors.has(key)) throw new UsageError(`--rename makes two tensors ${key}`);
    tensors.set(key, dtype !== undefined && isFloat(tensor.dtype) ? { ...tensor, dtype } : tensor);
  }
  for (const [from] of renames)
    if (![...source.tensors.keys()].some((name) => matchOf(name, from) !== undefined))
      throw new UsageError(`--rename ${from}=…: there is no such tensor in ${source.file}`);
  const bytes = safetensorsBytes(tensors, source.metadata);
  writeFiles({ [target]: bytes });
  if (console.json) console.event({ event: 'done', file: target, tensors: tensors.size, bytes: bytes.length });
  console.note(`${target}  ${tensors.size} tensors, ${bytes.length.toLocaleString('en-US')} bytes`);
  return exitCodes.ok;
}

/** What `*` of a pattern stands for in a name: '' where the pattern has none, undefined where it does not match. */
function matchOf(name: string, pattern: string): string | undefined {
  const [before = '', after] = pattern.split('*');
  if (after === undefined) return name === pattern ? '' : undefined;
  const fits = name.startsWith(before) && name.endsWith(after) && name.length >= before.length + after.length;
  return fits ? name.slice(before.length, name.length - after.length) : undefined;
}

// The first rename that fits.
function renamed(name: string, renames: readonly (readonly [from: string, to: string])[]): string {
  for (const [from, to] of renames) {
    const rest = matchOf(name, from);
    if (rest !== undefined) return to.replace('*', () => rest);
  }
  return name;
}
