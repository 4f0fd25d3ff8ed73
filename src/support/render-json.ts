/**
 * Diagnostics for machines: JSON with a stable shape, SARIF 2.1.0 and GitHub workflow commands.
 * Lines and columns count from 1; offsets count UTF-16 units from 0.
 */
import type { Diagnostic, Severity } from './diagnostic.ts';
import { positionAt, type Span } from './source.ts';

/** A place as written to JSON. */
export interface JsonPlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  readonly start: number;
  readonly end: number;
}

/** A diagnostic as written to JSON. */
export interface JsonDiagnostic {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly place: JsonPlace | null;
  readonly label: string | null;
  readonly secondary: readonly { readonly place: JsonPlace; readonly label: string }[];
  readonly derivation: readonly { readonly name: string; readonly shape: string; readonly note: string }[];
  readonly notes: readonly string[];
  readonly helps: readonly {
    readonly text: string;
    readonly edits: readonly { readonly place: JsonPlace; readonly text: string }[];
  }[];
}

/** A diagnostic as plain data. */
export function toJson(diagnostic: Diagnostic): JsonDiagnostic {
  const { code, severity, message, span, label, secondary, derivation = [], notes, helps } = diagnostic;
  return {
    code,
    severity,
    message,
    place: span === null ? null : placeOf(span),
    label: label ?? null,
    secondary: secondary.map((mark) => ({ place: placeOf(mark.span), label: mark.label })),
    derivation: derivation.map(({ name, shape, note }) => ({ name, shape, note })),
    notes,
    helps: helps.map(({ text, fix }) => ({
      text,
      edits: (fix?.edits ?? []).map((edit) => ({ place: placeOf(edit.span), text: edit.text })),
    })),
  };
}

/** All diagnostics as one JSON array. */
export function renderJson(diagnostics: readonly Diagnostic[]): string {
  return JSON.stringify(diagnostics.map(toJson), null, 2);
}

function placeOf({ source, start, end }: Span): JsonPlace {
  const from = positionAt(source, start);
  const to = positionAt(source, end);
  return {
    file: source.name,
    line: from.line,
    column: from.column,
    endLine: to.line,
    endColumn: to.column,
    start,
    end,
  };
}

const sarifLevels: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'note' };

/** All diagnostics as one SARIF 2.1.0 log. */
export function renderSarif(diagnostics: readonly Diagnostic[]): string {
  const rules = [...new Set(diagnostics.map(({ code }) => code))].sort().map((id) => ({ id }));
  const results = diagnostics.map(({ code, severity, message, span, secondary }) => ({
    ruleId: code,
    level: sarifLevels[severity],
    message: { text: message },
    locations: span === null ? [] : [{ physicalLocation: sarifPlace(span) }],
    relatedLocations: secondary.map((mark, id) => ({
      id,
      physicalLocation: sarifPlace(mark.span),
      message: { text: mark.label },
    })),
  }));
  const run = { tool: { driver: { name: 'dlm', rules } }, columnKind: 'utf16CodeUnits', results };
  return JSON.stringify(
    { $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0', runs: [run] },
    null,
    2,
  );
}

function sarifPlace(span: Span): object {
  const { file, line, column, endLine, endColumn } = placeOf(span);
  return {
    artifactLocation: { uri: encodeURI(file) },
    region: { startLine: line, startColumn: column, endLine, endColumn },
  };
}

const githubLevels: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'notice' };

/** One GitHub workflow command a line. */
export function renderGithub(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map(githubCommand).join('\n');
}

function githubCommand({ severity, code, message, span }: Diagnostic): string {
  const place = span === null ? null : placeOf(span);
  const where =
    place === null
      ? ''
      : `file=${property(place.file)},line=${place.line},col=${place.column},endLine=${place.endLine},endColumn=${place.endColumn},`;
  return `::${githubLevels[severity]} ${where}title=${code}::${data(message)}`;
}

function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
