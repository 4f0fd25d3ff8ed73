// The reference interpreter of graph functions: slow and obvious, in float64 (or with every result
// rounded to float32). Only what the requested results need is evaluated.
import { evaluateDim, type Dim } from './dim.ts';
import { bindShapes } from './dim-equations.ts';
import { isFloat, type DType } from './dtype.ts';
import type { DimVariable, Fact, GraphFunction, HostScalar, Node, Region, TensorType, Value } from './graph.ts';
import { roundToHalf } from './half.ts';
import type { Tensor } from './op.ts';
import { opNamed } from './ops/registry.ts';

/** How {@link interpret} runs. */
export interface InterpretOptions {
  /** Dims that no argument's shape tells. */
  readonly dims?: Readonly<Record<string, number>>;
  /** f32 rounds inputs and every result of an op, those of dtype f16 to f16. Default f64. */
  readonly precision?: 'f64' | 'f32';
  /** Names of the results to compute. Default all. */
  readonly outputs?: readonly string[];
  /** Sees every value as it gets its tensor, those of regions once per iteration. */
  readonly observe?: (value: Value, tensor: Tensor) => void;
}

/** A function's interface as both interpreters see it. */
interface Signature {
  readonly name: string;
  readonly dims: readonly DimVariable[];
  readonly facts: readonly Fact[];
  readonly inputs: readonly { readonly name: string; readonly type: TensorType }[];
}

/** The values of all dims of a function, from the shapes of its inputs. @throws RangeError where they break a bound or a fact */
export function bindDims(
  fn: Signature,
  inputs: Readonly<Record<string, Tensor>>,
  known: Readonly<Record<string, number>> = {},
): Map<string, number> {
  const given = fn.inputs.flatMap(({ name, type }) => {
    const tensor = inputs[name];
    return tensor ? [{ what: name, symbolic: type.shape, concrete: tensor.shape }] : [];
  });
  const values = bindShapes(given, known);
  for (const { name, min, max } of fn.dims) {
    const value = values.get(name);
    if (value !== undefined && (value < min || value > (max ?? Infinity)))
      throw new RangeError(`${fn.name}: dim ${name} is ${value}, which its bounds do not allow`);
  }
  for (const fact of fn.facts) checkFact(fn.name, fact, values);
  return values;
}

function checkFact(name: string, { kind, lhs, modulus }: Fact, dims: ReadonlyMap<string, number>): void {
  const value = evaluateDim(lhs, (dim) => dims.get(dim));
  const by = modulus ? evaluateDim(modulus, (dim) => dims.get(dim)) : 1;
  const holds = kind === '>=0' ? value >= 0 : kind === '==0' ? value === 0 : value % by === 0;
  if (!holds)
    throw new RangeError(
      `${name}: ${lhs.key} is ${value}, which is not ${kind === 'multiple' ? `a multiple of ${by}` : kind}`,
    );
}

/** Evaluates nodes on demand: scopes nest as regions do. */
class Evaluation {
  private readonly values = new Map<Value, Tensor>();
  private readonly producers = new Map<Value, Node>();

  constructor(
    private readonly dims: (d: Dim) => number,
    private readonly round: Rounding,
    private readonly outer?: Evaluation,
    private readonly observe: InterpretOptions['observe'] = outer?.observe,
  ) {}

  define(value: Value, tensor: Tensor): void {
    this.values.set(value, tensor);
    this.observe?.(value, tensor);
  }

  addNodes(nodes: readonly Node[]): void {
    for (const node of nodes) for (const output of node.outputs) this.producers.set(output, node);
  }

  /** Evaluates `roots` and what they need, operands first, without recursion over long graphs. */
  demand(roots: readonly Value[]): Tensor[] {
    const stack = [...roots];
    for (let value = stack.at(-1); value !== undefined; value = stack.at(-1)) {
      const node = this.producers.get(value);
      const missing = node && !this.values.has(value) ? this.needs(node).filter((input) => !this.known(input)) : [];
      if (missing.length > 0) stack.push(...missing);
      else {
        if (node && !this.values.has(value)) this.evaluate(node);
        stack.pop();
      }
    }
    return roots.map((value) => this.get(value));
  }

  private known(value: Value): boolean {
    return this.values.has(value) || (!this.producers.has(value) && (this.outer?.known(value) ?? false));
  }

  private get(value: Value): Tensor {
    const tensor = this.values.get(value);
    if (tensor) return tensor;
    if (!this.outer) throw new RangeError(`no value was given for ${value.name ?? 'an input'}`);
    return this.outer.producers.has(value)
      ? (this.outer.demand([value])[0] ?? this.outer.get(value))
      : this.outer.get(value);
  }

  // Inputs of the node, and of its regions what they take from this scope.
  private needs(node: Node): readonly Value[] {
    return node.inputs.filter((value) => this.producers.has(value));
  }

  private evaluate(node: Node): void {
    const inputs = node.inputs.map((value) => this.get(value));
    const results = opNamed(node.op).evaluate(inputs, node.attrs, {
      dims: this.dims,
      round: this.round.f32,
      regions: node.regions,
      types: node.outputs.map((output) => output.type),
      region: (region, args) => this.region(region, args),
    });
    for (const [at, output] of node.outputs.entries()) {
      const result = results[at];
      if (!result) throw new RangeError(`${node.op} gave no result ${at}`);
      this.define(output, output.type.dtype === 'f16' ? roundTensor(result, this.round) : result);
    }
  }

  private region(region: Region, args: readonly Tensor[]): readonly Tensor[] {
    const inner = new Evaluation(this.dims, this.round, this);
    for (const [at, param] of region.params.entries()) {
      const arg = args[at];
      if (arg) inner.define(param, arg);
    }
    inner.addNodes(region.nodes);
    return inner.demand(region.results);
  }
}

/** How a run rounds the values of each float dtype. */
export type Rounding = Readonly<Record<'f32' | 'f16', (value: number) => number>>;

const exact = (value: number): number => value;

/** How a run of this precision rounds. */
export const rounding = (precision: InterpretOptions['precision']): Rounding =>
  precision === 'f32' ? { f32: Math.fround, f16: roundToHalf } : { f32: exact, f16: exact };

/** A number as a run holds it. */
export const rounded = (dtype: DType, value: number, round: Rounding): number =>
  dtype === 'f32' || dtype === 'f16' ? round[dtype](value) : value;

/** A tensor as a run holds it. */
export const roundTensor = (x: Tensor, round: Rounding): Tensor =>
  isFloat(x.dtype) ? { ...x, data: x.data.map((value) => rounded(x.dtype, value, round)) } : x;

/**
 * Runs a function: results by name. Inputs that no requested result needs may be left out;
 * `step` inputs are computed by the function's host scalars unless given.
 * @throws RangeError for shapes that do not fit and inputs that are missing
 */
export function interpret(
  fn: GraphFunction,
  inputs: Readonly<Record<string, Tensor>>,
  options: InterpretOptions = {},
): Record<string, Tensor> {
  const signature = { ...fn, inputs: fn.inputs.map(({ name, value }) => ({ name, type: value.type })) };
  const dims = bindDims(signature, inputs, options.dims);
  const round = rounding(options.precision);
  const evaluation = new Evaluation((d) => evaluateDim(d, (name) => dims.get(name)), round, undefined, options.observe);
  const given = { ...evaluateHost(fn.host, inputs, dims), ...inputs };
  for (const { name, value } of fn.inputs) {
    const tensor = given[name];
    if (!tensor) continue;
    if (tensor.dtype !== value.type.dtype)
      throw new RangeError(`${fn.name}: ${name} is ${tensor.dtype}, not ${value.type.dtype}`);
    evaluation.define(value, roundTensor(tensor, round));
  }
  evaluation.addNodes(fn.nodes);
  const wanted = fn.results.filter(({ name }) => options.outputs?.includes(name) ?? true);
  const tensors = evaluation.demand(wanted.map(({ value }) => value));
  return Object.fromEntries(
    wanted.map(({ name }, at) => [name, tensors[at] ?? { dtype: 'f32', shape: [], data: new Float64Array() }]),
  );
}

/** The values of host scalars, in float64, from options, iteration and key. */
export function evaluateHost(
  host: readonly HostScalar[],
  inputs: Readonly<Record<string, Tensor>>,
  dims: ReadonlyMap<string, number>,
): Record<string, Tensor> {
  const results: Record<string, Tensor> = {};
  for (const { name, region } of host) {
    const evaluation = new Evaluation((d) => evaluateDim(d, (dim) => dims.get(dim)), rounding('f64'));
    for (const param of region.params) {
      const tensor = inputs[param.name ?? ''];
      if (tensor) evaluation.define(param, tensor);
    }
    evaluation.addNodes(region.nodes);
    const [result] = evaluation.demand(region.results);
    if (result) results[name] = result;
  }
  return results;
}
