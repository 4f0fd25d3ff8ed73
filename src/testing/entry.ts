// What property tests know of an entry: its dims, inputs and outputs as data, the same that a compiled
// module exports as `meta`. An entry that comes from a checked program also carries its graph, to run it.
import { evaluateDim } from '../ir/dim.ts';
import type { DType } from '../ir/dtype.ts';
import type { EntryArgument, GraphFunction, GraphModule, ModelInfo, TensorType } from '../ir/graph.ts';
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
  /** What callers give, in order: tensors, and whole numbers that are dims. Optional arguments that it lacks are left out. */
  readonly parameters: readonly EntryArgument[];
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

/**
 * The entry `Model.name` of a module that `check` or `compile` made, as calls run it that give the optional arguments
 * `given`. @throws RangeError when there is none
 */
export function entryOf(module: GraphModule, name: string, given: readonly string[] = []): Entry {
  const model = module.models.find((each) => Object.values(each.entries).includes(name));
  if (!model) {
    const known = module.models.flatMap((each) => Object.values(each.entries));
    throw new RangeError(`no entry ${name}; the module has ${known.join(', ') || 'none'}`);
  }
  const expanded = autodiff.run(module, { count: () => undefined });
  const wanted = variantNamed(module, name, given);
  const [fn, init] = [wanted, model.init].map((each) => expanded.functions.find((other) => other.name === each));
  if (!fn || !init) throw new RangeError(`the module has no function ${fn ? model.init : wanted}`);
  const inputs = fn.inputs.filter(({ role }) => role === 'argument');
  const declared = module.entries[name]?.arguments;
  return {
    name: wanted,
    parameters:
      declared?.filter((each) => !each.optional || given.includes(each.name)) ??
      inputs.map((each) => ({ name: each.name, kind: 'tensor', optional: false })),
    fn,
    model,
    init,
    dims: Object.fromEntries(fn.dims.map((d) => [d.name, { min: d.min }])),
    inputs: inputs.map((i) => describe(i.name, i.value.type)),
    outputs: fn.results.filter(({ role }) => role === 'output').map((r) => describe(r.name, r.value.type)),
    requires: [
      ...fn.facts.map(constraintText),
      ...fn.dims.flatMap((d) => (d.max === undefined ? [] : [`${d.name} <= ${d.max}`])),
    ],
  };
}

function variantNamed(module: GraphModule, name: string, given: readonly string[]): string {
  if (given.length === 0) return name;
  const variants = Object.entries(module.entries[name]?.variants ?? {});
  const found = variants.find(([, names]) => String(names.toSorted()) === String(given.toSorted()));
  if (found) return found[0];
  const known = variants.map(([, names]) => names.join(' and ')).join(', ');
  throw new RangeError(`${name} has no optional arguments ${given.join(' and ')}; it has ${known || 'none'}`);
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

/** What a compiled module's entry is called with: `net.forward(...hostArguments(entry, { dims, inputs }))`. */
export function hostArguments(
  { parameters }: Entry,
  { dims, inputs }: { readonly dims: Dims; readonly inputs: Readonly<Record<string, Tensor>> },
): unknown[] {
  const valueOf = ({ name, kind }: EntryArgument): unknown => {
    const tensor = inputs[name];
    return kind === 'dim' ? dims[name] : tensor && hostInput(tensor);
  };
  const optional = parameters.filter((each) => each.optional).map((each) => [each.name, valueOf(each)]);
  return [...parameters.filter((each) => !each.optional).map(valueOf), Object.fromEntries(optional)];
}
