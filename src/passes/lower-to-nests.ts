// Graph → Nest: every node becomes the nests that its op's `lower` gives, every value a buffer.
// No decision is taken here; fuse.ts inlines views and merges what belongs together.
import type { Expr } from '../ir/expr.ts';
import type { GraphFunction, GraphModule, Node, Value } from '../ir/graph.ts';
import { LowerContext, type Operand } from '../ir/lower.ts';
import type { Buffer, NestFunction, NestModule, NestStep } from '../ir/nest.ts';
import { opNamed } from '../ir/ops/registry.ts';
import { CompilerBug } from '../support/diagnostic.ts';
import type { Pass } from './pass.ts';

/** Lowers one function. Ids are `t0, t1, …` for temporaries and the input's name for inputs. */
class FunctionLowering {
  private readonly ids = new Map<Value, string>();
  private readonly buffers: Buffer[] = [];
  private readonly body: NestStep[] = [];
  private axes = 0;
  private temporaries = 0;

  constructor(private readonly fn: GraphFunction) {}

  run(): NestFunction {
    const { fn } = this;
    for (const input of fn.inputs) this.define(input.value, input.name);
    for (const node of fn.nodes) this.lowerNode(node);
    return {
      name: fn.name, kind: fn.kind, dims: fn.dims, facts: fn.facts, host: fn.host,
      inputs: fn.inputs.map(({ name, role, value }) => ({ name, role, buffer: this.id(value) })),
      results: fn.results.map(({ name, role, value }) => ({ name, role, buffer: this.id(value) })),
      buffers: this.buffers, body: this.body,
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
    const inputs = node.inputs.map((value) => this.operand(value));
    const outputs = node.outputs.map((value) => ({ buffer: this.define(value, `t${this.temporaries++}`), type: value.type }));
    const cx = new LowerContext(outputs, () => `%i${this.axes++}`, node.op, node.origin);
    this.body.push(...lower(cx, inputs, node.attrs));
  }

  private operand(value: Value): Operand {
    const buffer = this.id(value);
    const at: Operand['at'] = (indices): Expr => ({ kind: 'load', dtype: value.type.dtype, buffer, indices });
    return { type: value.type, at };
  }
}

export const lowerToNests: Pass<GraphModule, NestModule> = {
  name: 'lower-to-nests',
  summary: 'give every node its loop nests and every value its buffer',
  run: (module) => ({
    name: module.name,
    functions: module.functions.map((fn) => new FunctionLowering(fn).run()),
  }),
};
