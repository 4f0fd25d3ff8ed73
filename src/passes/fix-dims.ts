// Graph → graph: dims of chosen names become numbers. What is compiled then runs for these sizes only, and every later
// pass knows them: schedules that depend on sizes, guards, what can be prepared.
import { asConstant, constant, substitute, type Dim } from '../ir/dim.ts';
import {
  factText,
  type AttrValue,
  type Fact,
  type GraphFunction,
  type GraphModule,
  type Node,
  type Region,
  type TensorType,
  type Value,
} from '../ir/graph.ts';

/** Sizes by the names of dims. */
export type FixedDims = Readonly<Record<string, number>>;

/** Why a dim cannot have a size. */
export interface Refusal {
  readonly dim: string;
  readonly reason: string;
}

/** The module with these dims fixed, in all functions that have them; or why that cannot be. */
export function fixDims(module: GraphModule, dims: FixedDims): GraphModule | Refusal {
  for (const dim of Object.keys(dims)) {
    const reason = refusal(module, dim, dims);
    if (reason !== undefined) return { dim, reason };
  }
  const types = new Fixing(dims);
  return {
    ...module,
    functions: module.functions.map((fn) => new Fixing(dims).function(fn)),
    models: module.models.map((model) => ({
      ...model,
      parameters: model.parameters.map((each) => ({ ...each, type: types.type(each.type) })),
    })),
    trains: module.trains.map((train) => ({
      ...train,
      batch: train.batch.map((each) => ({ ...each, type: types.type(each.type) })),
    })),
  };
}

function refusal({ functions, entries }: GraphModule, dim: string, dims: FixedDims): string | undefined {
  const having = functions.flatMap((fn) => {
    const own = fn.dims.find(({ name }) => name === dim);
    return own ? [{ fn, own }] : [];
  });
  const [first] = having;
  const names = [...new Set(functions.flatMap((fn) => fn.dims.map(({ name }) => `\`${name}\``)))];
  if (!first) return names.length === 0 ? 'the program has no dims' : `the dims of the program are ${names.join(', ')}`;
  const size = dims[dim] ?? 0;
  for (const { fn, own } of having) {
    const given = entries[fn.name]?.arguments?.find(({ kind, name }) => kind === 'dim' && name === dim);
    if (given) return `callers of \`${fn.name}\` give it as a number`;
    if (size < own.min) return `in \`${fn.name}\` it is at least ${own.min}`;
    if (own.max !== undefined && size > own.max) return `in \`${fn.name}\` it is at most ${own.max}`;
    const broken = fn.facts.find((fact) => holds(fact, new Fixing(dims)) === false);
    if (broken) return `\`${fn.name}\` requires ${factText(broken)}`;
  }
  return undefined;
}

// Undefined where it depends on other dims.
function holds({ kind, lhs, modulus }: Fact, fixing: Fixing): boolean | undefined {
  const [value, by] = [asConstant(fixing.dim(lhs)), modulus ? asConstant(fixing.dim(modulus)) : 1];
  if (value === undefined || by === undefined) return undefined;
  return kind === '>=0' ? value >= 0 : kind === '==0' ? value === 0 : value % by === 0;
}

const isDim = (value: AttrValue): value is Dim => typeof value === 'object' && 'terms' in value;

/** Replaces the dims of one function; a value becomes one new value. */
class Fixing {
  private readonly values = new Map<Value, Value>();

  constructor(private readonly dims: FixedDims) {}

  dim(d: Dim): Dim {
    return substitute(d, (name) => {
      const size = this.dims[name];
      return size === undefined ? undefined : constant(size);
    });
  }

  type({ dtype, shape }: TensorType): TensorType {
    return { dtype, shape: shape.map((d) => this.dim(d)) };
  }

  function(fn: GraphFunction): GraphFunction {
    return {
      ...fn,
      dims: fn.dims.filter(({ name }) => this.dims[name] === undefined),
      facts: fn.facts.flatMap((fact) => (holds(fact, this) === true ? [] : [this.fact(fact)])),
      inputs: fn.inputs.map((input) => ({ ...input, value: this.value(input.value) })),
      nodes: fn.nodes.map((node) => this.node(node)),
      results: fn.results.map((result) => ({ ...result, value: this.value(result.value) })),
      host: fn.host.map((scalar) => ({ ...scalar, region: this.region(scalar.region) })),
    };
  }

  private fact({ kind, lhs, modulus }: Fact): Fact {
    return { kind, lhs: this.dim(lhs), ...(modulus ? { modulus: this.dim(modulus) } : {}) };
  }

  private value(value: Value): Value {
    let fixed = this.values.get(value);
    if (!fixed) this.values.set(value, (fixed = { ...value, type: this.type(value.type) }));
    return fixed;
  }

  private node(node: Node): Node {
    return {
      ...node,
      inputs: node.inputs.map((value) => this.value(value)),
      outputs: node.outputs.map((value) => this.value(value)),
      attrs: Object.fromEntries(Object.entries(node.attrs).map(([name, value]) => [name, this.attr(value)])),
      regions: node.regions.map((region) => this.region(region)),
    };
  }

  private region({ params, nodes, results }: Region): Region {
    return {
      params: params.map((value) => this.value(value)),
      nodes: nodes.map((node) => this.node(node)),
      results: results.map((value) => this.value(value)),
    };
  }

  private attr(value: AttrValue): AttrValue {
    if (Array.isArray(value)) return value.map((item: AttrValue) => this.attr(item));
    return isDim(value) ? this.dim(value) : value;
  }
}
