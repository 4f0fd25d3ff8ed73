// "Did you mean …": the nearest of some names by edit distance.
import type { DiagnosticDetails } from '../support/diagnostic.ts';
import type { Identifier } from '../parser/ast.ts';
import { createSpan, type Span } from '../support/source.ts';

/** Labels and a fix for a name that is one slip from a known one. */
export function didYouMean(name: string, candidates: Iterable<string>, span: Span): DiagnosticDetails {
  const near = nearest(name, candidates);
  return near === undefined ? {} : suggestion(near, span);
}

/** A label and a fix that put a name in place of another. */
export const suggestion = (name: string, span: Span): DiagnosticDetails => ({
  label: `did you mean \`${name}\`?`,
  helps: [{ text: `write \`${name}\``, fix: { edits: [{ span, text: name }] } }],
});

/** The same for a name that an import introduces: the fix renames it all through the file. */
export function renameIn(
  file: Span | null,
  { name, span }: Identifier,
  candidates: Iterable<string>,
): DiagnosticDetails {
  const details = didYouMean(name, candidates, span);
  const [help] = details.helps ?? [];
  const [edit] = help?.fix?.edits ?? [];
  if (!file || !help || !edit) return details;
  const { source } = file;
  const uses = [...source.text.matchAll(new RegExp(`(?<![\\w.])${name}\\b`, 'g'))].map(({ index }) =>
    createSpan(source, index, index + name.length),
  );
  const others = uses.filter(({ start }) => start !== span.start).map((use) => ({ span: use, text: edit.text }));
  return { ...details, helps: [{ ...help, fix: { edits: [edit, ...others] } }] };
}

/** The candidate nearest to `name`, if it is near enough to be a slip. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  const limit = Math.max(1, Math.floor(name.length / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    if (candidate === name || Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Damerau–Levenshtein (adjacent swaps count one), given up at `limit`. */
export function editDistance(a: string, b: string, limit = Infinity): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let [before, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let d = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) d = Math.min(d, (before[j - 2] ?? 0) + 1);
      row.push(d);
    }
    [before, last] = [last, row];
  }
  return last[b.length] ?? limit;
}
