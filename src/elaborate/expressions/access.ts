// Members, indices and `with`.
import { add, asConstant, constant, sub, type Dim } from '../../ir/dim.ts';
import type { Value as GraphValue } from '../../ir/graph.ts';
import type { Expr, IndexExpr, IndexItem, MemberExpr, NamedValue, WithExpr } from '../../parser/ast.ts';
import { messages } from '../../support/messages.gen.ts';
import { spanText } from '../../support/source.ts';
import { equalDims, lessEqualDims, resolved } from '../dims.ts';
import { reject, Rejected, type Frame } from '../frame.ts';
import { lossScaleOf } from '../loss-scale.ts';
import { overridden, type Instance } from '../instances.ts';
import { didYouMean } from '../spelling.ts';
import { asNumber, describe, list, tensor, typeText, unknown, type GivenArgument, type Value } from '../values.ts';
import { evaluate, read } from './evaluate.ts';
import { readElement, readsElement } from './reads.ts';
import { elementwiseSelect } from './select.ts';
import { broadcastShapes, graphOf, NeedsGraph, NotScalar, stretch, toTensor, unify } from './tensors.ts';

/** `object.member`: a member of an instance, else its config; a named element of a tuple; a name of a module. */
export function evaluateMember(frame: Frame, expr: MemberExpr): Value {
  const object = evaluate(frame, expr.object);
  const { name, span } = expr.member;
  if (object.kind === 'unknown' || name === '') return unknown;
  const candidates = membersOf(object);
  const found = candidates.get(name)?.();
  if (found) return read(frame, found);
  return reject(
    frame,
    messages.E0209(span, { what: describe(object), member: name }, didYouMean(name, candidates.keys(), span)),
  );
}

function membersOf(object: Value): ReadonlyMap<string, () => Value> {
  const members = new Map<string, () => Value>();
  if (object.kind === 'instance' || object.kind === 'optimizer') {
    for (const [name, value] of [...object.instance.config, ...object.instance.members]) members.set(name, () => value);
  } else if (object.kind === 'tuple')
    object.names.forEach((name, i) => name !== null && members.set(name, () => object.items[i] ?? unknown));
  else if (object.kind === 'namespace') return object.names;
  return members;
}

/** `object[indices]`; `otherwise`, right of `??`, stands in where an index may lie outside. */
export function evaluateIndex(frame: Frame, expr: IndexExpr, otherwise: Expr | null = null): Value {
  const object = evaluate(frame, expr.object);
  if (object.kind === 'unknown') return unknown;
  if (object.kind === 'list' || object.kind === 'tuple') return indexItems(frame, expr, object, otherwise);
  if (object.kind !== 'tensor')
    return reject(frame, messages.E0412(expr.span, { operation: 'index', operands: describe(object) }));
  if (frame.tabulating) {
    if (readsElement(frame, expr, object)) return readElement(frame, expr, object, otherwise);
    if (otherwise || frame.tabulating.owns(object.value)) throw new NotScalar();
  }
  const inside: GraphValue[] | null = otherwise ? [] : null;
  const value = indexTensor(frame, expr, object.value, inside);
  if (otherwise && inside && inside.length > 0) return withDefault(frame, value, inside, otherwise);
  return object.derivation ? tensor(value, object.derivation) : tensor(value);
}

function indexTensor(frame: Frame, expr: IndexExpr, x: GraphValue, inside: GraphValue[] | null): GraphValue {
  let value = x;
  let axis = 0;
  for (const item of expandEllipsis(frame, expr, x.type.shape.length)) {
    if (item.kind === 'slice-index') value = sliceAxis(frame, value, axis++, item);
    else if (item.kind === 'at-index') value = takeAt(frame, value, axis, item.value, inside);
    else axis++;
  }
  return value;
}

// The default has the type of what is read, or broadcasts to it.
function withDefault(frame: Frame, value: GraphValue, inside: readonly GraphValue[], otherwise: Expr): Value {
  const fallback = evaluate(frame, otherwise);
  if (fallback.kind === 'unknown') return unknown;
  const [read, other] = unify(frame, tensor(value), fallback, '`??`', otherwise.span);
  const common = broadcastShapes(frame, [read.type.shape, other.type.shape]);
  if ('clash' in common || common.shape.length > read.type.shape.length)
    return reject(
      frame,
      messages.E0407(otherwise.span, { left: describe(tensor(read)), right: describe(tensor(other)) }),
    );
  const { builder } = graphOf(frame);
  const condition = inside.reduce((a, b) => builder.binary('and', a, b));
  return tensor(elementwiseSelect(frame, condition, read, stretch(frame, other, read.type.shape)));
}

function indexItems(
  frame: Frame,
  expr: IndexExpr,
  object: Value & { readonly kind: 'list' | 'tuple' },
  otherwise: Expr | null,
): Value {
  const [item] = expr.indices;
  if (!item || expr.indices.length > 1 || item.kind === 'ellipsis-index')
    return reject(
      frame,
      messages.E0412(expr.span, { operation: 'index', operands: `${describe(object)} by ${expr.indices.length} axes` }),
    );
  const n = object.items.length;
  if (item.kind === 'slice-index') {
    const [from, to] = [item.from ? staticInt(frame, item.from) : 0, item.to ? staticInt(frame, item.to) : n];
    if (from === undefined || to === undefined) return unknown;
    return list(object.items.slice(from, to));
  }
  const at = staticInt(frame, item.value);
  if (at === undefined) return unknown;
  const found = object.items[at < 0 && isWrittenMinus(item.value) ? n + at : at];
  if (found?.kind === 'none' || !found) if (otherwise) return evaluate(frame, otherwise);
  return found ?? reject(frame, messages.E0313(item.span, { axis: at, shape: describe(object) }));
}

const isWrittenMinus = (expr: Expr): boolean => expr.kind === 'unary' && expr.operator === '-';

function staticInt(frame: Frame, expr: Expr): number | undefined {
  const value = evaluate(frame, expr);
  if (value.kind === 'unknown') return undefined;
  const n = value.kind === 'int' ? asNumber({ ...value, dim: resolved(frame, value.dim) }) : undefined;
  return n ?? reject(frame, messages.E0404(expr.span, { what: `the index \`${spanText(expr.span)}\`` }));
}

// One item per axis: `...` becomes whole axes, missing ones at the end too.
function expandEllipsis(
  frame: Frame,
  expr: IndexExpr,
  rank: number,
): readonly (IndexItem | { readonly kind: 'whole' })[] {
  const given = expr.indices.filter((item) => item.kind !== 'ellipsis-index').length;
  if (given > rank)
    return reject(
      frame,
      messages.E0309(expr.span, { callee: `\`${spanText(expr.span)}\``, needed: String(given), got: String(rank) }),
    );
  const whole = Array.from({ length: rank - given }, () => ({ kind: 'whole' as const }));
  const at = expr.indices.findIndex((item) => item.kind === 'ellipsis-index');
  if (at < 0) return [...expr.indices, ...whole];
  return [...expr.indices.slice(0, at), ...whole, ...expr.indices.slice(at + 1)];
}

/** A position along an axis: known while compiling, or a run-time number with what is known of it. */
type Position = { readonly at: Dim } | { readonly value: GraphValue; readonly index: Dim | undefined };

// A written minus counts from the end.
function position(frame: Frame, expr: Expr, extent: Dim): Position {
  const value = evaluate(frame, expr);
  if (value.kind === 'int') {
    const d = resolved(frame, value.dim);
    return { at: isWrittenMinus(expr) ? add(extent, d) : d };
  }
  if (value.kind === 'tensor' && value.value.type.shape.length === 0 && value.value.type.dtype === 'i32')
    return { value: value.value, index: value.index };
  if (value.kind === 'unknown') throw new Rejected();
  const many = value.kind === 'tensor' && value.value.type.shape.length > 0;
  return reject(
    frame,
    messages.E0402(
      expr.span,
      { what: 'an index', expected: 'an int or `i32[]`', got: describe(value) },
      many ? { helps: [{ text: 'several positions at once: `gather(x, ids, axis)`' }] } : {},
    ),
  );
}

function takeAt(frame: Frame, x: GraphValue, axis: number, expr: Expr, inside: GraphValue[] | null): GraphValue {
  const extent = x.type.shape[axis] ?? constant(0);
  const found = position(frame, expr, extent);
  const { builder } = graphOf(frame);
  const known = 'at' in found ? found.at : found.index;
  if (inside === null) inBounds(frame, expr, known, sub(extent, 1), axis, defaultHelp);
  const safe = inside === null || (known !== undefined && isInside(frame, known, sub(extent, 1)));
  if (!safe) return clampedAt(frame, x, axis, runTime(frame, found, expr), inside);
  if (!('at' in found)) return builder.op('gather', [x, found.value], { axis });
  const start = x.type.shape.map((_, i) => (i === axis ? found.at : constant(0)));
  const size = x.type.shape.map((d, i) => (i === axis ? constant(1) : d));
  const cut = builder.op('slice', [x], { start, size, stride: size.map(() => 1) });
  return builder.reshape(
    cut,
    x.type.shape.filter((_, i) => i !== axis),
  );
}

const runTime = (frame: Frame, p: Position, expr: Expr): GraphValue =>
  'at' in p ? toTensor(frame, { kind: 'int', dim: p.at }, 'i32', expr.span) : p.value;

// Reads the nearest element; `inside` gets what says whether that is the one that was meant.
function clampedAt(frame: Frame, x: GraphValue, axis: number, at: GraphValue, inside: GraphValue[]): GraphValue {
  const { builder } = graphOf(frame);
  const none = builder.full('i32', 0);
  const extent = builder.cast(builder.dimValue(x.type.shape[axis] ?? constant(0)), 'i32');
  inside.push(builder.binary('le', none, at), builder.binary('lt', at, extent));
  const last = builder.sub(extent, builder.full('i32', 1));
  const nearest = builder.binary('max', builder.binary('min', at, last), none);
  return builder.op('gather', [x, nearest], { axis });
}

function sliceAxis(
  frame: Frame,
  x: GraphValue,
  axis: number,
  item: IndexItem & { readonly kind: 'slice-index' },
): GraphValue {
  const extent = x.type.shape[axis] ?? constant(0);
  const [begin, end] = [
    item.from ? position(frame, item.from, extent) : { at: constant(0) },
    item.to ? position(frame, item.to, extent) : { at: extent },
  ];
  if (!('at' in begin) || !('at' in end))
    return reject(frame, messages.E0404(item.span, { what: 'the bounds of a slice' }));
  const [from, to] = [begin.at, end.at];
  if (asConstant(from) === 0 && to.key === extent.key) return x;
  if (item.from) inBounds(frame, item.from, from, extent, axis);
  if (item.to) inBounds(frame, item.to, to, extent, axis);
  if (lessEqualDims(frame, from, to) !== 'proved')
    return reject(frame, messages.E0314(item.span, { size: sub(to, from).key }));
  const start = x.type.shape.map((_, i) => (i === axis ? from : constant(0)));
  const size = x.type.shape.map((d, i) => (i === axis ? sub(to, from) : d));
  return graphOf(frame).builder.op('slice', [x], { start, size, stride: size.map(() => 1) });
}

const isInside = (frame: Frame, at: Dim, last: Dim): boolean =>
  lessEqualDims(frame, constant(0), at) === 'proved' && lessEqualDims(frame, at, last) === 'proved';

const defaultHelp = { helps: [{ text: 'give a default for what lies outside: `x[…] ?? 0.0`' }] };

// An index of which nothing is known lies anywhere.
function inBounds(frame: Frame, expr: Expr, at: Dim | undefined, last: Dim, axis: number, details = {}): void {
  const text = spanText(expr.span);
  if (at === undefined || lessEqualDims(frame, constant(0), at) !== 'proved')
    reject(frame, messages.E0307(expr.span, { index: text, axis, bound: 'not negative' }, details));
  if (lessEqualDims(frame, at, last) !== 'proved')
    reject(frame, messages.E0307(expr.span, { index: text, axis, bound: `at most ${last.key}` }, details));
}

/** `object with { name=value, … }`. */
export function evaluateWith(frame: Frame, expr: WithExpr): Value {
  const object = evaluate(frame, expr.object);
  if (object.kind === 'unknown') return unknown;
  const changes = new Map(expr.overrides.map((o) => [o.name.name, o] as const));
  const values = new Map<string, Value>();
  for (const [name, override] of changes) values.set(name, replacement(frame, override.value));
  if (object.kind === 'optimizer') {
    const given = expr.overrides.map((override) =>
      optionOf(frame, override, values.get(override.name.name) ?? unknown),
    );
    return { ...object, options: new Map([...object.options, ...given]) };
  }
  if (object.kind !== 'instance')
    return reject(frame, messages.E0412(expr.span, { operation: 'override members of', operands: describe(object) }));
  const mode = values.get('training');
  values.delete('training');
  if (mode && mode.kind !== 'bool') return reject(frame, messages.E0404(expr.span, { what: '`training`' }));
  for (const [name, value] of values) {
    const override = changes.get(name);
    if (override) checkOverride(frame, object.instance, name, value, override);
  }
  return { kind: 'instance', instance: overridden(object.instance, values, mode?.value) };
}

const optimizerOptions = ['clip', 'accumulate', 'loss_scale'];

// `clip` takes a function of all gradients, `accumulate` a whole number of steps, `loss_scale` a positive number or
// what `dynamic` gives.
function optionOf(frame: Frame, { name, value: expr }: NamedValue, value: Value): readonly [string, GivenArgument] {
  if (!optimizerOptions.includes(name.name))
    reject(
      frame,
      messages.E0201(
        name.span,
        { argument: name.name, what: 'optimizer option', callee: 'with' },
        didYouMean(name.name, optimizerOptions, name.span),
      ),
    );
  const number = name.name === 'loss_scale' ? lossScaleOf(value)?.initial : asNumber(value);
  const whole = name.name === 'accumulate';
  const fits = number !== undefined && (whole ? value.kind === 'int' && number >= 1 : number > 0);
  if (name.name !== 'clip' && value.kind !== 'unknown' && !fits)
    reject(
      frame,
      messages.E0402(expr.span, {
        what: `\`${name.name}\``,
        expected: whole ? 'a whole number of steps' : 'a positive number or `dynamic(65536.0)`',
        got: describe(value),
      }),
    );
  return [name.name, { value, span: expr.span }];
}

// In a member, what needs tensors is computed where it is used.
function replacement(frame: Frame, expr: Expr): Value {
  try {
    const value = evaluate(frame, expr);
    return value.kind === 'tensor' && value.slot ? { kind: 'parameter', slot: value.slot } : value;
  } catch (error) {
    if (!(error instanceof NeedsGraph)) throw error;
    return {
      kind: 'computed',
      make: (reader) => evaluate({ ...frame, graph: reader.graph, keys: reader.keys, training: reader.training }, expr),
    };
  }
}

function checkOverride(frame: Frame, instance: Instance, name: string, value: Value, override: NamedValue): void {
  const { span } = override.name;
  const target = instance.members.get(name);
  if (target === undefined || target.kind === 'none')
    return reject(
      frame,
      messages.E0209(
        span,
        { what: describe({ kind: 'instance', instance }), member: name },
        didYouMean(name, instance.members.keys(), span),
      ),
    );
  if (target.kind !== 'parameter' || value.kind === 'computed' || value.kind === 'unknown') return;
  const type = value.kind === 'parameter' ? value.slot.type : value.kind === 'tensor' ? value.value.type : null;
  if (type === null)
    return reject(
      frame,
      messages.E0402(span, { what: `\`${name}\``, expected: typeText(target.slot.type, true), got: describe(value) }),
    );
  const same =
    type.dtype === target.slot.type.dtype &&
    type.shape.length === target.slot.type.shape.length &&
    type.shape.every((d, i) => {
      const own = target.slot.type.shape[i];
      return own && equalDims(frame, d, own) === 'proved';
    });
  if (!same)
    reject(
      frame,
      messages.E0503(span, {
        target: name,
        source: spanText(override.value.span),
        reason: `${typeText(target.slot.type, true)} is not ${typeText(type, true)}`,
      }),
    );
}
