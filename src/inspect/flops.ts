// Work of graph nodes, as the ops themselves state it.
import { add, mul, zero, type Dim } from '../ir/dim.ts';
import type { Node } from '../ir/graph.ts';
import { dimOf } from '../ir/ops/attributes.ts';
import { opNamed } from '../ir/ops/registry.ts';

/** Floating-point operations of a list of nodes; a multiply-add counts as two, the body of a loop once a step. */
export function flopsOf(nodes: readonly Node[]): Dim {
  return nodes.reduce((sum, node) => add(sum, add(ownFlops(node), regionFlops(node))), zero);
}

function ownFlops({ op, inputs, outputs, attrs }: Node): Dim {
  const cost = opNamed(op).cost?.(
    inputs.map(({ type }) => type),
    outputs.map(({ type }) => type),
    attrs,
  );
  return cost?.flops ?? zero;
}

function regionFlops({ op, regions, attrs }: Node): Dim {
  const once = flopsOf(regions.flatMap((region) => region.nodes));
  return op === 'scan' ? mul(once, dimOf(attrs, 'length')) : once;
}
