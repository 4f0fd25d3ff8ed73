// `dlm/testing`: property tests of one's own models with fast-check (an optional peer dependency).
// Dims that an entry accepts, arguments for it, the types the compiler inferred, and a slow, exact run.
export {
  entryOf,
  hostArguments,
  hostInput,
  shapeOf,
  type ConcreteType,
  type Dims,
  type Entry,
  type EntryMeta,
  type TensorMeta,
} from './testing/entry.ts';
export { dimsArbitrary, type DimsOptions } from './testing/entry-dims.ts';
export { inputsArbitrary, tensorArbitrary, type EntryCase, type InputsOptions } from './testing/entry-inputs.ts';
export { graphCases, type GraphCase } from './testing/random-graph.ts';
export {
  checkTypes,
  initialWeights,
  run,
  typeMismatches,
  updates,
  type RunOptions,
  type TypeMismatch,
} from './testing/run.ts';
export type { Tensor } from './ir/op.ts';
