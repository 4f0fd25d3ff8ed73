// `for i < n, j < m => body` with a scalar body: one tensor over the index axes. The indices become
// iotas over all of them, so that scalar operations of the body are elementwise nodes. A body that is no
// scalar is found by trying: what the attempt built and said is dropped, and the loop runs step by step.
import { constant, sub, variable, type Dim } from '../../ir/dim.ts';
import type { Node, Value as GraphValue } from '../../ir/graph.ts';
import type { Bind, ForExpr, RangeBind } from '../../parser/ast.ts';
import type { Diagnostic } from '../../support/diagnostic.ts';
import { messages } from '../../support/messages.gen.ts';
import { spanText, type Span } from '../../support/source.ts';
import { lessEqualDims, resolved } from '../dims.ts';
import { reject, Rejected, spend, type Frame } from '../frame.ts';
import { mentions } from '../mentions.ts';
import { Scope } from '../scope.ts';
import { describe, tensor, type Value } from '../values.ts';
import { evaluate } from './evaluate.ts';
import { elementwiseSelect } from './select.ts';
import { broadcastShapes, graphOf, NotScalar, stretch, toTensor } from './tensors.ts';

/** What a body inside a tabulation does differently. */
export interface Tabulation {
  /** The index axes. */
  readonly shape: readonly Dim[];
  /** Whether a tensor has one element per index, because it depends on one; others are whole tensors. */
  owns(value: GraphValue): boolean;
  /** States that a tensor has one element per index. */
  adopt(value: GraphValue): void;
  /** A run-time `if`, decided per element. */
  select(frame: Frame, cond: GraphValue, a: GraphValue, b: GraphValue, span: Span): Value;
}

/** What holds in the body of a tabulation over these axes, whose nodes come after those that there are. */
export const perElement = (nodes: readonly Node[], shape: readonly Dim[]): Tabulation => ({
  shape,
  ...ownership(nodes),
  select(frame, cond, a, b, span) {
    const common = broadcastShapes(frame, [cond.type.shape, a.type.shape, b.type.shape]);
    if ('clash' in common)
      return reject(
        frame,
        messages.E0302(span, { operation: 'choose between', left: common.clash[0].key, right: common.clash[1].key }),
      );
    return tensor(elementwiseSelect(frame, cond, stretch(frame, a, common.shape), stretch(frame, b, common.shape)));
  },
});

// Nodes only ever grow: those after the start that depend on an element are elements too.
function ownership(nodes: readonly Node[]): Pick<Tabulation, 'owns' | 'adopt'> {
  const owned = new Set<GraphValue>();
  let seen = nodes.length;
  return {
    adopt: (value) => owned.add(value),
    owns(value) {
      for (; seen < nodes.length; seen++) {
        const node = nodes[seen];
        if (node?.inputs.some((input) => owned.has(input))) for (const output of node.outputs) owned.add(output);
      }
      return owned.has(value);
    },
  };
}

/** The dim variable of the k-th index of a tabulation. */
export const indexVariable = (axis: number): Dim => variable(`%i${axis}`);

// 0 ≤ index < limit holds in the body. Null where it updates a state: iterations have no order.
function withIndexFacts(frame: Frame, shape: readonly Dim[], body: () => Value): Value | null {
  const graph = graphOf(frame);
  const { facts } = graph.builder;
  const variables = shape.map((_, axis) => ({ name: `%i${axis}`, min: 0 }));
  const limits = shape.map((d, axis) => ({ kind: '>=0' as const, lhs: sub(sub(d, 1), indexVariable(axis)) }));
  graph.builder.facts = facts.extend(variables, limits);
  const changed = graph.watch();
  try {
    const value = body();
    return changed().length > 0 ? null : value;
  } finally {
    graph.builder.facts = facts;
  }
}

/** Evaluations that one tabulation counts as: its bounds are proved. */
const tabulationCost = 200;

/** A tabulation over run-time indices; null where its body is not a scalar at each index. */
export function tabulate(frame: Frame, written: ForExpr): Value | null {
  if (frame.tabulating) throw new NotScalar();
  spend(frame, written.span, tabulationCost);
  const expr = flattened(written);
  const shape = expr.binds.flatMap((bind) => (bind.kind === 'range-bind' ? [limitOf(frame, bind)] : []));
  const { session } = frame;
  const held: Diagnostic[] = [];
  const undo = checkpoint(frame);
  const value = scalarBody({ ...frame, session: { ...session, report: (d) => held.push(d) } }, expr, shape);
  if (value === null || held.some(({ code }) => code.startsWith('E'))) {
    undo();
    return null;
  }
  for (const diagnostic of held) session.report(diagnostic);
  return value;
}

// `for i < n => for j < m => e` tabulates what `for i < n, j < m => e` does.
function flattened(expr: ForExpr): ForExpr {
  const { body } = expr;
  if (body.kind !== 'for') return expr;
  const outer = new Set(expr.binds.flatMap((bind) => (bind.kind === 'range-bind' ? [bind.name.name] : [])));
  const isOwn = (bind: Bind): boolean =>
    bind.kind === 'range-bind' &&
    !outer.has(bind.name.name) &&
    [...mentions(bind.limit).keys()].every((name) => !outer.has(name));
  return body.binds.every(isOwn)
    ? flattened({ ...expr, binds: [...expr.binds, ...body.binds], body: body.body })
    : expr;
}

// What an attempt may change, put back by the result.
function checkpoint(frame: Frame): () => void {
  const graph = graphOf(frame);
  const { facts, nodes } = graph.builder;
  const [count, holes] = [nodes.length, new Map(frame.session.holes)];
  const undo = [graph.snapshot(), frame.keys?.mark()];
  return () => {
    nodes.length = count;
    graph.builder.facts = facts;
    for (const name of frame.session.holes.keys()) if (!holes.has(name)) frame.session.holes.delete(name);
    for (const step of undo) step?.();
  };
}

/** How many values the index of a bind `i < n` takes. */
export function limitOf(frame: Frame, { limit }: RangeBind): Dim {
  const value = evaluate(frame, limit);
  if (value.kind === 'unknown') throw new Rejected();
  if (value.kind !== 'int')
    return reject(
      frame,
      messages.E0402(limit.span, {
        what: `\`${spanText(limit.span)}\``,
        expected: 'an int: a dim or a number known at compile time',
        got: describe(value),
      }),
    );
  const length = resolved(frame, value.dim);
  if (lessEqualDims(frame, constant(0), length) === 'proved') return length;
  return reject(frame, messages.E0314(limit.span, { size: length.key }));
}

// The body over all indices at once.
function scalarBody(frame: Frame, expr: ForExpr, shape: readonly Dim[]): Value | null {
  const { builder } = graphOf(frame);
  const inner: Frame = { ...frame, scope: new Scope(frame.scope), tabulating: perElement(builder.nodes, shape) };
  expr.binds.forEach((bind, axis) => {
    if (bind.kind !== 'range-bind') return;
    const value = builder.op('iota', [], { dtype: 'i32', shape, axis });
    inner.tabulating?.adopt(value);
    inner.scope.define(bind.name.name, { ...tensor(value), index: indexVariable(axis) });
  });
  try {
    const body = withIndexFacts(frame, shape, () => evaluate(inner, expr.body));
    if (body === null || !['tensor', 'int', 'real', 'bool'].includes(body.kind)) return null;
    const value = toTensor(inner, body, undefined, expr.body.span);
    return tensor(stretch(frame, value, shape));
  } catch (error) {
    if (error instanceof NotScalar || error instanceof Rejected) return null;
    throw error;
  }
}
