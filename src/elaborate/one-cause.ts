// A name that does not exist is one mistake, however often it is written: within a function, a declaration or a member,
// only its first place is reported, and a fix of it changes the others too.
import type { Diagnostic, Fix, Help } from '../support/diagnostic.ts';
import type { Declaration } from '../parser/ast.ts';
import type { Span } from '../support/source.ts';

const ofNames = new Set(['E0202', 'E0209']);

/** Joins the errors of one missing name or member in one declaration. The diagnostics are in order of place. */
export function joinMissingNames(
  diagnostics: readonly Diagnostic[],
  declarations: readonly Declaration[],
): readonly Diagnostic[] {
  const placeOf = placesIn(declarations);
  const groups = new Map<string, Diagnostic[]>();
  for (const diagnostic of diagnostics) {
    const { code, message, span } = diagnostic;
    // What is no missing name keeps to itself.
    const isName = ofNames.has(code) && span !== null;
    const key = isName ? `${code} ${message} ${span.source.name} ${placeOf(span) ?? ''}` : `#${groups.size}`;
    const group = groups.get(key);
    if (group) group.push(diagnostic);
    else groups.set(key, [diagnostic]);
  }
  return [...groups.values()].flatMap(([first, ...others]) => (first ? [joined(first, others)] : []));
}

const membersOf = (declaration: Declaration): readonly { readonly span: Span }[] =>
  declaration.kind === 'unit' || declaration.kind === 'train' ? declaration.members : [];

/** Where the innermost declaration or member around a span starts. */
function placesIn(declarations: readonly Declaration[]): (span: Span) => number | undefined {
  const bySource = new Map<Span['source'], Declaration[]>();
  for (const declaration of declarations) {
    const { source } = declaration.span;
    const list = bySource.get(source);
    if (list) list.push(declaration);
    else bySource.set(source, [declaration]);
  }
  return (span) => {
    const outer = around(bySource.get(span.source) ?? [], span);
    return (outer && around(membersOf(outer), span)?.span.start) ?? outer?.span.start;
  };
}

/** Of parts in order of place, the one that holds the span. */
function around<T extends { readonly span: Span }>(parts: readonly T[], span: Span): T | undefined {
  let [low, high] = [0, parts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((parts[middle]?.span.start ?? 0) <= span.start) low = middle + 1;
    else high = middle;
  }
  const part = parts[low - 1];
  return part && span.end <= part.span.end ? part : undefined;
}

function joined(first: Diagnostic, others: readonly Diagnostic[]): Diagnostic {
  if (others.length === 0) return first;
  const count = others.length + 1;
  const helps = first.helps.map((help): Help => {
    const fixes = others.flatMap((other) => other.helps.filter(({ text }) => text === help.text).map(({ fix }) => fix));
    return help.fix ? { ...help, fix: together([help.fix, ...fixes]) } : help;
  });
  return { ...first, notes: [...first.notes, `it is written ${count} times here`], helps };
}

const together = (fixes: readonly (Fix | undefined)[]): Fix => ({ edits: fixes.flatMap((fix) => fix?.edits ?? []) });
