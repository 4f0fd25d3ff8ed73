// Drops nodes whose results nobody needs. One walk backwards over each function and region.
import type { GraphFunction, GraphModule, Node, Value } from '../ir/graph.ts';
import { opNamed } from '../ir/ops/registry.ts';
import { mapFunctions } from './graph-rewriter.ts';
import type { Pass, PassContext } from './pass.ts';

// Needed nodes of a list, and in `needed` what they use from outside it.
function liveNodes(nodes: readonly Node[], needed: Set<Value>, cx: PassContext): readonly Node[] {
  const kept: Node[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output)) && opNamed(node.op).opaque !== true) {
      cx.count('dead-node');
      continue;
    }
    const regions = node.regions.map((region) => {
      for (const result of region.results) needed.add(result);
      return { ...region, nodes: liveNodes(region.nodes, needed, cx) };
    });
    for (const input of node.inputs) needed.add(input);
    kept.push(node.regions.length === 0 ? node : { ...node, regions });
  }
  return kept.length === nodes.length && kept.every((node) => node.regions.length === 0) ? nodes : kept.reverse();
}

const dropDead = (fn: GraphFunction, cx: PassContext): GraphFunction => ({
  ...fn,
  nodes: liveNodes(fn.nodes, new Set(fn.results.map(({ value }) => value)), cx),
});

/** Dead code elimination. */
export const dce: Pass<GraphModule, GraphModule> = {
  name: 'dce',
  summary: 'drop nodes whose results are not needed',
  run: (module, cx) => mapFunctions(module, (fn) => dropDead(fn, cx)),
};
