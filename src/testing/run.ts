// Runs an entry on the reference interpreter, and holds what the compiler inferred against what came out.
import { evaluateDim } from '../ir/dim.ts';
import { bindDims, interpret, type InterpretOptions } from '../ir/interpreter.ts';
import type { GraphFunction, Node, Value } from '../ir/graph.ts';
import type { Tensor } from '../ir/op.ts';
import { runKey } from '../runtime/threefry.ts';
import type { ConcreteType, Dims, Entry } from './entry.ts';

/** Tensors by name. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** How {@link run} runs. */
export interface RunOptions {
  /** Seed of the initial weights and of random numbers, as in a compiled module. Default 0. */
  readonly seed?: number;
  /** Weights, states and caches by path instead of the initial ones; caches are zero. */
  readonly weights?: Tensors;
  /** Dims that no input shows: whole numbers that callers give, and sizes of caches. */
  readonly dims?: Dims;
  /** f32 rounds every result of an op as a device does. Default f64. */
  readonly precision?: 'f64' | 'f32';
}

/** A value whose inferred type is not the one it has. */
export interface TypeMismatch {
  /** The result or the op that made it, and its name in the source where it has one. */
  readonly value: string;
  readonly inferred: ConcreteType;
  readonly actual: ConcreteType;
}

const key = (seed: number, purpose: number): Tensors =>
  Object.fromEntries(
    runKey(seed, purpose, 0).map((word, at) => [`key.${at}`, { dtype: 'u32', shape: [], data: Float64Array.of(word) }]),
  );

/** The weights of an entry's model as its initialisers make them. */
export const initialWeights = (entry: Entry, seed = 0): Record<string, Tensor> =>
  interpret(entry.init, key(seed, 0), { precision: 'f32' });

function allInputs(entry: Entry, inputs: Tensors, { seed = 0, weights, dims }: RunOptions): Tensors {
  const stored = entry.fn.inputs.some(({ role }) => role === 'param' || role === 'state');
  const initial = { ...(stored ? initialWeights(entry, seed) : {}), ...emptyCaches(entry, inputs, dims) };
  return { ...initial, ...weights, ...key(seed, 3), ...inputs };
}

function emptyCaches({ fn }: Entry, inputs: Tensors, given: Dims | undefined): Tensors {
  const caches = fn.inputs.filter(({ role }) => role === 'cache');
  if (caches.length === 0) return {};
  const signature = { ...fn, inputs: fn.inputs.map(({ name, value }) => ({ name, type: value.type })) };
  const dims = bindDims(signature, inputs, given);
  return Object.fromEntries(
    caches.map(({ name, value: { type } }): [string, Tensor] => {
      const shape = type.shape.map((d) => evaluateDim(d, (dim) => dims.get(dim)));
      return [name, { dtype: type.dtype, shape, data: new Float64Array(shape.reduce((a, b) => a * b, 1)) }];
    }),
  );
}

function resultsOf(entry: Entry, inputs: Tensors, options: RunOptions, outputs: string[]): Record<string, Tensor> {
  const { precision = 'f64', dims = {} } = options;
  return interpret(entry.fn, allInputs(entry, inputs, options), { outputs, precision, dims });
}

/** The outputs of an entry for given arguments, by name (`result` where it returns one tensor). */
export const run = (entry: Entry, inputs: Tensors, options: RunOptions = {}): Record<string, Tensor> =>
  resultsOf(
    entry,
    inputs,
    options,
    entry.outputs.map(({ name }) => name),
  );

/** What a call leaves in states and caches, by path: with them as `weights`, the next run goes on from there. */
export const updates = (entry: Entry, inputs: Tensors, options: RunOptions = {}): Record<string, Tensor> =>
  resultsOf(
    entry,
    inputs,
    options,
    entry.fn.results.filter(({ role }) => role === 'update').map(({ name }) => name),
  );

/** Every value of a graph function, those in loops included, whose inferred type is not what it has in a run. */
export function typeMismatches(fn: GraphFunction, inputs: Tensors, options: InterpretOptions = {}): TypeMismatch[] {
  const signature = { ...fn, inputs: fn.inputs.map(({ name, value }) => ({ name, type: value.type })) };
  const dims = bindDims(signature, inputs, options.dims);
  const wrong = new Map<Value, TypeMismatch>();
  const makers = makersOf(fn.nodes);
  const observe = (value: Value, tensor: Tensor): void => {
    const { dtype, shape } = value.type;
    const inferred = { dtype, shape: shape.map((d) => evaluateDim(d, (name) => dims.get(name))) };
    if (!hasType(tensor, inferred))
      wrong.set(value, { value: nameOf(value, makers), inferred, actual: typeOf(tensor) });
  };
  const values = fn.nodes.flatMap((node) => node.outputs);
  const results = values.map((value, at) => ({ name: String(at), role: 'output' as const, value }));
  interpret({ ...fn, results }, inputs, { ...options, observe });
  return [...wrong.values()];
}

/** {@link typeMismatches} of an entry: empty where every inferred type is right. */
export const checkTypes = (entry: Entry, inputs: Tensors, options: RunOptions = {}): TypeMismatch[] =>
  typeMismatches(entry.fn, allInputs(entry, inputs, options), { dims: options.dims ?? {} });

function makersOf(nodes: readonly Node[], into: Map<Value, Node> = new Map()): ReadonlyMap<Value, Node> {
  for (const node of nodes) {
    for (const output of node.outputs) into.set(output, node);
    for (const region of node.regions) makersOf(region.nodes, into);
  }
  return into;
}

const nameOf = (value: Value, makers: ReadonlyMap<Value, Node>): string =>
  [makers.get(value)?.op ?? 'input', value.name].filter((part) => part !== undefined).join(' ');

const typeOf = ({ dtype, shape, data }: Tensor): ConcreteType => {
  const size = shape.reduce((a, b) => a * b, 1);
  return { dtype, shape: size === data.length ? shape : [data.length] };
};

function hasType(tensor: Tensor, wanted: ConcreteType): boolean {
  const { dtype, shape } = typeOf(tensor);
  return (
    dtype === wanted.dtype && shape.length === wanted.shape.length && shape.every((n, axis) => n === wanted.shape[axis])
  );
}
