// Rebuilds graph functions node by node: what simplify, cse, dce and host-scalars have in common.
// Values that were replaced are looked up as operands are read, so one walk is enough.
import type { GraphFunction, GraphModule, Node, Region, Value } from '../ir/graph.ts';

/** Old value -> new value, followed to its end. */
export class Replacements {
  private readonly map = new Map<Value, Value>();

  set(from: Value, to: Value): void {
    if (from !== to) this.map.set(from, to);
  }

  /** What stands for `value` now. */
  of(value: Value): Value {
    let current = value;
    for (let next = this.map.get(current); next; next = this.map.get(current)) current = next;
    return current;
  }

  /** `node` with its operands replaced; the same object when none was. */
  operands(node: Node): Node {
    const inputs = node.inputs.map((value) => this.of(value));
    return inputs.every((value, at) => value === node.inputs[at]) ? node : { ...node, inputs };
  }
}

/** A function with new nodes; results follow the replacements. */
export const withNodes = (fn: GraphFunction, nodes: readonly Node[], replaced: Replacements): GraphFunction => ({
  ...fn,
  nodes,
  results: fn.results.map((result) => ({ ...result, value: replaced.of(result.value) })),
});

/** A region with new nodes; results follow the replacements. */
export const regionWith = (region: Region, nodes: readonly Node[], replaced: Replacements): Region => ({
  ...region,
  nodes,
  results: region.results.map((value) => replaced.of(value)),
});

/** Applies `transform` to every function of a module. */
export const mapFunctions = (module: GraphModule, transform: (fn: GraphFunction) => GraphFunction): GraphModule => ({
  ...module,
  functions: module.functions.map(transform),
});

/** Values that some gradient is taken with respect to: merging or looking through one would change it. */
export function pinnedValues(nodes: readonly Node[], into: Set<Value> = new Set()): Set<Value> {
  for (const node of nodes) {
    if (node.op === 'gradient') for (const param of node.inputs.slice(1)) into.add(param);
    for (const region of node.regions) pinnedValues(region.nodes, into);
  }
  return into;
}
