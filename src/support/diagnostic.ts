/**
 * Diagnostics as data: what is wrong, where, how it came about, and what to write instead.
 * Only renderers turn them into text. `Reporter` collects them; `CompilerBug` is a fault of ours.
 */
import type { Span } from './source.ts';

/** How bad it is; only an `error` stops compilation. */
export type Severity = 'error' | 'warning' | 'info';

/** A change of text: the span is replaced by `text`. */
export interface Edit {
  readonly span: Span;
  readonly text: string;
}

/** Edits that together repair a mistake; they do not overlap. */
export interface Fix {
  readonly edits: readonly Edit[];
}

/** Another place that explains the error, with what it says there. */
export interface SecondaryLabel {
  readonly span: Span;
  readonly label: string;
}

/** One row of "how the shape came about": a value, its shape and why it is so. */
export interface DerivationStep {
  readonly name: string;
  readonly shape: string;
  readonly note: string;
}

/** Advice, with the edits that follow it where they are certain. */
export interface Help {
  readonly text: string;
  readonly fix?: Fix;
}

/** One finding of the compiler. `span` is null only where no file is involved (loading, devices). */
export interface Diagnostic {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly span: Span | null;
  readonly label?: string;
  readonly secondary: readonly SecondaryLabel[];
  readonly derivation?: readonly DerivationStep[];
  readonly notes: readonly string[];
  readonly helps: readonly Help[];
}

/** What a reporter of an error may add to code and message; the generated constructors take it last. */
export interface DiagnosticDetails {
  readonly label?: string;
  readonly secondary?: readonly SecondaryLabel[];
  readonly derivation?: readonly DerivationStep[];
  readonly notes?: readonly string[];
  readonly helps?: readonly Help[];
}

/** Builds a diagnostic from its parts; lists that are left out are empty. */
export function createDiagnostic(
  code: string,
  severity: Severity,
  message: string,
  span: Span | null,
  details: DiagnosticDetails = {},
): Diagnostic {
  const { label, derivation, secondary = [], notes = [], helps = [] } = details;
  return {
    code,
    severity,
    message,
    span,
    ...(label === undefined ? {} : { label }),
    secondary,
    ...(derivation === undefined ? {} : { derivation }),
    notes,
    helps,
  };
}

/** Collects diagnostics; the same code and message at the same place is kept once. */
export class Reporter {
  readonly #found: Diagnostic[] = [];
  readonly #seen = new Set<string>();

  /** Adds one diagnostic, unless it was reported before. */
  report(diagnostic: Diagnostic): void {
    const { span } = diagnostic;
    const place = span === null ? '' : `${span.source.name}:${span.start}:${span.end}`;
    const key = `${diagnostic.code}\n${place}\n${diagnostic.message}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#found.push(diagnostic);
  }

  /** Adds several. */
  reportAll(diagnostics: Iterable<Diagnostic>): void {
    for (const diagnostic of diagnostics) this.report(diagnostic);
  }

  /** Everything reported so far, in order of reporting. */
  get diagnostics(): readonly Diagnostic[] {
    return this.#found;
  }

  /** Whether an error (not only warnings) was reported. */
  get hasErrors(): boolean {
    return hasErrors(this.#found);
  }
}

/** Whether the list contains an error. */
export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((d) => d.severity === 'error');
}

/** Diagnostics in order of file name, then place; those without a place come last. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  return [...diagnostics].sort((a, b) => {
    if (a.span === null || b.span === null) return (a.span === null ? 1 : 0) - (b.span === null ? 1 : 0);
    const byName = compareText(a.span.source.name, b.span.source.name);
    return byName || a.span.start - b.span.start || a.span.end - b.span.end || compareText(a.code, b.code);
  });
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** An internal fault: never the user's mistake. The CLI exits with 70. */
export class CompilerBug extends Error {
  override readonly name = 'CompilerBug';
  readonly exitCode = 70;
  readonly span: Span | null;

  constructor(message: string, span: Span | null = null) {
    super(message);
    this.span = span;
  }
}
