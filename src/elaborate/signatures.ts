// A function by itself: its parameters as inputs of a graph function, dims as fresh variables. Entry
// points become compiled functions; checks of signatures use the same inputs and drop the graph.
import { variable, type Dim } from '../ir/dim.ts';
import type { TensorType as GraphType, Value as GraphValue } from '../ir/graph.ts';
import type { DimExpr, Expr, FnDecl, Param, TensorType, TypeExpr } from '../parser/ast.ts';
import { derive } from './derivation.ts';
import type { Frame } from './frame.ts';
import type { GraphContext } from './graph-context.ts';
import type { Scope } from './scope.ts';
import { aliasOf, basicTypes, lookupPath, unknownType } from './aliases.ts';
import { bindDim, dimNamed, dimOf, dtypeOf, matchType, Mismatch } from './types.ts';
import { bool, int, list, none, real, str, tensor, tuple, unknown, type Value } from './values.ts';
import { evaluate, mismatchDiagnostic } from './expressions/evaluate.ts';
import { reject } from './frame.ts';
import { messages } from '../support/messages.gen.ts';

/** Names all dims at plain occurrences, so that expressions in any order can use them. */
export function bindFreshDims(frame: Frame, types: readonly TypeExpr[]): void {
  for (const type of types) {
    if (type.kind === 'optional-type') bindFreshDims(frame, [type.type]);
    else if (type.kind === 'tuple-type')
      bindFreshDims(
        frame,
        type.elements.map((e) => e.type),
      );
    else if (type.kind === 'union-type') bindFreshDims(frame, type.types);
    else if (type.kind === 'list-type') bindFreshDims(frame, type.element ? [type.element] : []);
    else {
      const alias = aliasOf(frame, type);
      if (alias) bindFreshDims(frame, [alias]);
      else if (type.kind === 'tensor-type') type.dims.forEach((d) => bindFresh(frame, d));
    }
  }
}

function bindFresh(frame: Frame, entry: DimExpr): void {
  if (entry.kind === 'pack-dim') {
    const name = entry.name?.name ?? '';
    if (!frame.signature.packs.has(name))
      frame.signature.packs.set(name, [packDim(frame, name === '' ? 'rest' : name)]);
    return;
  }
  if (entry.kind !== 'expr-dim' || entry.value.kind !== 'name') return;
  const { name } = entry.value;
  if (dimNamed(frame, name) === undefined) bindDim(frame, name, freshDim(frame, name));
}

// One axis stands for the pack. How two packs broadcast is the caller's business: nothing is reported of it.
function packDim(frame: Frame, name: string): Dim {
  if (frame.graph?.standalone) frame.graph.packs.add(name);
  return freshDim(frame, name);
}

const freshDim = (frame: Frame, name: string): Dim => frame.graph?.dim(name) ?? variable(name);

/** The graph type of an input. Null after an error. */
export function inputType(frame: Frame, type: TensorType): GraphType | null {
  const alias = aliasOf(frame, type);
  if (alias?.kind === 'tensor-type') return inputType(frame, alias);
  const shape: Dim[] = [];
  for (const entry of type.dims) {
    if (entry.kind === 'pack-dim') shape.push(...(frame.signature.packs.get(entry.name?.name ?? '') ?? []));
    else if (entry.kind === 'any-dim') shape.push(freshDim(frame, `any${shape.length}`));
    else {
      const d = dimOf(frame, entry.value);
      if (!d) return null;
      shape.push(d);
    }
  }
  const dtype = dtypeOf(frame, type);
  if (dtype === null && type.dtype) frame.signature.generics.set(type.dtype.name, 'f32');
  return { dtype: dtype ?? 'f32', shape };
}

/** An argument of the host, where an f16 is an f32. */
export function argumentOf(graph: GraphContext, name: string, type: GraphType): GraphValue {
  if (type.dtype !== 'f16') return graph.input(name, 'argument', type);
  return graph.builder.cast(graph.input(name, 'argument', { ...type, dtype: 'f32' }), 'f16');
}

/** What a parameter is when nobody gives it: an input, a symbol, or its default. */
export function symbolicValue(frame: Frame, param: Param, type: TypeExpr = param.type, path = param.name.name): Value {
  if (param.default && type.kind !== 'tensor-type') return evaluate(frame, param.default);
  switch (type.kind) {
    case 'tensor-type': {
      const alias = aliasOf(frame, type);
      if (alias) return symbolicValue(frame, param, alias, path);
      const own = inputType(frame, type);
      if (!own || !frame.graph) return unknown;
      return tensor(argumentOf(frame.graph, path, own), derive(path, own, 'parameter `' + path + '`'));
    }
    case 'optional-type':
      return none;
    case 'tuple-type':
      return tuple(
        type.elements.map((e, i) => symbolicValue(frame, param, e.type, `${path}.${e.name?.name ?? i}`)),
        type.elements.map((e) => e.name?.name ?? null),
      );
    case 'named-type': {
      const alias = aliasOf(frame, type);
      if (alias) return symbolicValue(frame, param, alias, path);
      const { scope } = frame;
      const [first] = type.path;
      if (first?.name === 'int') return int(freshDim(frame, path));
      const isKnown = !first || basicTypes.includes(first.name) || lookupPath(scope, type) !== undefined;
      return isKnown ? unknown : reject(frame, unknownType(scope, { ...first, span: type.span }, 'type'));
    }
    case 'union-type':
    case 'list-type':
    case 'literal-type':
    case 'fn-type':
    case 'layer-type':
    case 'error-type':
      return unknown;
  }
}

/** A parameter that the caller of an entry gives as a whole number, which is then a dim. */
export const isCount = ({ type, default: fallback }: Param): boolean =>
  type.kind === 'named-type' && type.path[0]?.name === 'int' && !fallback;

/** What makes a type no argument of an entry, in words; undefined where the host can give it. */
export function staticKind(frame: Frame, type: TypeExpr): string | undefined {
  const alias = aliasOf(frame, type);
  if (alias) return staticKind(frame, alias);
  switch (type.kind) {
    case 'tensor-type':
    case 'error-type':
      return undefined;
    case 'optional-type':
      return staticKind(frame, type.type);
    case 'tuple-type':
      return type.elements.map((e) => staticKind(frame, e.type)).find((kind) => kind !== undefined);
    case 'named-type': {
      const name = type.path[0]?.name ?? '';
      if (basicTypes.includes(name)) return `a static ${name}`;
      return lookupPath(frame.scope, type)?.kind === 'unit' ? 'a layer' : undefined;
    }
    case 'list-type':
      return 'a list';
    case 'union-type':
      return 'one of several types';
    case 'literal-type':
      return 'a static value';
    case 'fn-type':
      return 'a function';
    case 'layer-type':
      return 'a layer';
  }
}

/** Whether tensors of a type may have any number of axes. */
export function hasPack(frame: Frame, type: TypeExpr): boolean {
  const alias = aliasOf(frame, type);
  if (alias) return hasPack(frame, alias);
  if (type.kind === 'optional-type') return hasPack(frame, type.type);
  if (type.kind === 'tuple-type') return type.elements.some((e) => hasPack(frame, e.type));
  return type.kind === 'tensor-type' && type.dims.some(({ kind }) => kind === 'pack-dim');
}

/** The tensor type of a parameter that callers of an entry may leave out: `keep: bool[b, t]? = none`. Null for others. */
export function optionalTensor(scope: Scope, { type, default: fallback }: Param): TypeExpr | null {
  if (type.kind === 'tensor-type') return fallback ? type : null;
  if (type.kind !== 'optional-type') return null;
  const inner = type.type;
  if (inner.kind === 'tensor-type') return inner;
  const named = inner.kind === 'named-type' ? scope.lookup(inner.path[0]?.name ?? '') : undefined;
  return named?.kind === 'type' && named.decl.value.kind === 'tensor-type' ? named.decl.value : null;
}

/**
 * Inputs for all parameters of a function. Also defines them in its scope. For an entry, `given` says which
 * optional arguments are inputs; the others have their defaults.
 */
export function symbolicArguments(frame: Frame, decl: FnDecl, given?: ReadonlySet<string>): void {
  const params = given ? decl.params.map((param) => settled(frame, param, given)) : decl.params;
  for (const param of params)
    if (isCount(param)) frame.scope.define(param.name.name, int(freshDim(frame, param.name.name)));
  bindFreshDims(
    frame,
    params.filter((p) => !given || !p.default).map((p) => p.type),
  );
  for (const param of params) {
    const before = frame.scope.has(param.name.name) ? frame.scope.lookup(param.name.name) : undefined;
    const isDefault = given && param.default && param.type.kind === 'tensor-type';
    const value =
      before?.kind === 'int'
        ? before
        : isDefault
          ? defaultValue(frame, param, param.default)
          : symbolicValue(frame, param);
    if (before && before.kind === 'int' && frame.signature.dims.has(param.name.name) && !isInt(param.type))
      reject(frame, messages.E0203(param.name.span, { name: param.name.name }));
    frame.scope.define(param.name.name, value);
  }
}

// A default must have the type that it stands in for.
function defaultValue(frame: Frame, param: Param, written: Expr): Value {
  const value = evaluate(frame, written);
  try {
    return matchType(frame, param.type, value);
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    return reject(frame, mismatchDiagnostic(`the default of \`${param.name.name}\``, error, written.span, value));
  }
}

// An optional argument that is given is an ordinary one.
function settled(frame: Frame, param: Param, given: ReadonlySet<string>): Param {
  const type = given.has(param.name.name) ? optionalTensor(frame.scope, param) : null;
  return type ? { ...param, type, default: null } : param;
}

const isInt = (type: TypeExpr): boolean => type.kind === 'named-type' && type.path[0]?.name === 'int';

/** A setting given as text (`--set`), by the declared type. Undefined where it does not fit. */
export function settingValue(frame: Frame, type: TypeExpr, text: string): Value | undefined {
  if (type.kind === 'union-type')
    return type.types.map((t) => settingValue(frame, t, text)).find((v) => v !== undefined);
  if (type.kind === 'optional-type') return text === 'none' ? none : settingValue(frame, type.type, text);
  if (type.kind === 'literal-type')
    return type.value.kind === 'string' && type.value.value === text ? str(text) : undefined;
  if (type.kind === 'list-type') {
    const items = text
      .replace(/^\[|\]$/g, '')
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
    const values = items.map((part) =>
      /^-?\d+$/.test(part) ? int(Number(part)) : isNumber(part) ? real(Number(part)) : str(part),
    );
    return list(values);
  }
  if (type.kind === 'layer-type') return frame.scope.lookup(text);
  if (type.kind !== 'named-type') return undefined;
  const name = type.path[0]?.name ?? '';
  switch (name) {
    case 'int':
      return /^-?\d+$/.test(text) ? int(Number(text)) : undefined;
    case 'real':
      return isNumber(text) ? real(Number(text)) : undefined;
    case 'bool':
      return text === 'true' || text === 'false' ? bool(text === 'true') : undefined;
    case 'str':
      return str(text);
    default: {
      const alias = aliasOf(frame, type);
      if (alias) return settingValue(frame, alias, text);
      return lookupPath(frame.scope, type)?.kind === 'unit' ? frame.scope.lookup(text) : undefined;
    }
  }
}

const isNumber = (text: string): boolean => text.trim() !== '' && Number.isFinite(Number(text));
