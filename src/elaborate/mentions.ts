// Which names a part of the syntax tree mentions, and where.
import type { Span } from '../support/source.ts';

/** Every name that a part of the tree mentions, with its places. */
export function mentions(node: unknown, into: Map<string, Span[]> = new Map()): Map<string, Span[]> {
  if (Array.isArray(node)) for (const item of node) mentions(item, into);
  else if (isNode(node)) {
    const isName = node.kind === 'name' || node.kind === 'named-axis' || node.kind === 'identifier';
    if (isName && node.name !== undefined && node.span)
      into.set(node.name, [...(into.get(node.name) ?? []), node.span]);
    for (const [key, value] of Object.entries(node))
      if (key !== 'span' && typeof value === 'object') mentions(value, into);
  }
  return into;
}

/** Any node of the tree, as far as a walk knows it. */
interface AnyNode {
  readonly kind: string;
  readonly name?: string;
  readonly span?: Span;
}

/** Whether a value of the tree is a node. */
export const isNode = (value: unknown): value is AnyNode =>
  typeof value === 'object' && value !== null && 'kind' in value;
