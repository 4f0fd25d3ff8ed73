// Moves work out of loops. What is the same in every step is computed before the loop; products of a
// step's inputs with such values (x·Wx of a recurrent cell) are computed for all steps at once; and a
// product that only serves a stacked result is taken after the loop from its stacked operand.
import { Builder } from '../ir/builder.ts';
import type { Dim } from '../ir/dim.ts';
import { Facts } from '../ir/dim-solver.ts';
import { operandsOf } from '../ir/gradient-reach.ts';
import type { GraphFunction, GraphModule, Node, Region, Value } from '../ir/graph.ts';
import { dimOf } from '../ir/ops/attributes.ts';
import { opNamed } from '../ir/ops/registry.ts';
import { scanParts } from '../ir/ops/scan.ts';
import { isSegmented, willBeSegmented } from './autodiff/segments.ts';
import { mapFunctions, pinnedValues } from './graph-rewriter.ts';
import { canVectorize, vectorize, type OuterValue } from './loops/vectorize.ts';
import type { Pass, PassContext } from './pass.ts';

/** A value of the body that can be had outside; `make` builds it there when it is first needed. */
interface Movable {
  readonly stacked: boolean;
  /** Whether computing it takes a product: what is worth a stack in memory. */
  readonly product: boolean;
  readonly make: () => Value;
}

const once = (make: () => Value): (() => Value) => {
  let value: Value | undefined;
  return () => (value ??= make());
};

/** Rewrites one scan; `b` collects the nodes that come before it. */
class LoopHoist {
  private readonly movable = new Map<Value, Movable>();
  private readonly added: { param: Value; stack: Value }[] = [];
  private readonly params = new Map<Value, Value>();
  private readonly length: Dim;
  private readonly local: Set<Value>;

  constructor(
    private readonly b: Builder,
    private readonly node: Node,
    private readonly region: Region,
    private readonly pinned: ReadonlySet<Value>,
    private readonly cx: PassContext,
  ) {
    this.length = dimOf(node.attrs, 'length');
    this.local = new Set([...region.params, ...region.nodes.flatMap(({ outputs }) => outputs)]);
  }

  run(): Node {
    const { node, region } = this;
    const { sliced } = scanParts(node.inputs, node.attrs);
    scanParts(region.params.slice(1), node.attrs).sliced.forEach((param, at) => {
      const stack = sliced[at];
      if (stack) this.movable.set(param, { stacked: true, product: false, make: () => stack });
    });
    for (const inner of region.nodes) this.classify(inner);
    const nodes = region.nodes
      .filter((inner) => !inner.outputs.every((out) => this.moves(out)))
      .map((inner) => ({
        ...inner,
        inputs: inner.inputs.map((value) => this.inside(value)),
        regions: inner.regions.map((r) => this.nested(r)),
      }));
    const results = region.results.map((value) => this.inside(value));
    return {
      ...node,
      inputs: [...node.inputs, ...this.added.map(({ stack }) => stack)],
      regions: [{ params: [...region.params, ...this.added.map(({ param }) => param)], nodes, results }],
    };
  }

  private operand(value: Value): Movable | undefined {
    if (!this.local.has(value)) return { stacked: false, product: false, make: () => value };
    return this.movable.get(value);
  }

  private classify(inner: Node): void {
    const [output, ...more] = inner.outputs;
    if (
      !output ||
      inner.regions.length > 0 ||
      inner.op === 'copy' ||
      inner.op === 'barrier' ||
      opNamed(inner.op).opaque === true
    )
      return;
    if (inner.outputs.some((out) => this.pinned.has(out))) return;
    const found = inner.inputs.map((value) => this.operand(value));
    const operands = found.filter((operand) => operand !== undefined);
    if (operands.length !== found.length) return;
    const stacked = operands.some((operand) => operand.stacked);
    const product = inner.op === 'dot' || operands.some((operand) => operand.product);
    if (!stacked) {
      const made = once(() => this.rebuild(inner, operands));
      inner.outputs.forEach((out, at) =>
        this.movable.set(out, { stacked: false, product, make: () => (at === 0 ? made() : this.sibling(made(), at)) }),
      );
      return;
    }
    const outers = (): OuterValue[] => operands.map((operand) => ({ outer: operand.make(), stacked: operand.stacked }));
    if (
      more.length > 0 ||
      !canVectorize(
        inner,
        operands.map((operand) => ({ outer: output, stacked: operand.stacked })),
      )
    )
      return;
    this.movable.set(output, {
      stacked: true,
      product,
      make: once(() => {
        this.b.origin = inner.origin;
        return vectorize(this.b, inner, outers(), this.length);
      }),
    });
  }

  private readonly siblings = new Map<Value, readonly Value[]>();

  private rebuild(inner: Node, operands: readonly Movable[]): Value {
    this.b.origin = inner.origin;
    const outputs = this.b.node(
      inner.op,
      operands.map((operand) => operand.make()),
      inner.attrs,
    );
    const [first] = outputs;
    if (!first) throw new RangeError(`${inner.op} has no result`);
    this.siblings.set(first, outputs);
    return first;
  }

  private sibling(first: Value, at: number): Value {
    return this.siblings.get(first)?.[at] ?? first;
  }

  /** Whether the loop takes the value from outside. */
  private moves(value: Value): boolean {
    const movable = this.movable.get(value);
    return movable !== undefined && (!movable.stacked || movable.product);
  }

  private inside(value: Value): Value {
    const movable = this.movable.get(value);
    if (!movable || !this.moves(value)) return value;
    this.cx.count(movable.stacked ? 'hoist-product' : 'hoist-invariant');
    if (!movable.stacked) return movable.make();
    let param = this.params.get(value);
    if (!param) {
      param = { ...value };
      this.params.set(value, param);
      this.added.push({ param, stack: movable.make() });
    }
    return param;
  }

  private nested(region: Region): Region {
    const nodes = region.nodes.map((inner) => ({
      ...inner,
      inputs: inner.inputs.map((value) => this.inside(value)),
      regions: inner.regions.map((r) => this.nested(r)),
    }));
    return { ...region, nodes, results: region.results.map((value) => this.inside(value)) };
  }
}

/** Takes products that only stacked results use out of the loop; gives the scan and what comes after it. */
function sinkProducts(node: Node, region: Region, facts: Facts, cx: PassContext): { node: Node; after: Node[] } {
  const { carries, sliced } = scanParts(region.results, node.attrs);
  const uses = new Map<Value, number>();
  for (const value of [...region.nodes.flatMap(operandsOf), ...carries]) uses.set(value, (uses.get(value) ?? 0) + 1);
  const local = new Set([...region.params, ...region.nodes.flatMap(({ outputs }) => outputs)]);
  const producer = new Map(region.nodes.flatMap((inner) => inner.outputs.map((out) => [out, inner] as const)));
  const after: Node[] = [];
  const outs: { value: Value; output: Value }[] = [];
  const dropped = new Set<Node>();
  const outputs = scanParts(node.outputs, node.attrs);
  sliced.forEach((value, at) => {
    const output = outputs.sliced[at];
    const dot = producer.get(value);
    const inner = dot?.inputs.filter((operand) => local.has(operand)) ?? [];
    const [operand] = inner;
    if (!output) return;
    if (
      dot?.op !== 'dot' ||
      inner.length !== 1 ||
      !operand ||
      uses.has(value) ||
      sliced.filter((v) => v === value).length > 1
    ) {
      outs.push({ value, output });
      return;
    }
    const length = dimOf(node.attrs, 'length');
    const stack: Value = { type: { dtype: operand.type.dtype, shape: [length, ...operand.type.shape] } };
    outs.push({ value: operand, output: stack });
    const b = new Builder(facts);
    b.origin = dot.origin;
    vectorize(
      b,
      dot,
      dot.inputs.map((input) =>
        input === operand ? { outer: stack, stacked: true } : { outer: input, stacked: false },
      ),
      length,
    );
    const last = b.nodes.at(-1);
    if (last) after.push(...b.nodes.slice(0, -1), { ...last, outputs: [output] });
    dropped.add(dot);
    cx.count('sink-product');
  });
  if (after.length === 0) return { node, after };
  const nodes = region.nodes.filter((inner) => !dropped.has(inner));
  return {
    node: {
      ...node,
      outputs: [...outputs.carries, ...outs.map(({ output }) => output)],
      regions: [{ ...region, nodes, results: [...carries, ...outs.map(({ value }) => value)] }],
    },
    after,
  };
}

function hoistNodes(
  nodes: readonly Node[],
  facts: Facts,
  pinned: ReadonlySet<Value>,
  cx: PassContext,
): readonly Node[] {
  if (!nodes.some((node) => node.regions.length > 0)) return nodes;
  return nodes.flatMap((original): readonly Node[] => {
    if (original.regions.length === 0) return [original];
    const node = {
      ...original,
      regions: original.regions.map((r) => ({ ...r, nodes: hoistNodes(r.nodes, facts, pinned, cx) })),
    };
    const [region] = node.regions;
    if (node.op !== 'scan' || !region || isSegmented(node) || willBeSegmented(node)) return [node];
    const before = new Builder(facts);
    const hoisted = new LoopHoist(before, node, region, pinned, cx).run();
    const [inner] = hoisted.regions;
    if (!inner || 'saved' in node.attrs) return [...before.nodes, hoisted];
    const sunk = sinkProducts(hoisted, inner, facts, cx);
    return [...before.nodes, sunk.node, ...sunk.after];
  });
}

const hoistFunction = (fn: GraphFunction, cx: PassContext): GraphFunction => ({
  ...fn,
  nodes: hoistNodes(fn.nodes, new Facts(fn.dims, fn.facts), pinnedValues(fn.nodes), cx),
});

/** Moves invariant work and products of step inputs out of loops. */
export const hoist: Pass<GraphModule, GraphModule> = {
  name: 'hoist',
  summary: 'take out of loops what can be computed before or after them',
  run: (module, cx) => mapFunctions(module, (fn) => hoistFunction(fn, cx)),
};
