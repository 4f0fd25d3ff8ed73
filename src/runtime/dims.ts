// Binds the dims of a function from the shapes of its arguments: plain occurrences bind, everything else is checked.
import type { Caches } from './caches.ts';
import { wrongInput, type DlmError } from './error.ts';
import type { Extent, FunctionSpec } from './program.ts';
import { sizeOf } from './tensor.ts';

/** An argument: what was declared, and its shape, or only the number of its elements. */
export interface Given {
  readonly name: string;
  readonly dtype: string;
  readonly extents: readonly Extent[];
  readonly shape?: readonly number[] | undefined;
  readonly length: number;
}

/** ⌊a / b⌋, for expressions over dims. */
export const floorDiv = (a: number, b: number): number => Math.floor(a / b);

/** Sizes of a declared shape for given dims. */
export const shapeOf = (extents: readonly Extent[], names: readonly string[], dims: readonly number[]): number[] =>
  extents.map((extent) => {
    if (typeof extent === 'number') return extent;
    return typeof extent === 'string' ? (dims[names.indexOf(extent)] ?? 0) : extent[1](...dims);
  });

/** The dims of one call; whole numbers and the session may have given some. @throws DlmError E9101, E9102 */
export function bindDims(
  entry: string,
  fn: FunctionSpec,
  given: readonly Given[],
  counts: ReadonlyMap<string, number> = new Map(),
  caches?: Caches,
): number[] {
  const bound = new Map([...counts, ...(caches?.sizes ?? [])]);
  const wrong = ({ name, dtype, extents, shape, length }: Given, note = ''): DlmError => {
    const expected = extents.map((extent) => (typeof extent === 'object' ? extent[0] : extent)).join(', ');
    return wrongInput(
      entry,
      name,
      shape ? `${dtype}[${shape.join(', ')}]` : `${length} values`,
      `[${expected}]${note}`,
    );
  };
  for (const argument of given) {
    const { shape, extents } = argument;
    if (shape && shape.length !== extents.length) throw wrong(argument);
    shape?.forEach((size, axis) => {
      const extent = extents[axis];
      if (typeof extent !== 'string') return;
      caches?.check(entry, extent, size);
      if (!bound.has(extent)) bound.set(extent, size);
    });
  }
  solveLengths(given, bound);
  const dims = fn.dims.map((name) => bound.get(name) ?? NaN);
  for (const argument of given) {
    const { extents, length } = argument;
    const names = [...new Set(extents)].filter((extent) => typeof extent === 'string');
    if (names.some((name) => !bound.has(name))) throw wrong(argument, ': pass { data, shape }');
    const shape = shapeOf(extents, fn.dims, dims);
    const fits = argument.shape ? String(shape) === String(argument.shape) : length === sizeOf(shape);
    const small = names.some((name) => (bound.get(name) ?? 0) < (fn.mins?.[fn.dims.indexOf(name)] ?? 1));
    const note = names.map((name, at) => `${at ? ', ' : ' with '}${name} = ${bound.get(name)}`).join('');
    if (!fits || small) throw wrong(argument, note);
  }
  return dims;
}

// A flat array fixes one dim of its shape when all others are known; that may make another array solvable.
function solveLengths(given: readonly Given[], bound: Map<string, number>): void {
  for (let before = -1; before < bound.size;) {
    before = bound.size;
    for (const { shape, extents, length } of given) {
      const [open, ...more] = extents.filter((extent) => typeof extent === 'string' && !bound.has(extent));
      if (shape || typeof open !== 'string' || more.length || extents.some((extent) => typeof extent === 'object'))
        continue;
      const size =
        length /
        sizeOf(extents.map((extent) => (typeof extent === 'number' ? extent : (bound.get(String(extent)) ?? 1))));
      if (Number.isInteger(size)) bound.set(open, size);
    }
  }
}
