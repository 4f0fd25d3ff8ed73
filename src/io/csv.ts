// Comma-separated values as RFC 4180 has them: a header line, quoted fields that may hold commas, quotes and line
// breaks, LF or CRLF. A file whose header has no comma but semicolons or tabs is split at those.
import { FormatError, unreadableFile } from './format-error.ts';
import { messages } from '../support/messages.gen.ts';

/** A table of text cells. `lines` holds the line, from 1, on which each row starts. */
export interface CsvTable {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly lines: readonly number[];
}

/** Reads a CSV file. @throws FormatError E0802 (malformed), E0806 (nothing in it) */
export function parseCsv(text: string, file: string): CsvTable {
  const separator = separatorOf(text);
  const all = [...records(text.replace(/^\uFEFF/, ''), separator, file)].filter(
    ({ cells }) => cells.length > 1 || cells[0] !== '',
  );
  const [head, ...rest] = all;
  if (!head) throw new FormatError(messages.E0806(null, { file }));
  const header = head.cells.map((name) => name.trim());
  const twice = header.find((name, at) => header.indexOf(name) !== at);
  if (twice !== undefined) throw unreadableFile(file, `the column \`${twice}\` occurs twice in its header`);
  for (const { cells, line } of rest) {
    if (cells.length !== header.length)
      throw unreadableFile(file, `line ${line} has ${cells.length} cells, the header ${header.length}`);
  }
  return { header, rows: rest.map(({ cells }) => cells), lines: rest.map(({ line }) => line) };
}

function separatorOf(text: string): string {
  const [first = ''] = text.split('\n', 1);
  return [',', ';', '\t'].find((separator) => first.includes(separator)) ?? ',';
}

interface Row {
  readonly cells: readonly string[];
  readonly line: number;
}

function* records(text: string, separator: string, file: string): Generator<Row, void> {
  let [at, line] = [0, 1];
  while (at < text.length) {
    const start = line;
    const cells: string[] = [];
    for (let more = true; more;) {
      const field = text[at] === '"' ? quoted(text, at, file, line) : plain(text, at, separator);
      cells.push(field.value);
      line += field.breaks;
      at = field.end;
      more = text[at] === separator;
      if (more) at++;
    }
    if (text[at] === '\r') at++;
    if (at < text.length && text[at] !== '\n') throw unreadableFile(file, `line ${line}: text after a closing quote`);
    at++;
    line++;
    yield { cells, line: start };
  }
}

interface Field {
  readonly value: string;
  readonly end: number;
  readonly breaks: number;
}

function plain(text: string, start: number, separator: string): Field {
  let end = start;
  while (end < text.length && text[end] !== separator && text[end] !== '\n' && text[end] !== '\r') end++;
  return { value: text.slice(start, end), end, breaks: 0 };
}

// A doubled quote stands for one.
function quoted(text: string, start: number, file: string, line: number): Field {
  let end = start + 1;
  for (;;) {
    end = text.indexOf('"', end);
    if (end < 0) throw unreadableFile(file, `the quote on line ${line} is not closed`);
    if (text[end + 1] !== '"') break;
    end += 2;
  }
  const value = text.slice(start + 1, end).replaceAll('""', '"');
  return { value, end: end + 1, breaks: value.split('\n').length - 1 };
}
