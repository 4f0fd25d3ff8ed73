// Copies of regions: the nodes of a loop body with other values in place of its params.
import type { Node, Region, Value } from '../../ir/graph.ts';
import { CompilerBug } from '../../support/diagnostic.ts';

/** The body of a loop. */
export function bodyOf(node: Node): Region {
  const [region] = node.regions;
  if (!region) throw new CompilerBug(`${node.op} without a region`);
  return region;
}

/** A copy of a region's nodes with `given` in place of its params. */
export function instantiate(region: Region, given: readonly Value[]): { nodes: Node[]; results: Value[] } {
  const renamed = new Map(region.params.map((param, at): [Value, Value] => [param, given[at] ?? param]));
  const nodes = copyNodes(region.nodes, renamed);
  return { nodes, results: region.results.map((value) => renamed.get(value) ?? value) };
}

function copyNodes(nodes: readonly Node[], renamed: Map<Value, Value>): Node[] {
  const of = (value: Value): Value => renamed.get(value) ?? value;
  const fresh = (value: Value): Value => {
    const copy = { ...value };
    renamed.set(value, copy);
    return copy;
  };
  return nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map(of),
    regions: node.regions.map((region) => ({
      params: region.params.map(fresh),
      nodes: copyNodes(region.nodes, renamed),
      results: region.results.map(of),
    })),
    outputs: node.outputs.map(fresh),
  }));
}
