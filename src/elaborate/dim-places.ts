// Where the user's text introduces a dim or an int: labels for messages about two of them.
import type { Expr, Param, TypeExpr } from '../parser/ast.ts';
import type { SecondaryLabel } from '../support/diagnostic.ts';
import type { Span } from '../support/source.ts';
import type { Frame } from './frame.ts';
import { isNode } from './mentions.ts';

/** The first place where the signature of the function in hand names this dim. */
export function signaturePlace(frame: Frame, name: string): Span | undefined {
  return dimPlace(frame.fn?.params.map(({ type }) => type) ?? [], name);
}

function dimPlace(node: unknown, name: string): Span | undefined {
  if (Array.isArray(node)) {
    for (const item of node) {
      const found = dimPlace(item, name);
      if (found) return found;
    }
    return undefined;
  }
  if (!isNode(node)) return undefined;
  if (node.kind === 'expr-dim') {
    const { value } = node as unknown as { readonly value: Expr };
    return value.kind === 'name' && value.name === name ? value.span : undefined;
  }
  for (const [key, value] of Object.entries(node as unknown as TypeExpr)) {
    const found: Span | undefined = key === 'span' ? undefined : dimPlace(value, name);
    if (found) return found;
  }
  return undefined;
}

/** Both dims where the signature names them. */
export function independentDims(frame: Frame, left: string, right: string): readonly SecondaryLabel[] {
  const [a, b] = [signaturePlace(frame, left), signaturePlace(frame, right)];
  if (!a || !b) return [];
  const [first, last] = a.start < b.start ? [a, b] : [b, a];
  return [
    { span: first, label: '' },
    { span: last, label: 'two independent dims' },
  ];
}

/** The parameter of the function or layer in hand that has this name. */
export function parameterPlace(frame: Frame, name: string): Span | undefined {
  const params: readonly Param[] = [...(frame.fn?.params ?? []), ...(frame.instance?.decl.params ?? [])];
  return params.find((param) => param.name.name === name)?.name.span;
}
