// The same numbers for every engine: uniform values from a name, so that no order of asking matters.
import type { Case } from './case.ts';

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Values in [-1, 1), the same for the same name. */
export function uniform(name: string, length: number): Float32Array {
  let state = 2166136261;
  for (const char of name) state = Math.imul(state ^ char.charCodeAt(0), 16777619);
  const values = new Float32Array(length);
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    values[at] = (state >> 8) / 2 ** 23;
  }
  return values;
}

/** Inputs, weights and labels of a case. */
export interface CaseData {
  readonly inputs: readonly (Float32Array | Int32Array)[];
  readonly weights: ReadonlyMap<string, Float32Array>;
  readonly labels: Int32Array;
}

// Scaled by the fan-in, scales of norms about 1: sums stay of order one.
function weightValues(path: string, shape: readonly number[]): Float32Array {
  const scale = shape.length > 1 ? 1 / Math.sqrt(sizeOf(shape.slice(1))) : 0.1;
  const offset = path.endsWith('.running_var') || (path.endsWith('.weight') && shape.length === 1) ? 1 : 0;
  return uniform(path, sizeOf(shape)).map((value) => value * scale + offset);
}

/** The data of a case. */
export function dataOf({ inputs, ids, weights, train }: Case): CaseData {
  const shapes = Object.entries(inputs);
  // Of sequences of ids every position has a label.
  const batch = ids === undefined ? (shapes[0]?.[1][0] ?? 0) : sizeOf(shapes[0]?.[1] ?? []);
  return {
    inputs: shapes.map(([name, shape]) =>
      ids === undefined
        ? uniform(name, sizeOf(shape))
        : Int32Array.from({ length: sizeOf(shape) }, (_, i) => (i * 131) % ids),
    ),
    weights: new Map(Object.entries(weights).map(([path, shape]) => [path, weightValues(path, shape)])),
    labels: Int32Array.from({ length: train ? batch : 0 }, (_, i) => (i * 7) % (train?.classes ?? 1)),
  };
}

/** Columns of a dense layer over a flattened [c, h, w] in the order of a flattened [h, w, c]. */
export function channelsLast(
  data: Float32Array,
  rows: number,
  [c, h, w]: readonly [number, number, number],
): Float32Array {
  const result = new Float32Array(data.length);
  const [pixels, columns] = [h * w, c * h * w];
  for (let row = 0; row < rows; row++)
    for (let channel = 0; channel < c; channel++)
      for (let pixel = 0; pixel < pixels; pixel++)
        result[row * columns + pixel * c + channel] = data[row * columns + channel * pixels + pixel] ?? 0;
  return result;
}

/** A matrix with rows and columns exchanged. */
export function transposed(data: Float32Array, [rows = 1, columns = 1]: readonly number[]): Float32Array {
  const result = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) result[j * rows + i] = data[i * columns + j] ?? 0;
  return result;
}
