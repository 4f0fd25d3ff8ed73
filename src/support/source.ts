/**
 * Source text and places in it. A `Span` is a half-open range of UTF-16 offsets into one `Source`;
 * lines and columns are computed only when something is shown.
 */

/** One source file: its display name, its text and the offset at which every line starts. */
export interface Source {
  readonly name: string;
  readonly text: string;
  readonly lineStarts: readonly number[];
}

/** A half-open range `[start, end)` of offsets in a source. */
export interface Span {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}

/** A place as shown to people: both numbers count from 1; columns count UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Makes a source; line breaks are `\n`, `\r\n` and a lone `\r`. */
export function createSource(name: string, text: string): Source {
  const lineStarts = [0];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 10 || (code === 13 && text.charCodeAt(i + 1) !== 10)) lineStarts.push(i + 1);
  }
  return { name, text, lineStarts };
}

/** The span `[start, end)`, clamped to the text so that it always names a place. */
export function createSpan(source: Source, start: number, end: number): Span {
  const size = source.text.length;
  const from = Math.max(0, Math.min(start, size));
  return { source, start: from, end: Math.max(from, Math.min(end, size)) };
}

/** The smallest span that covers both; they must lie in one source. */
export function joinSpans(a: Span, b: Span): Span {
  return { source: a.source, start: Math.min(a.start, b.start), end: Math.max(a.end, b.end) };
}

/** Line and column of an offset, both from 1. */
export function positionAt(source: Source, offset: number): Position {
  const starts = source.lineStarts;
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
}

/** The text of a line (counted from 1) without its line break. */
export function lineText(source: Source, line: number): string {
  const start = source.lineStarts[line - 1];
  if (start === undefined) return '';
  return source.text.slice(start, source.lineStarts[line]).replace(/[\r\n]+$/, '');
}

/** The text that a span covers. */
export function spanText(span: Span): string {
  return span.source.text.slice(span.start, span.end);
}
