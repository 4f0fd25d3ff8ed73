/**
 * Tokens of the language (chevrotain). Reserved and contextual words are tried longest first and yield to a longer
 * identifier. Malformed strings and numbers are tokens of their own, so that parsing goes on after them.
 * `lex` also marks the tokens that start a phrase: `(`, `[`, `-`, `@` first on a line at bracket depth 0.
 */
import { createToken, Lexer, type ILexingError, type IToken, type TokenType } from 'chevrotain';

/** Words that are never names, except after `.` and before `=` in calls. */
export const reservedWords = [
  'import',
  'export',
  'as',
  'const',
  'fn',
  'layer',
  'optimizer',
  'train',
  'param',
  'let',
  'update',
  'assert',
  'if',
  'else',
  'for',
  'in',
  'fold',
  'scan',
  'while',
  'requires',
  'with',
  'minimize',
  'maximize',
  'einsum',
  'rearrange',
  'reduce',
  'list',
  'true',
  'false',
  'none',
] as const;

/** Words with a meaning in one place only; elsewhere they are names. */
export const contextualWords = [
  'from',
  'of',
  'over',
  'along',
  'using',
  'when',
  'batch',
  'step',
  'metric',
  'model',
  'state',
  'cache',
  'type',
  'test',
  'forall',
  'dtype',
] as const;

type WordText = (typeof reservedWords)[number] | (typeof contextualWords)[number];

const category = (name: string): TokenType => createToken({ name, pattern: Lexer.NA });

/** Any word: allowed after `.` and before `=` in calls. */
export const Word = category('Word');
/** An identifier or a contextual word. */
export const Name = category('Name');
/** A string, well formed or not. */
export const Text = category('Text');
/** A number, well formed or not. */
export const Numeral = category('Numeral');
/** `true`, `false`, `none`. */
export const Constant = category('Constant');
/** Comparison operators; they do not chain. */
export const Arithmetic = category('Arithmetic');
/** Operators of a sum and of everything that binds looser, except `<`. */
export const Operator = category('Operator');

const Identifier = createToken({ name: 'Identifier', pattern: /[A-Za-z_]\w*/, categories: [Name, Word] });
/** A lone `_`. */
export const Underscore = createToken({ name: 'Underscore', pattern: '_', longer_alt: Identifier });

const constants: ReadonlySet<string> = new Set(['true', 'false', 'none']);
const reserved: ReadonlySet<string> = new Set(reservedWords);

function word(text: WordText): TokenType {
  const categories = constants.has(text) ? [Word, Constant] : reserved.has(text) ? [Word] : [Word, Name];
  return createToken({ name: `word:${text}`, pattern: text, longer_alt: Identifier, categories, label: `\`${text}\`` });
}

/** Token types of all words, by their text. */
export const words = Object.fromEntries(
  [...reservedWords, ...contextualWords].map((text) => [text, word(text)]),
) as Readonly<Record<WordText, TokenType>>;

const sign = (name: string, text: string, categories: TokenType[] = []): TokenType =>
  createToken({ name, pattern: text, label: `\`${text}\``, categories });

/** Punctuation and operators. */
export const signs = {
  ellipsis: sign('Ellipsis', '...'),
  range: sign('Range', '..', [Operator]),
  dot: sign('Dot', '.'),
  pipe: sign('Pipe', '|>', [Operator]),
  or: sign('OrOr', '||', [Operator]),
  bar: sign('Bar', '|'),
  and: sign('AndAnd', '&&', [Operator]),
  fatArrow: sign('FatArrow', '=>'),
  equal: sign('EqualEqual', '==', [Operator]),
  assign: sign('Assign', '='),
  notEqual: sign('NotEqual', '!=', [Operator]),
  not: sign('Not', '!'),
  lessEqual: sign('LessEqual', '<=', [Operator]),
  less: sign('Less', '<', [Operator]),
  greaterEqual: sign('GreaterEqual', '>=', [Operator]),
  greater: sign('Greater', '>', [Operator]),
  arrow: sign('Arrow', '->'),
  plus: sign('Plus', '+', [Operator, Arithmetic]),
  minus: sign('Minus', '-', [Operator, Arithmetic]),
  times: sign('Times', '*', [Operator, Arithmetic]),
  divide: sign('Divide', '/', [Operator, Arithmetic]),
  remainder: sign('Remainder', '%', [Operator, Arithmetic]),
  at: sign('At', '@', [Operator, Arithmetic]),
  power: sign('Power', '^', [Operator, Arithmetic]),
  coalesce: sign('Coalesce', '??', [Operator, Arithmetic]),
  optional: sign('Optional', '?'),
  comma: sign('Comma', ','),
  colon: sign('Colon', ':'),
  openParen: sign('OpenParen', '('),
  closeParen: sign('CloseParen', ')'),
  openBracket: sign('OpenBracket', '['),
  closeBracket: sign('CloseBracket', ']'),
  openBrace: sign('OpenBrace', '{'),
  closeBrace: sign('CloseBrace', '}'),
} as const;

/** A well-formed string; escapes are checked later. */
export const StringToken = createToken({ name: 'String', pattern: /"(?:[^"\\\r\n]|\\[^\r\n])*"/, categories: [Text] });
/** A string that its line does not close. */
export const OpenString = createToken({
  name: 'OpenString',
  pattern: /"(?:[^"\\\r\n]|\\[^\r\n])*\\?/,
  categories: [Text],
});
/** A string in single quotes. */
export const SingleQuoted = createToken({ name: 'SingleQuoted', pattern: /'[^'\r\n]*'?/, categories: [Text] });
/** A number with whatever is stuck to it, such as `3x`, `1.` or `1.2.3`; `wellFormedNumber` tells them apart. */
export const NumberToken = createToken({
  name: 'Number',
  pattern: /\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?(?:[A-Za-z_]\w*|\.(?!\.)[\w.]*)?/,
  categories: [Numeral],
});
/** What a number may look like. */
export const wellFormedNumber = /^\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?$/;

const Space = createToken({
  name: 'Space',
  pattern: /[ \t\r\n\f\v\u00a0\ufeff]+/,
  group: Lexer.SKIPPED,
  line_breaks: true,
});
const LineComment = createToken({ name: 'Comment', pattern: /\/\/[^\r\n]*/, group: 'comments' });
/** `/* … *\/`, which the language does not have. */
export const BlockComment = createToken({
  name: 'BlockComment',
  pattern: /\/\*(?:[^*]|\*(?!\/))*(?:\*\/)?/,
  group: 'stray',
  line_breaks: true,
});
/** `# …`, which the language does not have. */
export const HashComment = createToken({ name: 'HashComment', pattern: /#[^\r\n]*/, group: 'stray' });
/** `;`, which the language does not have. */
export const Semicolon = createToken({ name: 'Semicolon', pattern: ';', group: 'stray' });

const wordTypes = Object.entries(words)
  .sort(([a], [b]) => b.length - a.length)
  .map(([, type]) => type);

/** Every token type, in the order in which the lexer tries them. */
export const allTokens: TokenType[] = [
  Space,
  LineComment,
  BlockComment,
  HashComment,
  Semicolon,
  ...wordTypes,
  Underscore,
  Identifier,
  NumberToken,
  StringToken,
  OpenString,
  SingleQuoted,
  ...Object.values(signs),
  Word,
  Name,
  Text,
  Numeral,
  Constant,
  Arithmetic,
  Operator,
];

const lexer = new Lexer(allTokens, { positionTracking: 'onlyOffset', skipValidations: true });

/** The tokens of a text, its comments, and what does not belong there. */
export interface Lexed {
  readonly tokens: IToken[];
  readonly comments: readonly IToken[];
  readonly stray: readonly IToken[];
  readonly errors: readonly ILexingError[];
}

/** Splits a text into tokens and marks those that start a phrase. */
export function lex(text: string): Lexed {
  const { tokens, groups, errors } = lexer.tokenize(text);
  markPhraseStarts(text, tokens);
  return { tokens, comments: groups['comments'] ?? [], stray: groups['stray'] ?? [], errors };
}

/** Whether a token was marked by `lex` as the start of a phrase. */
export function startsPhrase(token: IToken): boolean {
  return token.payload === phraseStart;
}

/** The offset just after a token. */
export function tokenEnd(token: IToken): number {
  return token.startOffset + token.image.length;
}

const phraseStart = 'phrase';
const phraseSigns: ReadonlySet<TokenType> = new Set([signs.openParen, signs.openBracket, signs.minus, signs.at]);
const memberWords: ReadonlySet<TokenType> = new Set([
  words.let,
  words.param,
  words.export,
  words.train,
  words.import,
  words.update,
  words.const,
  words.minimize,
  words.maximize,
  words.optimizer,
]);

/** Depth counts `(` and `[`; `{` starts a fresh 0, `}` returns. A member keyword on its own line resets a lost depth. */
function markPhraseStarts(text: string, tokens: IToken[]): void {
  const outer: number[] = [];
  let depth = 0;
  let previousEnd = 0;
  for (const [i, token] of tokens.entries()) {
    const type = token.tokenType;
    if (startsLine(text, previousEnd, token.startOffset)) {
      if (depth > 0 && memberWords.has(type) && tokens[i + 1]?.tokenType !== signs.assign) depth = 0;
      if (depth === 0 && phraseSigns.has(type)) token.payload = phraseStart;
    }
    previousEnd = tokenEnd(token);
    token.endOffset = previousEnd - 1; // the lexer leaves it out, the concrete tree needs it
    if (type === signs.openParen || type === signs.openBracket) depth++;
    else if (type === signs.closeParen || type === signs.closeBracket) depth = Math.max(0, depth - 1);
    else if (type === signs.openBrace) depth = (outer.push(depth), 0);
    else if (type === signs.closeBrace) depth = outer.pop() ?? 0;
  }
}

function startsLine(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    if (code === 10 || code === 13) return true;
  }
  return false;
}
