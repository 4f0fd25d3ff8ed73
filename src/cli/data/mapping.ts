// `--map x=a,b,c`: which columns or tensors of a file feed an input. Ranges (`pixel_0..pixel_63`) follow the header.
import { messages } from '../../index.ts';
import { Failure, UsageError } from '../failure.ts';

/** Input name → names in the data file. */
export type Mapping = ReadonlyMap<string, readonly string[]>;

/** Reads `--map` options. @throws UsageError for an input that does not exist or is mapped twice */
export function readMapping(options: readonly string[], inputs: readonly string[]): Mapping {
  const mapping = new Map<string, readonly string[]>();
  for (const option of options) {
    const at = option.indexOf('=');
    const name = option.slice(0, at).trim();
    const columns = option
      .slice(at + 1)
      .split(',')
      .map((column) => column.trim());
    if (at <= 0 || columns.includes('')) throw new UsageError(`--map ${option}: expected input=column,column`);
    if (!inputs.includes(name))
      throw new UsageError(`--map ${option}: there is no input ${name}, only ${inputs.join(', ')}`);
    if (mapping.has(name)) throw new UsageError(`--map ${name}=… is given twice`);
    mapping.set(name, columns);
  }
  return mapping;
}

/** The columns that feed `input`: those mapped, else the one of the same name. @throws Failure E0805 */
export function columnsOf(file: string, header: readonly string[], mapping: Mapping, input: string): readonly string[] {
  const wanted = mapping.get(input) ?? [input];
  return wanted.flatMap((column) =>
    header.includes(column) ? [column] : rangeOf(file, header, column, mapping.has(input)),
  );
}

function rangeOf(file: string, header: readonly string[], column: string, mapped: boolean): readonly string[] {
  const [first = '', last, ...more] = column.split('..');
  if (last === undefined || more.length > 0) throw unknownColumn(file, header, column, mapped);
  const ends = [first, last].map((name) => {
    if (!header.includes(name)) throw unknownColumn(file, header, name, mapped);
    return header.indexOf(name);
  });
  const [from = 0, to = 0] = ends;
  if (from > to) throw new UsageError(`--map …${column}: ${last} stands before ${first} in ${file}`);
  return header.slice(from, to + 1);
}

/** The diagnostic for a column or tensor that a file does not have, with the nearest name. */
export function unknownColumn(file: string, header: readonly string[], column: string, mapped: boolean): Failure {
  const near =
    header.find((name) => name.toLowerCase() === column.toLowerCase()) ?? header.find((name) => oneEdit(name, column));
  const some = header.length > 12 ? [...header.slice(0, 10), '…', header.at(-1) ?? ''] : header;
  return new Failure(
    messages.E0805(
      null,
      { file, column },
      {
        notes: [header.length === 0 ? 'it has none at all' : `it has ${some.join(', ')}`],
        helps: [
          ...(near === undefined ? [] : [{ text: `did you mean \`${near}\`?` }]),
          ...(mapped ? [] : [{ text: `say which columns feed the input: \`--map ${column}=…\`` }]),
        ],
      },
    ),
  );
}

/** Whether one character inserted, deleted or replaced, or two that change places, make `b` from `a`. */
function oneEdit(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  const [restA, restB] = [a.slice(start), b.slice(start)];
  const swapped = restA.charAt(1) + restA.charAt(0) + restA.slice(2);
  return swapped === restB || restA.slice(1) === restB || restA === restB.slice(1) || restA.slice(1) === restB.slice(1);
}
