/**
 * Expressions as prettier documents. Parentheses stand where precedence needs them. Lines break after an operator,
 * except before `|>`: a line that starts with `-`, `(`, `[` or `@` would be a new phrase.
 */
import type { Doc } from 'prettier';
import { builders } from 'prettier/doc';
import { CompilerBug } from '../../support/diagnostic.ts';
import type {
  Argument,
  Axes,
  BinaryExpr,
  BlockExpr,
  Expr,
  FoldExpr,
  HoleExpr,
  IfExpr,
  IndexItem,
  PatternExpr,
  PipeExpr,
  Statement,
} from '../ast.ts';
import { quote } from '../literals.ts';
import { pipeStages } from './comments.ts';
import { body, commented, isCommented, leadingOf, list, trailingOf, type Layout } from './layout.ts';
import { bindsDoc, paramsDoc, patternDoc, typeDoc } from './types.ts';

const { group, hardline, indent, line } = builders;

/** How tightly an expression binds, loosest first. `open` is what swallows all that follows it. */
const levels = [
  'open',
  'pipe',
  'or',
  'and',
  'comparison',
  'range',
  'sum',
  'product',
  'prefix',
  'power',
  'with',
  'postfix',
] as const;
type Level = (typeof levels)[number];

const operatorLevels: Readonly<Record<BinaryExpr['operator'], Level>> = {
  '||': 'or',
  '&&': 'and',
  '==': 'comparison',
  '!=': 'comparison',
  '<': 'comparison',
  '<=': 'comparison',
  '>': 'comparison',
  '>=': 'comparison',
  '+': 'sum',
  '-': 'sum',
  '*': 'product',
  '/': 'product',
  '%': 'product',
  '@': 'product',
  '^': 'power',
  '??': 'power',
};

function levelOf(expr: Expr): Level {
  switch (expr.kind) {
    case 'as':
    case 'lambda':
    case 'for':
    case 'fold':
    case 'if':
    case 'block':
      return 'open';
    case 'pipe':
      return 'pipe';
    case 'binary':
      return operatorLevels[expr.operator];
    case 'range':
      return 'range';
    case 'unary':
      return 'prefix';
    case 'with':
      return 'with';
    case 'number':
    case 'string':
    case 'bool':
    case 'none':
    case 'name':
    case 'call':
    case 'index':
    case 'member':
    case 'tuple':
    case 'list':
    case 'pattern':
    case 'error':
      return 'postfix';
  }
}

function next(level: Level): Level {
  return levels[levels.indexOf(level) + 1] ?? 'postfix';
}

/** An expression that must bind at least as tightly as `least`; else it stands in parentheses. */
export function operand(cx: Layout, expr: Expr, least: Level): Doc {
  const doc = expression(cx, expr);
  return levels.indexOf(levelOf(expr)) < levels.indexOf(least) ? ['(', doc, ')'] : doc;
}

/** An expression where any may stand. */
export function expression(cx: Layout, expr: Expr): Doc {
  switch (expr.kind) {
    case 'number':
      return expr.text;
    case 'string':
      return quote(expr.value);
    case 'bool':
      return String(expr.value);
    case 'none':
      return 'none';
    case 'name':
      return expr.name;
    case 'pipe':
      return pipe(cx, expr);
    case 'binary':
      return group(binary(cx, expr, indent));
    case 'unary':
      return [expr.operator, operand(cx, expr.operand, 'prefix')];
    case 'range':
      return range(cx, expr.from, expr.to);
    case 'block':
      return blockDoc(cx, expr);
    case 'tuple':
      return list(cx, ['(', ')'], expr.elements, ({ name, value }) => [
        name === null ? '' : `${name.name}=`,
        expression(cx, value),
      ]);
    case 'list':
      return list(cx, ['[', ']'], expr.elements, (element) => expression(cx, element));
    case 'if':
      return group(ifDoc(cx, expr));
    case 'pattern':
      return [expr.form, '[', sides(expr), ']', argsDoc(cx, expr.args)];
    case 'lambda':
      return ['fn', paramsDoc(cx, expr.params), ' =>', assigned(cx, expr.body)];
    case 'for':
      return ['for ', bindsDoc(cx, expr.binds), ' =>', assigned(cx, expr.body)];
    case 'fold':
      return foldDoc(cx, expr);
    case 'error':
      throw new CompilerBug('an expression with an error cannot be formatted', expr.span);
    case 'call':
    case 'index':
    case 'member':
    case 'as':
    case 'with':
      return suffixed(cx, expr);
  }
}

function suffixed(cx: Layout, expr: Extract<Expr, { kind: 'call' | 'index' | 'member' | 'as' | 'with' }>): Doc {
  switch (expr.kind) {
    case 'call':
      return [operand(cx, expr.callee, 'postfix'), argsDoc(cx, expr.args)];
    case 'index':
      return [operand(cx, expr.object, 'postfix'), list(cx, ['[', ']'], expr.indices, (item) => index(cx, item))];
    case 'member':
      return [
        expr.object.kind === 'number' ? ['(', expr.object.text, ')'] : operand(cx, expr.object, 'postfix'),
        '.',
        expr.member.name,
      ];
    case 'as':
      return [operand(cx, expr.value, 'with'), ' as ', typeDoc(cx, expr.type)];
    case 'with':
      return [
        operand(cx, expr.object, 'with'),
        ' with ',
        list(cx, ['{', '}'], expr.overrides, ({ name, value }) => [`${name.name}=`, expression(cx, value)], true),
      ];
  }
}

/** What follows `=` or `=>`: on the same line, or indented on the next where it has no place to break of its own. */
export function assigned(cx: Layout, value: Expr): Doc {
  if (value.kind === 'binary') return group(indent([line, binary(cx, value, (doc) => doc)]));
  const isFlat = value.kind === 'unary' || value.kind === 'range' || value.kind === 'string' || value.kind === 'member';
  return isFlat ? group(indent([line, expression(cx, value)])) : [' ', expression(cx, value)];
}

/** The body of a function after `=`. */
export function bodyAfterEquals(cx: Layout, value: Expr): Doc {
  const opens = value.kind === 'block' || value.kind === 'for' || value.kind === 'fold' || value.kind === 'lambda';
  return opens ? [' ', expression(cx, value)] : group(indent([line, expression(cx, value)]));
}

function pipe(cx: Layout, expr: PipeExpr): Doc {
  const [value, ...stages] = pipeStages(expr);
  const first = value === undefined ? '' : commented(cx, value, operand(cx, value, 'pipe'));
  const rest = stages.map((stage) => {
    const comments = leadingOf(cx, stage);
    return [
      comments.length === 0 ? line : [hardline, ...comments],
      '|> ',
      operand(cx, stage, next('pipe')),
      trailingOf(cx, stage),
    ];
  });
  return group([first, indent(rest)]);
}

function binary(cx: Layout, expr: BinaryExpr, wrap: (doc: Doc) => Doc): Doc {
  const level = operatorLevels[expr.operator];
  if (level === 'power') return powerDoc(cx, expr);
  const links = level === 'comparison' ? [expr] : linksOf(expr, level);
  const rest = links.map((link): Doc => [` ${link.operator}`, line, operand(cx, link.right, next(level))]);
  return [operand(cx, links[0]?.left ?? expr.left, level === 'comparison' ? 'range' : level), wrap(rest)];
}

/** The operators of one level in a row, left to right. */
function linksOf(expr: BinaryExpr, level: Level): readonly BinaryExpr[] {
  const links = [expr];
  for (let first = expr.left; first.kind === 'binary' && operatorLevels[first.operator] === level; first = first.left) {
    links.unshift(first);
  }
  return links;
}

/** `^` and `??` take the whole prefix expression on their right. */
function powerDoc(cx: Layout, expr: BinaryExpr): Doc {
  return [operand(cx, expr.left, 'with'), ` ${expr.operator} `, operand(cx, expr.right, 'prefix')];
}

function range(cx: Layout, from: Expr, to: Expr): Doc {
  const spaced = from.kind === 'binary' || to.kind === 'binary';
  return [operand(cx, from, 'sum'), spaced ? ' .. ' : '..', operand(cx, to, 'sum')];
}

/** The arguments of a call. */
export function argsDoc(cx: Layout, args: readonly Argument[]): Doc {
  return list(cx, ['(', ')'], args, ({ name, value }) => [name === null ? '' : `${name.name}=`, argument(cx, value)]);
}

function argument(cx: Layout, value: Expr | HoleExpr): Doc {
  return value.kind === 'hole' ? '_' : expression(cx, value);
}

/** Tight around short ends (`x[1:]`), spaced around others (`x[: t - 1]`). */
function index(cx: Layout, item: IndexItem): Doc {
  if (item.kind === 'ellipsis-index') return '...';
  if (item.kind === 'at-index') return expression(cx, item.value);
  const { from, to } = item;
  const tight = (from === null || isShort(from)) && (to === null || isShort(to));
  const left = from === null ? '' : expression(cx, from);
  const right = to === null ? '' : expression(cx, to);
  return [left, tight || from === null ? ':' : ' :', tight || to === null ? '' : ' ', right];
}

function isShort(expr: Expr): boolean {
  return expr.kind === 'name' || expr.kind === 'number' || (expr.kind === 'unary' && isShort(expr.operand));
}

function ifDoc(cx: Layout, expr: IfExpr): Doc {
  const otherwise = expr.otherwise.kind === 'if' ? ifDoc(cx, expr.otherwise) : branch(cx, expr.otherwise);
  return ['if ', operand(cx, expr.condition, 'pipe'), ' ', branch(cx, expr.then), ' else ', otherwise];
}

/** A block that may stay on the line of its `if`: the group is the whole `if`. */
function branch(cx: Layout, block: BlockExpr): Doc {
  const { statements, result } = block;
  if (statements.length > 0 || result === null || isCommented(cx, result) || cx.attached.closing.has(statements))
    return blockDoc(cx, block);
  return ['{', indent([line, expression(cx, result)]), line, '}'];
}

/** A block, one statement a line. */
export function blockDoc(cx: Layout, block: BlockExpr): Doc {
  const { statements, result } = block;
  const lines = statements.map((node) => ({ node, doc: statementDoc(cx, node) }));
  const last = result === null ? [] : [{ node: result, doc: resultDoc(cx, result, statements.at(-1)) }];
  const docs = body(cx, [...lines, ...last], statements);
  return docs.length === 0 ? '{}' : ['{', indent([hardline, ...docs]), hardline, '}'];
}

/** After an `update` a result that starts with the name `when` would be read as its condition. */
function resultDoc(cx: Layout, result: Expr, before: Statement | undefined): Doc {
  const doc = expression(cx, result);
  return before?.kind === 'update' && startsWithWhen(result) ? ['(', doc, ')'] : doc;
}

function startsWithWhen(expr: Expr): boolean {
  switch (expr.kind) {
    case 'name':
      return expr.name === 'when';
    case 'binary':
      return startsWithWhen(expr.left);
    case 'range':
      return startsWithWhen(expr.from);
    case 'pipe':
    case 'as':
      return startsWithWhen(expr.value);
    case 'call':
      return startsWithWhen(expr.callee);
    case 'index':
    case 'member':
    case 'with':
      return startsWithWhen(expr.object);
    case 'number':
    case 'string':
    case 'bool':
    case 'none':
    case 'unary':
    case 'block':
    case 'tuple':
    case 'list':
    case 'if':
    case 'pattern':
    case 'lambda':
    case 'for':
    case 'fold':
    case 'error':
      return false;
  }
}

function statementDoc(cx: Layout, statement: Statement): Doc {
  switch (statement.kind) {
    case 'let':
      return letDoc(cx, statement, 0);
    case 'update':
      return updateDoc(cx, statement);
    case 'assert':
      return assertDoc(cx, statement);
  }
}

/** `let pattern: type = value`; the pattern is padded to `width`. */
export function letDoc(
  cx: Layout,
  { pattern, type, value }: Pick<Extract<Statement, { kind: 'let' }>, 'pattern' | 'type' | 'value'>,
  width: number,
): Doc {
  const annotation = type === null ? '' : [': ', typeDoc(cx, type)];
  return ['let ', patternDoc(pattern).padEnd(width), annotation, ' =', assigned(cx, value)];
}

/** `update a.b = value when condition`. */
export function updateDoc(
  cx: Layout,
  { path, value, when }: Pick<Extract<Statement, { kind: 'update' }>, 'path' | 'value' | 'when'>,
): Doc {
  const name = path.map((part) => part.name).join('.');
  return ['update ', name, ' =', assigned(cx, value), when === null ? '' : [' when ', expression(cx, when)]];
}

/** `assert condition, "message"`. */
export function assertDoc(
  cx: Layout,
  { condition, message }: Pick<Extract<Statement, { kind: 'assert' }>, 'condition' | 'message'>,
): Doc {
  return ['assert ', expression(cx, condition), message === null ? '' : `, ${quote(message.value)}`];
}

function sides({ inputs, output }: PatternExpr): string {
  const right = axesText(output);
  return `${inputs.map(axesText).join(', ')} ->${right === '' ? '' : ` ${right}`}`;
}

function axesText({ items }: Axes): string {
  return items
    .map((axis) => {
      switch (axis.kind) {
        case 'named-axis':
          return axis.name;
        case 'number-axis':
          return String(axis.value);
        case 'ellipsis-axis':
          return '...';
        case 'group-axis':
          return `(${axesText(axis.axes)})`;
      }
    })
    .join(' ');
}

function foldDoc(cx: Layout, expr: FoldExpr): Doc {
  const until = expr.while === null ? '' : [' while ', expression(cx, expr.while)];
  const head = [
    expr.form,
    ' ',
    patternDoc(expr.pattern),
    ' = ',
    operand(cx, expr.init, 'pipe'),
    ' over ',
    bindsDoc(cx, expr.binds),
    until,
  ];
  return [...head, ' =>', assigned(cx, expr.body)];
}
