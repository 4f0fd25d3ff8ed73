// Expands every `gradient` node into graph IR: one reverse walk over the nodes that lie between the
// parameters and the loss, adding up cotangents (reverse-mode differentiation, Griewank & Walther).
// Gradients are expanded in order of appearance, so a later one differentiates what an earlier one made.
import { Builder } from '../ir/builder.ts';
import { Facts } from '../ir/dim-solver.ts';
import { isFloat } from '../ir/dtype.ts';
import { isDifferentiable } from '../ir/gradient-reach.ts';
import type { GraphFunction, GraphModule, Node, Region, Value } from '../ir/graph.ts';
import { opNamed } from '../ir/ops/registry.ts';
import { CompilerBug } from '../support/diagnostic.ts';
import type { Pass, PassContext } from './pass.ts';

type Renamed = ReadonlyMap<Value, Value>;

// Values that depend on a param through differentiable ops alone.
function dependents(nodes: readonly Node[], params: readonly Value[]): ReadonlySet<Value> {
  const active = new Set(params);
  for (const node of nodes) {
    if (!node.inputs.some((input) => active.has(input)) || !isDifferentiable(node)) continue;
    for (const out of node.outputs) if (isFloat(out.type.dtype)) active.add(out);
  }
  return active;
}

/** Cotangents by value; what arrives at one value is added up. */
class Cotangents {
  private readonly found = new Map<Value, Value>();

  constructor(private readonly b: Builder) {}

  get(value: Value): Value | undefined {
    return this.found.get(value);
  }

  add(value: Value, ct: Value): void {
    const before = this.found.get(value);
    this.found.set(value, before ? this.b.add(before, ct) : ct);
  }
}

/** Nodes for d loss / d p, for each param; `nodes` are those that come before. */
function differentiate(b: Builder, nodes: readonly Node[], loss: Value, params: readonly Value[]): Value[] {
  const active = dependents(nodes, params);
  const cotangents = new Cotangents(b);
  if (active.has(loss)) cotangents.add(loss, b.one(loss));
  for (const node of nodes.toReversed()) {
    const arriving = node.outputs.map((out) => (active.has(out) ? (cotangents.get(out) ?? null) : null));
    if (arriving.every((ct) => ct === null) || !node.inputs.some((input) => active.has(input))) continue;
    b.origin = node.origin;
    propagate(b, node, arriving, active, cotangents);
  }
  return params.map((p) => cotangents.get(p) ?? b.zero(p));
}

function propagate(b: Builder, node: Node, arriving: readonly (Value | null)[], active: ReadonlySet<Value>, cotangents: Cotangents): void {
  const { vjp } = opNamed(node.op);
  if (!vjp) return;
  const { inputs, outputs, attrs, regions } = node;
  const needs = inputs.map((input) => active.has(input));
  const results = vjp(b, { inputs, outputs, attrs, regions, needs, cotangents: arriving });
  inputs.forEach((input, at) => {
    const ct = results[at];
    if (ct && needs[at]) cotangents.add(input, ct);
  });
}

/** A list of nodes without gradients, and the values that stand in for their results. */
function expand(nodes: readonly Node[], outer: Renamed, facts: Facts, cx: PassContext): { nodes: Node[]; renamed: Renamed } {
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
    const gradients = differentiate(b, done, loss, params);
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
  if (!hasGradient(fn.nodes)) return fn;
  const { nodes, renamed } = expand(fn.nodes, new Map(), new Facts(fn.dims, fn.facts), cx);
  const results = fn.results.map((result) => ({ ...result, value: renamed.get(result.value) ?? result.value }));
  return { ...fn, nodes, results };
}

/** Expands gradients. */
export const autodiff: Pass<GraphModule, GraphModule> = {
  name: 'autodiff',
  summary: 'expand gradients into the nodes that compute them',
  run: (module, cx) => ({ ...module, functions: module.functions.map((fn) => expandFunction(fn, cx)) }),
};
