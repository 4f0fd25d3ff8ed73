// Arguments and weights of random programs for one run: sizes matter here, elements do not.
import { extentsOf, type Entry } from '../../src/testing/entry.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import type { Tensor } from '../../src/ir/op.ts';

/** Values of the dims of a random program. */
export interface RunDims {
  readonly b: number;
  readonly t: number;
  readonly n: number;
}

const scalar = (value: number): Tensor => ({ dtype: 'u32', shape: [], data: Float64Array.of(value) });

/** The weights of the program's layers. */
export const initialWeights = (entry: Entry): Record<string, Tensor> =>
  interpret(entry.init, { 'key.0': scalar(1), 'key.1': scalar(2) });

/** An argument for every input, multiples of 1/4 that differ. */
export const inputTensors = (entry: Entry, dims: Readonly<Record<string, number>>): Record<string, Tensor> =>
  Object.fromEntries(
    entry.inputs.map((input) => {
      const shape = extentsOf(input, dims);
      const size = shape.reduce((a, b) => a * b, 1);
      const data = Float64Array.from({ length: size }, (_, at) => ((at * 7) % 11) / 4 - 1);
      return [input.name, { dtype: 'f32', shape, data }];
    }),
  );
