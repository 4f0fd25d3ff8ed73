/**
 * Where comments go when a file is formatted. A comment between the elements of a list (members, statements,
 * arguments, stages of a pipe …) stays with its neighbour; any other place, such as the middle of an operator chain,
 * is not kept: the comment moves above the nearest element around it. So formatting twice changes nothing more.
 */
import type { IToken } from 'chevrotain';
import type { Span } from '../../support/source.ts';
import type { Comment, Expr, File, PipeExpr } from '../ast.ts';
import { tokenEnd } from '../tokens.ts';

/** Anything with a kind and a place. */
export interface Node {
  readonly kind: string;
  readonly span: Span;
}

/** A comment before its element. A hoisted one comes from inside the element. */
export interface LeadingComment {
  readonly comment: Comment;
  readonly hoisted: boolean;
}

/** The comments of a file by the element they belong to. */
export interface Attached {
  readonly leading: ReadonlyMap<Node, readonly LeadingComment[]>;
  /** At the end of the element's line. */
  readonly trailing: ReadonlyMap<Node, Comment>;
  /** Before the closing bracket of a list, which is the key. */
  readonly closing: ReadonlyMap<readonly Node[], readonly Comment[]>;
}

interface Container {
  readonly open: number;
  readonly close: number;
  readonly elements: readonly Node[];
  /** Identifies the list in `closing`; null for a list without brackets. */
  readonly key: readonly Node[] | null;
}

/** Gives every comment its place. */
export function attachComments(file: File, comments: readonly Comment[], tokens: readonly IToken[]): Attached {
  return new Attachment(file, tokens).attach(comments);
}

class Attachment {
  readonly #file: File;
  readonly #text: string;
  readonly #brackets: Brackets;
  readonly #leading = new Map<Node, LeadingComment[]>();
  readonly #trailing = new Map<Node, Comment>();
  readonly #closing = new Map<readonly Node[], Comment[]>();

  constructor(file: File, tokens: readonly IToken[]) {
    this.#file = file;
    this.#text = file.span.source.text;
    this.#brackets = new Brackets(tokens);
  }

  attach(comments: readonly Comment[]): Attached {
    const { items } = this.#file;
    const root: Container = { open: 0, close: this.#text.length, elements: items, key: items };
    for (const comment of comments) this.#place(comment, root, null);
    for (const list of this.#leading.values()) list.sort((a, b) => Number(a.hoisted) - Number(b.hoisted));
    return { leading: this.#leading, trailing: this.#trailing, closing: this.#closing };
  }

  #place(comment: Comment, container: Container, owner: Node | null): void {
    const { start, end } = comment.span;
    const { elements, key } = container;
    const around = elements.find(({ span }) => span.start < start && end <= span.end);
    if (around !== undefined) {
      const inner = this.#containers(around).find(({ open, close }) => open <= start && end <= close);
      if (inner === undefined) this.#lead(this.#leadable(container, around, owner), comment, true);
      else this.#place(comment, inner, around);
      return;
    }
    const previous = elements.findLast(({ span }) => span.end <= start);
    const next = elements.find(({ span }) => span.start >= end);
    const endsLine = previous !== undefined && !/[\r\n]/.test(this.#text.slice(previous.span.end, start));
    if (next === undefined && key === null && owner !== null) this.#lead(owner, comment, true);
    else if (endsLine) this.#trailing.set(previous, comment);
    else if (next !== undefined)
      this.#lead(this.#leadable(container, next, owner), comment, next === elements[0] && key === null);
    else if (key !== null) this.#close(key, comment);
  }

  /** The first element of a list without brackets does not start its line: what surrounds the list is led instead. */
  #leadable({ elements, key }: Container, element: Node, owner: Node | null): Node {
    return key === null && element === elements[0] && owner !== null ? owner : element;
  }

  #lead(node: Node, comment: Comment, hoisted: boolean): void {
    this.#leading.set(node, [...(this.#leading.get(node) ?? []), { comment, hoisted }]);
  }

  #close(key: readonly Node[], comment: Comment): void {
    this.#closing.set(key, [...(this.#closing.get(key) ?? []), comment]);
  }

  /** The lists inside a node, without those inside elements of these lists. */
  #containers(node: Node): readonly Container[] {
    const own = this.#own(node);
    const listed = new Set(own.flatMap(({ elements }) => elements));
    return [
      ...own,
      ...children(node)
        .filter((child) => !listed.has(child))
        .flatMap((child) => this.#containers(child)),
    ];
  }

  #own(node: Listed): readonly Container[] {
    const last = node.span.end - 1;
    switch (node.kind) {
      case 'import':
        return this.#after(
          node.attributes?.at(-1)?.span.end ?? node.span.start,
          'OpenBrace',
          node.names?.length === 0 ? null : node.names,
        );
      case 'fn':
      case 'lambda':
        return this.#params(node);
      case 'unit':
      case 'train':
        return [...this.#params(node), ...this.#ending(last, node.members)];
      case 'step':
        return [
          ...this.#after(node.name?.span.end ?? last, 'OpenParen', node.args),
          ...this.#ending(last, node.members),
        ];
      case 'attribute':
      case 'call':
      case 'pattern':
        return this.#ending(last, node.args);
      case 'block':
        return this.#ending(
          last,
          node.statements,
          node.result === null || node.result === undefined ? [] : [node.result],
        );
      case 'tuple':
      case 'list':
      case 'tuple-type':
        return this.#ending(last, node.elements);
      case 'index':
        return this.#ending(last, node.indices);
      case 'with':
        return this.#ending(last, node.overrides);
      case 'tensor-type':
        return this.#ending(last, node.dims);
      case 'fn-type':
        return this.#after(node.span.start, 'OpenParen', node.params);
      case 'batch':
        return [{ open: node.span.start, close: node.span.end, elements: node.inputs ?? [], key: null }];
      case 'pipe':
        return [
          { open: node.span.start, close: node.span.end, elements: pipeStages(node as unknown as PipeExpr), key: null },
        ];
      default:
        return [];
    }
  }

  #params(node: Listed): readonly Container[] {
    const from = node.generics?.at(-1)?.span.end ?? node.name?.span.end ?? node.span.start;
    return this.#after(from, 'OpenParen', node.params);
  }

  /** The list whose closing bracket is at an offset. */
  #ending(close: number, key: readonly Node[] | null | undefined, more: readonly Node[] = []): readonly Container[] {
    const open = this.#brackets.openOf(close);
    return open === undefined || key === null || key === undefined
      ? []
      : [{ open: open + 1, close, elements: [...key, ...more], key }];
  }

  /** The list whose opening bracket is the first of its kind from an offset on. */
  #after(from: number, bracket: string, key: readonly Node[] | null | undefined): readonly Container[] {
    const pair = this.#brackets.firstFrom(from, bracket);
    return pair === undefined || key === null || key === undefined
      ? []
      : [{ open: pair.open + 1, close: pair.close, elements: key, key }];
  }
}

/** The fields of nodes that hold lists, as far as a node has them. */
interface Listed extends Node {
  readonly name?: Node | null;
  readonly attributes?: readonly Node[];
  readonly names?: readonly Node[];
  readonly generics?: readonly Node[];
  readonly params?: readonly Node[];
  readonly members?: readonly Node[];
  readonly args?: readonly Node[] | null;
  readonly statements?: readonly Node[];
  readonly result?: Node | null;
  readonly elements?: readonly Node[];
  readonly indices?: readonly Node[];
  readonly overrides?: readonly Node[];
  readonly dims?: readonly Node[];
  readonly inputs?: readonly Node[];
}

/** The value and the stages of a chain of `|>`, left to right. */
export function pipeStages(pipe: PipeExpr): readonly Expr[] {
  const stages: Expr[] = [];
  let value: Expr = pipe;
  while (value.kind === 'pipe') {
    stages.unshift(value.stage);
    value = value.value;
  }
  return [value, ...stages];
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'kind' in value && 'span' in value;
}

/** The nodes directly below a node. */
function children(node: Node): readonly Node[] {
  return Object.values(node).flatMap((value: unknown) =>
    Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : [],
  );
}

/** The pairs of brackets of a file. */
class Brackets {
  readonly #pairs: { readonly open: number; readonly close: number; readonly type: string }[] = [];
  readonly #openByClose = new Map<number, number>();

  constructor(tokens: readonly IToken[]) {
    const stack: IToken[] = [];
    for (const token of tokens) {
      const { name } = token.tokenType;
      if (/^Open(?:Paren|Bracket|Brace)$/.test(name)) stack.push(token);
      if (!/^Close(?:Paren|Bracket|Brace)$/.test(name)) continue;
      const open = stack.pop();
      if (open === undefined) continue;
      const close = tokenEnd(token) - 1;
      this.#pairs.push({ open: open.startOffset, close, type: open.tokenType.name });
      this.#openByClose.set(close, open.startOffset);
    }
    this.#pairs.sort((a, b) => a.open - b.open);
  }

  openOf(close: number): number | undefined {
    return this.#openByClose.get(close);
  }

  firstFrom(offset: number, type: string): { readonly open: number; readonly close: number } | undefined {
    return this.#pairs.find((pair) => pair.open >= offset && pair.type === type);
  }
}
