// Prints what every level of the textual IR is made of; reader.ts reads each form back.
import type { Dim } from '../dim.ts';
import type { TensorType } from '../graph.ts';
import type { Span } from '../../support/source.ts';

const quoted = (text: string): string => JSON.stringify(text);

/** `@name` or `%name`, quoted where the name is not a plain word. */
export const symbolText = (sigil: '@' | '%', name: string): string =>
  sigil + (/^[\w.]+$/.test(name) ? name : quoted(name));

/** A number that reads back exactly. */
export function numberText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  return Object.is(value, -0) ? '-0' : String(value);
}

/** `f32[b, 784]`. */
export const typeText = (type: TensorType): string => `${type.dtype}[${type.shape.map((d) => d.key).join(', ')}]`;

const spanText = (span: Span): string => quoted(`${span.source.name}:${span.start}-${span.end}`);

/** ` at "name:start-end", …`, or nothing. */
export const originText = (origin: readonly Span[]): string =>
  origin.length === 0 ? '' : ` at ${origin.map(spanText).join(', ')}`;

const has = <Key extends string>(value: object, ...keys: readonly Key[]): value is Record<Key, unknown> =>
  keys.every((key) => Object.hasOwn(value, key));
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isDim = (value: unknown): value is Dim => isObject(value) && has(value, 'terms', 'key');
const isType = (value: object): value is TensorType => has(value, 'dtype', 'shape') && Object.keys(value).length === 2;
const isSpan = (value: object): value is Span => has(value, 'source', 'start', 'end');

/** A literal of plain data, dims, types and spans; see {@link Reader.data}. */
export function dataText(value: unknown): string {
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return listText(value);
  if (!isObject(value)) return String(value);
  if (isDim(value)) return `dim(${value.key})`;
  if (isType(value)) return typeText(value);
  return isSpan(value) ? `at ${spanText(value)}` : recordText(value);
}

const listText = (items: readonly unknown[]): string =>
  items.length > 0 && items.every(isDim)
    ? `<${items.map((d) => d.key).join(', ')}>`
    : `[${items.map(dataText).join(', ')}]`;

/** `{key = data, …}`; keys without a value are left out. */
export function recordText(record: object): string {
  const fields = Object.entries(record).filter(([, value]) => value !== undefined);
  return `{${fields.map(([key, value]) => `${/^[A-Za-z_][\w.]*$/.test(key) ? key : quoted(key)} = ${dataText(value)}`).join(', ')}}`;
}

/** Lines moved in by two spaces. */
export const indent = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);
