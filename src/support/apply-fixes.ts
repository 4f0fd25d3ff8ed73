/** Applies the fixes of diagnostics to their sources. Fixes that would overlap an earlier one are left for a next run. */
import type { Diagnostic, Edit, Fix } from './diagnostic.ts';
import type { Source } from './source.ts';

/** The new texts of the changed sources, and how many fixes were applied and left out. */
export interface FixResult {
  readonly texts: ReadonlyMap<Source, string>;
  readonly applied: number;
  readonly skipped: number;
}

/** Takes the first fix of each diagnostic; all edits of a fix are made, or none. */
export function applyFixes(diagnostics: readonly Diagnostic[]): FixResult {
  const edits = new Map<Source, Edit[]>();
  let applied = 0;
  let skipped = 0;
  for (const fix of diagnostics.flatMap(firstFix)) {
    const isNew = fix.edits.every((edit) => !(edits.get(edit.span.source) ?? []).some((other) => overlap(edit, other)));
    if (isNew) applied++;
    else skipped++;
    if (!isNew) continue;
    for (const edit of fix.edits) edits.set(edit.span.source, [...(edits.get(edit.span.source) ?? []), edit]);
  }
  const texts = new Map([...edits].map(([source, list]) => [source, applyEdits(source.text, list)] as const));
  return { texts, applied, skipped };
}

function firstFix({ helps }: Diagnostic): readonly Fix[] {
  const fix = helps.find((help) => help.fix !== undefined)?.fix;
  return fix === undefined ? [] : [fix];
}

/** Two insertions at one place overlap too: their order would be a guess. */
function overlap({ span: a }: Edit, { span: b }: Edit): boolean {
  if (a.start === b.start) return true;
  return a.start < b.end && b.start < a.end;
}

/** The text after the edits, which do not overlap. */
function applyEdits(text: string, edits: readonly Edit[]): string {
  const ordered = [...edits].sort((a, b) => b.span.start - a.span.start);
  return ordered.reduce(
    (result, { span, text: replacement }) => result.slice(0, span.start) + replacement + result.slice(span.end),
    text,
  );
}
