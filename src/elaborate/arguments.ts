// Arguments of calls: matched to parameters by position and name, bound to the dims of the signature,
// and the errors about them, worded for the caller (E0301 and its kin).
import type { Argument, Expr, Param } from '../parser/ast.ts';
import { messages } from '../support/messages.gen.ts';
import type { DiagnosticDetails, SecondaryLabel, Help } from '../support/diagnostic.ts';
import { spanText, type Span } from '../support/source.ts';
import { derivationRows } from './derivation.ts';
import { variables, type Dim } from '../ir/dim.ts';
import { evaluate, mismatchDiagnostic } from './expressions/evaluate.ts';
import { reject, Rejected, report, type Frame } from './frame.ts';
import type { Instance } from './instances.ts';
import { nearest } from './spelling.ts';
import { bindDims, bindGenerics, expectedText, matchType, Mismatch } from './types.ts';
import { unknown, type GivenArgument, type Value } from './values.ts';

/** What a call names, for messages. */
export interface Callee {
  readonly name: string;
  readonly what: string;
  readonly span: Span;
  /** The text of the callee at the call: `fc`. */
  readonly text: string;
}

/** Arguments of a call, evaluated. */
export interface Arguments {
  readonly positional: readonly GivenArgument[];
  readonly named: ReadonlyMap<string, GivenArgument & { readonly nameSpan: Span }>;
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

/** The expression of an argument of a form in which nothing says what `_` would be. */
export const writtenOut = (frame: Frame, { value }: Argument, form: string): Expr =>
  value.kind === 'hole' ? reject(frame, messages.E0310(value.span, { callee: `\`${form}\`` })) : value;
