// Calls: matching arguments to parameters, binding the dims of the signature, requirements, the body
// inlined, and the result checked. Errors in arguments are reported at the call, not in the callee.
import { bindParameters, matchArguments, type Arguments, type Callee } from './arguments.ts';
import type { Argument, CallExpr, Expr, FnDecl, PipeExpr } from '../parser/ast.ts';
import { messages } from '../support/messages.gen.ts';
import { spanText, type Span } from '../support/source.ts';
import { derive, sizeNote } from './derivation.ts';
import { resolved } from './dims.ts';
import { variable, type Dim } from '../ir/dim.ts';
import { evaluate, mismatchDiagnostic, read } from './expressions/evaluate.ts';
import { evaluatePattern } from './expressions/patterns.ts';
import { reduceInTabulation } from './expressions/tabulated-sums.ts';
import { toTensor } from './expressions/tensors.ts';
import { emptySignature, reject, report, withOrigin, type Frame } from './frame.ts';
import { construct, type Instance } from './instances.ts';
import { callPrimitive } from './prelude/primitive.ts';
import { precisionInside } from './precision.ts';
import { checkRequirement } from './requirements.ts';
import { Scope } from './scope.ts';
import { bindGenerics, matchType, Mismatch } from './types.ts';
import {
  describe,
  hasUnknown,
  int,
  tensor,
  unknown,
  type FnValue,
  type GivenArgument,
  type LambdaValue,
  type Value,
} from './values.ts';

/** `f(a, b)`, with `x` of `x |> f(a)` first. */
export function evaluateCall(frame: Frame, expr: CallExpr, piped: GivenArgument | null): Value {
  const callee = evaluate(frame, expr.callee);
  return (
    (piped ? null : reduceInTabulation(frame, callee, expr)) ??
    callExpression(frame, callee, expr.callee, expr.args, expr.span, piped)
  );
}

/** `x |> stage`. */
export function evaluatePipe(frame: Frame, expr: PipeExpr): Value {
  const given: GivenArgument = { value: evaluate(frame, expr.value), span: expr.value.span };
  const { stage } = expr;
  if (stage.kind === 'call') return withOrigin(frame, stage.span, () => evaluateCall(frame, stage, given));
  if (stage.kind === 'pattern') return evaluatePattern(frame, stage, given);
  return withOrigin(frame, stage.span, () =>
    callExpression(frame, evaluate(frame, stage), stage, [], stage.span, given),
  );
}

function callExpression(
  frame: Frame,
  callee: Value,
  calleeExpr: Expr,
  args: readonly Argument[],
  span: Span,
  piped: GivenArgument | null,
): Value {
  const positional: GivenArgument[] = piped ? [piped] : [];
  const named = new Map<string, GivenArgument & { readonly nameSpan: Span }>();
  for (const arg of args) {
    const value = evaluateArgument(frame, callee, arg);
    if (!arg.name) {
      if (named.size > 0) report(frame, messages.E0211(arg.span));
      positional.push({ value, span: arg.value.span });
    } else if (named.has(arg.name.name)) report(frame, messages.E0210(arg.name.span, { argument: arg.name.name }));
    else named.set(arg.name.name, { value, span: arg.value.span, nameSpan: arg.name.span });
  }
  const text = spanText(calleeExpr.span);
  warnSoftmax(frame, callee, positional[0], span);
  const result = call(frame, callee, { positional, named }, span, {
    text: text.length > 40 ? 'this function' : text,
    span: calleeExpr.span,
  });
  return staged(result, calleeExpr, positional[0]?.value, callee);
}

// `cross_entropy` takes logits: a softmax before it flattens the gradient.
function warnSoftmax(frame: Frame, callee: Value, first: GivenArgument | undefined, span: Span): void {
  if (callee.kind !== 'fn' || callee.decl.name.name !== 'cross_entropy' || first?.value.kind !== 'tensor') return;
  if (first.value.derivation?.name === 'softmax')
    report(
      frame,
      messages.W1301(span, {
        secondary: [{ span: first.span, label: 'already a softmax' }],
        helps: [{ text: 'pass the logits' }],
      }),
    );
}

function evaluateArgument(frame: Frame, callee: Value, arg: Argument): Value {
  if (arg.value.kind !== 'hole') return evaluate(frame, arg.value);
  if (callee.kind === 'unit' && callee.decl.unit !== 'optimizer') return int(frameHole(frame));
  return callee.kind === 'unknown'
    ? unknown
    : reject(frame, messages.E0310(arg.value.span, { callee: describe(callee) }));
}

const frameHole = (frame: Frame): Dim => variable(frame.session.nextHole());

// A call in the user's text is a stage of the derivation, named like the callee.
function staged(result: Value, calleeExpr: Expr, first: Value | undefined, callee: Value): Value {
  if (result.kind !== 'tensor' || calleeExpr.span.source.name.startsWith('std/')) return result;
  const previous = first?.kind === 'tensor' ? first.derivation : undefined;
  const name = spanText(calleeExpr.span);
  const shown = name.length > 24 ? `${name.slice(0, 21)}...` : name;
  return {
    ...result,
    derivation: derive(
      shown,
      result.value.type,
      constructionText(callee) || sizeNote(previous?.type, result.value.type),
      previous,
    ),
  };
}

// An instance is explained by the words that constructed it.
function constructionText(callee: Value): string {
  const text = callee.kind === 'instance' ? spanText(callee.instance.span).replaceAll(/\s+/g, ' ') : '';
  return text.includes('(') && text.length <= 40 ? text : '';
}

/** Calls a value with positional arguments. */
export const callValue = (frame: Frame, callee: Value, args: readonly Value[], span: Span): Value =>
  call(frame, callee, { positional: args.map((value) => ({ value, span })), named: new Map() }, span, {
    text: describe(callee),
    span,
  });

function call(
  frame: Frame,
  callee: Value,
  args: Arguments,
  span: Span,
  at: { readonly text: string; readonly span: Span },
): Value {
  switch (callee.kind) {
    case 'unknown':
      return unknown;
    case 'fn':
      return callFn(frame, callee, args, span, { name: callee.decl.name.name, what: 'function', ...at });
    case 'lambda':
      return callLambda(frame, callee, args, span, { name: 'this function', what: 'function', ...at });
    case 'primitive':
      return callPrimitive(frame, callee.primitive, args, span, at);
    case 'unit':
      return construct(frame, callee.decl, callee.scope, args, span);
    case 'instance':
      return callInstance(frame, callee.instance, args, span, at);
    case 'dtype':
      return cast(frame, callee, args, span);
    case 'int':
    case 'real':
    case 'bool':
    case 'str':
    case 'none':
    case 'list':
    case 'tuple':
    case 'tensor':
    case 'parameter':
    case 'computed':
    case 'optimizer':
    case 'type':
    case 'namespace':
      return reject(frame, messages.E0403(at.span, { what: describe(callee) }));
  }
}

function cast(frame: Frame, callee: Value & { kind: 'dtype' }, args: Arguments, span: Span): Value {
  const [given] = args.positional;
  if (!given || args.positional.length !== 1 || args.named.size > 0)
    return reject(
      frame,
      messages.E0206(span, {
        what: 'dtype',
        callee: callee.dtype,
        expected: '1 argument',
        got: args.positional.length + args.named.size,
      }),
    );
  if (given.value.kind === 'unknown') return unknown;
  const isNumber = given.value.kind === 'int' || given.value.kind === 'real';
  const x = toTensor(frame, given.value, isNumber && callee.dtype === 'f32' ? 'f32' : undefined, given.span);
  return tensor(
    frame.graph ? frame.graph.builder.cast(x, callee.dtype) : x,
    given.value.kind === 'tensor' ? given.value.derivation : undefined,
  );
}

function callInstance(
  frame: Frame,
  instance: Instance,
  args: Arguments,
  span: Span,
  at: { readonly text: string; readonly span: Span },
): Value {
  const forward = instance.members.get('forward');
  if (frame.session.broken.has(instance.decl)) return unknown;
  if (forward?.kind !== 'fn') {
    frame.session.broken.add(instance.decl);
    return reject(frame, messages.E0505(at.span, { layer: instance.decl.name.name }));
  }
  const result = callFn(frame, forward, args, span, { name: at.text, what: instance.decl.unit, ...at }, instance);
  return isOpen(frame, result)
    ? reject(frame, messages.E0310(instance.span, { callee: `\`${instance.decl.name.name}\`` }))
    : result;
}

// A `_` that the call does not determine.
const isOpen = (frame: Frame, value: Value): boolean =>
  value.kind === 'tensor' && value.value.type.shape.some((d) => resolved(frame, d).key.includes('%hole'));

const maximalDepth = 100;

/** Calls a declared function: its body is evaluated in place. */
// Nodes of a call of a `@remat` layer carry its mark; the outermost such call decides.
function evaluateBody(inner: Frame, decl: FnDecl, target: Instance | null): Value {
  const builder = inner.graph?.builder;
  if (!builder || target?.remat !== true || builder.remat !== undefined) return evaluate(inner, decl.body);
  builder.remat = `${decl.name.name}${builder.nodes.length}`;
  try {
    return evaluate(inner, decl.body);
  } finally {
    builder.remat = undefined;
  }
}

export function callFn(
  frame: Frame,
  fn: FnValue,
  args: Arguments,
  span: Span,
  callee: Callee,
  target: Instance | null = fn.instance,
): Value {
  const { decl } = fn;
  if (frame.session.broken.has(decl)) return unknown;
  const given = matchArguments(frame, decl.params, args, callee, span);
  if (!given || [...given.values()].some((arg) => hasUnknown(arg.value))) return unknown;
  if (frame.depth > maximalDepth) {
    frame.session.broken.add(decl);
    return reject(
      frame,
      messages.E0106(span, { name: decl.name.name, verb: 'calls', cycle: `${decl.name.name} -> ${decl.name.name}` }),
    );
  }
  const inner = enter(frame, fn, span, target);
  if (!bindParameters(inner, frame, decl.params, given, callee, target)) return unknown;
  const holds = decl.requires.map((requirement) => checkRequirement(inner, requirement, frame, span));
  if (holds.includes(false)) return unknown;
  // What `float` means in the result is the caller's business.
  const outer = { ...inner, precision: frame.precision };
  const result = checkResult(outer, decl, evaluateBody(inner, decl, target));
  inner.trace?.returned(inner, result);
  return result;
}

function enter(frame: Frame, fn: FnValue, span: Span, instance: Instance | null): Frame {
  const signature = emptySignature();
  for (const generic of fn.decl.generics) signature.generics.set(generic.name, null);
  return {
    session: frame.session,
    scope: new Scope(fn.scope),
    signature,
    graph: frame.graph,
    keys: frame.keys?.next() ?? null,
    training: instance?.training ?? frame.training,
    precision: precisionInside(
      { ...frame, scope: fn.scope, precision: instance?.precision ?? frame.precision },
      fn.decl.attributes,
    ),
    fn: fn.decl,
    instance,
    constructing: frame.constructing,
    caller: { frame, span },
    depth: frame.depth + 1,
    ...(frame.tabulating ? { tabulating: frame.tabulating } : {}),
    ...(frame.trace ? { trace: frame.trace } : {}),
  };
}

/** The value of a body as the declared result. */
export function checkResult(frame: Frame, decl: FnDecl, value: Value): Value {
  if (!decl.result || value.kind === 'unknown') return value;
  try {
    bindResultPacks(frame, decl, value);
    return matchType(frame, decl.result, read(frame, value));
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    const span = decl.body.kind === 'block' ? (decl.body.result?.span ?? decl.body.span) : decl.body.span;
    report(frame, resultDiagnostic(decl, error, span, value));
    return unknown;
  }
}

// Generics that only the result names are bound by it.
const bindResultPacks = (frame: Frame, decl: FnDecl, value: Value): void => {
  if (decl.result) bindGenerics(frame, decl.result, value);
};

function resultDiagnostic(decl: FnDecl, m: Mismatch, span: Span, value: Value): ReturnType<typeof messages.E0402> {
  const what = `the result of \`${decl.name.name}\``;
  const base = mismatchDiagnostic(what, m, span, value);
  return decl.result
    ? { ...base, secondary: [...base.secondary, { span: decl.result.span, label: 'declared here' }] }
    : base;
}

function callLambda(frame: Frame, lambda: LambdaValue, args: Arguments, span: Span, callee: Callee): Value {
  const { decl } = lambda;
  const given = matchArguments(frame, decl.params, args, callee, span);
  if (!given || [...given.values()].some((arg) => arg.value.kind === 'unknown')) return unknown;
  const inner: Frame = {
    session: frame.session,
    scope: new Scope(lambda.scope),
    signature: emptySignature(),
    graph: frame.graph,
    keys: frame.keys?.next() ?? null,
    training: lambda.training,
    precision: lambda.precision,
    fn: frame.fn,
    instance: frame.instance,
    constructing: frame.constructing,
    caller: { frame, span },
    depth: frame.depth + 1,
    ...(frame.tabulating ? { tabulating: frame.tabulating } : {}),
    ...(frame.trace ? { trace: frame.trace } : {}),
  };
  if (frame.depth > maximalDepth)
    return reject(frame, messages.E0106(span, { name: 'this function', verb: 'calls', cycle: 'fn -> fn' }));
  return bindParameters(inner, frame, decl.params, given, callee, null) ? evaluate(inner, decl.body) : unknown;
}
