/** Concrete tree → syntax tree: types, dims, parameters, patterns and binds. */
import type { CstNode } from 'chevrotain';
import { createSpan } from '../support/source.ts';
import type { Bind, DimExpr, Identifier, Param, Pattern, TupleTypeElement, TypeExpr } from './ast.ts';
import {
  emptySpan,
  endOf,
  identifier,
  nodeOf,
  nodes,
  spanOf,
  startOf,
  tokenOf,
  tokens,
  type Conversion,
} from './cst.ts';
import { numberLiteral, stringLiteral } from './literals.ts';
import { expr } from './to-ast-expr.ts';

/** A type; a missing one is an `ErrorType`. */
export function type(cx: Conversion, node: CstNode | undefined, near: number): TypeExpr {
  if (node === undefined) return { kind: 'error-type', span: emptySpan(cx, near) };
  const span = spanOf(cx, node, near);
  const types = nodes(node, 'typePart').map((part) => typePart(cx, part, span.start));
  const [first] = types;
  if (first === undefined) return { kind: 'error-type', span };
  return types.length === 1 ? first : { kind: 'union-type', span, types };
}

function typePart(cx: Conversion, node: CstNode | undefined, near: number): TypeExpr {
  if (node === undefined) return { kind: 'error-type', span: emptySpan(cx, near) };
  const mark = tokenOf(node, 'Optional');
  const span = spanOf(cx, node, near);
  if (mark === undefined) return plainType(cx, node, near);
  return { kind: 'optional-type', span, type: plainType(cx, node, near, cx.endBefore(mark.startOffset)) };
}

/** `end` is where the type ends when a `?` follows. */
function plainType(cx: Conversion, node: CstNode, near: number, end?: number): TypeExpr {
  const whole = spanOf(cx, node, near);
  const span = end === undefined ? whole : createSpan(cx.source, whole.start, end);
  const text = tokenOf(node, 'Text');
  if (text !== undefined) return { kind: 'literal-type', span, value: stringLiteral(cx, text, span.start) };
  const numeral = tokenOf(node, 'Numeral');
  if (numeral !== undefined) {
    return { kind: 'literal-type', span, value: numberLiteral(cx, numeral, span.start, tokenOf(node, 'Minus')) };
  }
  if (tokenOf(node, 'word:layer') !== undefined) return { kind: 'layer-type', span };
  const path = tokens(node, 'path').map((token) => identifier(cx, token, span.start));
  const dimsNode = nodeOf(node, 'dims') ?? nodeOf(nodeOf(node, 'tensorType'), 'dims');
  if (dimsNode !== undefined) {
    return {
      kind: 'tensor-type',
      span,
      dtype: path[0] ?? null,
      dims: nodes(dimsNode, 'dim').map((d) => dim(cx, d, span.start)),
    };
  }
  if (path.length > 0) return { kind: 'named-type', span, path };
  return compoundType(cx, node, span.start) ?? { kind: 'error-type', span };
}

function compoundType(cx: Conversion, node: CstNode, near: number): TypeExpr | null {
  const tuple = nodeOf(node, 'tupleType');
  if (tuple !== undefined) return tupleType(cx, tuple, near);
  const list = nodeOf(node, 'listType');
  if (list !== undefined) {
    const span = spanOf(cx, list, near);
    const bracket = tokenOf(list, 'OpenBracket');
    return {
      kind: 'list-type',
      span,
      element: bracket === undefined ? null : type(cx, nodeOf(list, 'type'), span.end),
    };
  }
  const fn = nodeOf(node, 'fnType');
  if (fn === undefined) return null;
  const span = spanOf(cx, fn, near);
  const params = nodes(fn, 'type').map((param) => type(cx, param, span.start));
  return { kind: 'fn-type', span, params, result: typePart(cx, nodeOf(fn, 'typePart'), span.end) };
}

/** One unnamed element is only grouping. */
function tupleType(cx: Conversion, node: CstNode, near: number): TypeExpr {
  const span = spanOf(cx, node, near);
  const elements = nodes(node, 'tupleTypeElement').map((element): TupleTypeElement => {
    const name = tokenOf(element, 'Name');
    const place = spanOf(cx, element, span.start);
    return {
      kind: 'tuple-type-element',
      span: place,
      name: name === undefined ? null : identifier(cx, name, place.start),
      type: type(cx, nodeOf(element, 'type'), place.end),
    };
  });
  const [only] = elements;
  return only !== undefined && elements.length === 1 && only.name === null
    ? only.type
    : { kind: 'tuple-type', span, elements };
}

function dim(cx: Conversion, node: CstNode, near: number): DimExpr {
  const span = spanOf(cx, node, near);
  if (tokenOf(node, 'Ellipsis') !== undefined) {
    const name = tokenOf(node, 'Name');
    return { kind: 'pack-dim', span, name: name === undefined ? null : identifier(cx, name, span.end) };
  }
  if (tokenOf(node, 'Underscore') !== undefined) return { kind: 'any-dim', span };
  return { kind: 'expr-dim', span, value: expr(cx, nodeOf(node, 'expr'), span.end) };
}

/** The parameters of a declaration or lambda. */
export function params(cx: Conversion, node: CstNode | undefined): readonly Param[] {
  return nodes(node, 'param').map((param): Param => {
    const near = startOf(param);
    const span = spanOf(cx, param, near);
    const assign = tokenOf(param, 'Assign');
    return {
      kind: 'param',
      span,
      name: identifier(cx, tokenOf(param, 'Name'), span.start),
      type: type(cx, nodeOf(param, 'type'), span.end),
      default: assign === undefined ? null : expr(cx, nodeOf(param, 'expr'), span.end),
    };
  });
}

/** The names of `[T: dtype, …]`. */
export function generics(cx: Conversion, node: CstNode | undefined): readonly Identifier[] {
  return nodes(node, 'generic').map((generic) => identifier(cx, tokenOf(generic, 'Name'), startOf(generic)));
}

/** A pattern; a missing one binds nothing. One element in parentheses is only grouping. */
export function pattern(cx: Conversion, node: CstNode | undefined, near: number): Pattern {
  const span = spanOf(cx, node, near);
  const name = tokenOf(node, 'Name');
  if (name !== undefined) return { kind: 'name-pattern', span, name: name.image };
  if (tokenOf(node, 'OpenParen') === undefined) return { kind: 'wildcard-pattern', span };
  const elements = nodes(node, 'pattern').map((element) => pattern(cx, element, span.start));
  const [only] = elements;
  return only !== undefined && elements.length === 1 ? only : { kind: 'tuple-pattern', span, elements };
}

/** The binds of a loop or of `forall`. */
export function binds(cx: Conversion, node: CstNode | undefined): readonly Bind[] {
  return nodes(node, 'bind').map((bind) => bindOf(cx, bind));
}

function bindOf(cx: Conversion, node: CstNode): Bind {
  const span = spanOf(cx, node, startOf(node));
  const name = tokenOf(node, 'Name');
  if (name !== undefined) {
    const limit = expr(cx, nodeOf(node, 'sum'), span.end);
    return { kind: 'range-bind', span, name: identifier(cx, name, span.start), limit };
  }
  const along = tokenOf(node, 'word:along');
  return {
    kind: 'in-bind',
    span,
    pattern: pattern(cx, nodeOf(node, 'pattern'), span.start),
    over: expr(cx, nodeOf(node, 'expr'), span.end),
    along:
      along === undefined ? null : numberLiteral(cx, tokenOf(node, 'Numeral'), endOf(along), tokenOf(node, 'Minus')),
  };
}
