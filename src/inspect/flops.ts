// Work of graph nodes, as the ops themselves state it.
import { add, zero, type Dim } from '../ir/dim.ts';
import type { Node } from '../ir/graph.ts';
import { opNamed } from '../ir/ops/registry.ts';

/** Floating-point operations of a list of nodes, regions counted once; a multiply-add counts as two. */
export function flopsOf(nodes: readonly Node[]): Dim {
  return nodes.reduce(
    (sum, node) => add(sum, add(ownFlops(node), flopsOf(node.regions.flatMap((region) => region.nodes)))),
    zero,
  );
}

function ownFlops({ op, inputs, outputs, attrs }: Node): Dim {
  const cost = opNamed(op).cost?.(
    inputs.map(({ type }) => type),
    outputs.map(({ type }) => type),
    attrs,
  );
  return cost?.flops ?? zero;
}
