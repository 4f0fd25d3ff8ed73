// Local rewrites of graph nodes, each named and counted: those that ops declare and the generic ones
// of rewrites/. One walk; what a rewrite builds is rewritten in turn, operands always come first.
// Values that gradients are taken with respect to stay as they are, and no rule looks through them.
import { Builder } from '../ir/builder.ts';
import { Facts } from '../ir/dim-solver.ts';
import type { GraphFunction, GraphModule, Node, Region, Value } from '../ir/graph.ts';
import type { RewriteContext } from '../ir/op.ts';
import { opNamed } from '../ir/ops/registry.ts';
import { Replacements, mapFunctions, pinnedValues, regionWith, withNodes } from './graph-rewriter.ts';
import type { Pass, PassContext } from './pass.ts';
import { algebraRules } from './rewrites/algebra.ts';
import type { Rule, Rules } from './rewrites/rule.ts';
import { softmaxRules } from './rewrites/softmax.ts';
import { finalRules, viewRules } from './rewrites/views.ts';

// A rewrite may build nodes that rewrite again; real chains are shorter than this.
const rewriteDepth = 16;

class Simplifier {
  private readonly replaced = new Replacements();
  private readonly producers = new Map<Value, Node>();
  private readonly pinned: ReadonlySet<Value>;
  private readonly facts: Facts;

  constructor(
    private readonly fn: GraphFunction,
    private readonly rules: ReadonlyMap<string, readonly (readonly [string, Rule])[]>,
    private readonly cx: PassContext,
  ) {
    this.pinned = pinnedValues(fn.nodes);
    this.facts = new Facts(fn.dims, fn.facts);
  }

  run(): GraphFunction {
    return withNodes(this.fn, this.nodes(this.fn.nodes), this.replaced);
  }

  private nodes(nodes: readonly Node[]): Node[] {
    const kept: Node[] = [];
    for (const node of nodes) this.emit(node, kept, rewriteDepth);
    return kept;
  }

  private region(region: Region): Region {
    return regionWith(region, this.nodes(region.nodes), this.replaced);
  }

  private emit(original: Node, kept: Node[], depth: number): void {
    const node = this.replaced.operands(original);
    if (depth > 0 && !node.outputs.some((output) => this.pinned.has(output)) && this.rewrite(node, kept, depth)) return;
    const whole =
      node.regions.length === 0 ? node : { ...node, regions: node.regions.map((region) => this.region(region)) };
    for (const output of whole.outputs) this.producers.set(output, whole);
    kept.push(whole);
  }

  private rewrite(node: Node, kept: Node[], depth: number): boolean {
    const context: RewriteContext = {
      inputs: node.inputs,
      attrs: node.attrs,
      outputs: node.outputs,
      facts: this.facts,
      producer: (value) => (this.pinned.has(value) ? undefined : this.producers.get(value)),
    };
    for (const [name, rule] of this.rulesOf(node.op)) {
      const b = new Builder(this.facts);
      b.origin = node.origin;
      const { remat } = node.attrs;
      if (typeof remat === 'string') b.remat = remat;
      const results = rule(b, context);
      if (!results) continue;
      this.cx.count(name);
      for (const built of b.nodes) this.emit(built, kept, depth - 1);
      for (const [at, output] of node.outputs.entries())
        this.replaced.set(output, this.replaced.of(results[at] ?? output));
      return true;
    }
    return false;
  }

  private rulesOf(op: string): readonly (readonly [string, Rule])[] {
    const own = opNamed(op).rewrites;
    const generic = this.rules.get(op) ?? [];
    return own ? [...Object.entries(own), ...generic] : generic;
  }
}

function collect(tables: readonly Rules[]): ReadonlyMap<string, readonly (readonly [string, Rule])[]> {
  const collected = new Map<string, (readonly [string, Rule])[]>();
  for (const table of tables) {
    for (const [op, rules] of Object.entries(table))
      collected.set(op, [...(collected.get(op) ?? []), ...Object.entries(rules)]);
  }
  return collected;
}

const makePass = (name: string, summary: string, tables: readonly Rules[]): Pass<GraphModule, GraphModule> => {
  const rules = collect(tables);
  return { name, summary, run: (module, cx) => mapFunctions(module, (fn) => new Simplifier(fn, rules, cx).run()) };
};

/** Rewrites that keep gradients: safe before autodiff. */
export const simplify = makePass('simplify', 'local rewrites: identities, constant folding, views of views', [
  ...algebraRules,
  viewRules,
]);

/** The same after autodiff, when `copy` and `stop_gradient` have done their work. */
export const simplifyFinal = makePass('simplify-final', 'local rewrites, and drop what only autodiff needed', [
  ...algebraRules,
  viewRules,
  finalRules,
  softmaxRules,
]);
