/**
 * The grammar (chevrotain): tokens → concrete syntax tree, with error recovery. LL(2) plus the newline gate.
 * Operators are parsed flat, as operands and operators in a row; `to-ast` gives them their precedence. That keeps
 * the stack shallow: three rules per pair of parentheses.
 */
import {
  CstParser,
  type CstNode,
  type IParserErrorMessageProvider,
  type IRecognitionException,
  type IToken,
  type ParserMethod,
  type TokenType,
} from 'chevrotain';
import {
  allTokens,
  Arithmetic,
  Constant,
  Name,
  Numeral,
  Operator,
  signs,
  startsPhrase,
  Text,
  Underscore,
  Word,
  words,
} from './tokens.ts';

type Rule = ParserMethod<[], CstNode>;

/** Rules entered at one time; three make a pair of parentheses. Past it the parser stops before the stack does. */
const deepestRuleStack = 1000;
/** Syntax errors after which the parser gives up. */
const mostErrors = 100;

/** Thrown where the text nests too deeply; carries the token reached. */
export class NestingTooDeep extends Error {
  override readonly name = 'NestingTooDeep';
  readonly token: IToken;

  constructor(token: IToken) {
    super('nested too deeply');
    this.token = token;
  }
}

/** Thrown where recovering further is of no use to anybody. */
export class TooManyErrors extends Error {
  override readonly name = 'TooManyErrors';
}

/** How the parser is built; validation of the grammar itself costs time and belongs in tests. */
export interface ParserOptions {
  readonly validate?: boolean;
  readonly errorMessageProvider?: IParserErrorMessageProvider;
}

/** The concrete-syntax parser; `parse.ts` is its only user. */
export class DlmParser extends CstParser {
  constructor(options: ParserOptions = {}) {
    super(allTokens, {
      recoveryEnabled: true,
      nodeLocationTracking: 'onlyOffset',
      maxLookahead: 2,
      skipValidations: options.validate !== true,
      ...(options.errorMessageProvider === undefined ? {} : { errorMessageProvider: options.errorMessageProvider }),
    });
    this.performSelfAnalysis();
  }

  /** Parses tokens from the start; recovered errors are in `errors`. */
  run(tokens: IToken[]): { readonly tree: CstNode | undefined; readonly errors: readonly IRecognitionException[] } {
    this.input = tokens;
    const tree: CstNode | undefined = this.file();
    return { tree, errors: this.errors };
  }

  // ── files and declarations ──

  readonly file: Rule = this.RULE('file', () => {
    this.MANY(() => this.SUBRULE(this.item));
  });

  readonly item: Rule = this.RULE('item', () => {
    this.#guard();
    this.MANY(() => this.SUBRULE(this.attribute));
    this.OR([
      { ALT: () => this.SUBRULE(this.importDecl) },
      {
        ALT: () => {
          this.OPTION(() => this.CONSUME(words.export));
          this.OR1([
            { ALT: () => this.SUBRULE(this.constDecl) },
            { ALT: () => this.SUBRULE(this.typeDecl) },
            { ALT: () => this.SUBRULE(this.fnDecl) },
            { ALT: () => this.SUBRULE(this.unitDecl) },
            { ALT: () => this.SUBRULE(this.trainDecl) },
            { ALT: () => this.SUBRULE(this.testDecl) },
          ]);
        },
      },
    ]);
  });

  readonly attribute: Rule = this.RULE('attribute', () => {
    this.CONSUME(signs.at);
    this.CONSUME(Name);
    this.OPTION({ GATE: () => this.#sameLine(), DEF: () => this.SUBRULE(this.args) });
  });

  readonly importDecl: Rule = this.RULE('importDecl', () => {
    this.CONSUME(words.import);
    this.OR([
      {
        ALT: () => {
          this.CONSUME(signs.openBrace);
          this.#list(signs.closeBrace, this.importName);
          this.CONSUME(signs.closeBrace);
        },
      },
      {
        ALT: () => {
          this.CONSUME(signs.times);
          this.CONSUME(words.as);
          this.CONSUME(Name);
        },
      },
    ]);
    this.CONSUME(words.from);
    this.CONSUME(Text);
  });

  readonly importName: Rule = this.RULE('importName', () => {
    this.CONSUME(Name);
    this.OPTION(() => {
      this.CONSUME(words.as);
      this.CONSUME1(Name);
    });
  });

  readonly constDecl: Rule = this.RULE('constDecl', () => {
    this.CONSUME(words.const);
    this.CONSUME(Name);
    this.OPTION(() => {
      this.CONSUME(signs.colon);
      this.SUBRULE(this.type);
    });
    this.CONSUME(signs.assign);
    this.SUBRULE(this.expr);
  });

  readonly typeDecl: Rule = this.RULE('typeDecl', () => {
    this.CONSUME(words.type);
    this.CONSUME(Name);
    this.OPTION(() => this.SUBRULE(this.generics));
    this.CONSUME(signs.assign);
    this.SUBRULE(this.type);
  });

  readonly generics: Rule = this.RULE('generics', () => {
    this.CONSUME(signs.openBracket);
    this.#list(signs.closeBracket, this.generic);
    this.CONSUME(signs.closeBracket);
  });

  readonly generic: Rule = this.RULE('generic', () => {
    this.CONSUME(Name);
    this.CONSUME(signs.colon);
    this.CONSUME(words.dtype);
  });

  readonly fnDecl: Rule = this.RULE('fnDecl', () => {
    this.CONSUME(words.fn);
    this.CONSUME(Name);
    this.OPTION(() => this.SUBRULE(this.generics));
    this.SUBRULE(this.params);
    this.OPTION1(() => {
      this.CONSUME(signs.arrow);
      this.SUBRULE(this.type);
    });
    this.OPTION2(() => this.SUBRULE(this.requirements));
    this.OR([
      {
        ALT: () => {
          this.CONSUME(signs.assign);
          this.SUBRULE(this.expr);
        },
      },
      { ALT: () => this.SUBRULE(this.block) },
    ]);
  });

  readonly params: Rule = this.RULE('params', () => {
    this.CONSUME(signs.openParen);
    this.OPTION(() => this.#list(signs.closeParen, this.param));
    this.CONSUME(signs.closeParen);
  });

  readonly param: Rule = this.RULE('param', () => {
    this.CONSUME(Name);
    this.CONSUME(signs.colon);
    this.SUBRULE(this.type);
    this.OPTION(() => {
      this.CONSUME(signs.assign);
      this.SUBRULE(this.expr);
    });
  });

  readonly requirements: Rule = this.RULE('requirements', () => {
    this.CONSUME(words.requires);
    this.AT_LEAST_ONE_SEP({ SEP: signs.comma, DEF: () => this.SUBRULE(this.expr) });
  });

  readonly unitDecl: Rule = this.RULE('unitDecl', () => {
    this.OR([
      { ALT: () => this.CONSUME(words.layer, { LABEL: 'unit' }) },
      { ALT: () => this.CONSUME(words.model, { LABEL: 'unit' }) },
      { ALT: () => this.CONSUME(words.optimizer, { LABEL: 'unit' }) },
    ]);
    this.CONSUME(Name);
    this.SUBRULE(this.params);
    this.OPTION(() => this.SUBRULE(this.requirements));
    this.CONSUME(signs.openBrace);
    this.MANY(() => this.SUBRULE(this.member));
    this.CONSUME(signs.closeBrace);
  });

  readonly member: Rule = this.RULE('member', () => {
    this.#guard();
    this.MANY(() => this.SUBRULE(this.attribute));
    this.OR([
      { ALT: () => this.SUBRULE(this.slotMember) },
      { ALT: () => this.SUBRULE(this.letStatement) },
      { ALT: () => this.SUBRULE(this.assertStatement) },
      {
        ALT: () => {
          this.OPTION(() => this.CONSUME(words.export));
          this.SUBRULE(this.fnDecl);
        },
      },
    ]);
  });

  readonly slotMember: Rule = this.RULE('slotMember', () => {
    this.OR([
      { ALT: () => this.CONSUME(words.param, { LABEL: 'slot' }) },
      { ALT: () => this.CONSUME(words.state, { LABEL: 'slot' }) },
      { ALT: () => this.CONSUME(words.cache, { LABEL: 'slot' }) },
    ]);
    this.CONSUME(Name);
    this.CONSUME(signs.colon);
    this.SUBRULE(this.type);
    this.OPTION(() => {
      this.CONSUME(signs.assign);
      this.SUBRULE(this.expr);
    });
    this.OPTION1(() => this.SUBRULE(this.condition));
  });

  readonly condition: Rule = this.RULE('condition', () => {
    this.CONSUME(words.when);
    this.SUBRULE(this.expr);
  });

  readonly trainDecl: Rule = this.RULE('trainDecl', () => {
    this.CONSUME(words.train);
    this.CONSUME(Name);
    this.SUBRULE(this.params);
    this.SUBRULE(this.trainBody);
  });

  readonly trainBody: Rule = this.RULE('trainBody', () => {
    this.CONSUME(signs.openBrace);
    this.MANY(() => this.SUBRULE(this.trainMember));
    this.CONSUME(signs.closeBrace);
  });

  readonly trainMember: Rule = this.RULE('trainMember', () => {
    this.#guard();
    this.MANY(() => this.SUBRULE(this.attribute));
    this.OR([
      { ALT: () => this.SUBRULE(this.batchMember) },
      { ALT: () => this.SUBRULE(this.letStatement) },
      { ALT: () => this.SUBRULE(this.optimizeMember) },
      { ALT: () => this.SUBRULE(this.updateStatement) },
      { ALT: () => this.SUBRULE(this.stepMember) },
      { ALT: () => this.SUBRULE(this.metricMember) },
    ]);
  });

  readonly batchMember: Rule = this.RULE('batchMember', () => {
    this.CONSUME(words.batch);
    this.AT_LEAST_ONE_SEP({ SEP: signs.comma, DEF: () => this.SUBRULE(this.batchInput) });
  });

  readonly batchInput: Rule = this.RULE('batchInput', () => {
    this.CONSUME(Name);
    this.CONSUME(signs.colon);
    this.SUBRULE(this.type);
  });

  readonly optimizeMember: Rule = this.RULE('optimizeMember', () => {
    this.OR([
      { ALT: () => this.CONSUME(words.minimize, { LABEL: 'direction' }) },
      { ALT: () => this.CONSUME(words.maximize, { LABEL: 'direction' }) },
    ]);
    this.SUBRULE(this.expr, { LABEL: 'loss' });
    this.OPTION(() => {
      this.CONSUME(words.of);
      this.AT_LEAST_ONE_SEP({ SEP: signs.comma, DEF: () => this.SUBRULE1(this.expr, { LABEL: 'of' }) });
    });
    this.CONSUME(words.using);
    this.SUBRULE2(this.expr, { LABEL: 'using' });
  });

  readonly stepMember: Rule = this.RULE('stepMember', () => {
    this.CONSUME(words.step);
    this.CONSUME(Name);
    this.OPTION(() => this.SUBRULE(this.args));
    this.SUBRULE(this.trainBody);
  });

  readonly metricMember: Rule = this.RULE('metricMember', () => {
    this.CONSUME(words.metric);
    this.CONSUME(Name);
    this.CONSUME(signs.assign);
    this.SUBRULE(this.expr);
  });

  readonly testDecl: Rule = this.RULE('testDecl', () => {
    this.CONSUME(words.test);
    this.CONSUME(Text);
    this.OPTION(() => {
      this.CONSUME(words.forall);
      this.SUBRULE(this.binds);
    });
    this.SUBRULE(this.block);
  });

  // ── blocks, patterns, binds ──

  readonly block: Rule = this.RULE('block', () => {
    this.CONSUME(signs.openBrace);
    this.MANY(() => this.SUBRULE(this.blockItem));
    this.CONSUME(signs.closeBrace);
  });

  /** Only the last item may be an expression; `to-ast` sees to that, so that recovery has less to do. */
  readonly blockItem: Rule = this.RULE('blockItem', () => {
    this.#guard();
    this.OR([
      { ALT: () => this.SUBRULE(this.letStatement) },
      { ALT: () => this.SUBRULE(this.updateStatement) },
      { ALT: () => this.SUBRULE(this.assertStatement) },
      { ALT: () => this.SUBRULE(this.expr) },
    ]);
  });

  readonly letStatement: Rule = this.RULE('letStatement', () => {
    this.CONSUME(words.let);
    this.SUBRULE(this.pattern);
    this.OPTION(() => {
      this.CONSUME(signs.colon);
      this.SUBRULE(this.type);
    });
    this.CONSUME(signs.assign);
    this.SUBRULE(this.expr);
  });

  readonly updateStatement: Rule = this.RULE('updateStatement', () => {
    this.CONSUME(words.update);
    this.CONSUME(Name, { LABEL: 'path' });
    this.MANY(() => {
      this.CONSUME(signs.dot);
      this.CONSUME(Word, { LABEL: 'path' });
    });
    this.CONSUME(signs.assign);
    this.SUBRULE(this.expr);
    this.OPTION(() => this.SUBRULE(this.condition));
  });

  readonly assertStatement: Rule = this.RULE('assertStatement', () => {
    this.CONSUME(words.assert);
    this.SUBRULE(this.expr);
    this.OPTION(() => {
      this.CONSUME(signs.comma);
      this.CONSUME(Text);
    });
  });

  readonly pattern: Rule = this.RULE('pattern', () => {
    this.#guard();
    this.OR([
      { ALT: () => this.CONSUME(Name) },
      { ALT: () => this.CONSUME(Underscore) },
      {
        ALT: () => {
          this.CONSUME(signs.openParen);
          this.#list(signs.closeParen, this.pattern);
          this.CONSUME(signs.closeParen);
        },
      },
    ]);
  });

  readonly binds: Rule = this.RULE('binds', () => {
    this.AT_LEAST_ONE_SEP({ SEP: signs.comma, DEF: () => this.SUBRULE(this.bind) });
  });

  readonly bind: Rule = this.RULE('bind', () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(Name);
          this.CONSUME(signs.less);
          this.SUBRULE(this.sum);
        },
      },
      {
        ALT: () => {
          this.SUBRULE(this.pattern);
          this.CONSUME(words.in);
          this.SUBRULE(this.expr);
          this.OPTION(() => {
            this.CONSUME(words.along);
            this.OPTION1(() => this.CONSUME(signs.minus));
            this.CONSUME(Numeral);
          });
        },
      },
    ]);
  });

  // ── types ──

  readonly type: Rule = this.RULE('type', () => {
    this.AT_LEAST_ONE_SEP({ SEP: signs.bar, DEF: () => this.SUBRULE(this.typePart) });
  });

  readonly typePart: Rule = this.RULE('typePart', () => {
    this.#guard();
    this.OR([
      { ALT: () => this.SUBRULE(this.tensorType) },
      { ALT: () => this.SUBRULE(this.tupleType) },
      { ALT: () => this.SUBRULE(this.fnType) },
      { ALT: () => this.SUBRULE(this.listType) },
      { ALT: () => this.CONSUME(words.layer) },
      { ALT: () => this.CONSUME(Text) },
      {
        ALT: () => {
          this.OPTION(() => this.CONSUME(signs.minus));
          this.CONSUME(Numeral);
        },
      },
      {
        ALT: () => {
          this.CONSUME(Name, { LABEL: 'path' });
          this.OR1([
            { GATE: () => this.#sameLine(), ALT: () => this.SUBRULE(this.dims) },
            {
              ALT: () =>
                this.MANY(() => {
                  this.CONSUME(signs.dot);
                  this.CONSUME(Word, { LABEL: 'path' });
                }),
            },
          ]);
        },
      },
    ]);
    this.OPTION1(() => this.CONSUME(signs.optional));
  });

  readonly tensorType: Rule = this.RULE('tensorType', () => {
    this.SUBRULE(this.dims);
  });

  readonly dims: Rule = this.RULE('dims', () => {
    this.CONSUME(signs.openBracket);
    this.OPTION(() => this.#list(signs.closeBracket, this.dim));
    this.CONSUME(signs.closeBracket);
  });

  readonly dim: Rule = this.RULE('dim', () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(signs.ellipsis);
          this.OPTION(() => this.CONSUME(Name));
        },
      },
      { ALT: () => this.CONSUME(Underscore) },
      { ALT: () => this.SUBRULE(this.expr) },
    ]);
  });

  readonly tupleType: Rule = this.RULE('tupleType', () => {
    this.CONSUME(signs.openParen);
    this.#list(signs.closeParen, this.tupleTypeElement);
    this.CONSUME(signs.closeParen);
  });

  readonly tupleTypeElement: Rule = this.RULE('tupleTypeElement', () => {
    this.OPTION(() => {
      this.CONSUME(Name);
      this.CONSUME(signs.colon);
    });
    this.SUBRULE(this.type);
  });

  readonly fnType: Rule = this.RULE('fnType', () => {
    this.CONSUME(words.fn);
    this.CONSUME(signs.openParen);
    this.OPTION(() => this.#list(signs.closeParen, this.type));
    this.CONSUME(signs.closeParen);
    this.CONSUME(signs.arrow);
    this.SUBRULE(this.typePart);
  });

  readonly listType: Rule = this.RULE('listType', () => {
    this.CONSUME(words.list);
    this.OPTION({
      GATE: () => this.#sameLine(),
      DEF: () => {
        this.CONSUME(signs.openBracket);
        this.SUBRULE(this.type);
        this.CONSUME(signs.closeBracket);
      },
    });
  });

  // ── expressions ──

  readonly expr: Rule = this.RULE('expr', () => {
    this.#guard();
    this.SUBRULE(this.operand);
    this.MANY({
      GATE: () => this.#sameLine(),
      DEF: () => {
        this.CONSUME(Operator);
        this.SUBRULE1(this.operand);
      },
    });
  });

  readonly sum: Rule = this.RULE('sum', () => {
    this.SUBRULE(this.operand);
    this.MANY({
      GATE: () => this.#sameLine(),
      DEF: () => {
        this.CONSUME(Arithmetic);
        this.SUBRULE1(this.operand);
      },
    });
  });

  readonly operand: Rule = this.RULE('operand', () => {
    this.MANY(() => {
      this.OR([
        { ALT: () => this.CONSUME(signs.minus, { LABEL: 'prefix' }) },
        { ALT: () => this.CONSUME(signs.not, { LABEL: 'prefix' }) },
      ]);
    });
    this.SUBRULE(this.primary);
    this.MANY1({ GATE: () => this.#sameLine(), DEF: () => this.SUBRULE(this.suffix) });
  });

  readonly suffix: Rule = this.RULE('suffix', () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.args) },
      { ALT: () => this.SUBRULE(this.indices) },
      {
        ALT: () => {
          this.CONSUME(signs.dot);
          this.CONSUME(Word);
        },
      },
      {
        ALT: () => {
          this.CONSUME(words.as);
          this.SUBRULE(this.type);
        },
      },
      { ALT: () => this.SUBRULE(this.overrides) },
    ]);
  });

  readonly indices: Rule = this.RULE('indices', () => {
    this.CONSUME(signs.openBracket);
    this.#list(signs.closeBracket, this.index);
    this.CONSUME(signs.closeBracket);
  });

  readonly overrides: Rule = this.RULE('overrides', () => {
    this.CONSUME(words.with);
    this.CONSUME(signs.openBrace);
    this.#list(signs.closeBrace, this.namedValue);
    this.CONSUME(signs.closeBrace);
  });

  readonly namedValue: Rule = this.RULE('namedValue', () => {
    this.CONSUME(Name);
    this.CONSUME(signs.assign);
    this.SUBRULE(this.expr);
  });

  readonly args: Rule = this.RULE('args', () => {
    this.CONSUME(signs.openParen);
    this.OPTION(() => this.#list(signs.closeParen, this.arg));
    this.CONSUME(signs.closeParen);
  });

  readonly arg: Rule = this.RULE('arg', () => {
    this.OPTION(() => {
      this.CONSUME(Word);
      this.CONSUME(signs.assign);
    });
    this.OR([{ ALT: () => this.CONSUME(Underscore) }, { ALT: () => this.SUBRULE(this.expr) }]);
  });

  readonly index: Rule = this.RULE('index', () => {
    this.OR([
      { ALT: () => this.CONSUME(signs.ellipsis) },
      {
        ALT: () => {
          this.CONSUME(signs.colon);
          this.OPTION(() => this.SUBRULE(this.expr, { LABEL: 'to' }));
        },
      },
      {
        ALT: () => {
          this.SUBRULE1(this.expr, { LABEL: 'from' });
          this.OPTION1(() => {
            this.CONSUME1(signs.colon);
            this.OPTION2(() => this.SUBRULE2(this.expr, { LABEL: 'to' }));
          });
        },
      },
    ]);
  });

  readonly primary: Rule = this.RULE('primary', () => {
    this.OR([
      { ALT: () => this.CONSUME(Name) },
      { ALT: () => this.CONSUME(Numeral) },
      { ALT: () => this.CONSUME(Text) },
      { ALT: () => this.CONSUME(Constant) },
      { ALT: () => this.SUBRULE(this.tuple) },
      { ALT: () => this.SUBRULE(this.block) },
      { ALT: () => this.SUBRULE(this.listExpr) },
      { ALT: () => this.SUBRULE(this.ifExpr) },
      { ALT: () => this.SUBRULE(this.patternExpr) },
      { ALT: () => this.SUBRULE(this.lambda) },
      { ALT: () => this.SUBRULE(this.forExpr) },
      { ALT: () => this.SUBRULE(this.foldExpr) },
    ]);
  });

  readonly tuple: Rule = this.RULE('tuple', () => {
    this.CONSUME(signs.openParen);
    this.#list(signs.closeParen, this.tupleElement);
    this.CONSUME(signs.closeParen);
  });

  readonly tupleElement: Rule = this.RULE('tupleElement', () => {
    this.OPTION(() => {
      this.CONSUME(Name);
      this.CONSUME(signs.assign);
    });
    this.SUBRULE(this.expr);
  });

  readonly listExpr: Rule = this.RULE('listExpr', () => {
    this.CONSUME(signs.openBracket);
    this.OPTION(() => this.#list(signs.closeBracket, this.expr));
    this.CONSUME(signs.closeBracket);
  });

  /** `else if` chains are a loop, so that long ones need no stack. */
  readonly ifExpr: Rule = this.RULE('ifExpr', () => {
    this.CONSUME(words.if);
    this.SUBRULE(this.expr);
    this.SUBRULE(this.block);
    this.CONSUME(words.else);
    this.MANY(() => {
      this.CONSUME1(words.if);
      this.SUBRULE1(this.expr);
      this.SUBRULE1(this.block);
      this.CONSUME1(words.else);
    });
    this.SUBRULE2(this.block);
  });

  readonly patternExpr: Rule = this.RULE('patternExpr', () => {
    this.OR([
      { ALT: () => this.CONSUME(words.einsum, { LABEL: 'form' }) },
      { ALT: () => this.CONSUME(words.rearrange, { LABEL: 'form' }) },
      { ALT: () => this.CONSUME(words.reduce, { LABEL: 'form' }) },
    ]);
    this.CONSUME(signs.openBracket);
    this.AT_LEAST_ONE_SEP({ SEP: signs.comma, DEF: () => this.SUBRULE(this.axes, { LABEL: 'input' }) });
    this.CONSUME(signs.arrow);
    this.SUBRULE1(this.axes, { LABEL: 'output' });
    this.CONSUME(signs.closeBracket);
    this.SUBRULE(this.args);
  });

  readonly axes: Rule = this.RULE('axes', () => {
    this.#guard();
    this.MANY(() => this.SUBRULE(this.axis));
  });

  readonly axis: Rule = this.RULE('axis', () => {
    this.OR([
      { ALT: () => this.CONSUME(Name) },
      { ALT: () => this.CONSUME(Numeral) },
      { ALT: () => this.CONSUME(signs.ellipsis) },
      {
        ALT: () => {
          this.CONSUME(signs.openParen);
          this.SUBRULE(this.axes);
          this.CONSUME(signs.closeParen);
        },
      },
    ]);
  });

  readonly lambda: Rule = this.RULE('lambda', () => {
    this.CONSUME(words.fn);
    this.SUBRULE(this.params);
    this.CONSUME(signs.fatArrow);
    this.SUBRULE(this.expr);
  });

  readonly forExpr: Rule = this.RULE('forExpr', () => {
    this.CONSUME(words.for);
    this.SUBRULE(this.binds);
    this.CONSUME(signs.fatArrow);
    this.SUBRULE(this.expr);
  });

  readonly foldExpr: Rule = this.RULE('foldExpr', () => {
    this.OR([
      { ALT: () => this.CONSUME(words.fold, { LABEL: 'form' }) },
      { ALT: () => this.CONSUME(words.scan, { LABEL: 'form' }) },
    ]);
    this.SUBRULE(this.pattern);
    this.CONSUME(signs.assign);
    this.SUBRULE(this.expr, { LABEL: 'init' });
    this.CONSUME(words.over);
    this.SUBRULE(this.binds);
    this.OPTION(() => {
      this.CONSUME(words.while);
      this.SUBRULE1(this.expr, { LABEL: 'while' });
    });
    this.CONSUME(signs.fatArrow);
    this.SUBRULE2(this.expr, { LABEL: 'body' });
  });

  // ── devices ──

  /** One or more elements separated by commas; a last comma may stand before `close`. */
  #list(close: TokenType, element: Rule): void {
    this.subrule(8, element);
    this.many(9, {
      GATE: () => this.LA(2).tokenType !== close,
      DEF: () => {
        this.consume(8, signs.comma);
        this.subrule(9, element);
      },
    });
    this.option(9, () => this.consume(9, signs.comma));
  }

  /** Whether the next token continues the phrase (the newline gate). */
  #sameLine(): boolean {
    return !startsPhrase(this.LA(1));
  }

  /** Stops where the text nests too deeply or is no program at all: recovery, too, uses the stack. */
  #guard(): void {
    this.ACTION(() => {
      // The index of the stack of entered rules is chevrotain's own; its public types leave it out.
      const { RULE_STACK_IDX } = this as unknown as { readonly RULE_STACK_IDX: number };
      if (RULE_STACK_IDX > deepestRuleStack) throw new NestingTooDeep(this.LA(1));
      if (this.errors.length > mostErrors) throw new TooManyErrors();
    });
  }
}
