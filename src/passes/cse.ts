// Merges nodes that compute the same thing: same op, same operands, same attributes. Hash-consing in
// one walk; a region sees what its enclosing regions have computed, never the other way round.
import type { GraphFunction, GraphModule, Node, Region, Value } from '../ir/graph.ts';
import { opNamed } from '../ir/ops/registry.ts';
import { recordText, typeText } from '../ir/text/writer.ts';
import { Replacements, mapFunctions, pinnedValues, regionWith, withNodes } from './graph-rewriter.ts';
import type { Pass, PassContext } from './pass.ts';

class Merging {
  private readonly numbers = new Map<Value, number>();
  private readonly replaced = new Replacements();

  private readonly pinned: ReadonlySet<Value>;

  constructor(
    private readonly fn: GraphFunction,
    private readonly cx: PassContext,
  ) {
    this.pinned = pinnedValues(fn.nodes);
  }

  run(): GraphFunction {
    return withNodes(this.fn, this.nodes(this.fn.nodes, [new Map()]), this.replaced);
  }

  private nodes(nodes: readonly Node[], scopes: readonly Map<string, Node>[]): Node[] {
    const kept: Node[] = [];
    for (const original of nodes) {
      const node = this.replaced.operands(original);
      const key = this.key(node);
      const before = key === undefined ? undefined : scopes.map((scope) => scope.get(key)).find((found) => found);
      if (before) {
        this.cx.count('merged');
        for (const [at, output] of node.outputs.entries()) this.replaced.set(output, before.outputs[at] ?? output);
        continue;
      }
      const whole =
        node.regions.length === 0
          ? node
          : { ...node, regions: node.regions.map((region) => this.region(region, scopes)) };
      if (key !== undefined) scopes.at(-1)?.set(key, whole);
      kept.push(whole);
    }
    return kept;
  }

  private region(region: Region, scopes: readonly Map<string, Node>[]): Region {
    return regionWith(region, this.nodes(region.nodes, [...scopes, new Map()]), this.replaced);
  }

  // `copy`, `barrier` and what gradients are taken of have identities of their own; regions are not compared.
  private key(node: Node): string | undefined {
    if (node.regions.length > 0 || node.op === 'copy' || node.op === 'barrier' || opNamed(node.op).opaque === true)
      return undefined;
    if (node.outputs.some((output) => this.pinned.has(output))) return undefined;
    const inputs = node.inputs.map((value) => this.number(value)).join(',');
    const types = node.outputs.map(({ type }) => typeText(type)).join(',');
    return `${node.op}(${inputs})${recordText(sorted(node.attrs))}:${types}`;
  }

  private number(value: Value): number {
    const known = this.numbers.get(value);
    if (known !== undefined) return known;
    this.numbers.set(value, this.numbers.size);
    return this.numbers.size - 1;
  }
}

const sorted = (attrs: Node['attrs']): Node['attrs'] =>
  Object.fromEntries(Object.entries(attrs).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Common subexpression elimination. */
export const cse: Pass<GraphModule, GraphModule> = {
  name: 'cse',
  summary: 'compute equal nodes once',
  run: (module, cx) => mapFunctions(module, (fn) => new Merging(fn, cx).run()),
};
