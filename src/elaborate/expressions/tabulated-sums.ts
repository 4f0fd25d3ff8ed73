// `sum(for j < k => …)` in the body of a tabulation: the axes of the sum join those of the tabulation, the body is one
// scalar per point of both, and the sum takes its own axes away again. So a matrix product that is written out is one nest.
import { one, sub, type Dim } from '../../ir/dim.ts';
import type { CallExpr, ForExpr } from '../../parser/ast.ts';
import { lessEqualDims } from '../dims.ts';
import type { Frame } from '../frame.ts';
import { mentions } from '../mentions.ts';
import { Scope } from '../scope.ts';
import { tensor, type Value } from '../values.ts';
import { evaluate } from './evaluate.ts';
import { indexVariable, limitOf, perElement, type Tabulation } from './tabulate.ts';
import { graphOf, NotScalar, stretch, toTensor } from './tensors.ts';

const kinds = { sum: 'sum', prod: 'prod', max: 'max', min: 'min', all: 'and', any: 'or' } as const;
type Name = keyof typeof kinds;

const isReduction = (name: string): name is Name => Object.hasOwn(kinds, name);

/** The value of `sum(for …)` and its kin in a tabulation, one per index; null for other calls. */
export function reduceInTabulation(frame: Frame, callee: Value, { args }: CallExpr): Value | null {
  const { tabulating } = frame;
  const [argument, ...others] = args;
  if (!tabulating || callee.kind !== 'primitive' || others.length > 0 || argument?.name) return null;
  const { name } = callee.primitive;
  const body = argument?.value;
  if (!isReduction(name) || body?.kind !== 'for' || body.binds.some(({ kind }) => kind !== 'range-bind')) return null;
  return reduceBody(frame, tabulating, name, body);
}

function reduceBody(frame: Frame, outer: Tabulation, name: Name, expr: ForExpr): Value {
  const { builder } = graphOf(frame);
  const own = expr.binds.flatMap((bind) => (bind.kind === 'range-bind' ? [limitOf(frame, bind)] : []));
  const isEmpty = own.some((d) => lessEqualDims(frame, one, d) !== 'proved');
  if (isEmpty && (name === 'max' || name === 'min')) throw new NotScalar();
  const shape = [...outer.shape, ...own];
  const inner = innerFrame(frame, outer, expr, shape);
  const { facts } = builder;
  const axes = own.map((_, k) => outer.shape.length + k);
  builder.facts = facts.extend(
    axes.map((axis) => ({ name: `%i${axis}`, min: 0 })),
    axes.map((axis, k) => ({ kind: '>=0', lhs: sub(sub(own[k] ?? one, 1), indexVariable(axis)) })),
  );
  try {
    const body = toTensor(inner, evaluate(inner, expr.body), undefined, expr.body.span);
    if ((body.type.dtype === 'bool') !== (name === 'all' || name === 'any')) throw new NotScalar();
    const reduced = builder.op('reduce', [stretch(frame, body, shape)], { kind: kinds[name], axes });
    outer.adopt(reduced);
    return tensor(reduced);
  } finally {
    builder.facts = facts;
  }
}

// The body sees its indices, and what is one per outer index as one per point.
function innerFrame(frame: Frame, outer: Tabulation, expr: ForExpr, shape: readonly Dim[]): Frame {
  const { builder } = graphOf(frame);
  const scope = new Scope(frame.scope);
  const tabulating = perElement(builder.nodes, shape);
  const inner: Frame = { ...frame, scope, tabulating };
  for (const name of mentions(expr.body).keys()) {
    const value = frame.scope.lookup(name);
    if (!value) continue;
    if (value.kind === 'lambda' || holdsElements(outer, value)) throw new NotScalar();
    if (value.kind !== 'tensor' || !outer.owns(value.value)) continue;
    const axes = outer.shape.map((_, axis) => axis);
    if (value.value.type.shape.length !== axes.length) throw new NotScalar();
    const lifted = builder.broadcast(value.value, axes, shape);
    tabulating.adopt(lifted);
    scope.define(name, { ...value, value: lifted });
  }
  expr.binds.forEach((bind, k) => {
    if (bind.kind !== 'range-bind') return;
    const axis = outer.shape.length + k;
    const index = builder.op('iota', [], { dtype: 'i32', shape, axis });
    tabulating.adopt(index);
    scope.define(bind.name.name, { ...tensor(index), index: indexVariable(axis) });
  });
  return inner;
}

const holdsElements = (outer: Tabulation, value: Value): boolean =>
  (value.kind === 'list' || value.kind === 'tuple') &&
  value.items.some((item) => holdsElements(outer, item) || (item.kind === 'tensor' && outer.owns(item.value)));
