// A data file and the inputs of a program → examples. Says which input, column and line is wrong, before any training.
import { asConstant, messages, type TensorType } from '../../index.ts';
import { Failure } from '../failure.ts';
import { tableExamples } from './cells.ts';
import type { Classes, Dataset, Examples } from './dataset.ts';
import { columnsOf, unknownColumn, type Mapping } from './mapping.ts';
import type { DataSource, TableSource, TensorSource } from './source.ts';
import { tensorExamples } from './tensors.ts';

/** An input that wants data. */
export interface WantedInput {
  readonly name: string;
  readonly type: TensorType;
}

/** Who wants the data, for messages, and the class names that are already fixed (by a checkpoint). */
export interface LoadRequest {
  readonly unit: string;
  readonly inputs: readonly WantedInput[];
  readonly mapping: Mapping;
  readonly classes: Classes;
}

/** What the readers of cells and tensors share. */
export interface InputRequest extends WantedInput {
  /** Element type as the module takes it: half floats travel as f32. */
  readonly dtype: Examples['dtype'];
  readonly unit: string;
  readonly file: string;
}

/** Reads all inputs from a data file. @throws Failure E0805–E0808 */
export function loadDataset(source: DataSource, request: LoadRequest): Dataset {
  const classes: Record<string, readonly string[]> = {};
  const inputs: Record<string, Examples> = {};
  const counts = new Map<string, number>();
  for (const input of request.inputs) {
    const dtype = input.type.dtype === 'f16' ? 'f32' : input.type.dtype;
    const wanted: InputRequest = { ...input, dtype, unit: request.unit, file: source.file };
    const read = source.kind === 'table' ? fromTable(source, wanted, request) : fromTensors(source, wanted, request);
    inputs[input.name] = read.examples;
    counts.set(input.name, read.count);
    if (read.classes) classes[input.name] = read.classes;
  }
  return { count: sameCount(source.file, request, counts), inputs, classes };
}

function fromTable(source: TableSource, wanted: InputRequest, { mapping, classes }: LoadRequest): ReadInput {
  if (source.rows.length === 0) throw new Failure(messages.E0806(null, { file: source.file }));
  const columns = columnsOf(source.file, source.header, mapping, wanted.name);
  return { count: source.rows.length, ...tableExamples(source, columns, wanted, classes[wanted.name]) };
}

function fromTensors(source: TensorSource, wanted: InputRequest, { mapping }: LoadRequest): ReadInput {
  const [name = wanted.name, ...more] = mapping.get(wanted.name) ?? [];
  const tensor = source.tensors.get(name);
  if (!tensor) throw unknownColumn(source.file, [...source.tensors.keys()], name, mapping.has(wanted.name));
  if (more.length > 0) throw doesNotFit(wanted, `${more.length + 1} tensors`);
  return tensorExamples(tensor, wanted);
}

/** One input as read. */
export interface ReadInput {
  readonly count: number;
  readonly examples: Examples;
  readonly classes?: readonly string[];
}

function sameCount(file: string, { unit, inputs }: LoadRequest, counts: ReadonlyMap<string, number>): number {
  const [[first, count] = ['', 0]] = counts;
  for (const input of inputs) {
    const own = counts.get(input.name) ?? 0;
    if (own === 0) throw new Failure(messages.E0806(null, { file }));
    if (own !== count) {
      const got = `${own} examples`;
      throw new Failure(
        messages.E0808(null, {
          input: input.name,
          file,
          got,
          train: unit,
          expected: `${count}, as many as \`${first}\` has`,
        }),
      );
    }
  }
  return count;
}

/** Data whose shape or dtype is not that of the input. */
export const doesNotFit = ({ name, file, unit, type }: InputRequest, got: string): Failure =>
  new Failure(messages.E0808(null, { input: name, file, got, train: unit, expected: typeText(type) }));

/** A cell or element that is no number of the dtype wanted. */
export const badValue = ({ name, file }: InputRequest, what: string, place: string): Failure =>
  new Failure(messages.E0807(null, { input: name, file, what, place }));

/** A tensor type as people write it. */
export const typeText = ({ dtype, shape }: TensorType): string => `${dtype}[${shape.map(({ key }) => key).join(', ')}]`;

/** Shape of one example, where null stands for an extent that the data decides. */
export const rowPattern = ({ shape }: TensorType): readonly (number | null)[] =>
  shape.slice(1).map((extent) => asConstant(extent) ?? null);
