// Draws arguments for an entry: dims that it accepts, then a tensor of the right type for every input.
import * as fc from 'fast-check';
import type { DType } from '../ir/dtype.ts';
import type { Tensor } from '../ir/op.ts';
import { extentsOf, type Dims, type EntryMeta, type TensorMeta } from './entry.ts';
import { dimsArbitrary, type DimsOptions } from './entry-dims.ts';

/** What arguments to draw. */
export interface InputsOptions extends DimsOptions {
  /** These dims, and no others. */
  readonly dims?: Dims;
  /** Integer inputs by name: values lie in [0, below). Default 8. */
  readonly below?: Readonly<Record<string, number>>;
  /** Elements of inputs by name. Default: floats are multiples of 1/8 in [-4, 4]. */
  readonly values?: Readonly<Record<string, fc.Arbitrary<number>>>;
}

/** Arguments for one call. */
export interface EntryCase {
  readonly dims: Dims;
  readonly inputs: Readonly<Record<string, Tensor>>;
}

function elements({ name, dtype }: TensorMeta, { below, values }: InputsOptions): fc.Arbitrary<number> {
  const given = values?.[name];
  if (given) return given;
  if (dtype === 'bool') return fc.nat({ max: 1 });
  if (dtype === 'i32' || dtype === 'u32') return fc.nat({ max: (below?.[name] ?? 8) - 1 });
  return fc.integer({ min: -32, max: 32 }).map((eighths) => eighths / 8);
}

/** A tensor of a shape, element by element. */
export function tensorArbitrary(
  dtype: DType,
  shape: readonly number[],
  element: fc.Arbitrary<number>,
): fc.Arbitrary<Tensor> {
  const size = shape.reduce((a, b) => a * b, 1);
  return fc
    .array(element, { minLength: size, maxLength: size, size: 'max' })
    .map((data) => ({ dtype, shape, data: Float64Array.from(data) }));
}

/** Dims that an entry accepts and arguments of those sizes; both shrink. */
export function inputsArbitrary(entry: EntryMeta, options: InputsOptions = {}): fc.Arbitrary<EntryCase> {
  const dims = options.dims ? fc.constant(options.dims) : dimsArbitrary(entry, options);
  return dims.chain((drawn) => {
    const tensors = entry.inputs.map((input) => [
      input.name,
      tensorArbitrary(input.dtype as DType, extentsOf(input, drawn), elements(input, options)),
    ]);
    return fc
      .record(Object.fromEntries(tensors) as Record<string, fc.Arbitrary<Tensor>>)
      .map((inputs) => ({ dims: drawn, inputs }));
  });
}
