// Rematerialisation (Chen et al. 2016): nodes that carry the attribute `remat` belong to a call whose
// inner values are not kept for the backward pass. When the pull-back comes to such a call, its nodes
// are computed again from what goes into it, behind barriers that keep both computations apart.
import type { Builder } from '../../ir/builder.ts';
import { isFloat } from '../../ir/dtype.ts';
import type { Node, Region, Value } from '../../ir/graph.ts';

const groupOf = (node: Node): string | undefined => {
  const group = node.attrs['remat'];
  return typeof group === 'string' ? group : undefined;
};

/** The node without its mark. */
function plain(node: Node): Node {
  if (!('remat' in node.attrs)) return node;
  const { remat: _, ...attrs } = node.attrs;
  return { ...node, attrs };
}

/** Recomputes marked calls as the pull-back reaches them. */
export class Recomputation {
  private readonly groups = new Map<string, readonly Node[]>();
  private readonly again = new Map<string, ReadonlyMap<Value, Value>>();

  constructor(
    private readonly b: Builder,
    nodes: readonly Node[],
  ) {
    for (const node of nodes) {
      const group = groupOf(node);
      if (group !== undefined) this.groups.set(group, [...(this.groups.get(group) ?? []), node]);
    }
  }

  /** `node` in terms of recomputed values where it is marked; a loop keeps what it saved. */
  of(node: Node): Node {
    const group = groupOf(node);
    if (group === undefined || node.regions.length > 0) return node;
    let values = this.again.get(group);
    if (!values) this.again.set(group, (values = this.recompute(this.groups.get(group) ?? [])));
    const now = (value: Value): Value => values.get(value) ?? value;
    return { ...node, inputs: node.inputs.map(now), outputs: node.outputs.map(now) };
  }

  private recompute(nodes: readonly Node[]): ReadonlyMap<Value, Value> {
    const values = new Map<Value, Value>();
    const operand = (value: Value): Value => {
      let now = values.get(value);
      if (!now) {
        now = isFloat(value.type.dtype) ? this.b.op('barrier', [value]) : value;
        values.set(value, now);
      }
      return now;
    };
    for (const node of nodes) {
      if (node.regions.length > 0) continue;
      this.b.origin = node.origin;
      const { attrs } = plain(node);
      const outputs = this.b.node(node.op, node.inputs.map(operand), attrs);
      node.outputs.forEach((output, at) => values.set(output, outputs[at] ?? output));
    }
    return values;
  }
}

/** The nodes without marks, in regions too: after the gradients are expanded they mean nothing. */
export const withoutMarks = (nodes: readonly Node[]): readonly Node[] =>
  nodes.map((node) => {
    const regions = node.regions.map((region): Region => ({ ...region, nodes: withoutMarks(region.nodes) }));
    return node.regions.length === 0 ? plain(node) : { ...plain(node), regions };
  });
