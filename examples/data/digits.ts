// The 8×8 digits with ink from 0 to 1, and rows of numbers as tensors.
import { readTable, split, type Labelled } from './labelled.ts';
import type { Random } from './random.ts';

/** Numbers with a shape, as entry points and training steps take them. */
export interface Numbers {
  readonly data: Float32Array<ArrayBuffer>;
  readonly shape: number[];
}

/** The digits in two parts, a fifth of them held out; of each part the first `most`. */
export function digits(random: Random, most = Infinity): { train: Labelled; test: Labelled } {
  const { x, y, classes } = readTable('examples/data/digits.csv');
  const parts = split({ x: x.map((pixels) => pixels.map((ink) => ink / 16)), y, classes }, 0.2, random);
  const first = (part: Labelled): Labelled => ({ x: part.x.slice(0, most), y: part.y.slice(0, most), classes });
  return { train: first(parts.train), test: first(parts.test) };
}

/** Rows of equal length as one tensor; `shape` is that of a row, if it is more than a list of numbers. */
export function stacked(rows: readonly Float32Array[], shape?: readonly number[]): Numbers {
  const width = rows[0]?.length ?? 0;
  const data = new Float32Array(rows.length * width);
  rows.forEach((row, at) => data.set(row, at * width));
  return { data, shape: [rows.length, ...(shape ?? [width])] };
}

/** The rows of a tensor that is `width` numbers wide. */
export const unstacked = (data: Float32Array, width: number): Float32Array[] =>
  Array.from({ length: data.length / width }, (_, at) => data.slice(at * width, (at + 1) * width));
