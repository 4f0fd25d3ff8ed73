// `total(e)` in metrics: e in a step; in an evaluation, the sum of e over all batches. What is computed from
// totals is cut out of the evaluation into a function of its own, which runs once, on the sums.
import { asConstant, variables, type Dim } from '../ir/dim.ts';
import { operandsOf } from '../ir/gradient-reach.ts';
import type { FunctionInput, FunctionResult, GraphFunction, Node, Value as GraphValue } from '../ir/graph.ts';
import { messages } from '../support/messages.gen.ts';
import type { Span } from '../support/source.ts';
import { graphOf } from './expressions/tensors.ts';
import { reject, report, type Frame } from './frame.ts';
import type { GraphContext } from './graph-context.ts';
import type { Primitive, PrimitiveCall } from './prelude/primitive.ts';
import { tensor, type Value } from './values.ts';

interface Total {
  readonly name: string;
  /** What each batch adds. */
  readonly value: GraphValue;
  /** Stands for the sum. */
  readonly sum: GraphValue;
  readonly span: Span;
}

/** The totals of one function of a train. */
export class Totals {
  readonly #totals: Total[] = [];
  readonly #metrics = new Map<string, Span>();

  constructor(
    readonly graph: GraphContext,
    readonly kind: 'step' | 'evaluate',
  ) {}

  /** The function `total`. */
  get value(): Value {
    const primitive: Primitive = {
      name: 'total',
      params: ['x'],
      doc: 'In a metric: x in a step, the sum of x over all batches in an evaluation.',
      run: (call) => tensor(this.#add(call)),
    };
    return { kind: 'primitive', primitive };
  }

  #add(call: PrimitiveCall): GraphValue {
    const value = call.builder.toFloat(call.tensor('x', 'f32'));
    if (value.type.shape.some((d) => asConstant(d) === undefined))
      call.wrong('x', 'a tensor whose size does not depend on the batch');
    if (this.kind === 'step') return value;
    const sum: GraphValue = { type: value.type, name: `total.${this.#totals.length}` };
    this.#totals.push({ name: `total.${this.#totals.length}`, value, sum, span: call.span });
    return sum;
  }

  /** Remembers where a metric stands. */
  noteMetric(name: string, span: Span): void {
    this.#metrics.set(name, span);
  }

  /** The function from sums to the metrics that are computed from them, which leave the evaluation. Null without totals. */
  cut(frame: Frame, name: string): GraphFunction | null {
    const { builder, results } = this.graph;
    if (this.#totals.length === 0) return null;
    const after = dependents(builder.nodes, new Set(this.#totals.map(({ sum }) => sum)));
    const moved = results.filter(({ value }) => after.has(value));
    this.#check(frame, after, moved);
    const cut = this.#slice(frame, moved);
    keepOnly(results, (result) => !moved.includes(result));
    keepOnly(builder.nodes, (node) => !node.outputs.some((output) => after.has(output)));
    for (const total of this.#totals) results.push({ name: total.name, role: 'output', value: total.value });
    return { name, kind: 'evaluate', dims: [], facts: [], ...cut, results: moved, host: [] };
  }

  #check(frame: Frame, after: ReadonlySet<GraphValue>, moved: readonly FunctionResult[]): void {
    const [first] = this.#totals;
    const loss = moved.find((result) => !this.#metrics.has(result.name));
    if (first && loss) reject(frame, messages.E0709(first.span, { reason: 'what is minimized is computed from it' }));
    const nested = this.#totals.find(({ value }) => after.has(value));
    if (nested) reject(frame, messages.E0709(nested.span, { reason: 'it is a total of another total' }));
  }

  // The nodes that lead to the moved metrics; they may also use options.
  #slice(frame: Frame, moved: readonly FunctionResult[]): Pick<GraphFunction, 'nodes' | 'inputs'> {
    const own = new Map(this.graph.inputs.map((input) => [input.value, input]));
    const options = new Set<FunctionInput>();
    const nodes = new Set<Node>();
    for (const { name, value } of moved) {
      const part = leadingTo(this.graph.builder.nodes, value);
      const used = new Set(part.values);
      const input = this.graph.inputs.find((each) => used.has(each.value) && !isOption(each))?.name;
      const batch = input ?? part.nodes.flatMap(dimsOf)[0];
      const span = this.#metrics.get(name);
      if (batch !== undefined && span)
        report(
          frame,
          messages.E0709(span, { reason: `\`${name}\` mixes totals with \`${batch}\` of one batch` }, mixing),
        );
      for (const node of part.nodes) nodes.add(node);
      for (const v of part.values) {
        const input = own.get(v);
        if (input && isOption(input)) options.add(input);
      }
    }
    const inputs = this.#totals.map(({ name, sum }): FunctionInput => ({ name, role: 'argument', value: sum }));
    return { inputs: [...inputs, ...options], nodes: graphOf(frame).builder.nodes.filter((node) => nodes.has(node)) };
  }
}

const mixing = { helps: [{ text: 'put what each batch adds into `total(…)` of its own' }] };

const isOption = ({ role }: FunctionInput): boolean => role === 'option' || role === 'iteration';

function keepOnly<T>(list: T[], keep: (item: T) => boolean): void {
  const kept = list.filter(keep);
  list.length = 0;
  list.push(...kept);
}

// Dims that a node depends on: sizes of its results, or the number that it gives.
function dimsOf({ op, attrs, outputs }: Node): readonly string[] {
  const own = op === 'dim' ? [attrs['dim'] as Dim] : [];
  return [...outputs.flatMap(({ type }) => type.shape), ...own].flatMap((d) => [...variables(d)]);
}

// `roots` and everything computed from them.
function dependents(nodes: readonly Node[], roots: ReadonlySet<GraphValue>): ReadonlySet<GraphValue> {
  const found = new Set(roots);
  for (const node of nodes)
    if (operandsOf(node).some((value) => found.has(value))) for (const output of node.outputs) found.add(output);
  return found;
}

// The nodes that a value is computed by, and every value that they use.
function leadingTo(
  nodes: readonly Node[],
  value: GraphValue,
): { readonly nodes: Node[]; readonly values: GraphValue[] } {
  const wanted = new Set([value]);
  const found: Node[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => wanted.has(output))) continue;
    found.push(node);
    for (const operand of operandsOf(node)) wanted.add(operand);
  }
  return { nodes: found, values: [...wanted] };
}
