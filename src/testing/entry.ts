// What property tests know of an entry: its dims, inputs and outputs as data, the same that a compiled
// module exports as `meta`. An entry that comes from a checked program also carries its graph, to run it.
import { evaluateDim } from '../ir/dim.ts';
import type { DType } from '../ir/dtype.ts';
import type { GraphFunction, GraphModule, ModelInfo, TensorType } from '../ir/graph.ts';
import type { Tensor } from '../ir/op.ts';
import { parseDim } from '../ir/text/reader.ts';
import { autodiff } from '../passes/autodiff.ts';
import { constraintText } from './constraints.ts';

/** A named tensor: extents are numbers, names of dims, or texts of expressions over dims. */
export interface TensorMeta {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly (number | string)[];
}

/** An entry as `meta.models.<Model>.entries.<entry>` of a compiled module describes it. */
export interface EntryMeta {
  readonly dims: Readonly<Record<string, { readonly min: number }>>;
  readonly inputs: readonly TensorMeta[];
  readonly outputs: readonly TensorMeta[];
  /** Texts of what its dims must satisfy: `t - 2 >= 0`, `(d) % (4) == 0`. */
  readonly requires: readonly string[];
}

/** An entry of a checked program: its description, and the graph that {@link run} interprets. */
export interface Entry extends EntryMeta {
  readonly name: string;
  readonly fn: GraphFunction;
  readonly model: ModelInfo;
  /** The function that initialises the model's weights. */
  readonly init: GraphFunction;
}

/** Values of dims by name. */
export type Dims = Readonly<Record<string, number>>;

/** A dtype and a concrete shape. */
export interface ConcreteType {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

const describe = (name: string, { dtype, shape }: TensorType): TensorMeta => ({
  name,
  dtype,
  shape: shape.map((d) => (/^\d+$/.test(d.key) ? Number(d.key) : d.key)),
});

/** The entry `Model.name` of a module that `check` or `compile` made. @throws RangeError when there is none */
export function entryOf(module: GraphModule, name: string): Entry {
  const model = module.models.find((each) => Object.values(each.entries).includes(name));
  const expanded = autodiff.run(module, { count: () => undefined });
  const [fn, init] = [name, model?.init].map((wanted) => expanded.functions.find((each) => each.name === wanted));
  if (!model || !fn || !init) {
    const known = module.models.flatMap((each) => Object.values(each.entries));
    throw new RangeError(`no entry ${name}; the module has ${known.join(', ') || 'none'}`);
  }
  return {
    name,
    fn,
    model,
    init,
    dims: Object.fromEntries(fn.dims.map((d) => [d.name, { min: d.min }])),
    inputs: fn.inputs.filter(({ role }) => role === 'argument').map((i) => describe(i.name, i.value.type)),
    outputs: fn.results.filter(({ role }) => role === 'output').map((r) => describe(r.name, r.value.type)),
    requires: [
      ...fn.facts.map(constraintText),
      ...fn.dims.flatMap((d) => (d.max === undefined ? [] : [`${d.name} <= ${d.max}`])),
    ],
  };
}

/** The extents of a described tensor for given dims. */
export const extentsOf = ({ shape }: TensorMeta, dims: Dims): number[] =>
  shape.map((extent) => (typeof extent === 'number' ? extent : evaluateDim(parseDim(extent), (name) => dims[name])));

/** The types that the compiler inferred for the outputs of an entry, with its dims replaced by numbers. */
export function shapeOf(entry: EntryMeta, dims: Dims): Record<string, ConcreteType> {
  return Object.fromEntries(
    entry.outputs.map((output) => [output.name, { dtype: output.dtype as DType, shape: extentsOf(output, dims) }]),
  );
}

/** A tensor as an argument of a compiled module's entry. */
export function hostInput(tensor: Tensor): {
  data: Float32Array | Int32Array | Uint32Array | Uint8Array;
  shape: readonly number[];
} {
  const { dtype, shape, data } = tensor;
  if (dtype === 'i32') return { data: Int32Array.from(data), shape };
  if (dtype === 'u32') return { data: Uint32Array.from(data), shape };
  if (dtype === 'bool') return { data: Uint8Array.from(data), shape };
  return { data: Float32Array.from(data), shape };
}
