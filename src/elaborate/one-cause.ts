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
  const places = declarations.flatMap(placesIn);
  const groups = new Map<string, Diagnostic[]>();
  for (const diagnostic of diagnostics) {
    const key = keyOf(diagnostic, places, groups.size);
    groups.set(key, [...(groups.get(key) ?? []), diagnostic]);
  }
  return [...groups.values()].flatMap(([first, ...others]) => (first ? [joined(first, others)] : []));
}

const placesIn = (declaration: Declaration): readonly Span[] => [
  declaration.span,
  ...(declaration.kind === 'unit' || declaration.kind === 'train' ? declaration.members.map(({ span }) => span) : []),
];

// Innermost declarations stand last. What is no missing name keeps to itself.
function keyOf({ code, message, span }: Diagnostic, places: readonly Span[], own: number): string {
  if (!ofNames.has(code) || span === null) return `#${own}`;
  const place = places.findLast(
    (each) => each.source === span.source && each.start <= span.start && span.end <= each.end,
  );
  return `${code} ${message} ${span.source.name} ${place?.start ?? ''}`;
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
