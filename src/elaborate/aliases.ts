// Type aliases: what a name in a type stands for. `Grid[f32]`, a generic alias with its dtypes, parses like a
// tensor of dtype `Grid`. An alias is closed where it is declared: other aliases and ints of its file are put in.
import { asConstant } from '../ir/dim.ts';
import { isDType } from '../ir/dtype.ts';
import type { DimExpr, Expr, Identifier, NamedType, TensorType, TypeDecl, TypeExpr } from '../parser/ast.ts';
import { messages } from '../support/messages.gen.ts';
import type { Span } from '../support/source.ts';
import { aliasCycle } from './alias-cycle.ts';
import { reject, spend, type Frame } from './frame.ts';
import type { Scope } from './scope.ts';
import { didYouMean, suggestion } from './spelling.ts';
import type { Value } from './values.ts';

/** Types that are words of the language. */
export const basicTypes: readonly string[] = ['int', 'real', 'bool', 'str', 'dtype', 'shape'];

/** What other languages call them. */
/** Dtypes of files, which no tensor of a program has. */
const ofFiles: ReadonlySet<string> = new Set(['bf16', 'f64', 'i8', 'u8']);

const otherNames: Readonly<Record<string, string>> = {
  integer: 'int',
  Int: 'int',
  float: 'real',
  number: 'real',
  boolean: 'bool',
  string: 'str',
  Module: 'layer',
  f64: 'f32',
  bf16: 'f32',
  i8: 'f32',
  u8: 'f32',
  float32: 'f32',
  float16: 'f16',
  i64: 'i32',
  int32: 'i32',
  int64: 'i32',
  uint32: 'u32',
};

const dtypes = ['f32', 'f16', 'i32', 'u32', 'bool'];

/** The diagnostic of a name that is no type; only types are suggested. */
export function unknownType(
  scope: Scope,
  { name, span }: Identifier,
  place: 'type' | 'dtype',
): ReturnType<typeof messages.E0213> {
  const declared = [...scope.names()].filter((each) => {
    const kind = scope.lookup(each)?.kind;
    return kind === 'type' || (kind === 'unit' && place === 'type');
  });
  const words = place === 'type' ? [...basicTypes, 'layer', 'list'] : dtypes;
  const known = [...words, ...declared];
  const other = otherNames[name];
  const isFound = other !== undefined && known.includes(other);
  const near = isFound ? suggestion(other, span) : didYouMean(name, known, span);
  const notes = ofFiles.has(name)
    ? { notes: [`weights that a file holds as ${name} are widened when they are loaded`] }
    : {};
  return messages.E0213(span, { name }, { ...near, ...notes });
}

/** What a named type names. */
export function lookupPath(scope: Scope, type: NamedType): Value | undefined {
  const [first, ...rest] = type.path;
  let value = first ? scope.lookup(first.name) : undefined;
  for (const part of rest) value = value?.kind === 'namespace' ? value.names.get(part.name)?.() : undefined;
  return value;
}

/** The type that an alias stands for; undefined for any other type. @throws Rejected where it contains itself */
export function aliasOf(frame: Frame, type: TypeExpr): TypeExpr | undefined {
  const named = aliasNamed(frame, type);
  if (!named) return undefined;
  const { decl, scope } = named;
  spend(frame, type.span);
  const cycle = aliasCycle(decl, scope);
  if (cycle.length > 0)
    return reject(
      frame,
      messages.E0106(decl.name.span, { name: decl.name.name, verb: 'contains', cycle: cycle.join(' -> ') }),
    );
  const given = type.kind === 'tensor-type' ? type.dims.map((d) => dtypeArgument(frame, d)) : [];
  checkCount(frame, decl, given.length, type.span);
  const generics = new Map(decl.generics.map(({ name }, i) => [name, given[i] ?? name]));
  return closed({ ...frame, scope }, decl.value, generics);
}

type TypeValue = Value & { readonly kind: 'type' };

function aliasNamed(frame: Frame, type: TypeExpr): TypeValue | undefined {
  if (type.kind !== 'named-type' && type.kind !== 'tensor-type') return undefined;
  const first = type.kind === 'named-type' ? type.path[0]?.name : type.dtype?.name;
  if (first === undefined || first === 'float' || frame.signature.generics.has(first)) return undefined;
  if (type.kind === 'named-type' ? basicTypes.includes(first) : isDType(first)) return undefined;
  const found = type.kind === 'named-type' ? lookupPath(frame.scope, type) : frame.scope.lookup(first);
  return found?.kind === 'type' ? found : undefined;
}

// An argument is the name of a dtype, or of a generic of the function that this is in.
function dtypeArgument(frame: Frame, entry: DimExpr): string {
  const name = entry.kind === 'expr-dim' && entry.value.kind === 'name' ? entry.value.name : undefined;
  if (name !== undefined && (isDType(name) || name === 'float' || frame.signature.generics.has(name))) return name;
  const value = name === undefined ? undefined : frame.scope.lookup(name);
  if (value?.kind === 'dtype') return value.dtype;
  if (name !== undefined)
    return reject(frame, unknownType(frame.scope, { kind: 'identifier', name, span: entry.span }, 'dtype'));
  return reject(
    frame,
    messages.E0402(entry.span, { what: 'the argument of a type', expected: 'a dtype', got: 'a dim' }),
  );
}

function checkCount(frame: Frame, decl: TypeDecl, count: number, span: Span): void {
  const wanted = decl.generics.length;
  if (count === wanted) return;
  const { name } = decl.name;
  const missing = decl.generics[count]?.name;
  if (missing !== undefined)
    reject(
      frame,
      messages.E0205(
        span,
        { what: 'type', callee: name, argument: missing },
        { helps: [{ text: `write \`${name}[${decl.generics.map(() => 'f32').join(', ')}]\`` }] },
      ),
    );
  const expected = `${wanted} dtype${wanted === 1 ? '' : 's'}`;
  reject(frame, messages.E0206(span, { what: 'type', callee: name, expected, got: count }));
}

// The type with what its own file means by the names in it.
function closed(frame: Frame, type: TypeExpr, generics: ReadonlyMap<string, string>): TypeExpr {
  const inside = (inner: TypeExpr): TypeExpr => closed(frame, inner, generics);
  switch (type.kind) {
    case 'tensor-type':
      return closedTensor(frame, type, generics);
    case 'named-type':
      return aliasOf(frame, type) ?? type;
    case 'optional-type':
      return { ...type, type: inside(type.type) };
    case 'tuple-type':
      return { ...type, elements: type.elements.map((e) => ({ ...e, type: inside(e.type) })) };
    case 'union-type':
      return { ...type, types: type.types.map(inside) };
    case 'list-type':
      return type.element ? { ...type, element: inside(type.element) } : type;
    case 'fn-type':
      return { ...type, params: type.params.map(inside), result: inside(type.result) };
    case 'literal-type':
    case 'layer-type':
    case 'error-type':
      return type;
  }
}

function closedTensor(frame: Frame, type: TensorType, generics: ReadonlyMap<string, string>): TypeExpr {
  const rename = (id: Identifier): Identifier => ({ ...id, name: generics.get(id.name) ?? id.name });
  const dims = type.dims.map((d): DimExpr => {
    if (d.kind !== 'expr-dim') return d;
    const isArgument = d.value.kind === 'name' && generics.has(d.value.name);
    return { ...d, value: isArgument ? renamed(d.value, generics) : knownInts(frame.scope, d.value) };
  });
  const own: TensorType = { ...type, dims, dtype: type.dtype ? rename(type.dtype) : null };
  const bound = new Map([...generics.values()].map((name) => [name, null]));
  const signature = { ...frame.signature, generics: new Map([...frame.signature.generics, ...bound]) };
  return aliasOf({ ...frame, signature }, own) ?? own;
}

const renamed = (expr: Expr, names: ReadonlyMap<string, string>): Expr =>
  expr.kind === 'name' ? { ...expr, name: names.get(expr.name) ?? expr.name } : expr;

// Names of known ints become numbers.
function knownInts(scope: Scope, expr: Expr): Expr {
  if (expr.kind === 'binary')
    return { ...expr, left: knownInts(scope, expr.left), right: knownInts(scope, expr.right) };
  if (expr.kind !== 'name') return expr;
  const value = scope.lookup(expr.name);
  const n = value?.kind === 'int' ? asConstant(value.dim) : undefined;
  return n === undefined ? expr : { kind: 'number', span: expr.span, isInteger: true, value: n, text: String(n) };
}
