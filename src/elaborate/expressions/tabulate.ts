// `for i < n, j < m => body` with a scalar body: one tensor over the index axes. The indices become
// iotas over all of them, so that scalar operations of the body are elementwise nodes.
import { constant, sub, variable, type Dim } from '../../ir/dim.ts';
import type { Node, Value as GraphValue } from '../../ir/graph.ts';
import type { ForExpr } from '../../parser/ast.ts';
import { messages } from '../../support/messages.gen.ts';
import type { Span } from '../../support/source.ts';
import { lessEqualDims, resolved } from '../dims.ts';
import { reject, type Frame } from '../frame.ts';
import { Scope } from '../scope.ts';
import { describe, tensor, unknown, type Value } from '../values.ts';
import { evaluate } from './evaluate.ts';
import { elementwiseSelect } from './select.ts';
import { broadcastShapes, graphOf, stretch, toTensor } from './tensors.ts';

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

const perElement = (nodes: readonly Node[], shape: readonly Dim[]): Tabulation => ({
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

// 0 ≤ index < limit holds in the body, and states must not change there: its iterations have no order.
function withIndexFacts(frame: Frame, shape: readonly Dim[], body: () => Value): Value {
  const graph = graphOf(frame);
  const { facts } = graph.builder;
  const variables = shape.map((_, axis) => ({ name: `%i${axis}`, min: 0 }));
  const limits = shape.map((d, axis) => ({ kind: '>=0' as const, lhs: sub(sub(d, 1), indexVariable(axis)) }));
  graph.builder.facts = facts.extend(variables, limits);
  const before = new Map([...graph.updated].map((slot) => [slot, graph.read(slot)]));
  try {
    const value = body();
    const touched = [...graph.updated].find((slot) => before.get(slot) !== graph.read(slot));
    return touched ? { kind: 'parameter', slot: touched } : value;
  } finally {
    graph.builder.facts = facts;
  }
}

/** A tabulation over run-time indices. */
export function tabulate(frame: Frame, expr: ForExpr): Value {
  if (frame.tabulating)
    return reject(
      frame,
      messages.E0412(
        expr.span,
        { operation: 'tabulate inside', operands: 'another tabulation' },
        { helps: [{ text: 'write all indices in one `for`: `for i < n, j < m => …`' }] },
      ),
    );
  const shape: Dim[] = [];
  for (const bind of expr.binds) {
    if (bind.kind !== 'range-bind') return unknown;
    const limit = evaluate(frame, bind.limit);
    if (limit.kind === 'unknown') return unknown;
    if (limit.kind !== 'int')
      return reject(
        frame,
        messages.E0402(bind.limit.span, { what: 'the limit of an index', expected: 'an int', got: describe(limit) }),
      );
    const d = resolved(frame, limit.dim);
    if (lessEqualDims(frame, constant(0), d) !== 'proved')
      return reject(frame, messages.E0314(bind.limit.span, { size: d.key }));
    shape.push(d);
  }
  const { builder } = graphOf(frame);
  const inner: Frame = { ...frame, scope: new Scope(frame.scope), tabulating: perElement(builder.nodes, shape) };
  expr.binds.forEach((bind, axis) => {
    if (bind.kind !== 'range-bind') return;
    const value = builder.op('iota', [], { dtype: 'i32', shape, axis });
    inner.tabulating?.adopt(value);
    inner.scope.define(bind.name.name, { ...tensor(value), index: indexVariable(axis) });
  });
  const body = withIndexFacts(frame, shape, () => evaluate(inner, expr.body));
  if (body.kind === 'unknown') return unknown;
  if (body.kind === 'parameter')
    return reject(
      frame,
      messages.E0602(
        expr.body.span,
        { state: body.slot.name },
        { helps: [{ text: 'update it outside of the `for`, or use `scan`, whose steps are ordered' }] },
      ),
    );
  const value = toTensor(frame, body, undefined, expr.body.span);
  const fits = broadcastShapes(frame, [value.type.shape, shape]);
  if ('clash' in fits || fits.shape.length !== shape.length)
    return reject(
      frame,
      messages.E0412(expr.body.span, {
        operation: 'tabulate',
        operands: `${describe(body)}; the body must be a scalar at each index`,
      }),
    );
  return tensor(stretch(frame, value, shape));
}
