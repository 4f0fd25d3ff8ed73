// Reads the attributes of a node as what an op expects. A missing or wrong attribute is a ShapeError
// of reason 'attribute': graphs also come from text that people edit.
import { asConstant, dim as toDim, type Dim } from '../dim.ts';
import { isDType, type DType } from '../dtype.ts';
import type { Attrs, AttrValue } from '../graph.ts';
import { ShapeError } from '../op.ts';

const isList = (value: AttrValue): value is readonly AttrValue[] => Array.isArray(value);

function wrong(name: string, expected: string): never {
  throw new ShapeError('attribute', `attribute '${name}' must be ${expected}`);
}

function asDim(value: AttrValue | undefined): Dim | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? toDim(value) : undefined;
  return typeof value === 'object' && !isList(value) ? value : undefined;
}

function asNumber(value: AttrValue | undefined): number | undefined {
  if (typeof value === 'number') return value;
  const dim = asDim(value);
  return dim && asConstant(dim);
}

/** A number. */
export const numberOf = (attrs: Attrs, name: string): number => asNumber(attrs[name]) ?? wrong(name, 'a number');

/** A text out of `allowed`. */
export function textOf<Text extends string>(attrs: Attrs, name: string, allowed: readonly Text[]): Text {
  const found = allowed.find((text) => text === attrs[name]);
  return found ?? wrong(name, `one of ${allowed.join(', ')}`);
}

/** A dtype. */
export function dtypeOf(attrs: Attrs, name = 'dtype'): DType {
  const value = attrs[name];
  return typeof value === 'string' && isDType(value) ? value : wrong(name, 'a dtype');
}

/** A dim; a number counts as one. */
export const dimOf = (attrs: Attrs, name: string): Dim => asDim(attrs[name]) ?? wrong(name, 'a dim');

function listOf<Item>(
  value: AttrValue | undefined,
  name: string,
  what: string,
  item: (value: AttrValue) => Item | undefined,
): Item[] {
  if (value === undefined || !isList(value)) return wrong(name, `a list of ${what}`);
  return value.map((entry) => item(entry) ?? wrong(name, `a list of ${what}`));
}

/** A list of numbers. */
export const numbersOf = (attrs: Attrs, name: string): number[] => listOf(attrs[name], name, 'numbers', asNumber);

/** A list of dims. */
export const dimsOf = (attrs: Attrs, name: string): Dim[] => listOf(attrs[name], name, 'dims', asDim);

/** A list of pairs of numbers. */
export const pairsOf = (attrs: Attrs, name: string): (readonly [number, number])[] =>
  listOf(attrs[name], name, 'pairs of numbers', (entry) => {
    const [a, b] = isList(entry) ? entry.map(asNumber) : [];
    return a === undefined || b === undefined ? undefined : ([a, b] as const);
  });
