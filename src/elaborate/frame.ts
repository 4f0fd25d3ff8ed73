// Where an expression is evaluated: names, dims of the signature, mode, the graph under construction
// and the calls that led here. Errors are reported through a frame, which finds the user's line.
import type { Dim } from '../ir/dim.ts';
import type { DType } from '../ir/dtype.ts';
import type { FnDecl, UnitDecl } from '../parser/ast.ts';
import type { Diagnostic } from '../support/diagnostic.ts';
import { messages } from '../support/messages.gen.ts';
import { spanText, type Span } from '../support/source.ts';
import type { GraphContext, Holes, KeySite } from './graph-context.ts';
import type { Instance } from './instances.ts';
import type { Precision } from './precision.ts';
import type { Quantization } from './quantize.ts';
import type { Scope } from './scope.ts';
import type { Trace } from './trace.ts';
import type { Tabulation } from './expressions/tabulate.ts';
import type { Value } from './values.ts';

/** What the options of a call may ask of an entry point: to behave as in training, to give intermediate values. */
export type Mode = 'training' | 'trace';

/** What elaboration of one root shares: reports, solved holes, settings. */
export interface Session {
  readonly holes: Holes;
  /** Scopes that hold only the prelude: names found from there are no ints of a signature. */
  readonly prelude: Scope;
  readonly broken: Set<FnDecl | UnitDecl>;
  /** Units that were constructed with a config, so that their members are checked with it. */
  readonly constructed: Set<UnitDecl>;
  /** Places in units checked by themselves where the config that is open decides which code there is. */
  readonly undecided: Span[];
  /** Values of `--set`, by `Model.field` or train parameter. */
  readonly settings: ReadonlyMap<string, string>;
  /** What the options of calls may ask of entry points besides the usual. */
  readonly modes: readonly Mode[];
  /** What a module of the standard library exports: `std('optim')`. */
  std(name: string): ReadonlyMap<string, () => Value>;
  report(diagnostic: Diagnostic): void;
  nextHole(): string;
  /** Counts evaluations; false when the program has become too long. */
  spend(count?: number): boolean;
  /** Whether an error was reported so far. */
  failed(): boolean;
}

/** Dims, packs and dtypes that a signature bound. `...` is the pack named ''. */
export interface Signature {
  readonly dims: Map<string, Dim>;
  readonly packs: Map<string, readonly Dim[]>;
  readonly generics: Map<string, DType | null>;
}

export const emptySignature = (): Signature => ({ dims: new Map(), packs: new Map(), generics: new Map() });

/** The place of evaluation. */
export interface Frame {
  readonly session: Session;
  readonly scope: Scope;
  readonly signature: Signature;
  /** Null where no tensors exist: members, consts, defaults of trains. */
  readonly graph: GraphContext | null;
  readonly keys: KeySite | null;
  readonly training: boolean;
  /** What `float` means here; f32 throughout where nothing says otherwise. */
  readonly precision?: Precision | undefined;
  /** How parameters that are constructed here are stored, where they are quantized. */
  readonly quantization?: Quantization | undefined;
  /** The function whose body this is. */
  readonly fn: FnDecl | null;
  readonly instance: Instance | null;
  readonly constructing: readonly UnitDecl[];
  /** The call that led here. */
  readonly caller: { readonly frame: Frame; readonly span: Span } | null;
  readonly depth: number;
  /** Set in the body of a tabulation, where scalars stand for one tensor over the index axes. */
  readonly tabulating?: Tabulation;
  /** Set where an entry point gives its intermediate values. */
  readonly trace?: Trace;
}

/** Thrown after a report: the program is too long to go on with. */
export class Exhausted extends Error {}

/** Thrown after a report: the expression has no value. */
export class Rejected extends Error {}

/** Whether a place is in the standard library, which its user cannot change. */
export const isStd = (span: Span): boolean => span.source.name.startsWith('std/');

/**
 * Reports a diagnostic. What is found inside the standard library is shown at the user's call that led there.
 */
export function report(frame: Frame, diagnostic: Diagnostic): void {
  frame.session.report(atUserCode(frame, diagnostic));
}

function atUserCode(frame: Frame, diagnostic: Diagnostic): Diagnostic {
  if (diagnostic.span === null) return diagnostic;
  const outer: Span[] = [];
  for (let at: Frame | null = frame; at?.caller; at = at.caller.frame) outer.push(at.caller.span);
  if (!isStd(diagnostic.span)) return withInstantiation(frame, diagnostic, outer);
  const place = outer.find((span) => !isStd(span));
  if (!place) return diagnostic;
  const inside = frame.fn
    ? `found inside \`${frame.fn.name.name}\` of the standard library`
    : 'found inside the standard library';
  const secondary = diagnostic.secondary.filter((label) => !isStd(label.span));
  return {
    ...diagnostic,
    span: place,
    secondary,
    notes: [...diagnostic.notes, inside],
    helps: diagnostic.helps.filter((h) => h.fix === undefined),
  };
}

// Where the same text is checked for several configurations, the user's call tells which one this is.
function withInstantiation(frame: Frame, diagnostic: Diagnostic, outer: readonly Span[]): Diagnostic {
  const call = outer.findLast((span) => !isStd(span) && spanText(span).includes('('));
  if (!call || diagnostic.code !== 'E0304') return diagnostic;
  const names = frame.constructing.map(({ name }) => name.name);
  const values = diagnostic.span ? sizesIn(frame, spanText(diagnostic.span)) : '';
  const via = names.length > 0 ? `via ${names.join(' -> ')}` : 'called here';
  const label = values === '' ? via : `${values} (${via})`;
  const inside = names.length > 0 && diagnostic.label === undefined ? { label: `in ${names.at(-1)}` } : {};
  return { ...diagnostic, ...inside, secondary: [...diagnostic.secondary, { span: call, label }] };
}

// The sizes that a text mentions: `d = 386, heads = 6`.
function sizesIn(frame: Frame, text: string): string {
  const sizes = [...new Set(text.match(/[A-Za-z_]\w*/g))].flatMap((name) => {
    const value = frame.scope.lookup(name);
    return value?.kind === 'int' ? [`${name} = ${value.dim.key}`] : [];
  });
  return sizes.join(', ');
}

/** Counts work that the text alone does not bound. @throws Exhausted after a report, when it was too much */
export function spend(frame: Frame, span: Span, count = 1): void {
  if (frame.session.spend(count)) return;
  report(frame, messages.E0105(span, { what: 'the unrolled program' }));
  throw new Exhausted();
}

/** Reports and gives up on the expression. */
export function reject(frame: Frame, diagnostic: Diagnostic): never {
  report(frame, diagnostic);
  throw new Rejected();
}

/** Runs `body` with graph nodes attributed to `span`; spans of the standard library keep the user's. */
export function withOrigin<T>(frame: Frame, span: Span, body: () => T): T {
  const builder = frame.graph?.builder;
  if (!builder || isStd(span)) return body();
  const before = builder.origin;
  builder.origin = [span];
  try {
    return body();
  } finally {
    builder.origin = before;
  }
}
