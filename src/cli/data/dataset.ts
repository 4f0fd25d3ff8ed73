// Examples in memory: one typed array per input, first axis = examples; subsets by index, batches of rows.
import { shuffled } from './shuffle.ts';

/** Typed arrays that hold examples. */
export type ExampleData = Float32Array | Int32Array | Uint32Array | Uint8Array;

/** All examples of one input. */
export interface Examples {
  readonly dtype: 'f32' | 'i32' | 'u32' | 'bool';
  /** Shape of one example. */
  readonly row: readonly number[];
  readonly data: ExampleData;
}

/** Examples of all inputs, equally many. */
export interface Dataset {
  readonly count: number;
  readonly inputs: Readonly<Record<string, Examples>>;
  /** Names of the classes of inputs that were text, by class id. */
  readonly classes: Classes;
}

/** Input name → class names, in the order of their ids. */
export type Classes = Readonly<Record<string, readonly string[]>>;

/** One batch as a training session takes it. */
export type Batch = Readonly<Record<string, { readonly data: ExampleData; readonly shape: readonly number[] }>>;

/** The rows `indices` of every input. */
export function takeBatch({ inputs }: Dataset, indices: Int32Array): Batch {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { row, data }]) => {
      const size = row.reduce((a, b) => a * b, 1);
      const taken = new (data.constructor as new (length: number) => ExampleData)(indices.length * size);
      indices.forEach((from, to) => taken.set(data.subarray(from * size, (from + 1) * size), to * size));
      return [name, { data: taken, shape: [indices.length, ...row] }];
    }),
  );
}

/** Cuts `indices` into batches of `size`; the last one may be smaller. */
export function* batches(dataset: Dataset, indices: Int32Array, size: number): Generator<Batch, void> {
  for (let at = 0; at < indices.length; at += size) yield takeBatch(dataset, indices.subarray(at, at + size));
}

/** Indices for training and for validation: `share` of the examples, drawn with the seed, are held out. */
export function split(count: number, share: number, seed: number): { train: Int32Array; valid: Int32Array } {
  const order = shuffled(
    Int32Array.from({ length: count }, (_, index) => index),
    seed,
    0,
  );
  const held = Math.round(count * share);
  // Validation reads its examples in the order of the file.
  return { train: order.slice(held), valid: order.slice(0, held).sort() };
}
