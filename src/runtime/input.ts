// What callers may pass for a tensor: typed arrays, { data, shape }, nested arrays, numbers, tensors of this module.
// Reads them into the element type wanted and says what is wrong with them.
import type { Given } from './dims.ts';
import { DlmError, wrongInput } from './error.ts';
import type { Backend, Data, ElementType, Memory, TensorSpec } from './program.ts';
import { arrays, sizeOf, Tensor } from './tensor.ts';

/** An argument as it goes to the device: host data, or memory of the device. */
export interface Argument extends Given {
  readonly data?: Data;
  readonly memory?: Memory;
}

// Conversions that lose nothing, and float64 to float32.
const accepted = {
  f32: /^Float(32|64)Array$/,
  i32: /^(Int(8|16|32)|Uint(8|8Clamped|16))Array$/,
  u32: /^Uint(8|8Clamped|16|32)Array$/,
  bool: /^Uint8(Clamped)?Array$/,
};

/** Reads one argument. @throws DlmError E9101 (wrong dtype or form), E0807 (not a number) */
export function readInput(
  entry: string,
  [name, dtype, extents]: TensorSpec,
  value: unknown,
  backend: Backend,
): Argument {
  const wrong = (got: string): DlmError => wrongInput(entry, name, got, dtype);
  const declared = { name, dtype, extents };
  if (value instanceof Tensor) {
    if (value.dtype !== dtype) throw wrong(value.dtype);
    if (value.backend !== backend) throw wrong('a tensor of another device');
    return { ...declared, memory: value.memory, shape: value.shape, length: NaN };
  }
  const form = value as { data?: unknown; shape?: readonly number[] } | null | undefined;
  const { data, shape = form?.shape } = flatten(form?.data ?? value, dtype, wrong);
  if (shape && sizeOf(shape) !== data.length) throw wrong(`${data.length} values of shape [${shape.join(', ')}]`);
  if (dtype === 'f32') checkFinite(entry, name, data, shape ?? [data.length]);
  return { ...declared, data, shape, length: data.length };
}

interface Flat {
  readonly data: Data;
  readonly shape?: readonly number[] | undefined;
}

function flatten(value: unknown, dtype: ElementType, wrong: (got: string) => DlmError): Flat {
  const type = arrays[dtype];
  if (ArrayBuffer.isView(value)) {
    const data = value as Data;
    if (!accepted[dtype].test(data.constructor.name)) throw wrong(data.constructor.name);
    return { data: data instanceof type ? data : type.from(data) };
  }
  const shape: number[] = [];
  for (let inner = value; isList(inner); inner = inner[0]) shape.push(inner.length);
  const data = new type(sizeOf(shape));
  let at = 0;
  const walk = (item: unknown, axis: number): void => {
    const size = shape[axis];
    if (isList(item) ? item.length !== size : size !== undefined) throw wrong('a ragged array');
    if (isList(item)) for (let i = 0; i < item.length; i++) walk(item[i], axis + 1);
    else if (isElement(item, dtype)) data[at++] = Number(item);
    else throw wrong(typeof item === 'number' ? String(item) : typeof item);
  };
  walk(value, 0);
  return { data, shape };
}

const isList = (value: unknown): value is ArrayLike<unknown> => Array.isArray(value) || ArrayBuffer.isView(value);

function isElement(item: unknown, dtype: ElementType): boolean {
  if (dtype === 'bool' || typeof item !== 'number') return dtype === 'bool' && typeof item === 'boolean';
  return dtype === 'f32' || item === (dtype === 'i32' ? item | 0 : item >>> 0);
}

function checkFinite(entry: string, name: string, data: Data, shape: readonly number[]): void {
  let at = 0;
  while (at < data.length && Number.isFinite(data[at])) at++;
  if (at === data.length) return;
  let rest = at;
  const place = shape.toReversed().map((size) => [rest % size, (rest = Math.floor(rest / size))][0]);
  const got = `${data[at]} at [${place.reverse().join(', ')}]`;
  throw new DlmError('E0807', `${entry}: ${name} has ${got}`, { entry, path: name, got });
}
