// Graph → Nest: every node becomes the nests that its op's `lower` gives, every value a buffer.
// No decision is taken here; fuse.ts inlines views and merges what belongs together.
import { variable, type Dim } from '../ir/dim.ts';
import type { Expr } from '../ir/expr.ts';
import type { GraphFunction, GraphModule, Node, Region, Value } from '../ir/graph.ts';
import { LowerContext, type Held, type Operand } from '../ir/lower.ts';
import type { Buffer, NestFunction, NestModule, NestStep } from '../ir/nest.ts';
import { dimOf } from '../ir/ops/attributes.ts';
import { opNamed } from '../ir/ops/registry.ts';
import { scanParts } from '../ir/ops/scan.ts';
import { CompilerBug } from '../support/diagnostic.ts';
import type { Pass } from './pass.ts';

/** Lowers one function. Ids are `t0, t1, …` for temporaries and the input's name for inputs. */
class FunctionLowering {
  private readonly ids = new Map<Value, string>();
  private readonly buffers: Buffer[] = [];
  /** Values that are no buffer of their own: params of a loop's region. */
  private readonly views = new Map<Value, Operand>();
  private body: NestStep[] = [];
  private axes = 0;
  private loops = 0;
  private temporaries = 0;

  constructor(private readonly fn: GraphFunction) {}

  run(): NestFunction {
    const { fn } = this;
    for (const input of fn.inputs) this.define(input.value, input.name);
    for (const node of fn.nodes) this.lowerNode(node);
    return {
      name: fn.name,
      kind: fn.kind,
      dims: fn.dims,
      facts: fn.facts,
      host: fn.host,
      inputs: fn.inputs.map(({ name, role, value }) => ({ name, role, buffer: this.id(value) })),
      results: fn.results.map(({ name, role, value }) => ({ name, role, buffer: this.id(value) })),
      buffers: this.buffers,
      body: this.body,
    };
  }

  private define(value: Value, id: string): string {
    this.ids.set(value, id);
    this.buffers.push({ id, type: value.type });
    return id;
  }

  private id(value: Value): string {
    const id = this.ids.get(value);
    if (id === undefined) throw new CompilerBug(`${this.fn.name}: a value is used before it is defined`);
    return id;
  }

  private lowerNode(node: Node): void {
    const { lower } = opNamed(node.op);
    if (!lower) throw new CompilerBug(`${this.fn.name}: ${node.op} does not lower to nests`);
    if (lower === 'region') return this.lowerScan(node);
    const inputs = node.inputs.map((value) => this.operand(value));
    const outputs = node.outputs.map((value) => this.temporary(value));
    const allocate = (type: Value['type']): Held => loadOf(this.temporary({ type }).buffer, type);
    const cx = new LowerContext(outputs, () => this.freshAxis(), node.op, node.origin, allocate);
    this.body.push(...lower(cx, inputs, node.attrs));
  }

  private temporary(value: Value): { buffer: string; type: Value['type'] } {
    return { buffer: this.define(value, `t${this.temporaries++}`), type: value.type };
  }

  private freshAxis(): string {
    return `%i${this.axes++}`;
  }

  private operand(value: Value): Operand {
    return this.views.get(value) ?? loadOf(this.id(value), value.type);
  }

  /** dst[prefix, i] = source[i] for every i of the source. */
  private copy(name: string, source: Operand, buffer: string, prefix: readonly Dim[], origin: Node['origin']): void {
    const cx = new LowerContext([{ buffer, type: source.type }], () => this.freshAxis(), name, origin);
    const axes = cx.axes(source.type.shape);
    const i = axes.map((axis) => variable(axis.name));
    this.body.push(cx.nest(axes, [cx.store([...prefix, ...i], source.at(i))]));
  }

  // A carry is one buffer, written before the loop and at the end of each step; a slice is a view of
  // its stack at the loop index; a stacked result is stored at the loop index.
  private lowerScan(node: Node): void {
    const [region] = node.regions;
    if (!region) throw new CompilerBug(`${this.fn.name}: a scan without a region`);
    const index = `%t${this.loops++}`;
    const outputs = scanParts(node.outputs, node.attrs);
    const inputs = scanParts(node.inputs, node.attrs);
    const carries = outputs.carries.map((value, at) => {
      const { buffer, type } = this.temporary(value);
      this.copy('carry', this.operandAt(inputs.carries, at), buffer, [], node.origin);
      return loadOf(buffer, type);
    });
    const stacks = outputs.sliced.map((value) => this.temporary(value).buffer);
    const outside = this.body;
    this.body = [];
    this.bindParams(region, variable(index), carries, inputs.sliced, node);
    for (const inner of region.nodes) this.lowerNode(inner);
    this.storeStep(
      region,
      node,
      variable(index),
      stacks,
      outputs.carries.map((value) => this.id(value)),
    );
    outside.push({
      kind: 'loop',
      index,
      count: dimOf(node.attrs, 'length'),
      reverse: node.attrs['reverse'] === true,
      body: this.body,
      origin: node.origin,
    });
    this.body = outside;
  }

  private operandAt(values: readonly Value[], at: number): Operand {
    const value = values[at];
    if (!value) throw new CompilerBug(`${this.fn.name}: a scan lacks operand ${at}`);
    return this.operand(value);
  }

  private bindParams(region: Region, t: Dim, carries: readonly Operand[], sliced: readonly Value[], node: Node): void {
    const [counter, ...rest] = region.params;
    if (counter) this.views.set(counter, { type: counter.type, at: () => ({ kind: 'index', dtype: 'i32', dim: t }) });
    const params = scanParts(rest, node.attrs);
    params.carries.forEach((param, at) => {
      const carry = carries[at];
      if (carry) this.views.set(param, carry);
    });
    params.sliced.forEach((param, at) => {
      const stack = this.operandAt(sliced, at);
      this.views.set(param, { type: param.type, at: (indices) => stack.at([t, ...indices]) });
    });
  }

  // Stacks first, since they may show the old carries; then carries that are other carries by way of
  // temporaries, since all change at once.
  private storeStep(region: Region, node: Node, t: Dim, stacks: readonly string[], carries: readonly string[]): void {
    const results = scanParts(region.results, node.attrs);
    results.sliced.forEach((value, at) => this.copy('stack', this.operand(value), stacks[at] ?? '', [t], node.origin));
    const params = new Set(region.params);
    const own = region.params.slice(1);
    const sources = results.carries.map((value, at): Operand | undefined => {
      if (value === own[at]) return undefined;
      if (!params.has(value)) return this.operand(value);
      const held: Value = { type: value.type };
      const { buffer } = this.temporary(held);
      this.copy('hold', this.operand(value), buffer, [], node.origin);
      return this.operand(held);
    });
    sources.forEach((source, at) => {
      if (source) this.copy('carry', source, carries[at] ?? '', [], node.origin);
    });
  }
}

const loadOf = (buffer: string, type: Value['type']): Held => ({
  type,
  buffer,
  at: (indices): Expr => ({ kind: 'load', dtype: type.dtype, buffer, indices }),
});

export const lowerToNests: Pass<GraphModule, NestModule> = {
  name: 'lower-to-nests',
  summary: 'give every node its loop nests and every value its buffer',
  run: (module) => ({
    name: module.name,
    functions: module.functions.map((fn) => new FunctionLowering(fn).run()),
  }),
};
