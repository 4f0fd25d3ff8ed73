// What one call of an entry point is given: numbers from `--arg`, tensors from the data file, and the function that
// takes just these.
import type { CommandContext } from './command.ts';
import type { WantedInput } from './data/load.ts';
import { readMapping, type Mapping } from './data/mapping.ts';
import type { DataSource } from './data/source.ts';
import type { Entry, Parameter, Variant } from './entry.ts';
import { UsageError } from './failure.ts';
import { numberOf } from './flags.ts';

/** A call, but for the tensors themselves. */
export interface EntryCall {
  readonly entry: Entry;
  readonly variant: Variant;
  /** Counts and scalars. */
  readonly numbers: Readonly<Record<string, number | boolean>>;
  /** Tensors that the data file holds. */
  readonly inputs: readonly WantedInput[];
  readonly mapping: Mapping;
}

/** Settles what a call is given. Optional tensors are, where the data has one of that name. @throws UsageError */
export function planCall({ flags }: CommandContext, entry: Entry, source: DataSource | undefined): EntryCall {
  const numbers = readNumbers(flags.pairs('arg'), entry);
  const tensors = entry.parameters.flatMap((each) => (isTensor(each) ? [each] : []));
  const names = tensors.map(({ name }) => name);
  const mapping = readMapping(flags.list('map'), names);
  const inputs = tensors.filter(
    ({ name, optional }) => !optional || mapping.has(name) || (source !== undefined && holds(source, name)),
  );
  if (inputs.length > 0 && !source) throw new UsageError('--data is missing: a .csv, .npz or .safetensors file');
  if (inputs.length === 0 && source)
    throw new UsageError(`--data is given, but ${entry.name} takes ${names.join(', ') || 'no tensors'}`);
  const given = new Set([...Object.keys(numbers), ...inputs.map(({ name }) => name)]);
  const optional = entry.parameters.filter((each) => each.optional && given.has(each.name));
  const wanted = optional.map(({ name }) => name).join(' and ');
  const variant = entry.variants.find((each) => each.given.join(' and ') === wanted);
  if (!variant) throw new UsageError(`${entry.name} has no form that takes ${wanted}`);
  return { entry, variant, numbers, inputs, mapping };
}

const isTensor = (parameter: Parameter): parameter is Parameter & WantedInput =>
  parameter.type !== undefined && parameter.type.shape.length > 0;

const holds = (source: DataSource, name: string): boolean =>
  source.kind === 'table' ? source.header.includes(name) : source.tensors.has(name);

function readNumbers(given: Readonly<Record<string, string>>, entry: Entry): Record<string, number | boolean> {
  const wanted = entry.parameters.filter((each) => !isTensor(each));
  for (const name of Object.keys(given)) {
    if (wanted.some((each) => each.name === name)) continue;
    const known = wanted.length === 0 ? 'it takes none' : `only ${wanted.map((each) => each.name).join(', ')}`;
    throw new UsageError(`--arg ${name}=…: ${entry.name} has no number of this name, ${known}`);
  }
  const missing = wanted.find(({ name, optional }) => !optional && !(name in given));
  if (missing) throw new UsageError(`--arg ${missing.name}=… is missing: ${entry.name} takes ${kindOf(missing)}`);
  return Object.fromEntries(
    wanted.flatMap((each) => {
      const text = given[each.name];
      return text === undefined ? [] : [[each.name, readNumber(each, text)]];
    }),
  );
}

const kindOf = ({ type }: Parameter): string => (type ? `one ${type.dtype}` : 'a whole number ≥ 1');

function readNumber(parameter: Parameter, text: string): number | boolean {
  const { name, type } = parameter;
  if (type?.dtype === 'bool' && (text === 'true' || text === 'false')) return text === 'true';
  const value = type?.dtype === 'bool' ? NaN : numberOf(`--arg ${name}`, text);
  const fits = type ? type.dtype.startsWith('f') || Number.isSafeInteger(value) : Number.isSafeInteger(value);
  if (!fits || Number.isNaN(value) || (!type && value < 1))
    throw new UsageError(
      `--arg ${name} is ${text}, expected ${type?.dtype === 'bool' ? 'true or false' : kindOf(parameter)}`,
    );
  return value;
}
