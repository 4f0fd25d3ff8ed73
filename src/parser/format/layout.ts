/** What all printers share: comments around an element, bracketed lists, bodies whose elements have lines of their own. */
import type { Doc } from 'prettier';
import { builders } from 'prettier/doc';
import type { Comment } from '../ast.ts';
import type { Attached, LeadingComment, Node } from './comments.ts';

const { breakParent, group, hardline, ifBreak, indent, line, lineSuffix, softline } = builders;

/** What printing carries: the text (for blank lines) and the places of comments. */
export interface Layout {
  readonly text: string;
  readonly attached: Attached;
}

/** An element with its comments. */
export function commented(cx: Layout, node: Node, doc: Doc): Doc {
  return [...leadingOf(cx, node), doc, trailingOf(cx, node)];
}

/** The comments before an element, each on its line; blank lines between them are kept. */
export function leadingOf(cx: Layout, node: Node): Doc[] {
  return (cx.attached.leading.get(node) ?? []).flatMap(({ comment, hoisted }) => {
    const blank = !hoisted && blankAfter(cx.text, comment.span.end) ? [hardline] : [];
    return [comment.text, hardline, ...blank];
  });
}

/** The comment at the end of an element's line. */
export function trailingOf(cx: Layout, node: Node): Doc {
  const comment = cx.attached.trailing.get(node);
  return comment === undefined ? '' : [lineSuffix([' ', comment.text]), breakParent];
}

/** Whether comments stand around an element. */
export function isCommented(cx: Layout, node: Node): boolean {
  return cx.attached.leading.has(node) || cx.attached.trailing.has(node);
}

/** `open a, b close`, on one line or one element a line with a last comma. `padded` puts spaces inside the brackets. */
export function list<T extends Node>(
  cx: Layout,
  brackets: readonly [string, string],
  elements: readonly T[],
  print: (element: T) => Doc,
  padded = false,
): Doc {
  const [open, close] = brackets;
  const closing = cx.attached.closing.get(elements) ?? [];
  if (elements.length === 0 && closing.length === 0) return open + close;
  const docs = elements.map((element, i) => listElement(cx, element, print(element), i === elements.length - 1));
  const edge = padded ? line : softline;
  const separated = docs.flatMap((doc, i) => (i === 0 ? [doc] : [line, doc]));
  const comments = closing.flatMap((comment, i) =>
    i === 0 && elements.length === 0 ? [comment.text] : [hardline, comment.text],
  );
  const forced = closing.length > 0 ? [breakParent] : [];
  return group([open, indent([edge, ...separated, ...comments]), edge, close, ...forced]);
}

/** The comma stands before a comment at the end of the line. */
function listElement(cx: Layout, element: Node, doc: Doc, isLast: boolean): Doc {
  return [...leadingOf(cx, element), doc, isLast ? ifBreak(',') : ',', trailingOf(cx, element)];
}

/** One element of a body, with what decides about blank lines before it. */
export interface Line {
  readonly node: Node;
  readonly doc: Doc;
  /** Ask for a blank line on both sides. */
  readonly apart?: boolean;
}

/** Elements on lines of their own; one blank line is kept where there were some. `key` finds the last comments. */
export function body(cx: Layout, lines: readonly Line[], key: readonly Node[]): Doc[] {
  const docs: Doc[] = [];
  for (const [i, { node, doc, apart = false }] of lines.entries()) {
    const previous = lines[i - 1];
    if (previous !== undefined) docs.push(hardline);
    if (previous !== undefined && (apart || previous.apart === true || blankBefore(cx, node))) docs.push(hardline);
    docs.push(commented(cx, node, doc));
  }
  for (const comment of cx.attached.closing.get(key) ?? []) {
    if (docs.length > 0) docs.push(hardline, ...(blankAt(cx.text, comment.span.start) ? [hardline] : []));
    docs.push(comment.text);
  }
  return docs;
}

/** A body in braces, or `{}`. */
export function braced(docs: readonly Doc[]): Doc {
  return docs.length === 0 ? '{}' : ['{', indent([hardline, ...docs]), hardline, '}'];
}

/** Whether a blank line stands before an element and its own comments. */
export function blankBefore(cx: Layout, node: Node): boolean {
  const own = (cx.attached.leading.get(node) ?? []).filter((leading: LeadingComment) => !leading.hoisted);
  const first: Comment | undefined = own[0]?.comment;
  return blankAt(cx.text, first?.span.start ?? node.span.start);
}

/** Parentheses around the element belong to it. */
function blankAt(text: string, offset: number): boolean {
  let breaks = 0;
  for (let i = offset - 1; i >= 0 && /[\s(]/.test(text.charAt(i)); i--) {
    if (text[i] === '(') breaks = 0;
    else if (isBreak(text, i)) breaks++;
  }
  return breaks > 1;
}

function blankAfter(text: string, offset: number): boolean {
  let breaks = 0;
  for (let i = offset; i < text.length && /\s/.test(text.charAt(i)); i++) {
    if (isBreak(text, i)) breaks++;
  }
  return breaks > 1;
}

function isBreak(text: string, i: number): boolean {
  return text[i] === '\n' || (text[i] === '\r' && text[i + 1] !== '\n');
}
