// Which values a gradient can reach, and what stands in the way of the others. Used by autodiff, and by
// elaboration to report a parameter that no gradient would ever train.
import { isFloat } from './dtype.ts';
import type { Node, Value } from './graph.ts';
import { opNamed } from './ops/registry.ts';

/** What {@link gradientReach} finds. */
export interface GradientReach {
  /** The params with a path of differentiable ops to the loss. */
  readonly reached: ReadonlySet<Value>;
  /**
   * For params that influence the loss only through steps without a gradient: the last such node on a
   * path to the loss. A param in neither has no influence at all.
   */
  readonly blockedBy: ReadonlyMap<Value, Node>;
}

/** Whether cotangents pass through the node. A gradient node is made of such nodes, all the way up. */
export const isDifferentiable = (node: Node): boolean => node.op === 'gradient' || opNamed(node.op).vjp !== null;

/** Walks from the loss to its operands, once; `nodes` are in topological order. */
export function gradientReach(nodes: readonly Node[], loss: Value, params: readonly Value[]): GradientReach {
  const differentiable = new Set<Value>([loss]);
  // Values that influence the loss otherwise, with the step that takes a float and has no gradient (not
  // known yet for integers and booleans that come after it).
  const influential = new Map<Value, Node | undefined>();
  for (const node of nodes.toReversed()) {
    const smooth =
      isDifferentiable(node) && node.outputs.some((out) => differentiable.has(out) && isFloat(out.type.dtype));
    const used = node.outputs.find((out) => differentiable.has(out) || influential.has(out));
    if (!used) continue;
    for (const input of operandsOf(node)) {
      const floats = isFloat(input.type.dtype);
      if (smooth && floats) differentiable.add(input);
      else if (!influential.has(input)) influential.set(input, influential.get(used) ?? (floats ? node : undefined));
    }
  }
  const reached = new Set(params.filter((p) => differentiable.has(p)));
  const blockedBy = new Map<Value, Node>();
  for (const p of params) {
    const block = reached.has(p) ? undefined : influential.get(p);
    if (block) blockedBy.set(p, block);
  }
  return { reached, blockedBy };
}

/** The operands of a node and every value that its regions use. */
export function operandsOf(node: Node): readonly Value[] {
  if (node.regions.length === 0) return node.inputs;
  const inner = node.regions.flatMap((region) => [...region.nodes.flatMap(operandsOf), ...region.results]);
  return [...node.inputs, ...inner];
}
