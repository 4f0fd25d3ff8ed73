// Rows of numbers with a class each: read from a CSV file, split in two, cut into batches.
import { readFileSync } from 'node:fs';
import type { Random } from './random.ts';

/** A table of numbers and the class of each row. */
export interface Labelled {
  readonly x: readonly Float32Array[];
  readonly y: readonly number[];
  /** What the classes are called. */
  readonly classes: readonly string[];
}

/** A batch as training steps take it. */
export interface Batch {
  readonly x: { readonly data: Float32Array<ArrayBuffer>; readonly shape: number[] };
  readonly y: Int32Array<ArrayBuffer>;
}

/** Reads a CSV file with a header line whose last column is the class. */
export function readTable(path: string): Labelled {
  const rows = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(','));
  const labels = rows.map((row) => row.at(-1) ?? '');
  const classes = [...new Set(labels)].sort();
  return {
    x: rows.map((row) => Float32Array.from(row.slice(0, -1), Number)),
    y: labels.map((label) => classes.indexOf(label)),
    classes,
  };
}

const pick = ({ x, y, classes }: Labelled, order: readonly number[]): Labelled => ({
  x: order.map((at) => x[at] ?? new Float32Array()),
  y: order.map((at) => y[at] ?? 0),
  classes,
});

/** Two parts of a table in random order; the second holds `share` of the rows. */
export function split(table: Labelled, share: number, random: Random): { train: Labelled; test: Labelled } {
  const order = random.permutation(table.x.length);
  const held = Math.round(share * order.length);
  return { train: pick(table, order.slice(held)), test: pick(table, order.slice(0, held)) };
}

/**
 * Batches of up to `size` rows, shuffled where `random` is given.
 * @param shape of one row, if it is more than a list of numbers
 * @param change makes another row of a row, as augmentation does
 */
export function* batches(
  table: Labelled,
  size: number,
  {
    random,
    shape,
    change,
  }: { random?: Random; shape?: readonly number[]; change?: (row: Float32Array) => Float32Array } = {},
): Generator<Batch> {
  const order = random?.permutation(table.x.length) ?? table.x.map((_, at) => at);
  for (let from = 0; from < order.length; from += size) {
    const { x, y } = pick(table, order.slice(from, from + size));
    const width = x[0]?.length ?? 0;
    const data = new Float32Array(x.length * width);
    x.forEach((row, at) => data.set(change ? change(row) : row, at * width));
    yield { x: { data, shape: [x.length, ...(shape ?? [width])] }, y: Int32Array.from(y) };
  }
}

/** The share of predictions that are right. */
export const accuracy = (predicted: ArrayLike<number>, { y }: Labelled): number =>
  y.filter((label, at) => label === predicted[at]).length / y.length;
