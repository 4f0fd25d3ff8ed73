// The evaluator: one case per kind of expression. A part that fails is reported once and gives
// `unknown`, which passes silently through everything that depends on it.
import type { BlockExpr, Expr, Pattern, Statement, TypeExpr } from '../../parser/ast.ts';
import { sub, variables } from '../../ir/dim.ts';
import { ShapeError } from '../../ir/op.ts';
import { messages } from '../../support/messages.gen.ts';
import type { Diagnostic } from '../../support/diagnostic.ts';
import { spanText, type Span } from '../../support/source.ts';
import { evaluateCall, evaluatePipe } from '../calls.ts';
import { enterSession } from '../caches.ts';
import { resolved } from '../dims.ts';
import { derivationRows, derive } from '../derivation.ts';
import { Rejected, reject, report, withOrigin, spend, type Frame } from '../frame.ts';
import { readSlot, writeSlot } from '../instances.ts';
import { Scope } from '../scope.ts';
import { didYouMean } from '../spelling.ts';
import { bindDims, matchType, Mismatch } from '../types.ts';
import { bool, describe, int, list, none, real, str, tensor, tuple, unknown, type Value } from '../values.ts';
import { evaluateIndex, evaluateMember, evaluateWith } from './access.ts';
import { evaluateFold, evaluateFor, evaluateIf } from './control.ts';
import { evaluateBinary, evaluateUnary, rangeOf } from './operators.ts';
import { evaluatePattern } from './patterns.ts';

/** The value of an expression; `unknown` after an error, which is already reported. */
export function evaluate(frame: Frame, expr: Expr): Value {
  try {
    spend(frame, expr.span);
    return withOrigin(frame, expr.span, () => evaluateKind(frame, expr));
  } catch (error) {
    if (error instanceof Rejected) return unknown;
    if (!(error instanceof ShapeError)) throw error;
    report(frame, messages.E0315(expr.span, { problem: error.message }));
    return unknown;
  }
}

function evaluateKind(frame: Frame, expr: Expr): Value {
  switch (expr.kind) {
    case 'number':
      return expr.isInteger ? int(expr.value) : real(expr.value);
    case 'string':
      return str(expr.value);
    case 'bool':
      return bool(expr.value);
    case 'none':
      return none;
    case 'name':
      return evaluateName(frame, expr.name, expr);
    case 'pipe':
      return evaluatePipe(frame, expr);
    case 'binary':
      return evaluateBinary(frame, expr);
    case 'unary':
      return evaluateUnary(frame, expr);
    case 'range':
      return list(rangeOf(frame, expr).map((i) => int(i)));
    case 'call':
      return evaluateCall(frame, expr, null);
    case 'index':
      return evaluateIndex(frame, expr);
    case 'member':
      return evaluateMember(frame, expr);
    case 'as':
      return evaluateAs(frame, expr);
    case 'with':
      return evaluateWith(frame, expr);
    case 'block':
      return evaluateBlock(frame, expr);
    case 'tuple':
      return tuple(
        expr.elements.map((e) => evaluate(frame, e.value)),
        expr.elements.map((e) => e.name?.name ?? null),
      );
    case 'list':
      return list(expr.elements.map((e) => evaluate(frame, e)));
    case 'if':
      return evaluateIf(frame, expr);
    case 'pattern':
      return evaluatePattern(frame, expr, null);
    case 'lambda':
      return { kind: 'lambda', decl: expr, scope: frame.scope, training: frame.training, precision: frame.precision };
    case 'for':
      return evaluateFor(frame, expr);
    case 'fold':
      return evaluateFold(frame, expr);
    case 'error':
      return unknown;
  }
}

function evaluateName(frame: Frame, name: string, expr: Expr): Value {
  if (name === '') return unknown;
  if (name === 'training' && frame.scope.lookup('training') === undefined) return bool(frame.training);
  const value = frame.scope.lookup(name);
  if (value === undefined)
    return reject(
      frame,
      messages.E0202(expr.span, { name }, didYouMean(name, [...frame.scope.names(), 'training'], expr.span)),
    );
  return read(frame, value);
}

/** A member as a value here: parameters and computed members become tensors of the graph. */
export function read(frame: Frame, value: Value): Value {
  if (value.kind === 'int') {
    if (value.session) for (const name of variables(value.dim)) frame.graph?.dim(name);
    return { kind: 'int', dim: resolved(frame, value.dim) };
  }
  if (value.kind === 'computed') return frame.graph ? value.make(frame) : value;
  if (value.kind !== 'parameter' || frame.graph === null) return value;
  const { slot } = value;
  if (!frame.graph.knows(slot))
    return reject(
      frame,
      messages.E0502(
        slot.frame.caller?.span ?? slot.span,
        { layer: slot.frame.instance?.decl.name.name ?? slot.name },
        { helps: [{ text: 'hold it in a member: `let layer = …`' }] },
      ),
    );
  enterSession(frame, slot);
  const current = readSlot(frame, frame.graph, slot);
  return { ...tensor(current, derive(slot.name, current.type, `${slot.role} \`${slot.name}\``)), slot };
}

/** Statements, then the result. */
export function evaluateBlock(frame: Frame, block: BlockExpr): Value {
  const inner: Frame = { ...frame, scope: new Scope(frame.scope) };
  for (const statement of block.statements) execute(inner, statement);
  if (block.result) return evaluate(inner, block.result);
  return reject(frame, messages.E0408(block.span));
}

/** The statements of a block whose result does not matter: the body of a test. */
export function runStatements(frame: Frame, block: BlockExpr): void {
  const inner: Frame = { ...frame, scope: new Scope(frame.scope) };
  for (const statement of block.statements) execute(inner, statement);
  if (block.result) evaluate(inner, block.result);
}

function execute(frame: Frame, statement: Statement): void {
  try {
    if (statement.kind === 'let') bindLet(frame, statement);
    else if (statement.kind === 'update') executeUpdate(frame, statement);
    else checkAssert(frame, statement.condition, statement.message?.value);
  } catch (error) {
    if (!(error instanceof Rejected)) throw error;
  }
}

/** `let pattern: type = value` into the scope of the frame. */
export function bindLet(
  frame: Frame,
  statement: { readonly pattern: Pattern; readonly type: TypeExpr | null; readonly value: Expr },
): void {
  const typed = evaluateAnnotated(frame, statement);
  bindPattern(frame, statement.pattern, named(typed, statement.pattern, statement.value));
  if (statement.pattern.kind === 'name-pattern' && !statement.value.span.source.name.startsWith('std/'))
    frame.trace?.bind(frame, statement.pattern.name, typed);
}

// The derivation of a tensor that a `let` names starts a new stage under that name.
function named(value: Value, pattern: Pattern, expr: Expr): Value {
  if (value.kind !== 'tensor' || pattern.kind !== 'name-pattern' || expr.span.source.name.startsWith('std/'))
    return value;
  const text = spanText(expr.span).replaceAll(/\s+/g, ' ');
  const note = text.length > 40 ? `${text.slice(0, 37)}...` : text;
  const derivation = derive(pattern.name, value.value.type, `\`${note}\``, value.derivation);
  return { ...value, derivation: { ...derivation, place: pattern.span } };
}

/** The value of a `let` or `const`, of the type that is written. */
export function evaluateAnnotated(frame: Frame, { type, value: expr }: Annotated): Value {
  const value = evaluate(frame, expr);
  if (!type) return value;
  try {
    return annotate(frame, type, value, expr);
  } catch (error) {
    if (error instanceof Rejected) return unknown;
    throw error;
  }
}

interface Annotated {
  readonly type: TypeExpr | null;
  readonly value: Expr;
}

function annotate(frame: Frame, type: TypeExpr, value: Value, expr: Expr): Value {
  if (value.kind === 'unknown') return value;
  try {
    bindDims(frame, type, value);
    return matchType(frame, type, value);
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    return reject(frame, mismatchDiagnostic('this value', error, expr.span, value));
  }
}

/** The diagnostic of a value that does not have its stated type. */
export function mismatchDiagnostic(what: string, m: Mismatch, span: Span, value: Value): Diagnostic {
  if (m.axis?.answer === 'unknown')
    return messages.E0303(
      span,
      { left: m.axis.got.key, right: m.axis.needed.key },
      {
        label: `needs ${m.axis.got.key} = ${m.axis.needed.key}`,
        notes: [`${what} is ${m.got}, where ${m.expected} is needed`],
        helps: [
          { text: `use one name for both axes, or require it: \`requires ${m.axis.got.key} == ${m.axis.needed.key}\`` },
        ],
      },
    );
  return messages.E0402(
    span,
    { what, expected: m.expected, got: m.got },
    {
      label: `is ${m.got}`,
      ...(value.kind === 'tensor' && value.derivation ? { derivation: derivationRows(value.derivation) } : {}),
    },
  );
}

/** Binds the names of a pattern. */
export function bindPattern(frame: Frame, pattern: Pattern, value: Value): void {
  if (pattern.kind === 'wildcard-pattern') return;
  if (pattern.kind === 'name-pattern') return frame.scope.define(pattern.name, value);
  const items = value.kind === 'tuple' || value.kind === 'list' ? value.items : null;
  const fits = items?.length === pattern.elements.length;
  if (!fits && value.kind !== 'unknown')
    report(frame, messages.E0410(pattern.span, { got: describe(value), expected: pattern.elements.length }));
  pattern.elements.forEach((element, i) => bindPattern(frame, element, (fits && items[i]) || unknown));
}

function executeUpdate(frame: Frame, statement: Statement & { kind: 'update' }): void {
  const [first] = statement.path;
  if (!first) return;
  const target = frame.scope.lookup(first.name);
  const value = evaluate(frame, statement.value);
  const when = statement.when ? evaluate(frame, statement.when) : bool(true);
  if (target === undefined)
    return reject(
      frame,
      messages.E0202(first.span, { name: first.name }, didYouMean(first.name, frame.scope.names(), first.span)),
    );
  if (target.kind === 'unknown') return;
  if (target.kind !== 'parameter' || target.slot.role === 'param' || statement.path.length > 1) {
    const what =
      target.kind === 'parameter' ? 'a param; only `minimize` moves it' : 'not a `state` or `cache` of this layer';
    return reject(frame, messages.E0601(first.span, { name: first.name, what }));
  }
  writeSlot(frame, target.slot, value, when, statement.value.span);
}

/** A static assertion. */
export function checkAssert(frame: Frame, condition: Expr, message: string | undefined): void {
  const value = evaluate(frame, condition);
  if (value.kind === 'unknown' || (value.kind === 'bool' && value.value)) return;
  if (value.kind === 'tensor' && frame.graph?.mayConstruct) return;
  if (value.kind !== 'bool')
    return reject(frame, messages.E0404(condition.span, { what: 'the condition of an `assert`' }));
  reject(frame, messages.E0409(condition.span, { message: message ?? spanText(condition.span) }));
}

// `x as [b, n]`: what is not proved becomes a guard, which the host checks when the dims are known.
function evaluateAs(frame: Frame, expr: Expr & { kind: 'as' }): Value {
  const value = evaluate(frame, expr.value);
  if (value.kind === 'unknown') return value;
  for (;;) {
    try {
      bindDims(frame, expr.type, value);
      return matchType(frame, expr.type, value);
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error;
      if (error.axis?.answer !== 'unknown' || !frame.graph)
        return reject(frame, mismatchDiagnostic('this value', error, expr.value.span, value));
      frame.graph.assume({ kind: '==0', lhs: sub(error.axis.needed, error.axis.got) });
    }
  }
}
