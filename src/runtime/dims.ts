// Binds the dims of a function from the shapes of its arguments: plain occurrences bind, everything else is checked.
import { DlmError } from './error.ts';
import type { Extent, FunctionSpec, TensorSpec } from './program.ts';

/** What is known of an argument: its shape, or only the number of its elements. */
export interface Given {
  readonly shape?: readonly number[] | undefined;
  readonly length: number;
  readonly dtype: string;
}

const shapeText = (shape: readonly Extent[]): string =>
  `[${shape.map((extent) => (typeof extent === 'object' ? extent[0] : extent)).join(', ')}]`;

const givenText = (given: Given): string =>
  given.shape ? `${given.dtype}[${given.shape.join(', ')}]` : `${given.length} values`;

/** Value of an extent for given dims. */
export function extentOf(extent: Extent, names: readonly string[], dims: readonly number[]): number {
  if (typeof extent === 'number') return extent;
  return typeof extent === 'string' ? (dims[names.indexOf(extent)] ?? 0) : extent[1](...dims);
}

/** Shape of a tensor for given dims. */
export const shapeOf = (spec: TensorSpec, names: readonly string[], dims: readonly number[]): number[] =>
  spec[2].map((extent) => extentOf(extent, names, dims));

/** The dims of one call. `fixed` are those that the host gave by name. @throws DlmError E9101, E9103 */
export function bindDims(
  entry: string,
  fn: FunctionSpec,
  given: readonly Given[],
  fixed: Readonly<Record<string, number>> = {},
): number[] {
  const names = fn.dims;
  const dims = new Map<string, number>(Object.entries(fixed));
  const wrong = (at: number, expected?: string): DlmError => {
    const [name, dtype, shape] = fn.inputs[at] ?? ['', 'f32', []];
    const parts = {
      entry,
      path: name,
      expected: expected ?? shapeText(shape),
      got: givenText(given[at] ?? { length: 0, dtype }),
    };
    return new DlmError('E9101', `${entry}: ${name} is ${parts.got}, expected ${parts.expected}`, parts);
  };
  given.forEach(({ shape }, at) => {
    const expected = fn.inputs[at]?.[2] ?? [];
    if (!shape) return;
    if (shape.length !== expected.length) throw wrong(at);
    expected.forEach((extent, axis) => {
      if (typeof extent === 'string' && !dims.has(extent)) dims.set(extent, shape[axis] ?? 0);
    });
  });
  solveLengths(fn, given, dims);
  const values = names.map((name) => dims.get(name) ?? -1);
  given.forEach((value, at) => {
    const expected = fn.inputs[at]?.[2] ?? [];
    const known = expected.every((extent) => typeof extent !== 'string' || dims.has(extent));
    if (!known) throw wrong(at, `${shapeText(expected)}: pass { data, shape }`);
    const shape = expected.map((extent) => extentOf(extent, names, values));
    const fits = value.shape
      ? shape.every((size, axis) => size === value.shape?.[axis])
      : value.length === product(shape);
    const small = expected.some(
      (extent, axis) => typeof extent === 'string' && (shape[axis] ?? 0) < (fn.mins?.[names.indexOf(extent)] ?? 1),
    );
    if (!fits || small) throw wrong(at, `${shapeText(expected)}${boundText(expected, dims)}`);
  });
  checkFacts(entry, fn, values);
  return values;
}

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

// A flat array fixes one dim of its shape when all others are known; that may make another array solvable.
function solveLengths(fn: FunctionSpec, given: readonly Given[], dims: Map<string, number>): void {
  for (let progress = true; progress;) {
    progress = false;
    given.forEach(({ shape, length }, at) => {
      const extents = fn.inputs[at]?.[2] ?? [];
      const open = extents.filter((extent) => typeof extent === 'string' && !dims.has(extent));
      const [name] = open;
      if (
        shape ||
        open.length !== 1 ||
        typeof name !== 'string' ||
        extents.some((extent) => typeof extent === 'object')
      )
        return;
      const rest = product(
        extents.map((extent) => (typeof extent === 'number' ? extent : (dims.get(String(extent)) ?? 1))),
      );
      if (rest > 0 && length % rest === 0) {
        dims.set(name, length / rest);
        progress = true;
      }
    });
  }
}

function boundText(shape: readonly Extent[], dims: ReadonlyMap<string, number>): string {
  const bound = [...new Set(shape)].filter((extent) => typeof extent === 'string' && dims.has(extent));
  return bound.length === 0
    ? ''
    : ` with ${bound.map((name) => `${String(name)} = ${dims.get(String(name))}`).join(', ')}`;
}

function checkFacts(entry: string, fn: FunctionSpec, dims: readonly number[]): void {
  const at = (fn.holds?.(...dims) ?? []).indexOf(false);
  if (at < 0) return;
  const fact = fn.facts?.[at] ?? '';
  const values = fn.dims.map((name, index) => `${name} = ${dims[index]}`).join(', ');
  throw new DlmError('E9103', `${entry}: \`${fact}\` does not hold for ${values}`, {
    entry,
    expected: fact,
    got: values,
  });
}
