/**
 * Diagnostics as text for people: the frame with source lines and labels, how a shape came about, notes and helps.
 * Colours come in as a palette, so that nothing here depends on a terminal.
 */
import type { Diagnostic, Severity } from './diagnostic.ts';
import { lineText, positionAt, type Source, type Span } from './source.ts';
import { charWidth, printable, textWidth } from './text-width.ts';

/** Paints parts of the output; the plain palette leaves them as they are. */
export interface Palette {
  readonly error: (text: string) => string;
  readonly warning: (text: string) => string;
  readonly info: (text: string) => string;
  /** Line numbers, rules and arrows. */
  readonly frame: (text: string) => string;
  /** Secondary labels. */
  readonly secondary: (text: string) => string;
  /** The message of the first line. */
  readonly strong: (text: string) => string;
  readonly help: (text: string) => string;
}

const same = (text: string): string => text;
/** No colours. */
export const plainPalette: Palette = {
  error: same,
  warning: same,
  info: same,
  frame: same,
  secondary: same,
  strong: same,
  help: same,
};

/** Widest part of a source line that is shown; longer ones are cut around their labels. */
const widestLine = 160;
/** Longer lines are not measured as a whole. */
const longestLine = 4 * widestLine;
/** Column at which `[fix available]` stands where there is room. */
const fixColumn = 80;

/** Several diagnostics, with an empty line between them. */
export function renderTerminal(diagnostics: readonly Diagnostic[], palette: Palette = plainPalette): string {
  return diagnostics.map((diagnostic) => renderDiagnostic(diagnostic, palette)).join('\n');
}

/** One diagnostic as printed; ends in a line break. */
export function renderDiagnostic(diagnostic: Diagnostic, palette: Palette = plainPalette): string {
  const { severity, code, message, span, derivation } = diagnostic;
  const head = `${palette[severity](`${severity}[${code}]`)}${palette.strong(`: ${printable(message)}`)}`;
  const frames = span === null ? [] : new Frame(diagnostic, palette).lines();
  const margin = ' '.repeat(span === null ? 3 : gutterWidth(diagnostic) + 1);
  const rule = derivation === undefined || span === null ? [] : [`${margin}${palette.frame('|')}`];
  return [head, ...frames, ...rule, ...footer(diagnostic, margin, palette)]
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

function footer({ derivation = [], notes, helps }: Diagnostic, margin: string, palette: Palette): string[] {
  const bullet = `${margin}${palette.frame('=')} `;
  const indent = `${margin}    `;
  const lines: string[] = [];
  const add = (title: string, text: string, suffix = ''): void => {
    const [first = '', ...rest] = text.split('\n').map(printable);
    const line = `${title}${first}`;
    const gap = Math.max(2, fixColumn - margin.length - 2 - textWidth(line));
    lines.push(
      `${bullet}${title === '' ? '' : palette.help(title)}${first}${suffix === '' ? '' : ' '.repeat(gap) + suffix}`,
    );
    lines.push(...rest.map((more) => `${indent}${more}`));
  };
  if (derivation.length > 0)
    add('', ['how the shape came about', ...table(derivation.map((d) => [d.name, d.shape, d.note]))].join('\n'));
  for (const note of notes) add('note: ', note);
  for (const help of helps) add('help: ', help.text, help.fix === undefined ? '' : '[fix available]');
  return lines;
}

function table(rows: readonly (readonly [string, string, string])[]): string[] {
  const names = Math.max(...rows.map(([name]) => textWidth(name)));
  const shapes = Math.max(...rows.map(([, shape]) => textWidth(shape)));
  return rows.map(([name, shape, note]) => `${padTo(name, names + 2)}${padTo(shape, shapes + 5)}${note}`.trimEnd());
}

function padTo(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - textWidth(text)));
}

interface Mark {
  readonly span: Span;
  readonly label: string;
  readonly primary: boolean;
}

function marksOf(diagnostic: Diagnostic): readonly Mark[] {
  const { span, label = '', secondary } = diagnostic;
  const first = span === null ? [] : [{ span, label, primary: true }];
  return [...first, ...secondary.map((mark) => ({ ...mark, primary: false }))];
}

function lineOf({ source, start }: Span): number {
  return positionAt(source, start).line;
}

/** Wide enough for the largest line number that is shown. */
function gutterWidth(diagnostic: Diagnostic): number {
  const largest = Math.max(1, ...marksOf(diagnostic).map(({ span }) => lineOf(span)));
  return Math.max(2, String(largest).length);
}

/** The source lines of one diagnostic with their labels. */
class Frame {
  readonly #marks: readonly Mark[];
  readonly #palette: Palette;
  readonly #severity: Severity;
  readonly #gutter: number;

  constructor(diagnostic: Diagnostic, palette: Palette) {
    this.#marks = marksOf(diagnostic);
    this.#palette = palette;
    this.#severity = diagnostic.severity;
    this.#gutter = gutterWidth(diagnostic);
  }

  /** The file of the primary span first, then each other file. */
  lines(): string[] {
    const sources = [...new Set(this.#marks.map(({ span }) => span.source))];
    return sources.flatMap((source, i) => {
      const marks = this.#marks.filter(({ span }) => span.source === source);
      const arrow = i === 0 ? '-->' : ':::';
      const rule = i === 0 ? [this.#row('', '')] : [];
      return [this.#place(arrow, source, marks), ...rule, ...this.#sourceLines(source, marks)];
    });
  }

  #place(arrow: string, source: Source, marks: readonly Mark[]): string {
    const { line, column } = positionAt(source, marks[0]?.span.start ?? 0);
    return `${' '.repeat(this.#gutter)}${this.#palette.frame(arrow)} ${printable(source.name)}:${line}:${column}`;
  }

  #row(number: string, text: string): string {
    return `${this.#palette.frame(`${number.padStart(this.#gutter)} |`)} ${text}`;
  }

  #sourceLines(source: Source, marks: readonly Mark[]): string[] {
    const byLine = groupByLine(marks);
    const lines = [...byLine.entries()].sort(([a], [b]) => a - b);
    return lines.flatMap(([line, found]) => {
      const shown = new ShownLine(lineText(source, line), source.lineStarts[line - 1] ?? 0, found);
      return [this.#row(String(line), shown.text), ...shown.labelRows(this.#paint).map((row) => this.#row('', row))];
    });
  }

  readonly #paint = (primary: boolean, text: string): string =>
    primary ? this.#palette[this.#severity](text) : this.#palette.secondary(text);
}

function groupByLine(marks: readonly Mark[]): Map<number, Mark[]> {
  const lines = new Map<number, Mark[]>();
  for (const mark of marks) lines.set(lineOf(mark.span), [...(lines.get(lineOf(mark.span)) ?? []), mark]);
  return lines;
}

type Paint = (primary: boolean, text: string) => string;

/** One source line as printed, and the rows of marks and labels under it. */
class ShownLine {
  readonly text: string;
  readonly #marks: readonly {
    readonly column: number;
    readonly width: number;
    readonly label: string;
    readonly primary: boolean;
  }[];

  constructor(raw: string, start: number, marks: readonly Mark[]) {
    const places = marks.map(({ span }) => ({ from: span.start - start, to: Math.min(span.end - start, raw.length) }));
    const first = Math.max(0, Math.min(...places.map(({ from }) => from)));
    const isShort = raw.length <= longestLine && textWidth(printable(raw)) <= widestLine;
    const from = isShort ? 0 : Math.max(0, first - 40);
    const cut = cutTo(raw.slice(from, from + longestLine), widestLine);
    const lead = from > 0 ? '…' : '';
    this.text = `${lead}${printable(cut)}${from + cut.length < raw.length ? '…' : ''}`;
    const columnOf = (at: number): number =>
      lead.length + textWidth(printable(raw.slice(from, Math.min(at, from + cut.length))));
    this.#marks = marks
      .map(({ label, primary }, i) => {
        const column = columnOf(places[i]?.from ?? 0);
        return { column, width: Math.max(1, columnOf(places[i]?.to ?? 0) - column), label: printable(label), primary };
      })
      .sort((a, b) => a.column - b.column || Number(a.primary) - Number(b.primary));
  }

  /** The row of marks, the last label beside it; then one row for each other label, from right to left. */
  labelRows(paint: Paint): string[] {
    const last = this.#marks.at(-1);
    const beside = last === undefined || last.label === '' ? '' : ` ${paint(last.primary, last.label)}`;
    const below = this.#marks
      .slice(0, -1)
      .filter(({ label }) => label !== '')
      .reverse();
    return [
      this.#marksRow(paint) + beside,
      ...below.map(({ column, label, primary }) => `${' '.repeat(column)}${paint(primary, label)}`),
    ];
  }

  #marksRow(paint: Paint): string {
    const cells: (boolean | undefined)[] = [];
    for (const primary of [false, true]) {
      for (const mark of this.#marks.filter((m) => m.primary === primary)) {
        for (let i = 0; i < mark.width; i++) cells[mark.column + i] = primary;
      }
    }
    return runs(cells)
      .map(({ value, length }) => {
        if (value === undefined) return ' '.repeat(length);
        return paint(value, (value ? '^' : '-').repeat(length));
      })
      .join('');
  }
}

function runs(cells: readonly (boolean | undefined)[]): { value: boolean | undefined; length: number }[] {
  const found: { value: boolean | undefined; length: number }[] = [];
  for (const value of Array.from(cells)) {
    const last = found.at(-1);
    if (last !== undefined && last.value === value) last.length++;
    else found.push({ value, length: 1 });
  }
  return found;
}

function cutTo(text: string, columns: number): string {
  let width = 0;
  let end = 0;
  for (const char of text) {
    width += char === '\t' ? textWidth(printable(char)) : charWidth(char);
    if (width > columns) break;
    end += char.length;
  }
  return text.slice(0, end);
}
