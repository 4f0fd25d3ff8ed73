// Moves scalars that depend only on options, the iteration, the key and dims to the host: learning
// rate schedules, bias corrections, folded keys. They come back as `step` inputs, computed in float64
// before each run, so that every target sees the same numbers and no kernel computes them.
import type { DType } from '../ir/dtype.ts';
import type { FunctionInput, GraphFunction, GraphModule, HostScalar, Node, Region, Value } from '../ir/graph.ts';
import { mapFunctions } from './graph-rewriter.ts';
import type { Pass, PassContext } from './pass.ts';

const scalarOps: ReadonlySet<string> = new Set([
  'neg',
  'abs',
  'sign',
  'recip',
  'sqrt',
  'rsqrt',
  'exp',
  'log',
  'log1p',
  'expm1',
  'sin',
  'cos',
  'tanh',
  'sigmoid',
  'erf',
  'floor',
  'ceil',
  'round',
  'not',
  'add',
  'sub',
  'mul',
  'div',
  'pow',
  'min',
  'max',
  'rem',
  'lt',
  'le',
  'eq',
  'ne',
  'and',
  'or',
  'xor',
  'shl',
  'shr',
  'select',
  'cast',
  'bitcast',
  'constant',
  'dim',
  'fold_in',
  'fold_path',
  'stop_gradient',
  'copy',
]);

const hostRoles: ReadonlySet<FunctionInput['role']> = new Set<FunctionInput['role']>(['option', 'iteration', 'key']);

class HostScalars {
  /** Values that the host can know, with the node that makes each. */
  private readonly producers = new Map<Value, Node | FunctionInput>();
  private readonly scalars = new Map<Value, FunctionInput>();
  private readonly host: HostScalar[] = [];
  private readonly taken: ReadonlySet<string>;

  constructor(
    private readonly fn: GraphFunction,
    private readonly cx: PassContext,
  ) {
    this.taken = new Set(fn.inputs.map(({ name }) => name));
  }

  run(): GraphFunction {
    const { fn } = this;
    for (const input of fn.inputs)
      if (hostRoles.has(input.role) && input.value.type.shape.length === 0) this.producers.set(input.value, input);
    for (const node of fn.nodes)
      if (this.hostable(node)) for (const output of node.outputs) this.producers.set(output, node);
    const nodes = this.deviceNodes();
    if (this.host.length === 0) return fn;
    return { ...fn, nodes, inputs: [...fn.inputs, ...this.scalars.values()], host: [...fn.host, ...this.host] };
  }

  private hostable(node: Node): boolean {
    const scalar = node.outputs.every(({ type }) => type.shape.length === 0) && scalarOps.has(node.op);
    return scalar && node.inputs.every((value) => this.producers.has(value));
  }

  // Results of the function that the host could compute stay on the device: they are written there.
  private deviceNodes(): Node[] {
    const keep = this.neededHere();
    const nodes: Node[] = [];
    for (const node of this.fn.nodes) {
      const onHost = node.outputs.every((output) => this.producers.has(output));
      if (!onHost) nodes.push(this.withScalars(node, nodes));
      else if (node.outputs.some((output) => keep.has(output))) nodes.push(node);
    }
    return nodes;
  }

  // Host values that device nodes compute again: results, and constants and dims, which are cheaper in place.
  private neededHere(): ReadonlySet<Value> {
    const needed = new Set(this.fn.results.map(({ value }) => value));
    for (const node of this.fn.nodes.toReversed()) {
      const onHost = node.outputs.every((output) => this.producers.has(output));
      if (!onHost) for (const value of usedValues(node)) if (this.inPlace(value)) needed.add(value);
      if (onHost && node.outputs.some((output) => needed.has(output)))
        for (const value of node.inputs) needed.add(value);
    }
    return needed;
  }

  private inPlace(value: Value): boolean {
    const node = this.producers.get(value);
    if (!node || 'role' in node) return true;
    return (
      node.inputs.length === 0 ||
      (node.op === 'cast' && node.inputs.every((source) => this.producedBy(source) === 'dim'))
    );
  }

  private producedBy(value: Value): string {
    const node = this.producers.get(value);
    return node && 'op' in node ? node.op : '';
  }

  private withScalars(node: Node, nodes: Node[]): Node {
    const replace = (value: Value): Value => this.replacement(value, nodes);
    return mapOperands(node, replace);
  }

  private readonly arrived = new Map<Value, Value>();

  private replacement(value: Value, nodes: Node[]): Value {
    if (!this.producers.has(value) || this.inPlace(value)) return value;
    const known = this.arrived.get(value);
    if (known) return known;
    const input = this.stepInput(value);
    const arrived = value.type.dtype === 'bool' ? castHere(input.value, nodes) : input.value;
    this.arrived.set(value, arrived);
    return arrived;
  }

  private stepInput(value: Value): FunctionInput {
    let at = this.host.length;
    while (this.taken.has(`host.${at}`)) at++;
    const name = `host.${at}`;
    // Step records hold numbers: a bool travels as an i32.
    const dtype: DType = value.type.dtype === 'bool' ? 'i32' : value.type.dtype;
    const input: FunctionInput = { name, role: 'step', value: { type: { dtype, shape: [] }, name } };
    this.scalars.set(value, input);
    this.host.push({ name, dtype, region: this.regionOf(value, dtype) });
    this.cx.count('host-scalar');
    return input;
  }

  // The nodes that compute `value`, with values of their own; params are the inputs they read.
  private regionOf(value: Value, dtype: DType): Region {
    const params: Value[] = [];
    const nodes: Node[] = [];
    const copies = new Map<Value, Value>();
    const copy = (original: Value): Value => {
      const known = copies.get(original);
      if (known) return known;
      const producer = this.producers.get(original);
      if (!producer || 'role' in producer) {
        const param: Value = { type: original.type, ...(producer ? { name: producer.name } : {}) };
        params.push(param);
        copies.set(original, param);
        return param;
      }
      const inputs = producer.inputs.map(copy);
      const outputs = producer.outputs.map((output): Value => ({ ...output }));
      for (const [at, output] of producer.outputs.entries()) copies.set(output, outputs[at] ?? output);
      nodes.push({ ...producer, inputs, outputs });
      return copies.get(original) ?? original;
    };
    const result = copy(value);
    if (result.type.dtype === dtype) return { params, nodes, results: [result] };
    const whole: Value = { type: { dtype, shape: [] } };
    nodes.push({ op: 'cast', inputs: [result], attrs: { dtype }, outputs: [whole], regions: [], origin: [] });
    return { params, nodes, results: [whole] };
  }
}

function castHere(value: Value, nodes: Node[]): Value {
  const output: Value = { type: { dtype: 'bool', shape: [] } };
  nodes.push({ op: 'cast', inputs: [value], attrs: { dtype: 'bool' }, outputs: [output], regions: [], origin: [] });
  return output;
}

// Operands, and what regions take from outside.
function usedValues(node: Node): Value[] {
  return [
    ...node.inputs,
    ...node.regions.flatMap((region) => [...region.nodes.flatMap(usedValues), ...region.results]),
  ];
}

function mapOperands(node: Node, replace: (value: Value) => Value): Node {
  return {
    ...node,
    inputs: node.inputs.map(replace),
    regions: node.regions.map((region) => ({
      ...region,
      nodes: region.nodes.map((inner) => mapOperands(inner, replace)),
      results: region.results.map(replace),
    })),
  };
}

/** Scalars of the host. */
export const hostScalars: Pass<GraphModule, GraphModule> = {
  name: 'host-scalars',
  summary: 'compute schedules, bias corrections and folded keys on the host',
  run: (module, cx) => mapFunctions(module, (fn) => new HostScalars(fn, cx).run()),
};
