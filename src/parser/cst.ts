/**
 * Reading chevrotain's concrete tree: children by name, and places. After error recovery any child may be missing
 * and tokens may be invented; then places fall back to the end of what was read before.
 */
import type { CstNode, IToken } from 'chevrotain';
import type { Reporter } from '../support/diagnostic.ts';
import { createSpan, type Source, type Span } from '../support/source.ts';
import type { Identifier } from './ast.ts';
import { tokenEnd } from './tokens.ts';

/** What the conversion of one file carries. */
export interface Conversion {
  readonly source: Source;
  readonly reporter: Reporter;
  /** The text of the `///` lines that stand just before an offset. */
  readonly docBefore: (offset: number) => string | null;
  /** The end of the last token before an offset: where something is missing. */
  readonly endBefore: (offset: number) => number;
}

/** The child nodes of a name. */
export function nodes(node: CstNode | undefined, name: string): readonly CstNode[] {
  return (node?.children[name] ?? []).filter((child): child is CstNode => 'children' in child);
}

/** The child tokens of a name, without those invented by recovery. */
export function tokens(node: CstNode | undefined, name: string): readonly IToken[] {
  return (node?.children[name] ?? []).filter(
    (child): child is IToken => 'image' in child && child.isInsertedInRecovery !== true,
  );
}

/** The first child node of a name. */
export function nodeOf(node: CstNode | undefined, name: string): CstNode | undefined {
  return nodes(node, name)[0];
}

/** The first child token of a name. */
export function tokenOf(node: CstNode | undefined, name: string): IToken | undefined {
  return tokens(node, name)[0];
}

/** Where a node or token starts; NaN when it covers no text. */
export function startOf(element: CstNode | IToken): number {
  if ('image' in element) return element.isInsertedInRecovery === true ? Number.NaN : element.startOffset;
  return element.location?.startOffset ?? Number.NaN;
}

/** Where a node or token ends; NaN when it covers no text. */
export function endOf(element: CstNode | IToken): number {
  if ('image' in element) return element.isInsertedInRecovery === true ? Number.NaN : tokenEnd(element);
  return (element.location?.endOffset ?? Number.NaN) + 1;
}

/** The span of a node; `near` places it where it covers no text. */
export function spanOf(cx: Conversion, element: CstNode | IToken | undefined, near: number): Span {
  const start = element === undefined ? Number.NaN : startOf(element);
  const end = element === undefined ? Number.NaN : endOf(element);
  return Number.isNaN(start) || Number.isNaN(end) ? emptySpan(cx, near) : createSpan(cx.source, start, end);
}

/** An empty span where something is missing: at the end of what stands before `near`. */
export function emptySpan(cx: Conversion, near: number): Span {
  const at = cx.endBefore(near);
  return createSpan(cx.source, at, at);
}

/** A name; `''` where it is missing. */
export function identifier(cx: Conversion, token: IToken | undefined, near: number): Identifier {
  return { kind: 'identifier', span: spanOf(cx, token, near), name: token?.image ?? '' };
}

/** Every child in the order of the text. */
export function inOrder(node: CstNode): readonly (CstNode | IToken)[] {
  return Object.values(node.children)
    .flat()
    .filter((child) => !Number.isNaN(startOf(child)))
    .sort((a, b) => startOf(a) - startOf(b));
}
