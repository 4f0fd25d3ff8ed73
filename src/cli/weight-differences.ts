// How two files of weights differ, tensor by tensor.
import type { FileTensor } from '../index.ts';

/** A tensor that is not the same in both files. */
export type Difference =
  | { readonly kind: 'missing'; readonly name: string; readonly only: 'first' | 'second' }
  | { readonly kind: 'type'; readonly name: string; readonly first: string; readonly second: string }
  | {
      readonly kind: 'values';
      readonly name: string;
      /** Elements that differ, of how many. */
      readonly count: number;
      readonly of: number;
      /** The largest difference, and its ratio to the largest value of the first file's tensor. */
      readonly largest: number;
      readonly relative: number;
    };

/** The tensors that differ by more than `tolerance` anywhere, in the order of the first file. Dtypes may differ. */
export function differences(
  first: ReadonlyMap<string, FileTensor>,
  second: ReadonlyMap<string, FileTensor>,
  tolerance = 0,
): Difference[] {
  return [...new Set([...first.keys(), ...second.keys()])].flatMap((name): Difference[] => {
    const [a, b] = [first.get(name), second.get(name)];
    if (!a || !b) return [{ kind: 'missing', name, only: a ? 'first' : 'second' }];
    if (String(a.shape) !== String(b.shape)) return [{ kind: 'type', name, first: typeText(a), second: typeText(b) }];
    return valuesDiffer(name, a.data, b.data, tolerance);
  });
}

const typeText = ({ dtype, shape }: FileTensor): string => `${dtype}[${shape.join(', ')}]`;

function valuesDiffer(name: string, a: ArrayLike<number>, b: ArrayLike<number>, tolerance: number): Difference[] {
  let [count, largest, scale] = [0, 0, 0];
  for (let at = 0; at < a.length; at++) {
    const [x, y] = [a[at] ?? NaN, b[at] ?? NaN];
    scale = Math.max(scale, Math.abs(x) || 0);
    if (Object.is(x, y) || x === y) continue;
    const distance = Math.abs(x - y);
    if (distance <= tolerance) continue;
    count++;
    largest = Math.max(largest, Number.isNaN(distance) ? Infinity : distance);
  }
  return count === 0 ? [] : [{ kind: 'values', name, count, of: a.length, largest, relative: largest / scale }];
}
