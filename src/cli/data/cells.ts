// Columns of a table → examples: numbers as they are, text as class ids numbered in sorted order.
import type { Examples, ExampleData } from './dataset.ts';
import { badValue, doesNotFit, rowPattern, type InputRequest } from './load.ts';
import type { TableSource } from './source.ts';

/** Reads `columns` into one input; with `known` classes, text must be one of them. @throws Failure E0807, E0808 */
export function tableExamples(
  table: TableSource,
  columns: readonly string[],
  wanted: InputRequest,
  known: readonly string[] | undefined,
): { examples: Examples; classes?: readonly string[] } {
  const { dtype } = wanted;
  const row = rowOf(wanted, columns.length);
  const places = columns.map((column) => table.header.indexOf(column));
  const cell = (at: number, column: number): string => table.rows[at]?.[places[column] ?? -1]?.trim() ?? '';
  const classes =
    known ?? (columns.length === 1 && dtype !== 'f32' ? classesOf(table, (at) => cell(at, 0)) : undefined);
  const data = makeData(dtype, table.rows.length * columns.length);
  table.rows.forEach((_, at) =>
    columns.forEach((column, index) => {
      const text = cell(at, index);
      const value = classes ? classes.indexOf(text) : numberFrom(text, dtype);
      const what = classes && value < 0 ? `the unknown class "${text}"` : whatIsWrong(text, value);
      if (what !== undefined) throw badValue(wanted, what, `line ${table.lines[at] ?? at + 2}, column ${column}`);
      data[at * columns.length + index] = value;
    }),
  );
  return { examples: { dtype, row, data }, ...(classes && { classes }) };
}

/** An array for `length` elements. */
export function makeData(dtype: Examples['dtype'], length: number): ExampleData {
  if (dtype === 'f32') return new Float32Array(length);
  if (dtype === 'i32') return new Int32Array(length);
  return dtype === 'u32' ? new Uint32Array(length) : new Uint8Array(length);
}

function rowOf(wanted: InputRequest, columns: number): readonly number[] {
  const pattern = rowPattern(wanted.type);
  const sizes = pattern.filter((size) => size !== null);
  const known = sizes.reduce((a, b) => a * b, 1);
  const open = pattern.length - sizes.length;
  // One open extent takes what the others leave.
  const rest = open === 1 ? columns / known : 1;
  const fits = open <= 1 && Number.isInteger(rest) && known * rest === columns && wanted.type.shape.length > 0;
  if (!fits) throw doesNotFit(wanted, columns === 1 ? 'one column' : `${columns} columns`);
  return pattern.map((size) => size ?? rest);
}

// Text anywhere in the column makes all of it class names; the sorted order is that of code units.
function classesOf({ rows }: TableSource, cell: (at: number) => string): readonly string[] | undefined {
  const names = new Set(rows.map((_, at) => cell(at)));
  names.delete('');
  const isText = [...names].some((name) => Number.isNaN(Number(name)) && !/^nan$/i.test(name));
  return isText ? [...names].sort((a, b) => (a < b ? -1 : 1)) : undefined;
}

function numberFrom(text: string, dtype: Examples['dtype']): number {
  if (dtype === 'bool' && /^(true|false)$/i.test(text)) return /^true$/i.test(text) ? 1 : 0;
  const value = text === '' ? NaN : Number(text);
  if (dtype === 'f32') return Math.fround(value);
  const whole = dtype === 'i32' ? value | 0 : dtype === 'u32' ? value >>> 0 : value === 1 ? 1 : 0;
  return whole === value ? value : NaN;
}

function whatIsWrong(text: string, value: number): string | undefined {
  if (text === '') return 'an empty cell';
  if (Number.isFinite(value)) return undefined;
  return /^[-+]?(nan|inf(inity)?)$/i.test(text) ? text : `"${text}"`;
}
