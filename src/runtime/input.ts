// What callers may pass for a tensor: typed arrays, { data, shape }, nested arrays, numbers, tensors of this module.
// Reads them into the element type wanted and says what is wrong with them.
import type { Given } from './dims.ts';
import { DlmError } from './error.ts';
import type { Backend, Data, ElementType, Memory, TensorSpec } from './program.ts';
import { Tensor } from './tensor.ts';

/** An argument as it goes to the device. */
export interface Argument extends Given {
  readonly from: Data | Memory;
}

const arrays = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint32Array };

// Conversions that lose nothing, and float64 to float32.
const accepted: Readonly<Record<ElementType, readonly string[]>> = {
  f32: ['Float32Array', 'Float64Array'],
  i32: ['Int32Array', 'Int16Array', 'Int8Array', 'Uint16Array', 'Uint8Array', 'Uint8ClampedArray'],
  u32: ['Uint32Array', 'Uint16Array', 'Uint8Array', 'Uint8ClampedArray'],
  bool: ['Uint8Array', 'Uint8ClampedArray'],
};

/** Reads one argument. @throws DlmError E9101 (wrong dtype or form), E0807 (not a number) */
export function readInput(entry: string, [name, dtype]: TensorSpec, value: unknown, backend: Backend): Argument {
  const wrong = (got: string): DlmError =>
    new DlmError('E9101', `${entry}: ${name} is ${got}, expected ${dtype}`, {
      entry,
      path: name,
      expected: dtype,
      got,
    });
  if (value instanceof Tensor) {
    if (value.dtype !== dtype) throw wrong(value.dtype);
    if (value.backend !== backend) throw wrong('a tensor of another device');
    return { from: value.memory, shape: value.shape, length: -1, dtype };
  }
  const form = value as { data?: unknown; shape?: readonly number[] } | null | undefined;
  const given = ArrayBuffer.isView(form?.data) || Array.isArray(form?.data) ? form.data : value;
  const [data, shape] = flatten(given, dtype, wrong);
  if (dtype === 'f32') checkFinite(entry, name, data, form?.shape ?? shape);
  return { from: data, shape: given === value ? shape : form?.shape, length: data.length, dtype };
}

function flatten(value: unknown, dtype: ElementType, wrong: (got: string) => DlmError): [Data, number[] | undefined] {
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const type = value.constructor.name;
    if (!accepted[dtype].includes(type)) throw wrong(type);
    const data = value as Data;
    return [data instanceof arrays[dtype] ? data : arrays[dtype].from(data), undefined];
  }
  const shape: number[] = [];
  for (let inner = value; Array.isArray(inner) || ArrayBuffer.isView(inner); inner = (inner as unknown[])[0]) {
    shape.push((inner as unknown[]).length);
  }
  const data = new arrays[dtype](shape.reduce((a, b) => a * b, 1));
  let at = 0;
  const walk = (item: unknown, axis: number): void => {
    const size = shape[axis];
    if (size === undefined) {
      const fits =
        dtype === 'bool'
          ? typeof item === 'boolean'
          : typeof item === 'number' && (dtype === 'f32' || item === (dtype === 'i32' ? item | 0 : item >>> 0));
      if (!fits) throw wrong(typeof item === 'number' ? String(item) : item === null ? 'null' : typeof item);
      data[at++] = Number(item);
      return;
    }
    const list = item as ArrayLike<unknown>;
    if ((!Array.isArray(item) && !ArrayBuffer.isView(item)) || list.length !== size) throw wrong('a ragged array');
    for (let i = 0; i < size; i++) walk(list[i], axis + 1);
  };
  walk(value, 0);
  return [data, shape];
}

function checkFinite(entry: string, name: string, data: Data, shape: readonly number[] | undefined): void {
  const at = data.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  let rest = at;
  const place = shape
    ? [...shape]
        .reverse()
        .map((size) => [rest % size, (rest = Math.floor(rest / size))][0])
        .reverse()
    : [at];
  const got = `${data[at]} at [${place.join(', ')}]`;
  throw new DlmError('E0807', `${entry}: ${name} has ${got}`, { entry, path: name, expected: 'finite numbers', got });
}
