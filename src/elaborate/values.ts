// What an expression evaluates to: static values known to the compiler, or tensors of the graph
// under construction. Static ints are dims, so that sizes stay symbolic until they are bound.
import type { FnDecl, LambdaExpr, TypeDecl, UnitDecl } from '../parser/ast.ts';
import { asConstant, type Dim, type DimLike, dim as toDim } from '../ir/dim.ts';
import type { DType } from '../ir/dtype.ts';
import type { TensorType, Value as GraphValue } from '../ir/graph.ts';
import type { Span } from '../support/source.ts';
import type { Derivation } from './derivation.ts';
import type { Frame } from './frame.ts';
import type { Instance, Slot } from './instances.ts';
import type { Precision } from './precision.ts';
import type { Primitive } from './prelude/primitive.ts';
import type { Scope } from './scope.ts';

/** A run-time tensor. `slot` is set where it is a parameter, state or cache read as it is. */
export interface TensorValue {
  readonly kind: 'tensor';
  readonly value: GraphValue;
  readonly slot?: Slot;
  readonly derivation?: Derivation;
  /** In a tabulation: the value at each index as a dim over the index variables, for proofs of bounds. */
  readonly index?: Dim;
}

/** A declared function with the scope it closes over, and the instance it belongs to. */
export interface FnValue {
  readonly kind: 'fn';
  readonly decl: FnDecl;
  readonly scope: Scope;
  readonly instance: Instance | null;
}

/** A lambda with the frame parts it closes over. */
export interface LambdaValue {
  readonly kind: 'lambda';
  readonly decl: LambdaExpr;
  readonly scope: Scope;
  readonly training: boolean;
  readonly precision?: Precision | undefined;
}

/** A tuple; `names` has the element's name or null, like the source. */
export interface TupleValue {
  readonly kind: 'tuple';
  readonly names: readonly (string | null)[];
  readonly items: readonly Value[];
}

/** Any value of the language at compile time. `computed` is a tensor made anew in each graph; `unknown` follows an error and silences what depends on it. */
export type Value =
  /** `session`: a dim of the session, which signatures do not take for a size of theirs. */
  | { readonly kind: 'int'; readonly dim: Dim; readonly session?: true }
  | { readonly kind: 'real'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'str'; readonly value: string }
  | { readonly kind: 'dtype'; readonly dtype: DType }
  | { readonly kind: 'none' }
  | { readonly kind: 'list'; readonly items: readonly Value[] }
  | { readonly kind: 'primitive'; readonly primitive: Primitive }
  | { readonly kind: 'unit'; readonly decl: UnitDecl; readonly scope: Scope }
  | { readonly kind: 'instance'; readonly instance: Instance }
  | { readonly kind: 'optimizer'; readonly instance: Instance; readonly options: ReadonlyMap<string, GivenArgument> }
  | { readonly kind: 'parameter'; readonly slot: Slot }
  | { readonly kind: 'type'; readonly decl: TypeDecl; readonly scope: Scope }
  | { readonly kind: 'namespace'; readonly module: string; readonly names: ReadonlyMap<string, () => Value> }
  | { readonly kind: 'computed'; readonly make: (frame: Frame) => Value }
  | { readonly kind: 'unknown' }
  | TupleValue
  | FnValue
  | LambdaValue
  | TensorValue;

/** The value of a failed expression. */
export const unknown: Value = { kind: 'unknown' };
export const none: Value = { kind: 'none' };

export const int = (d: DimLike): Value => ({ kind: 'int', dim: toDim(d) });
export const real = (value: number): Value => ({ kind: 'real', value });
export const bool = (value: boolean): Value => ({ kind: 'bool', value });
export const str = (value: string): Value => ({ kind: 'str', value });
export const list = (items: readonly Value[]): Value => ({ kind: 'list', items });
export const tuple = (items: readonly Value[], names?: readonly (string | null)[]): TupleValue => ({
  kind: 'tuple',
  items,
  names: names ?? items.map(() => null),
});

/** Wraps a graph value, with how it came about. */
export const tensor = (value: GraphValue, derivation?: Derivation): TensorValue =>
  derivation === undefined ? { kind: 'tensor', value } : { kind: 'tensor', value, derivation };

/** The number that a static value is, when it is one and is not symbolic. */
export function asNumber(value: Value): number | undefined {
  if (value.kind === 'real') return value.value;
  return value.kind === 'int' ? asConstant(value.dim) : undefined;
}

/** `[b, 784]`. */
export const shapeText = (shape: readonly Dim[]): string => `[${shape.map((d) => d.key).join(', ')}]`;

/** `i32[b]`; floats are plain `[b, n]`, as people write them, unless `full`. */
export const typeText = (type: TensorType, full = false): string =>
  `${type.dtype === 'f32' && !full ? '' : type.dtype}${shapeText(type.shape)}`;

/** A value as a message names it: its type where it is a tensor, itself where it is short. */
export function describe(value: Value): string {
  switch (value.kind) {
    case 'int':
      return asConstant(value.dim) === undefined ? `the int ${value.dim.key}` : value.dim.key;
    case 'real':
      return String(value.value);
    case 'bool':
      return String(value.value);
    case 'str':
      return JSON.stringify(value.value);
    case 'dtype':
      return value.dtype;
    case 'none':
      return 'none';
    case 'tensor':
      return typeText(value.value.type, true);
    case 'parameter':
      return `the parameter \`${value.slot.name}\``;
    case 'list':
      return `a list of ${value.items.length}`;
    case 'tuple':
      return `a tuple of ${value.items.length}`;
    case 'fn':
      return `the function \`${value.decl.name.name}\``;
    case 'lambda':
      return 'a function';
    case 'primitive':
      return `the function \`${value.primitive.name}\``;
    case 'unit':
      return `the ${value.decl.unit} \`${value.decl.name.name}\``;
    case 'instance':
      return `an instance of \`${value.instance.decl.name.name}\``;
    case 'optimizer':
      return `the optimizer \`${value.instance.decl.name.name}\``;
    case 'type':
      return `the type \`${value.decl.name.name}\``;
    case 'namespace':
      return `the module "${value.module}"`;
    case 'computed':
      return 'a computed member';
    case 'unknown':
      return 'unknown';
  }
}

/** What `kind(v)` gives. */
export function kindName(value: Value): string {
  const groups: Readonly<Record<string, string>> = {
    lambda: 'fn',
    primitive: 'fn',
    unit: 'layer',
    instance: 'layer',
    parameter: 'tensor',
    computed: 'tensor',
  };
  return groups[value.kind] ?? value.kind;
}

/** Whether two static values are the same; undefined where that is not decided by them alone. */
export function sameStatic(a: Value, b: Value): boolean | undefined {
  if (a.kind === 'unknown' || b.kind === 'unknown') return undefined;
  const [x, y] = [asNumber(a), asNumber(b)];
  if (x !== undefined && y !== undefined) return x === y;
  if ((a.kind === 'list' && b.kind === 'list') || (a.kind === 'tuple' && b.kind === 'tuple')) {
    if (a.items.length !== b.items.length) return false;
    const parts = a.items.map((item, i) => sameStatic(item, b.items[i] ?? none));
    return parts.includes(false) ? false : parts.includes(undefined) ? undefined : true;
  }
  if (a.kind !== b.kind)
    return (a.kind === 'int' && b.kind === 'real') || (a.kind === 'real' && b.kind === 'int') ? undefined : false;
  if (a.kind === 'int' && b.kind === 'int') return a.dim.key === b.dim.key ? true : undefined;
  if (a.kind === 'bool' && b.kind === 'bool') return a.value === b.value;
  if (a.kind === 'str' && b.kind === 'str') return a.value === b.value;
  if (a.kind === 'dtype' && b.kind === 'dtype') return a.dtype === b.dtype;
  if (a.kind === 'none') return true;
  return a === b;
}

/** Whether a part of the value is unknown. */
export const hasUnknown = (value: Value): boolean =>
  value.kind === 'unknown' || ((value.kind === 'list' || value.kind === 'tuple') && value.items.some(hasUnknown));

/** An argument at a call, with where it stands. */
export interface GivenArgument {
  readonly value: Value;
  readonly span: Span;
}
