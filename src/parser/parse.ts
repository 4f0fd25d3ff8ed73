/**
 * Text → syntax tree. Any text gives a tree and diagnostics, each with a place; nothing throws. Comments are kept for
 * the formatter, `///` lines also as `doc` of the declaration or member that follows.
 */
import type { IToken } from 'chevrotain';
import { Reporter, sortDiagnostics, type Diagnostic } from '../support/diagnostic.ts';
import { messages } from '../support/messages.gen.ts';
import { createSpan, positionAt, type Source } from '../support/source.ts';
import type { Comment, File } from './ast.ts';
import type { Conversion } from './cst.ts';
import { DlmParser, NestingTooDeep, TooManyErrors } from './grammar.ts';
import { expectations, syntaxErrors } from './syntax-errors.ts';
import { file } from './to-ast.ts';
import { BlockComment, lex, Semicolon, tokenEnd, type Lexed } from './tokens.ts';

/** A parsed file with everything found on the way. */
export interface Parsed {
  readonly file: File;
  readonly diagnostics: readonly Diagnostic[];
  readonly comments: readonly Comment[];
}

let parser: DlmParser | undefined;

/** Parses one source. Diagnostics are in the order of the text. */
export function parse(source: Source): Parsed {
  const reporter = new Reporter();
  const lexed = lex(source.text);
  reportStray(source, lexed, reporter);
  const comments = lexed.comments.map((token) => commentOf(source, token));
  const cx: Conversion = {
    source,
    reporter,
    docBefore: (offset) => docBefore(source, comments, offset),
    endBefore: (offset) => endBefore(lexed.tokens, offset),
  };
  const tree = runParser(source, lexed, reporter);
  const parsed = file(cx, tree);
  return { file: parsed, diagnostics: sortDiagnostics(reporter.diagnostics), comments };
}

function runParser(
  source: Source,
  { tokens, errors: unknown }: Lexed,
  reporter: Reporter,
): ReturnType<DlmParser['run']>['tree'] {
  const reported = unknown.map(({ offset }) => positionAt(source, offset).line);
  parser ??= new DlmParser({ errorMessageProvider: expectations });
  try {
    const { tree, errors } = parser.run(tokens);
    reporter.reportAll(syntaxErrors(source, errors, reported));
    return tree;
  } catch (error) {
    if (!(error instanceof NestingTooDeep || error instanceof TooManyErrors)) throw error;
    const errors = parser.errors.filter(({ name }) => name !== 'NotAllInputParsedException');
    reporter.reportAll(syntaxErrors(source, errors, reported));
    if (error instanceof NestingTooDeep) reportDepth(source, error.token, reporter);
    return undefined;
  }
}

function reportDepth(source: Source, token: IToken, reporter: Reporter): void {
  const start = Number.isNaN(token.startOffset) ? source.text.length : token.startOffset;
  reporter.report(messages.E0105(createSpan(source, start, start + token.image.length), { what: 'this' }));
}

function reportStray(source: Source, { stray, errors }: Lexed, reporter: Reporter): void {
  for (const token of stray) {
    const span = createSpan(source, token.startOffset, tokenEnd(token));
    const isComment = token.tokenType !== Semicolon;
    const character = !isComment ? '`;`' : token.tokenType === BlockComment ? 'a `/* */` comment' : '`#`';
    const text = isComment ? 'comments start with `//`' : 'remove it: a statement ends where its line does';
    const fix = token.tokenType === BlockComment ? {} : { fix: { edits: [strayEdit(source, token, isComment)] } };
    reporter.report(messages.E0107(span, { character }, { helps: [{ text, ...fix }] }));
  }
  for (const { offset, length } of errors) {
    const text = source.text.slice(offset, offset + length);
    const character = `\`${text.length > 20 ? `${text.slice(0, 20)}…` : text}\``;
    reporter.report(messages.E0107(createSpan(source, offset, offset + length), { character }));
  }
}

function strayEdit(
  source: Source,
  token: IToken,
  isComment: boolean,
): { span: ReturnType<typeof createSpan>; text: string } {
  return { span: createSpan(source, token.startOffset, token.startOffset + 1), text: isComment ? '//' : '' };
}

function commentOf(source: Source, token: IToken): Comment {
  const text = token.image.trimEnd();
  const span = createSpan(source, token.startOffset, token.startOffset + text.length);
  return { kind: 'comment', span, text, isDoc: /^\/\/\/(?!\/)/.test(text) };
}

/** The `///` lines among the comments that end just before the offset. */
function docBefore(source: Source, comments: readonly Comment[], offset: number): string | null {
  const lines: string[] = [];
  let end = offset;
  for (let i = lastBefore(comments, offset); i >= 0; i--) {
    const comment = comments[i];
    if (comment === undefined || !startsLine(source, comment) || source.text.slice(comment.span.end, end).trim() !== '')
      break;
    if (comment.isDoc) lines.unshift(comment.text.slice(3).replace(/^ /, ''));
    end = comment.span.start;
  }
  return lines.length === 0 ? null : lines.join('\n');
}

function startsLine(source: Source, { span }: Comment): boolean {
  const { line } = positionAt(source, span.start);
  return source.text.slice(source.lineStarts[line - 1], span.start).trim() === '';
}

function lastBefore(comments: readonly Comment[], offset: number): number {
  let low = -1;
  let high = comments.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((comments[middle]?.span.start ?? 0) < offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The end of the last token that starts before the offset. */
function endBefore(tokens: readonly IToken[], offset: number): number {
  if (Number.isNaN(offset)) return 0;
  let low = -1;
  let high = tokens.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((tokens[middle]?.startOffset ?? 0) < offset) low = middle;
    else high = middle - 1;
  }
  const token = tokens[low];
  return token === undefined ? 0 : tokenEnd(token);
}
