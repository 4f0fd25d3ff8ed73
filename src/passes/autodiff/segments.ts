// Checkpointed loops (Griewank 1992): a scan of T steps in a call that is computed again in the backward
// pass becomes a scan over segments of about √T steps. Its gradient keeps the carry at the start of each
// segment, and the carries inside of one segment at a time: about 2·√T in place of T.
import { Builder } from '../../ir/builder.ts';
import { asConstant, constant, floorDiv, mul, sub, zero, type Dim } from '../../ir/dim.ts';
import type { Facts } from '../../ir/dim-solver.ts';
import { operandsOf } from '../../ir/gradient-reach.ts';
import type { Node, Region, Value } from '../../ir/graph.ts';
import { dimOf } from '../../ir/ops/attributes.ts';
import { scanParts } from '../../ir/ops/scan.ts';
import { bodyOf, instantiate } from './instantiate.ts';

/** Steps in a segment of a loop whose length is known at run time only. */
const symbolicSegment = 32;

/** Shorter loops stay whole. */
const shortest = 8;

/** Whether the scan goes over segments: what its steps make may then not be stacked over all of them. */
export const isSegmented = ({ attrs }: Node): boolean => attrs['segments'] === true;

/** Whether the gradient of this scan will go over segments. */
export const willBeSegmented = ({ op, attrs }: Node): boolean => op === 'scan' && 'remat' in attrs;

// A divisor of the length near its square root leaves no rest.
function segmentOf(length: Dim): Dim {
  const steps = asConstant(length);
  if (steps === undefined) return constant(symbolicSegment);
  const root = Math.ceil(Math.sqrt(steps));
  for (let size = root; size <= 2 * root; size++) if (steps % size === 0) return constant(size);
  return constant(root);
}

/** One scan as a scan over segments and a scan over the rest. */
class Segments {
  private readonly b: Builder;
  private readonly region: Region;
  private readonly length: Dim;
  private readonly size: Dim;
  private readonly count: Dim;
  /** Steps that the segments cover. */
  private readonly covered: Dim;
  private readonly sliced: readonly Value[];
  private readonly carried: number;

  constructor(
    private readonly node: Node,
    facts: Facts,
  ) {
    this.b = new Builder(facts);
    this.b.origin = node.origin;
    this.region = bodyOf(node);
    this.length = dimOf(node.attrs, 'length');
    this.size = segmentOf(this.length);
    this.count = floorDiv(this.length, this.size);
    this.covered = mul(this.count, this.size);
    const { carries, sliced } = scanParts(node.inputs, node.attrs);
    this.sliced = sliced;
    this.carried = carries.length;
  }

  run(): readonly Node[] {
    const { carries } = scanParts(this.node.inputs, this.node.attrs);
    const rest = sub(this.length, this.covered);
    const parts = asConstant(rest) === 0 ? [this.whole] : [this.whole, this.rest];
    if (this.node.attrs['reverse'] === true) parts.reverse();
    let state: readonly Value[] = carries;
    const outs: (readonly Value[])[] = [];
    for (const part of parts) {
      const results = part(state);
      state = results.slice(0, this.carried);
      outs.push(results.slice(this.carried));
    }
    if (this.node.attrs['reverse'] === true) outs.reverse();
    const [first = []] = outs;
    const joined = first.map((out, at) => {
      const pieces = outs.map((part) => part[at] ?? out);
      return pieces.length === 1 ? out : this.b.op('concat', pieces, { axis: 0 });
    });
    return this.renamed([...state, ...joined]);
  }

  // Each segment is a step of the outer scan; its slices are the rows of the segment.
  private readonly whole = (carries: readonly Value[]): readonly Value[] => {
    const { b, size, count, covered } = this;
    const rows = this.sliced.map((x) =>
      b.reshape(this.rowsOf(x, zero, covered), [count, size, ...x.type.shape.slice(1)]),
    );
    const inner = new Builder(b.facts);
    inner.origin = b.origin;
    const segment: Value = { type: { dtype: 'i32', shape: [] } };
    const params = [
      ...carries.map(({ type }): Value => ({ type })),
      ...rows.map((x): Value => ({ type: { dtype: x.type.dtype, shape: x.type.shape.slice(1) } })),
    ];
    const first = inner.binary('mul', segment, inner.dimValue(size));
    const results = this.steps(inner, first, size, params);
    const region: Region = { params: [segment, ...params], nodes: inner.nodes, results };
    const outputs = b.node('scan', [...carries, ...rows], { ...this.attrs(count), segments: true }, [region]);
    const outs = outputs.slice(this.carried).map((out) => b.reshape(out, [covered, ...out.type.shape.slice(2)]));
    return [...outputs.slice(0, this.carried), ...outs];
  };

  private readonly rest = (carries: readonly Value[]): readonly Value[] => {
    const { b, covered } = this;
    const rest = sub(this.length, covered);
    const rows = this.sliced.map((x) => this.rowsOf(x, covered, rest));
    return this.steps(b, b.dimValue(covered), rest, [...carries, ...rows]);
  };

  // The loop itself, over `length` steps of which the first has the number `first`.
  private steps(b: Builder, first: Value, length: Dim, inputs: readonly Value[]): readonly Value[] {
    const t: Value = { type: { dtype: 'i32', shape: [] } };
    const params = this.region.params.slice(1).map(({ type }): Value => ({ type }));
    const inner = new Builder(b.facts);
    inner.origin = b.origin;
    const number = inner.add(first, t);
    const { nodes, results } = instantiate(this.region, [number, ...params]);
    const region: Region = { params: [t, ...params], nodes: [...inner.nodes, ...nodes], results };
    return b.node('scan', inputs, this.attrs(length), [region]);
  }

  private attrs(length: Dim): Node['attrs'] {
    const { remat: _, ...attrs } = this.node.attrs;
    return { ...attrs, length };
  }

  private rowsOf(x: Value, start: Dim, size: Dim): Value {
    const axes = x.type.shape.slice(1);
    return this.b.op('slice', [x], {
      start: [start, ...axes.map(() => zero)],
      size: [size, ...axes],
      stride: x.type.shape.map(() => 1),
    });
  }

  // The nodes with the results of the scan in place of `results`.
  private renamed(results: readonly Value[]): readonly Node[] {
    const original = new Map(results.map((value, at) => [value, this.node.outputs[at] ?? value]));
    const of = (value: Value): Value => original.get(value) ?? value;
    return this.b.nodes.map((node) => ({ ...node, inputs: node.inputs.map(of), outputs: node.outputs.map(of) }));
  }
}

/** Cuts the marked scans of `nodes` that gradients pass through into segments, in place. */
export function inSegments(
  nodes: Node[],
  activeIn: (nodes: readonly Node[]) => ReadonlySet<Value>,
  facts: Facts,
): void {
  if (!nodes.some(willBeSegmented)) return;
  const active = activeIn(nodes);
  const cut = nodes.flatMap((node) => {
    if (!willBeSegmented(node) || 'saved' in node.attrs) return [node];
    const steps = asConstant(dimOf(node.attrs, 'length'));
    if (steps !== undefined && steps < shortest) return [node];
    return operandsOf(node).some((value) => active.has(value)) ? new Segments(node, facts).run() : [node];
  });
  nodes.splice(0, nodes.length, ...cut);
}
