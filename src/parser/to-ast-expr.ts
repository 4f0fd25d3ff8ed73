/**
 * Concrete tree → syntax tree: expressions. Operands and operators come in a row (see `grammar.ts`);
 * `OperatorRow` gives them their precedence: `|>`, `||`, `&&`, comparison, `..`, sum, product, prefix, `^`, `??`.
 */
import type { CstNode, IToken } from 'chevrotain';
import { messages } from '../support/messages.gen.ts';
import { createSpan, joinSpans, spanText, type Span } from '../support/source.ts';
import type {
  Argument,
  Axes,
  Axis,
  BinaryOperator,
  BlockExpr,
  Expr,
  FoldExpr,
  Identifier,
  IfExpr,
  IndexItem,
  NamedValue,
  PatternExpr,
  TupleElement,
} from './ast.ts';
import {
  emptySpan,
  endOf,
  identifier,
  inOrder,
  nodeOf,
  nodes,
  spanOf,
  startOf,
  tokenOf,
  tokens,
  type Conversion,
} from './cst.ts';
import { numberLiteral, stringLiteral } from './literals.ts';
import { statement } from './to-ast.ts';
import { binds, params, pattern, type } from './to-ast-type.ts';

/** The longest chain of operators, suffixes or `else if`; past it, walks of the tree would exhaust the stack. */
const longestChain = 1000;

/** An expression; a missing one is an `ErrorExpr`. */
export function expr(cx: Conversion, node: CstNode | undefined, near: number): Expr {
  return node === undefined ? { kind: 'error', span: emptySpan(cx, near) } : new OperatorRow(cx, node, near).parse();
}

/** An expression with the span it takes up in the text, parentheses included. */
interface Placed {
  readonly expr: Expr;
  readonly span: Span;
}

const comparisons: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=']);
const precedences: Readonly<Record<string, number>> = {
  '|>': 1,
  '||': 2,
  '&&': 3,
  '==': 4,
  '!=': 4,
  '<': 4,
  '<=': 4,
  '>': 4,
  '>=': 4,
  '..': 5,
  '+': 6,
  '-': 6,
  '*': 7,
  '/': 7,
  '%': 7,
  '@': 7,
  '^': 8,
  '??': 8,
};
const tightest = 8;

class OperatorRow {
  readonly #cx: Conversion;
  readonly #span: Span;
  readonly #operands: readonly CstNode[];
  readonly #operators: readonly IToken[];
  #next = 0;

  constructor(cx: Conversion, node: CstNode, near: number) {
    this.#cx = cx;
    this.#span = spanOf(cx, node, near);
    this.#operands = nodes(node, 'operand');
    this.#operators = [...tokens(node, 'Operator'), ...tokens(node, 'Arithmetic')];
  }

  parse(): Expr {
    const prefixes = this.#operands.reduce((count, operand) => count + tokens(operand, 'prefix').length, 0);
    if (this.#operands.length + prefixes > longestChain) return tooLong(this.#cx, this.#span, 'this expression');
    return this.#binary(1).expr;
  }

  #binary(lowest: number): Placed {
    let left = this.#unary(0);
    let previous: { readonly operator: string; readonly right: Placed } | null = null;
    for (let token = this.#operator(); token !== undefined; token = this.#operator()) {
      const precedence = precedences[token.image] ?? tightest;
      if (precedence < lowest || precedence === tightest) break;
      this.#next++;
      const right = this.#binary(precedence + 1);
      if (previous !== null && comparisons.has(token.image) && comparisons.has(previous.operator)) {
        this.#reportChain(previous.right, token, right);
      }
      if (token.image === '..' && previous?.operator === '..') this.#reportRange(token);
      previous = { operator: token.image, right };
      left = this.#join(left, token, right);
    }
    return left;
  }

  /** `skip` counts the prefixes of the operand that are already taken. */
  #unary(skip: number): Placed {
    const prefix = tokens(this.#operands[this.#next], 'prefix')[skip];
    if (prefix !== undefined) {
      const operand = this.#unary(skip + 1);
      const span = createSpan(this.#cx.source, prefix.startOffset, operand.span.end);
      return { expr: { kind: 'unary', span, operator: prefix.image === '!' ? '!' : '-', operand: operand.expr }, span };
    }
    const left = this.#operand();
    const token = this.#operator();
    if (token === undefined || precedences[token.image] !== tightest) return left;
    this.#next++;
    return this.#join(left, token, this.#unary(0));
  }

  #operand(): Placed {
    const node = this.#operands[this.#next];
    const last = this.#operators[this.#next - 1];
    const near = last === undefined ? this.#span.start : endOf(last);
    if (node !== undefined) return operand(this.#cx, node, near);
    const span = emptySpan(this.#cx, near);
    return { expr: { kind: 'error', span }, span };
  }

  #operator(): IToken | undefined {
    return this.#operators[this.#next];
  }

  #join(left: Placed, token: IToken, right: Placed): Placed {
    const span = joinSpans(left.span, right.span);
    const operatorSpan = spanOf(this.#cx, token, span.start);
    if (token.image === '|>') return { expr: { kind: 'pipe', span, value: left.expr, stage: right.expr }, span };
    if (token.image === '..') return { expr: { kind: 'range', span, from: left.expr, to: right.expr }, span };
    const operator = token.image as BinaryOperator;
    return { expr: { kind: 'binary', span, operator, operatorSpan, left: left.expr, right: right.expr }, span };
  }

  #reportChain(middle: Placed, token: IToken, right: Placed): void {
    const span = spanOf(this.#cx, token, this.#span.start);
    const shared = spanText(middle.span);
    const edits = [{ span: createSpan(this.#cx.source, middle.span.end, middle.span.end), text: ` && ${shared}` }];
    const helps = [{ text: `write \`… && ${shared} ${token.image} ${spanText(right.span)}\``, fix: { edits } }];
    this.#cx.reporter.report(messages.E0109(span, { label: 'a second comparison', helps }));
  }

  #reportRange(token: IToken): void {
    const span = spanOf(this.#cx, token, this.#span.start);
    this.#cx.reporter.report(messages.E0101(span, { expected: 'the end of the range', found: 'a second `..`' }));
  }
}

function tooLong(cx: Conversion, span: Span, what: string): Expr {
  cx.reporter.report(messages.E0105(createSpan(cx.source, span.start, span.start + 1), { what }));
  return { kind: 'error', span };
}

/** A primary with its suffixes, without its prefixes. */
function operand(cx: Conversion, node: CstNode, near: number): Placed {
  const first = nodeOf(node, 'primary');
  const span = spanOf(cx, first, near);
  const suffixes = nodes(node, 'suffix');
  if (suffixes.length > longestChain) return { expr: tooLong(cx, span, 'this chain'), span: spanOf(cx, node, near) };
  let placed: Placed = { expr: primary(cx, first, near), span };
  for (const item of suffixes) {
    const whole = joinSpans(placed.span, spanOf(cx, item, placed.span.end));
    placed = { expr: suffix(cx, placed.expr, item, whole), span: whole };
  }
  return placed;
}

function suffix(cx: Conversion, value: Expr, node: CstNode, span: Span): Expr {
  const called = nodeOf(node, 'args');
  if (called !== undefined) return { kind: 'call', span, callee: value, args: args(cx, called) };
  const indices = nodeOf(node, 'indices');
  if (indices !== undefined) {
    return { kind: 'index', span, object: value, indices: nodes(indices, 'index').map((item) => index(cx, item)) };
  }
  const overrides = nodeOf(node, 'overrides');
  if (overrides !== undefined) {
    return {
      kind: 'with',
      span,
      object: value,
      overrides: nodes(overrides, 'namedValue').map((item) => namedValue(cx, item)),
    };
  }
  if (tokenOf(node, 'word:as') !== undefined)
    return { kind: 'as', span, value, type: type(cx, nodeOf(node, 'type'), span.end) };
  return { kind: 'member', span, object: value, member: identifier(cx, tokenOf(node, 'Word'), span.end) };
}

/** The arguments of a call or attribute. */
export function args(cx: Conversion, node: CstNode | undefined): readonly Argument[] {
  return nodes(node, 'arg').map((arg): Argument => {
    const span = spanOf(cx, arg, startOf(arg));
    const name = optionalName(cx, tokenOf(arg, 'Word'));
    const hole = tokenOf(arg, 'Underscore');
    const value =
      hole === undefined
        ? expr(cx, nodeOf(arg, 'expr'), span.end)
        : ({ kind: 'hole', span: spanOf(cx, hole, span.end) } as const);
    return { kind: 'argument', span, name, value };
  });
}

function optionalName(cx: Conversion, token: IToken | undefined): Identifier | null {
  return token === undefined ? null : identifier(cx, token, token.startOffset);
}

function namedValue(cx: Conversion, node: CstNode): NamedValue {
  const span = spanOf(cx, node, startOf(node));
  const name = identifier(cx, tokenOf(node, 'Name'), span.start);
  return { kind: 'named-value', span, name, value: expr(cx, nodeOf(node, 'expr'), span.end) };
}

function index(cx: Conversion, node: CstNode): IndexItem {
  const span = spanOf(cx, node, startOf(node));
  if (tokenOf(node, 'Ellipsis') !== undefined) return { kind: 'ellipsis-index', span };
  const from = nodeOf(node, 'from');
  if (tokenOf(node, 'Colon') === undefined) return { kind: 'at-index', span, value: expr(cx, from, span.end) };
  const to = nodeOf(node, 'to');
  return {
    kind: 'slice-index',
    span,
    from: from === undefined ? null : expr(cx, from, span.start),
    to: to === undefined ? null : expr(cx, to, span.end),
  };
}

function primary(cx: Conversion, node: CstNode | undefined, near: number): Expr {
  const span = spanOf(cx, node, near);
  const name = tokenOf(node, 'Name');
  if (name !== undefined) return { kind: 'name', span, name: name.image };
  const numeral = tokenOf(node, 'Numeral');
  if (numeral !== undefined) return numberLiteral(cx, numeral, near);
  const text = tokenOf(node, 'Text');
  if (text !== undefined) return stringLiteral(cx, text, near);
  const constant = tokenOf(node, 'Constant');
  if (constant?.image === 'none') return { kind: 'none', span };
  if (constant !== undefined) return { kind: 'bool', span, value: constant.image === 'true' };
  return compound(cx, node, span) ?? { kind: 'error', span };
}

const compounds: Readonly<Record<string, (cx: Conversion, node: CstNode, span: Span) => Expr>> = {
  tuple: tupleExpr,
  block: (cx, node, span) => block(cx, node, span.start),
  listExpr: (cx, node, span) => ({
    kind: 'list',
    span,
    elements: nodes(node, 'expr').map((item) => expr(cx, item, span.start)),
  }),
  ifExpr,
  patternExpr,
  lambda: (cx, node, span) => ({
    kind: 'lambda',
    span,
    params: params(cx, nodeOf(node, 'params')),
    body: expr(cx, nodeOf(node, 'expr'), span.end),
  }),
  forExpr: (cx, node, span) => ({
    kind: 'for',
    span,
    binds: binds(cx, nodeOf(node, 'binds')),
    body: expr(cx, nodeOf(node, 'expr'), span.end),
  }),
  foldExpr,
};

function compound(cx: Conversion, node: CstNode | undefined, span: Span): Expr | null {
  for (const [name, convert] of Object.entries(compounds)) {
    const child = nodeOf(node, name);
    if (child !== undefined) return convert(cx, child, spanOf(cx, child, span.start));
  }
  return null;
}

/** One unnamed element is only grouping. */
function tupleExpr(cx: Conversion, node: CstNode, span: Span): Expr {
  const elements = nodes(node, 'tupleElement').map((item): TupleElement => {
    const place = spanOf(cx, item, span.start);
    const value = expr(cx, nodeOf(item, 'expr'), place.end);
    return { kind: 'tuple-element', span: place, name: optionalName(cx, tokenOf(item, 'Name')), value };
  });
  const [only] = elements;
  if (only === undefined) return { kind: 'error', span };
  return elements.length === 1 && only.name === null ? only.value : { kind: 'tuple', span, elements };
}

/** A block; a missing one is empty. */
export function block(cx: Conversion, node: CstNode | undefined, near: number): BlockExpr {
  const span = spanOf(cx, node, near);
  const items = nodes(node, 'blockItem');
  const result = nodeOf(items.at(-1), 'expr');
  const statements = items.flatMap((item) => statement(cx, item) ?? []);
  const early = items.slice(0, -1).findIndex((item) => nodeOf(item, 'expr') !== undefined);
  if (early >= 0) reportEarlyResult(cx, items[early], items[early + 1]);
  else if (result !== undefined && statements.length > 0) warnOfMinus(cx, startOf(result));
  return { kind: 'block', span, statements, result: result === undefined ? null : expr(cx, result, span.end) };
}

/** An expression that something follows: a block has one result, at its end. */
function reportEarlyResult(cx: Conversion, item: CstNode | undefined, following: CstNode | undefined): void {
  if (item === undefined || following === undefined) return;
  const span = spanOf(cx, item, startOf(item));
  const next = spanText(spanOf(cx, following, span.end));
  const found = `\`${/^\w+|^./.exec(next)?.[0] ?? next}\``;
  const text =
    spanText(span) === 'return'
      ? 'a block ends in its result, without `return`'
      : 'name a value with `let`; only the last line of a block is its result';
  cx.reporter.report(
    messages.E0101(
      span,
      { expected: '`}` after the result of the block', found },
      { label: 'not the last of its block', helps: [{ text }] },
    ),
  );
}

/** A result that starts with `-` below a statement looks like its continuation. */
function warnOfMinus(cx: Conversion, start: number): void {
  if (cx.source.text[start] !== '-') return;
  cx.reporter.report(
    messages.W1101(createSpan(cx.source, start, start + 1), { label: 'a line that starts with `-` is a new phrase' }),
  );
}

/** The grammar has a chain of `else if` in a row; here it nests. */
function ifExpr(cx: Conversion, node: CstNode, span: Span): Expr {
  const conditions = nodes(node, 'expr');
  const blocks = inOrder(node).filter((child): child is CstNode => 'name' in child && child.name === 'block');
  const starts = tokens(node, 'word:if').map((token) => token.startOffset);
  if (starts.length > longestChain) return tooLong(cx, span, 'this chain of `else if`');
  const otherwise = blocks.length > starts.length ? blocks[starts.length] : undefined;
  let rest: BlockExpr | IfExpr = block(cx, otherwise, span.end);
  for (let i = starts.length - 1; i >= 0; i--) {
    const start = starts[i] ?? span.start;
    const condition = expr(cx, conditions[i], start + 2);
    const then = block(cx, blocks[i], condition.span.end);
    rest = { kind: 'if', span: createSpan(cx.source, start, span.end), condition, then, otherwise: rest };
  }
  return rest;
}

function patternExpr(cx: Conversion, node: CstNode, span: Span): PatternExpr {
  return {
    kind: 'pattern',
    span,
    form: (tokenOf(node, 'form')?.image ?? 'rearrange') as PatternExpr['form'],
    inputs: nodes(node, 'input').map((side) => axes(cx, side, span.start)),
    output: axes(cx, nodeOf(node, 'output'), span.end),
    args: args(cx, nodeOf(node, 'args')),
  };
}

function axes(cx: Conversion, node: CstNode | undefined, near: number): Axes {
  const span = spanOf(cx, node, near);
  return { kind: 'axes', span, items: nodes(node, 'axis').map((item) => axis(cx, item)) };
}

function axis(cx: Conversion, node: CstNode): Axis {
  const span = spanOf(cx, node, startOf(node));
  const name = tokenOf(node, 'Name');
  if (name !== undefined) return { kind: 'named-axis', span, name: name.image };
  const numeral = tokenOf(node, 'Numeral');
  if (numeral !== undefined) return { kind: 'number-axis', span, value: numberLiteral(cx, numeral, span.start).value };
  if (tokenOf(node, 'OpenParen') === undefined) return { kind: 'ellipsis-axis', span };
  return { kind: 'group-axis', span, axes: axes(cx, nodeOf(node, 'axes'), span.end) };
}

function foldExpr(cx: Conversion, node: CstNode, span: Span): FoldExpr {
  const condition = nodeOf(node, 'while');
  return {
    kind: 'fold',
    span,
    form: tokenOf(node, 'form')?.image === 'scan' ? 'scan' : 'fold',
    pattern: pattern(cx, nodeOf(node, 'pattern'), span.start + 4),
    init: expr(cx, nodeOf(node, 'init'), span.end),
    binds: binds(cx, nodeOf(node, 'binds')),
    while: condition === undefined ? null : expr(cx, condition, span.end),
    body: expr(cx, nodeOf(node, 'body'), span.end),
  };
}
