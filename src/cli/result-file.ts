// What `dlm run` gives: lines on standard output, or a .csv, .json or .npy file. Class ids get their names back.
import { extname } from 'node:path';
import type { CommandContext } from './command.ts';
import type { ResultTensor } from './compiled-module.ts';
import type { Classes } from './data/dataset.ts';
import { UsageError } from './failure.ts';
import { npyBytes } from './npy-file.ts';
import { writeFiles } from './write-file.ts';

/** One tensor that an entry point returned, over all examples. */
export interface Result {
  readonly name: string;
  readonly dtype: ResultTensor['dtype'];
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** Prints the results, or writes them to `--out`. */
export function writeResult(
  { console, flags }: CommandContext,
  entry: string,
  results: readonly Result[],
  classes: Classes,
): void {
  const named = results.map((result) => ({ ...result, classes: classNames(result, classes) }));
  const path = flags.text('out');
  if (path !== undefined) {
    writeFiles({ [path]: fileContent(path, entry, named) });
    if (console.json) console.event({ event: 'done', entry, out: path });
    console.note(
      `${entry}: ${results.map(({ dtype, shape }) => `${dtype}[${shape.join(', ')}]`).join(', ')} in ${path}`,
    );
  } else if (console.json) console.event({ event: 'done', entry, ...jsonOf(named) });
  else console.out(csvOf(named));
}

interface Named extends Result {
  readonly classes: readonly string[] | undefined;
}

// An integer per example can only be a class id, and only where one input was text.
function classNames({ dtype, shape, data }: Result, classes: Classes): readonly string[] | undefined {
  const [names, ...others] = Object.values(classes);
  const isClass = names && others.length === 0 && dtype === 'i32' && shape.length === 1;
  return isClass && data.every((id) => names[id] !== undefined) ? names : undefined;
}

function fileContent(path: string, entry: string, results: readonly Named[]): string | Uint8Array {
  const kind = extname(path);
  if (kind === '.csv') return csvOf(results);
  if (kind === '.json') return `${JSON.stringify({ entry, ...jsonOf(results) })}\n`;
  if (kind !== '.npy') throw new UsageError(`--out ${path}: expected .csv, .json or .npy`);
  const [only, ...others] = results;
  if (!only || others.length > 0)
    throw new UsageError(`--out ${path}: an .npy file holds one tensor, ${entry} returns ${results.length}`);
  return npyBytes(only);
}

function jsonOf(results: readonly Named[]): object {
  const parts = results.map((result) => [result.name, nested(result.data, result.shape)] as const);
  const [only] = results;
  if (results.length !== 1 || !only) return { results: Object.fromEntries(parts) };
  return { result: parts[0]?.[1], ...(only.classes && { classes: only.data.map((id) => only.classes?.[id]) }) };
}

function nested(data: readonly number[], [size, ...rest]: readonly number[]): unknown {
  if (size === undefined) return data[0];
  const each = rest.reduce((a, b) => a * b, 1);
  return rest.length === 0
    ? data
    : Array.from({ length: size }, (_, at) => nested(data.slice(at * each, (at + 1) * each), rest));
}

/** One line per example; columns of all results side by side. */
function csvOf(results: readonly Named[]): string {
  const columns = results.flatMap((result) => {
    const width = result.shape.slice(1).reduce((a, b) => a * b, 1);
    const names = Array.from({ length: width }, (_, at) => (width === 1 ? result.name : `${result.name}_${at}`));
    return names.map((name, at) => ({ name, cell: (row: number) => cellText(result, result.data[row * width + at]) }));
  });
  const rows = Math.max(0, ...results.map(({ shape }) => shape[0] ?? 1));
  const body = Array.from({ length: rows }, (_, row) => columns.map(({ cell }) => cell(row)).join(','));
  return [columns.map(({ name }) => quoted(name)).join(','), ...body].map((line) => `${line}\n`).join('');
}

function cellText({ classes, dtype }: Named, value: number | undefined): string {
  if (value === undefined) return '';
  return classes
    ? quoted(classes[value] ?? '')
    : dtype === 'f32'
      ? String(Number(value.toPrecision(9)))
      : String(value);
}

const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
