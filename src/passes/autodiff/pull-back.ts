// The reverse walk of reverse-mode differentiation: cotangents of results become cotangents of the
// values that they depend on, one node at a time, last node first.
import type { Builder } from '../../ir/builder.ts';
import { isFloat } from '../../ir/dtype.ts';
import { isDifferentiable, operandsOf } from '../../ir/gradient-reach.ts';
import type { Node, Value } from '../../ir/graph.ts';
import { opNamed } from '../../ir/ops/registry.ts';
import { Recomputation } from './remat.ts';
import { pullBackScan } from './scan.ts';

/** Values that depend on one of `roots` through differentiable ops alone. */
export function dependents(nodes: readonly Node[], roots: readonly Value[]): ReadonlySet<Value> {
  const active = new Set(roots);
  for (const node of nodes) {
    if (!operandsOf(node).some((input) => active.has(input)) || !isDifferentiable(node)) continue;
    for (const out of node.outputs) if (isFloat(out.type.dtype)) active.add(out);
  }
  return active;
}

/** Cotangents by value; what arrives at one value is added up. */
export class Cotangents {
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

/** A value and what arrives at it. */
export interface Seed {
  readonly value: Value;
  readonly cotangent: Value;
}

/** Appends to `b` what computes the cotangents of `roots`; undefined where nothing arrives. */
export function pullBack(
  b: Builder,
  nodes: readonly Node[],
  seeds: readonly Seed[],
  roots: readonly Value[],
): (Value | undefined)[] {
  const active = dependents(nodes, roots);
  const cotangents = new Cotangents(b);
  for (const { value, cotangent } of seeds) if (active.has(value)) cotangents.add(value, cotangent);
  const recomputed = new Recomputation(b, nodes);
  for (const node of nodes.toReversed()) {
    const arriving = node.outputs.map((out) => (active.has(out) ? (cotangents.get(out) ?? null) : null));
    if (arriving.every((ct) => ct === null)) continue;
    b.origin = node.origin;
    propagate(b, node, recomputed.of(node), arriving, active, cotangents);
  }
  return roots.map((root) => cotangents.get(root));
}

// `seen` is the node as its rule sees it: with recomputed values where it is marked for it.
function propagate(
  b: Builder,
  node: Node,
  seen: Node,
  arriving: readonly (Value | null)[],
  active: ReadonlySet<Value>,
  cotangents: Cotangents,
): void {
  const { vjp } = opNamed(node.op);
  if (vjp === 'region') {
    for (const { value, cotangent } of pullBackScan(b, node, arriving, active)) cotangents.add(value, cotangent);
    return;
  }
  if (!vjp || !node.inputs.some((input) => active.has(input))) return;
  const { inputs, outputs, attrs, regions } = seen;
  const needs = node.inputs.map((input) => active.has(input));
  const results = vjp(b, { inputs, outputs, attrs, regions, needs, cotangents: arriving });
  node.inputs.forEach((input, at) => {
    const ct = results[at];
    if (ct && needs[at]) cotangents.add(input, ct);
  });
}
