// Calls: matching arguments to parameters, binding the dims of the signature, requirements, the body
// inlined, and the result checked. Errors in arguments are reported at the call, not in the callee.
import type { Argument, CallExpr, Expr, FnDecl, Param, PipeExpr } from '../parser/ast.ts';
import { messages } from '../support/messages.gen.ts';
import type { DiagnosticDetails, SecondaryLabel, Help } from '../support/diagnostic.ts';
import { spanText, type Span } from '../support/source.ts';
import { derivationRows, derive } from './derivation.ts';
import { variable, variables, type Dim } from '../ir/dim.ts';
import { evaluate, mismatchDiagnostic, read } from './expressions/evaluate.ts';
import { evaluatePattern } from './expressions/patterns.ts';
import { toTensor } from './expressions/tensors.ts';
import { emptySignature, reject, Rejected, report, withOrigin, type Frame } from './frame.ts';
import { construct, type Instance } from './instances.ts';
import { callPrimitive } from './prelude/primitive.ts';
import { checkRequirement } from './requirements.ts';
import { Scope } from './scope.ts';
import { nearest } from './spelling.ts';
import { bindDims, bindGenerics, expectedText, matchType, Mismatch } from './types.ts';
import {
  describe,
  int,
  tensor,
  unknown,
  type FnValue,
  type GivenArgument,
  type LambdaValue,
  type Value,
} from './values.ts';

/** What a call names, for messages. */
export interface Callee {
  readonly name: string;
  readonly what: string;
  readonly span: Span;
  /** The text of the callee at the call: `fc`. */
  readonly text: string;
}

/** `f(a, b)`, with `x` of `x |> f(a)` first. */
export function evaluateCall(frame: Frame, expr: CallExpr, piped: GivenArgument | null): Value {
  const callee = evaluate(frame, expr.callee);
  return callExpression(frame, callee, expr.callee, expr.args, expr.span, piped);
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
  return staged(result, calleeExpr, positional[0]?.value);
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
function staged(result: Value, calleeExpr: Expr, first: Value | undefined): Value {
  if (result.kind !== 'tensor' || calleeExpr.span.source.name.startsWith('std/')) return result;
  const previous = first?.kind === 'tensor' ? first.derivation : undefined;
  const name = spanText(calleeExpr.span);
  return {
    ...result,
    derivation: derive(name.length > 24 ? `${name.slice(0, 21)}...` : name, result.value.type, '', previous),
  };
}

/** Arguments of a call, evaluated. */
export interface Arguments {
  readonly positional: readonly GivenArgument[];
  readonly named: ReadonlyMap<string, GivenArgument & { readonly nameSpan: Span }>;
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
  if (forward?.kind !== 'fn') return reject(frame, messages.E0505(at.span, { layer: instance.decl.name.name }));
  return callFn(frame, forward, args, span, { name: at.text, what: instance.decl.unit, ...at }, instance);
}

/** Matches arguments to parameters by position and name. Null after an error. */
export function matchArguments(
  frame: Frame,
  params: readonly Param[],
  args: Arguments,
  callee: Callee,
  span: Span,
): Map<Param, GivenArgument> | null {
  const given = new Map<Param, GivenArgument>();
  const signature = params.map((p) => `${p.name.name}${p.default ? `=${spanText(p.default.span)}` : ''}`).join(', ');
  const notes = [`${callee.name}(${signature})`];
  let failed = false;
  const fail = (diagnostic: Parameters<typeof report>[1]): void => {
    failed = true;
    report(frame, diagnostic);
  };
  args.positional.forEach((arg, i) => {
    const param = params[i];
    if (param) given.set(param, arg);
    else if (i === params.length)
      fail(
        messages.E0206(
          arg.span,
          {
            what: callee.what,
            callee: callee.name,
            expected: `${params.length} argument${params.length === 1 ? '' : 's'}`,
            got: args.positional.length + args.named.size,
          },
          { notes },
        ),
      );
  });
  for (const [name, arg] of args.named) {
    const param = params.find((p) => p.name.name === name);
    if (!param)
      fail(
        unknownArgument(
          name,
          arg.nameSpan,
          params.map((p) => p.name.name),
          callee,
          notes,
        ),
      );
    else if (given.has(param)) fail(messages.E0210(arg.nameSpan, { argument: name }));
    else given.set(param, arg);
  }
  if (failed) return null;
  for (const param of params)
    if (!given.has(param) && !param.default)
      fail(messages.E0205(span, { what: callee.what, callee: callee.name, argument: param.name.name }, { notes }));
  return failed ? null : given;
}

/** E0201, with the nearest parameter as a fix. */
export function unknownArgument(
  name: string,
  span: Span,
  known: readonly string[],
  callee: Callee,
  notes: readonly string[],
): ReturnType<typeof messages.E0201> {
  const near = nearest(name, known);
  const details: DiagnosticDetails =
    near === undefined
      ? { notes }
      : {
          label: `did you mean \`${near}\`?`,
          notes,
          helps: [{ text: `write \`${near}\``, fix: { edits: [{ span, text: near }] } }],
        };
  return messages.E0201(span, { argument: name, what: callee.what, callee: callee.name }, details);
}

/** Binds parameters to values in the scope of `frame`: dims first, then defaults, then checks. False after an error. */
export function bindParameters(
  frame: Frame,
  caller: Frame,
  params: readonly Param[],
  given: ReadonlyMap<Param, GivenArgument>,
  callee: Callee,
  instance: Instance | null,
): boolean {
  const values = new Map<Param, Value>();
  let failed = false;
  for (const [param, arg] of given) {
    values.set(param, arg.value);
    frame.scope.define(param.name.name, arg.value);
  }
  for (const param of params) {
    const value = values.get(param);
    if (value) bindOne(frame, param, value, params);
  }
  for (const param of params) {
    if (!values.has(param) && param.default) {
      const value = evaluate(frame, param.default);
      values.set(param, value);
      frame.scope.define(param.name.name, value);
      bindOne(frame, param, value, params);
    }
  }
  for (const param of params) {
    const value = values.get(param) ?? unknown;
    try {
      frame.scope.define(param.name.name, matchType(frame, param.type, value));
    } catch (error) {
      if (error instanceof Rejected) failed = true;
      else if (error instanceof Mismatch) {
        failed = true;
        reportArgument(caller, frame, param, given.get(param), error, callee, instance);
      } else throw error;
    }
  }
  return !failed;
}

function bindOne(frame: Frame, param: Param, value: Value, params: readonly Param[]): void {
  bindGenerics(frame, param.type, value);
  const before = new Set(frame.signature.dims.keys());
  bindDims(frame, param.type, value);
  for (const name of frame.signature.dims.keys()) {
    const same = before.has(name) ? undefined : params.find((p) => p.name.name === name);
    if (same) report(frame, messages.E0203(same.name.span, { name }));
  }
}

// The words of E0301 and its kin, at the argument.
function reportArgument(
  caller: Frame,
  frame: Frame,
  param: Param,
  given: GivenArgument | undefined,
  m: Mismatch,
  callee: Callee,
  instance: Instance | null,
): void {
  const span = given?.span ?? callee.span;
  const name = `\`${callee.text}\``;
  const value = given?.value ?? unknown;
  const rows = value.kind === 'tensor' ? derivationRows(value.derivation) : [];
  const derivation = rows.length > 0 ? { derivation: rows } : {};
  if (m.reason === 'kind' || m.reason === 'dtype')
    return report(
      caller,
      messages.E0402(
        span,
        { what: `\`${param.name.name}\` of ${name}`, expected: m.expected, got: m.got },
        { label: `is ${m.got}`, ...derivation, ...castHelp(m, span) },
      ),
    );
  if (m.axis?.answer === 'unknown')
    return report(caller, mismatchDiagnostic(`\`${param.name.name}\` of ${name}`, m, span, value));
  const place = callee.span;
  const gives: SecondaryLabel[] = given ? [{ span: lastStage(given.span), label: `gives ${m.got}` }] : [];
  if (m.reason === 'rank')
    return report(
      caller,
      messages.E0301(
        place,
        { callee: name, needed: m.expected, got: m.got },
        { label: `needs ${m.expected}`, secondary: gives, ...derivation },
      ),
    );
  const config = configOrigin(m, instance);
  const unit = config && /features$|channels$/.exec(config.name)?.[0];
  const needed = m.axis && unit ? `${m.axis.needed.key} ${unit}` : m.expected;
  const got = m.axis && unit ? m.axis.got.key : m.got;
  report(
    caller,
    messages.E0301(
      place,
      { callee: name, needed, got },
      {
        label: `needs ${expectedText(frame, param.type)}`,
        secondary: [
          ...(config
            ? [{ span: config.span, label: `${config.name} = ${m.axis?.needed.key ?? ''} comes from here` }]
            : []),
          ...gives,
        ],
        ...derivation,
        helps: config && m.axis ? configHelps(config, m.axis.got) : [],
      },
    ),
  );
}

const castHelp = (m: Mismatch, span: Span): { readonly helps?: readonly Help[] } => {
  const dtype = /^(f32|i32|u32|bool)\[/.exec(m.expected)?.[1];
  return m.reason === 'dtype' && dtype
    ? {
        helps: [
          {
            text: `cast it: \`${dtype}(${spanText(span)})\``,
            fix: { edits: [{ span, text: `${dtype}(${spanText(span)})` }] },
          },
        ],
      }
    : {};
};

// In `x |> a |> b`, what gives the value is the last stage.
function lastStage(span: Span): Span {
  const text = spanText(span);
  const at = text.lastIndexOf('|>');
  if (at < 0) return span;
  const skip = /^\|>\s*/.exec(text.slice(at))?.[0].length ?? 2;
  return { ...span, start: span.start + at + skip };
}

interface ConfigOrigin {
  readonly name: string;
  readonly span: Span;
  readonly construction: Span;
}

function configOrigin(m: Mismatch, instance: Instance | null): ConfigOrigin | undefined {
  const written = m.axis?.written;
  if (!instance || written?.kind !== 'name') return undefined;
  const span = instance.configSpans.get(written.name);
  return span && !span.source.name.startsWith('std/')
    ? { name: written.name, span, construction: instance.span }
    : undefined;
}

function configHelps(config: ConfigOrigin, got: Dim): readonly Help[] {
  const text = spanText(config.construction);
  const at = config.span.start - config.construction.start;
  const replace = (by: string): string => text.slice(0, at) + by + text.slice(at + config.span.end - config.span.start);
  if ([...variables(got)].length > 0)
    return [{ text: `write \`${replace('_')}\` to infer it`, fix: { edits: [{ span: config.span, text: '_' }] } }];
  return [
    {
      text: `write \`${replace(got.key)}\`, or \`${replace('_')}\` to infer it`,
      fix: { edits: [{ span: config.span, text: got.key }] },
    },
  ];
}

const maximalDepth = 100;

/** Calls a declared function: its body is evaluated in place. */
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
  if (!given || [...given.values()].some((arg) => arg.value.kind === 'unknown')) return unknown;
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
  return holds.includes(false) ? unknown : checkResult(inner, decl, evaluate(inner, decl.body));
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
    fn: fn.decl,
    instance,
    constructing: frame.constructing,
    caller: { frame, span },
    depth: frame.depth + 1,
    ...(frame.tabulating ? { tabulating: frame.tabulating } : {}),
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
    fn: frame.fn,
    instance: frame.instance,
    constructing: frame.constructing,
    caller: { frame, span },
    depth: frame.depth + 1,
    ...(frame.tabulating ? { tabulating: frame.tabulating } : {}),
  };
  if (frame.depth > maximalDepth)
    return reject(frame, messages.E0106(span, { name: 'this function', verb: 'calls', cycle: 'fn -> fn' }));
  return bindParameters(inner, frame, decl.params, given, callee, null) ? evaluate(inner, decl.body) : unknown;
}
