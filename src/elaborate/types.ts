// Annotations against values: dims bind at their first plain occurrence and are checked everywhere
// else, numbers adapt to the dtype that is asked for. A mismatch is data; callers word the error.
import { type Dim } from '../ir/dim.ts';
import type { Answer } from '../ir/dim-solver.ts';
import { isDType, isFloat, type DType } from '../ir/dtype.ts';
import type { TensorType as GraphType } from '../ir/graph.ts';
import type { DimExpr, Expr, NamedType, TensorType, TypeExpr } from '../parser/ast.ts';
import { messages } from '../support/messages.gen.ts';
import { spanText } from '../support/source.ts';
import { equalDims, resolved } from './dims.ts';
import { evaluate } from './expressions/evaluate.ts';
import { toTensor } from './expressions/tensors.ts';
import { aliasOf, lookupPath, unknownType } from './aliases.ts';
import { reject, Rejected, type Frame } from './frame.ts';
import { floatOf } from './precision.ts';
import { Scope } from './scope.ts';
import {
  asNumber,
  describe,
  int,
  none,
  sameStatic,
  tensor,
  tuple,
  unknown,
  real,
  shapeText,
  type Value,
} from './values.ts';

/** Why a value does not have a type. */
export class Mismatch extends Error {
  constructor(
    readonly reason: 'kind' | 'dtype' | 'rank' | 'dim',
    readonly expected: string,
    readonly got: string,
    /** For `dim`: the axis, what it must be (and where that is written), what it is, how sure. */
    readonly axis?: {
      readonly index: number;
      readonly needed: Dim;
      readonly written: Expr | null;
      readonly got: Dim;
      readonly answer: Answer;
    },
  ) {
    super(`${expected} from ${got}`);
  }
}

/** The int that a plain name of a signature means, if it is one: a bound dim, else an int in scope, but no dim of the session. */
export function dimNamed(frame: Frame, name: string): Dim | undefined {
  const own = frame.signature.dims.get(name);
  if (own) return resolved(frame, own);
  const value = frame.scope.lookupBelow(name, frame.session.prelude);
  if (value?.kind === 'unknown') throw new Rejected();
  return value?.kind === 'int' && !value.session ? resolved(frame, value.dim) : undefined;
}

/** Binds a name as a dim of the signature, visible in its scope as an int. */
export function bindDim(frame: Frame, name: string, dim: Dim): void {
  frame.signature.dims.set(name, dim);
  frame.scope.define(name, int(dim));
}

const packName = (dim: DimExpr): string | undefined => (dim.kind === 'pack-dim' ? (dim.name?.name ?? '') : undefined);

/** Splits a shape over the entries of a type: one list of dims per entry, or null where ranks differ. */
function align(frame: Frame, type: TensorType, shape: readonly Dim[]): readonly (readonly Dim[])[] | null {
  const sizes = type.dims.map((d) => {
    const pack = packName(d);
    return pack === undefined ? 1 : frame.signature.packs.get(pack)?.length;
  });
  const fixed = sizes.reduce<number>((sum, n) => sum + (n ?? 0), 0);
  const free = sizes.filter((n) => n === undefined).length;
  if (free > 1 || shape.length < fixed || (free === 0 && shape.length !== fixed)) return null;
  let at = 0;
  return sizes.map((n) => shape.slice(at, (at += n ?? shape.length - fixed)));
}

/** First pass over an argument: binds dims and packs at plain occurrences. */
export function bindDims(frame: Frame, type: TypeExpr, value: Value): void {
  switch (type.kind) {
    case 'tensor-type': {
      const alias = aliasOf(frame, type);
      if (alias) return bindDims(frame, alias, value);
      const shape = shapeOf(frame, value);
      const parts = shape && align(frame, type, shape);
      if (!parts) return;
      type.dims.forEach((d, i) => bindEntry(frame, d, parts[i] ?? []));
      return;
    }
    case 'optional-type':
      return value.kind === 'none' ? undefined : bindDims(frame, type.type, value);
    case 'tuple-type':
      if (value.kind === 'tuple') type.elements.forEach((e, i) => bindDims(frame, e.type, value.items[i] ?? none));
      return;
    case 'union-type': {
      const fits = type.types.find((t) => couldFit(frame, t, value));
      return fits ? bindDims(frame, fits, value) : undefined;
    }
    case 'list-type': {
      const element = type.element;
      if (element && value.kind === 'list') value.items.forEach((item) => bindDims(frame, element, item));
      return;
    }
    case 'named-type': {
      const alias = aliasOf(frame, type);
      return alias ? bindDims(frame, alias, value) : undefined;
    }
    case 'literal-type':
    case 'fn-type':
    case 'layer-type':
    case 'error-type':
      return;
  }
}

// Whether an alternative of a union is the one that binds dims: by rank, dtype and number of parts.
function couldFit(frame: Frame, type: TypeExpr, value: Value): boolean {
  const alias = aliasOf(frame, type);
  if (alias) return couldFit(frame, alias, value);
  if (type.kind === 'tuple-type')
    return (
      value.kind === 'tuple' &&
      value.items.length === type.elements.length &&
      type.elements.every((e, i) => couldFit(frame, e.type, value.items[i] ?? none))
    );
  if (type.kind === 'optional-type') return value.kind === 'none' || couldFit(frame, type.type, value);
  if (type.kind !== 'tensor-type') return type.kind === 'list-type' && value.kind === 'list';
  const shape = shapeOf(frame, value);
  if (!shape || !align(frame, type, shape)) return false;
  const dtype = dtypeOf(frame, type);
  const own = value.kind === 'tensor' ? value.value.type.dtype : undefined;
  return own === undefined || dtype === null || dtype === own || (isFloat(dtype) && isFloat(own));
}

// In a tabulation, what there is once for each index is a scalar.
const seenShape = (frame: Frame, { value }: Value & { kind: 'tensor' }): readonly Dim[] =>
  frame.tabulating?.owns(value) === true ? [] : value.type.shape;

const shapeOf = (frame: Frame, value: Value): readonly Dim[] | undefined =>
  value.kind === 'tensor'
    ? seenShape(frame, value)
    : value.kind === 'parameter'
      ? value.slot.type.shape
      : asNumber(value) !== undefined || value.kind === 'int' || value.kind === 'bool'
        ? []
        : undefined;

function bindEntry(frame: Frame, entry: DimExpr, dims: readonly Dim[]): void {
  const pack = packName(entry);
  if (pack !== undefined) {
    if (!frame.signature.packs.has(pack)) frame.signature.packs.set(pack, dims);
    return;
  }
  const [d] = dims;
  if (entry.kind !== 'expr-dim' || entry.value.kind !== 'name' || d === undefined) return;
  if (dimNamed(frame, entry.value.name) === undefined) bindDim(frame, entry.value.name, d);
}

/** Second pass: the value as a value of the type, adapted. @throws Mismatch */
export function matchType(frame: Frame, type: TypeExpr, value: Value): Value {
  if (value.kind === 'unknown' || type.kind === 'error-type') return value;
  switch (type.kind) {
    case 'tensor-type':
      return matchTensor(frame, type, value);
    case 'named-type':
      return matchNamed(frame, type, value);
    case 'optional-type':
      return value.kind === 'none' ? value : matchType(frame, type.type, value);
    case 'literal-type': {
      const literal: Value =
        type.value.kind === 'string' ? { kind: 'str', value: type.value.value } : numberValue(type.value);
      if (sameStatic(literal, value) === true) return value;
      throw kindMismatch(type, value);
    }
    case 'union-type':
      return matchUnion(frame, type.types, value, type);
    case 'tuple-type': {
      if (value.kind !== 'tuple' || value.items.length !== type.elements.length) throw kindMismatch(type, value);
      const items = type.elements.map((e, i) => matchType(frame, e.type, value.items[i] ?? none));
      return tuple(
        items,
        type.elements.map((e, i) => e.name?.name ?? value.names[i] ?? null),
      );
    }
    case 'list-type': {
      if (value.kind !== 'list') throw kindMismatch(type, value);
      const element = type.element;
      return element ? { kind: 'list', items: value.items.map((item) => matchType(frame, element, item)) } : value;
    }
    case 'fn-type':
      if (takes(value, type.params.length)) return value;
      throw kindMismatch(type, value);
    case 'layer-type':
      if (value.kind === 'unit' || value.kind === 'instance') return value;
      throw kindMismatch(type, value);
  }
}

// Whether a value can be called with so many arguments.
function takes(value: Value, count: number): boolean {
  if (value.kind === 'dtype') return count === 1;
  const forward = value.kind === 'instance' ? value.instance.members.get('forward') : value;
  if (forward?.kind === 'primitive') {
    const { params } = forward.primitive;
    return params.filter((name) => !name.endsWith('?')).length <= count && count <= params.length;
  }
  if (forward?.kind !== 'fn' && forward?.kind !== 'lambda') return false;
  const { params } = forward.decl;
  return params.filter((p) => !p.default).length <= count && count <= params.length;
}

const numberValue = (n: { readonly isInteger: boolean; readonly value: number }): Value =>
  n.isInteger ? int(n.value) : real(n.value);

const kindMismatch = (type: TypeExpr, value: Value): Mismatch =>
  new Mismatch('kind', spanText(type.span), describe(value));

// The alternative that fits; if none does, the complaint of the one that came closest.
function matchUnion(frame: Frame, types: readonly TypeExpr[], value: Value, whole: TypeExpr): Value {
  let closest: Mismatch | null = null;
  for (const type of types) {
    if (isPlainlyOther(type, value)) continue;
    try {
      return matchType(frame, type, value);
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error;
      if (error.reason === 'dim' || error.reason === 'rank') closest = error;
    }
  }
  throw closest ?? kindMismatch(whole, value);
}

// Alternatives that are told apart without an error, which would cost more than everything else here.
function isPlainlyOther(type: TypeExpr, value: Value): boolean {
  if (type.kind === 'literal-type') return type.value.kind === 'string' && value.kind !== 'str';
  if (type.kind === 'list-type') return value.kind !== 'list';
  const name = type.kind === 'named-type' && type.path.length === 1 ? (type.path[0]?.name ?? '') : '';
  return basics[name]?.(value) === false;
}

function matchTensor(frame: Frame, type: TensorType, value: Value): Value {
  const alias = aliasOf(frame, type);
  if (alias) return matchType(frame, alias, value);
  const dtype = dtypeOf(frame, type);
  const given = value.kind === 'computed' ? value.make(frame) : value;
  if (given.kind === 'tensor') return checkTensor(frame, type, dtype, given);
  const expected = expectedText(frame, type);
  if (given.kind === 'parameter') {
    checkShape(frame, type, given.slot.type.shape, describe(given));
    return given;
  }
  if (asNumber(given) === undefined && given.kind !== 'int' && given.kind !== 'bool')
    throw new Mismatch('kind', expected, describe(given));
  if (given.kind === 'bool' ? (dtype ?? 'bool') !== 'bool' : dtype === 'bool')
    throw new Mismatch('dtype', expected, describe(given));
  if (given.kind === 'real' && dtype && !isFloat(dtype)) throw new Mismatch('dtype', expected, describe(given));
  checkShape(frame, type, [], describe(given));
  if (frame.graph === null) return given;
  return tensor(toTensor(frame, given, dtype ?? undefined, type.span));
}

function checkTensor(frame: Frame, type: TensorType, dtype: DType | null, value: Value & { kind: 'tensor' }): Value {
  const wide = converted(frame, type, dtype, value);
  if (wide) return checkTensor(frame, type, dtype, wide);
  const actual = value.value.type;
  const got =
    (dtype === actual.dtype || dtype === null) && isFloat(actual.dtype) ? shapeText(actual.shape) : describe(value);
  if (dtype !== null && dtype !== actual.dtype)
    throw new Mismatch('dtype', expectedText(frame, type, true), describe(value));
  checkShape(frame, type, seenShape(frame, value), got);
  return value;
}

// Between f32 and `float` conversions are put in; an f32 is not narrowed to an f16 that was written out.
function converted(
  frame: Frame,
  type: TensorType,
  dtype: DType | null,
  value: Value & { kind: 'tensor' },
): (Value & { kind: 'tensor' }) | null {
  const from = value.value.type.dtype;
  if (dtype === null || from === dtype || !isFloat(dtype) || !isFloat(from) || !frame.graph) return null;
  if (dtype !== 'f32' && type.dtype !== null && type.dtype.name !== 'float') return null;
  const { slot: _, ...rest } = value;
  return { ...rest, value: frame.graph.builder.cast(value.value, dtype) };
}

function checkShape(frame: Frame, type: TensorType, shape: readonly Dim[], got: string): void {
  const parts = align(frame, type, shape);
  if (!parts) throw new Mismatch('rank', expectedText(frame, type), got);
  let at = 0;
  type.dims.forEach((entry, i) => {
    const dims = parts[i] ?? [];
    const needed = neededDims(frame, entry, dims);
    dims.forEach((d, k) => {
      const n = needed[k];
      if (n === undefined) return;
      const answer = equalDims(frame, n, d);
      if (answer !== 'proved') {
        const written = entry.kind === 'expr-dim' ? entry.value : null;
        throw new Mismatch('dim', expectedText(frame, type), got, {
          index: at + k,
          needed: resolved(frame, n),
          written,
          got: resolved(frame, d),
          answer,
        });
      }
    });
    at += dims.length;
  });
}

function neededDims(frame: Frame, entry: DimExpr, dims: readonly Dim[]): readonly (Dim | undefined)[] {
  if (entry.kind === 'any-dim') return dims.map(() => undefined);
  const pack = packName(entry);
  if (pack !== undefined) return frame.signature.packs.get(pack) ?? [];
  return entry.kind === 'expr-dim' ? [dimOf(frame, entry.value)] : [];
}

/** The value of a dim expression under the signature; undefined after an error. */
export function dimOf(frame: Frame, expr: Expr): Dim | undefined {
  if (expr.kind === 'name') {
    const named = dimNamed(frame, expr.name);
    if (named) return named;
    const value = frame.scope.lookup(expr.name);
    if (value?.kind === 'unknown') return undefined;
    if (value?.kind === 'int' && value.session) return frame.graph?.dim(expr.name) ?? value.dim;
    // Read by a call.
    if (frame.graph?.isSession(expr.name) && frame.graph.dims.some(({ name }) => name === expr.name))
      return frame.graph.dim(expr.name);
    reject(frame, messages.E0311(expr.span, { dim: expr.name }));
  }
  const scope = new Scope(frame.scope);
  for (const [name, d] of frame.signature.dims) scope.define(name, int(d));
  const unbound = namesIn(expr).find((e) => scope.lookup(e.name) === undefined);
  if (unbound)
    return reject(
      frame,
      messages.E0311(
        unbound.span,
        { dim: unbound.name },
        { helps: [{ text: `a dim is bound where it stands alone, such as \`[${unbound.name}]\`` }] },
      ),
    );
  const value = evaluate({ ...frame, scope }, expr);
  if (value.kind === 'unknown') return undefined;
  if (value.kind === 'int') return resolved(frame, value.dim);
  return reject(
    frame,
    messages.E0402(expr.span, { what: `the dim \`${spanText(expr.span)}\``, expected: 'an int', got: describe(value) }),
  );
}

// The names of an arithmetic expression: calls are left to their own errors.
function namesIn(expr: Expr): readonly (Expr & { readonly kind: 'name' })[] {
  if (expr.kind === 'name') return [expr];
  if (expr.kind === 'binary') return [...namesIn(expr.left), ...namesIn(expr.right)];
  return expr.kind === 'unary' ? namesIn(expr.operand) : [];
}

/** The dtype of a tensor type: null for a generic that is not bound yet (it is bound by the value). */
export function dtypeOf(frame: Frame, type: TensorType): DType | null {
  const name = type.dtype?.name ?? 'float';
  if (name === 'float') return floatOf(frame);
  if (isDType(name)) return name;
  const generic = frame.signature.generics.get(name);
  if (generic !== undefined) return generic;
  const value = frame.scope.lookup(name);
  if (value?.kind === 'dtype') return value.dtype;
  return reject(frame, unknownType(frame.scope, type.dtype ?? { kind: 'identifier', name, span: type.span }, 'dtype'));
}

/** Binds generics (`[T: dtype]`) from the values of parameters. @throws Mismatch when two disagree */
export function bindGenerics(frame: Frame, type: TypeExpr, value: Value): void {
  if (type.kind === 'optional-type') return bindGenerics(frame, type.type, value);
  const name = type.kind === 'tensor-type' ? type.dtype?.name : undefined;
  if (name !== undefined && value.kind === 'tensor' && frame.signature.generics.get(name) === null)
    frame.signature.generics.set(name, value.value.type.dtype);
}

function matchNamed(frame: Frame, type: NamedType, value: Value): Value {
  const [first, ...rest] = type.path;
  const name = first?.name ?? '';
  if (rest.length === 0 && name in basics) {
    if (basics[name]?.(value)) return value;
    throw kindMismatch(type, value);
  }
  const alias = aliasOf(frame, type);
  if (alias) return matchType(frame, alias, value);
  const found = lookupPath(frame.scope, type);
  if (found?.kind === 'unit') {
    if (value.kind === 'instance' && value.instance.decl === found.decl) return value;
    throw kindMismatch(type, value);
  }
  if (found?.kind === 'unknown') return unknown;
  return reject(frame, unknownType(frame.scope, { kind: 'identifier', name, span: type.span }, 'type'));
}

const basics: Readonly<Record<string, (value: Value) => boolean>> = {
  int: (v) => v.kind === 'int',
  real: (v) => v.kind === 'real' || v.kind === 'int',
  bool: (v) => v.kind === 'bool',
  str: (v) => v.kind === 'str',
  dtype: (v) => v.kind === 'dtype',
  shape: (v) => v.kind === 'list',
};

/** The type as a message shows it: bound dims by their value, free ones by name. */
export function expectedText(frame: Frame, type: TypeExpr, full = false): string {
  if (type.kind !== 'tensor-type') return spanText(type.span);
  const dims = type.dims.map((d) => {
    if (d.kind !== 'expr-dim') return spanText(d.span);
    const value = d.value.kind === 'name' ? dimNamed(frame, d.value.name) : quietDim(frame, d.value);
    return value?.key ?? spanText(d.span);
  });
  const dtype = type.dtype?.name ?? 'float';
  const shown = dtype === 'float' ? floatOf(frame) : (frame.signature.generics.get(dtype) ?? dtype);
  return `${shown === 'f32' && !full ? '' : shown}[${dims.join(', ')}]`;
}

function quietDim(frame: Frame, expr: Expr): Dim | undefined {
  try {
    return dimOf({ ...frame, session: { ...frame.session, report: () => {} } }, expr);
  } catch {
    return undefined;
  }
}

/** The graph type of an annotation whose dims are all known. Null after an error. */
export function graphType(frame: Frame, type: TypeExpr): GraphType | null {
  const inner = aliasOf(frame, type) ?? type;
  if (inner.kind !== 'tensor-type')
    return reject(
      frame,
      messages.E0402(type.span, {
        what: 'this type',
        expected: 'a tensor type such as `[n]`',
        got: `\`${spanText(type.span)}\``,
      }),
    );
  const shape: Dim[] = [];
  for (const entry of inner.dims) {
    const pack = packName(entry);
    if (pack !== undefined) shape.push(...(frame.signature.packs.get(pack) ?? []));
    else if (entry.kind === 'expr-dim') {
      const d = dimOf(frame, entry.value);
      if (!d) return null;
      shape.push(d);
    } else reject(frame, messages.E0311(entry.span, { dim: '_' }));
  }
  return { dtype: dtypeOf(frame, inner) ?? 'f32', shape };
}
