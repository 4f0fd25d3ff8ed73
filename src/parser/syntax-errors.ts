/**
 * Chevrotain's exceptions as diagnostics: what was expected here, in plain words. One per line of source, since what
 * follows a syntax error on its line is mostly its echo.
 */
import {
  EOF,
  tokenMatcher,
  type IParserErrorMessageProvider,
  type IRecognitionException,
  type IToken,
  type TokenType,
} from 'chevrotain';
import type { Diagnostic } from '../support/diagnostic.ts';
import { messages } from '../support/messages.gen.ts';
import { createSpan, positionAt, type Source, type Span } from '../support/source.ts';
import { tokenEnd, Word } from './tokens.ts';

const categories: Readonly<Record<string, string>> = {
  Word: 'a name',
  Name: 'a name',
  Text: 'a string',
  Numeral: 'a number',
  Constant: 'a value',
  Arithmetic: 'an operator',
  Operator: 'an operator',
  Underscore: '`_`',
};

const declarations = '`import`, `const`, `type`, `fn`, `layer`, `model`, `optimizer`, `train` or `test`';
const rules: Readonly<Record<string, string>> = {
  item: `a declaration (${declarations})`,
  member: 'a member (`param`, `state`, `cache`, `let`, `assert` or `fn`)',
  trainMember: 'a member (`batch`, `let`, `minimize`, `maximize`, `update`, `step` or `metric`)',
  typePart: 'a type',
  dim: 'a dim',
  index: 'an index',
  primary: 'an expression',
  operand: 'an expression',
  arg: 'an argument',
  pattern: 'a name to bind',
  bind: 'a loop bind such as `i < n` or `x in xs`',
  importDecl: '`{ names }` or `* as name`',
  fnDecl: '`=` or a block',
  suffix: 'the rest of the expression',
  axis: 'an axis',
  blockItem: 'a statement or an expression',
};

/** What closes or continues a rule, said for the token that is missing there. */
const purposes: Readonly<Record<string, string>> = {
  'file EOF': rules['item'] ?? '',
  'args CloseParen': '`)` or `,` after this argument',
  'params CloseParen': '`)` or `,` after this parameter',
  'tuple CloseParen': '`)` or `,`',
  'listExpr CloseBracket': '`]` or `,`',
  'indices CloseBracket': '`]` or `,` after this index',
  'dims CloseBracket': '`]` or `,` after this dim',
  'tupleType CloseParen': '`)` or `,`',
  'block CloseBrace': '`}` to close the block',
  'trainBody CloseBrace': '`}` or a member of a `train`',
  'unitDecl CloseBrace': '`}` or a member (`param`, `state`, `cache`, `let`, `assert` or `fn`)',
  'slotMember Colon': '`:` and a type',
  'batchInput Colon': '`:` and a type',
  'param Colon': '`:` and a type: every parameter has one',
  'letStatement Assign': '`=` and a value',
  'ifExpr word:else': '`else`: an `if` is a value and needs both branches',
  'patternExpr Arrow': '`->` between the two sides of the pattern',
  'optimizeMember word:using': '`using` and an optimizer',
};

function describe(type: TokenType): string {
  return type.LABEL ?? categories[type.name] ?? type.name;
}

/** Says what was expected; `syntaxErrors` adds what was found. */
export const expectations: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected, ruleName }) => purposes[`${ruleName} ${expected.name}`] ?? describe(expected),
  buildNotAllInputParsedMessage: () => rules['item'] ?? '',
  buildNoViableAltMessage: ({ ruleName, expectedPathsPerAlt }) => {
    const known = rules[ruleName];
    if (known !== undefined) return known;
    const first = expectedPathsPerAlt.flatMap((paths) => paths.flatMap((path) => path[0] ?? []));
    return [...new Set(first.map(describe))].slice(0, 8).join(', ');
  },
  buildEarlyExitMessage: ({ ruleName }) => rules[ruleName] ?? 'more',
};

/** The diagnostics of the parser's exceptions, at most one a line and none on the lines that are reported already. */
export function syntaxErrors(
  source: Source,
  exceptions: readonly IRecognitionException[],
  reported: readonly number[],
): readonly Diagnostic[] {
  const lines = new Set(reported);
  return exceptions.flatMap((exception) => {
    const span = placeOf(source, exception);
    const { line } = positionAt(source, span.start);
    if (lines.has(line)) return [];
    lines.add(line);
    return [diagnosticOf(source, exception, span)];
  });
}

function previousOf(exception: IRecognitionException): IToken | undefined {
  const token = 'previousToken' in exception ? (exception.previousToken as IToken | undefined) : undefined;
  return token === undefined || Number.isNaN(token.startOffset) ? undefined : token;
}

/** The token found; where that starts another line, the end of the line before, which lacks something. */
function placeOf(source: Source, exception: IRecognitionException): Span {
  const { token } = exception;
  const previous = previousOf(exception);
  const isPlaced = !Number.isNaN(token.startOffset) && token.tokenType !== EOF;
  if (isPlaced && (previous === undefined || startsDeclaration(exception) || !startsLine(source, token))) {
    return createSpan(source, token.startOffset, tokenEnd(token));
  }
  const end = previous === undefined ? source.text.trimEnd().length : tokenEnd(previous);
  return createSpan(source, end, end);
}

function startsDeclaration({ message }: IRecognitionException): boolean {
  return message.includes('declaration') || message.includes('member');
}

function expectsName(exception: IRecognitionException): boolean {
  const { message } = exception;
  if (message === 'a name' || message === rules['pattern']) return true;
  return message === purposes['params CloseParen'] && /^[(,]$/.test(previousOf(exception)?.image ?? '');
}

function diagnosticOf(source: Source, exception: IRecognitionException, span: Span): Diagnostic {
  const { token, message } = exception;
  if (expectsName(exception) && tokenMatcher(token, Word) && !startsLine(source, token)) {
    return messages.E0108(span, { word: token.image });
  }
  const short = message.replace(/ \(.*\)|(?<=[`\w]): .*/g, '');
  const helps = [...helpFor(previousOf(exception)), ...(startsLine(source, token) ? [] : helpFor(token))];
  return messages.E0101(
    span,
    { expected: message, found: found(token) },
    {
      ...(short === message ? {} : { label: `expected ${short}` }),
      helps,
    },
  );
}

function startsLine(source: Source, token: IToken): boolean {
  const before = source.text.slice(0, token.startOffset);
  return /(?:^|[\r\n])[ \t]*$/.test(before.slice(-200));
}

function found(token: IToken): string {
  if (token.tokenType === EOF) return 'the end of the file';
  return `\`${token.image.length > 40 ? `${token.image.slice(0, 39)}…` : token.image}\``;
}

/** What people of other languages write, and what it is here. */
const habits: Readonly<Record<string, string>> = {
  and: '`and` is written `&&`',
  or: '`or` is written `||`',
  not: '`not` is written `!`',
  def: 'functions start with `fn`',
  function: 'functions start with `fn`',
  func: 'functions start with `fn`',
  class: 'layers start with `layer`, models with `model`',
  return: 'a block ends in its result, without `return`',
  var: 'values are named with `let`',
  True: '`True` is written `true`',
  False: '`False` is written `false`',
  None: '`None` is written `none`',
  while: 'loops are `for`, `fold` and `scan`',
  '=>': 'a lambda is written `fn (x: type) => e`',
  elif: '`elif` is written `else if`',
};

function helpFor(token: IToken | undefined): readonly { readonly text: string }[] {
  const habit = token === undefined || !Object.hasOwn(habits, token.image) ? undefined : habits[token.image];
  return habit === undefined ? [] : [{ text: habit }];
}
