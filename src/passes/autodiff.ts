// Expands every `gradient` node into graph IR: one reverse walk over the nodes that lie between the
// parameters and the loss, adding up cotangents (reverse-mode differentiation, Griewank & Walther).
// Gradients are expanded in order of appearance, so a later one differentiates what an earlier one made.
import { Builder } from '../ir/builder.ts';
import { Facts } from '../ir/dim-solver.ts';
import type { GraphFunction, GraphModule, Node, Region, Value } from '../ir/graph.ts';
import { CompilerBug } from '../support/diagnostic.ts';
import { dependents, pullBack } from './autodiff/pull-back.ts';
import { withoutMarks } from './autodiff/remat.ts';
import { saveCarries } from './autodiff/scan.ts';
import { inSegments } from './autodiff/segments.ts';
import type { Pass, PassContext } from './pass.ts';

type Renamed = ReadonlyMap<Value, Value>;

/** A list of nodes without gradients, and the values that stand in for their results. */
function expand(
  nodes: readonly Node[],
  outer: Renamed,
  facts: Facts,
  cx: PassContext,
): { nodes: Node[]; renamed: Renamed } {
  if (!hasGradient(nodes) && outer.size === 0) return { nodes: [...nodes], renamed: outer };
  const done: Node[] = [];
  const renamed = new Map(outer);
  const rename = (value: Value): Value => renamed.get(value) ?? value;
  for (const node of nodes) {
    const inputs = node.inputs.map(rename);
    if (node.op !== 'gradient') {
      done.push({ ...node, inputs, regions: node.regions.map((region) => expandRegion(region, renamed, facts, cx)) });
      continue;
    }
    const [loss, ...params] = inputs;
    if (!loss) throw new CompilerBug('a gradient without a loss');
    const b = new Builder(facts);
    b.origin = node.origin;
    const active = (among: readonly Node[]) => dependents(among, params);
    inSegments(done, active, facts);
    saveCarries(done, active(done));
    const gradients = pullBack(b, done, [{ value: loss, cotangent: b.one(loss) }], params).map(
      (ct, at) => ct ?? b.zero(params[at] ?? loss),
    );
    node.outputs.forEach((out, at) => renamed.set(out, gradients[at] ?? out));
    for (const made of b.nodes) done.push(made);
    cx.count('expand-gradient');
  }
  return { nodes: done, renamed };
}

const hasGradient = (nodes: readonly Node[]): boolean =>
  nodes.some((node) => node.op === 'gradient' || node.regions.some((region) => hasGradient(region.nodes)));

function expandRegion(region: Region, outer: Renamed, facts: Facts, cx: PassContext): Region {
  const { nodes, renamed } = expand(region.nodes, outer, facts, cx);
  return { params: region.params, nodes, results: region.results.map((value) => renamed.get(value) ?? value) };
}

function expandFunction(fn: GraphFunction, cx: PassContext): GraphFunction {
  if (!hasGradient(fn.nodes)) return { ...fn, nodes: withoutMarks(fn.nodes) };
  const { nodes, renamed } = expand(fn.nodes, new Map(), new Facts(fn.dims, fn.facts), cx);
  const results = fn.results.map((result) => ({ ...result, value: renamed.get(result.value) ?? result.value }));
  return { ...fn, nodes: withoutMarks(nodes), results };
}

/** Expands gradients. */
export const autodiff: Pass<GraphModule, GraphModule> = {
  name: 'autodiff',
  summary: 'expand gradients into the nodes that compute them',
  run: (module, cx) => ({ ...module, functions: module.functions.map((fn) => expandFunction(fn, cx)) }),
};
