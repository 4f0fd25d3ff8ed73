// Inputs for the front end that are almost programs: words and characters of real programs replaced, dropped, doubled,
// swapped or moved, whole pieces exchanged between programs, and plain noise.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { snippetsOf } from '../docs/snippets.ts';

const folders = [
  'stdlib',
  'examples',
  'test/parser/programs',
  'test/elaborate/programs',
  'test/exec/programs',
  'test/diagnostics',
];

/** Programs to start from: the library, examples, tests, and those of the reference. */
export const programs: readonly string[] = [
  ...folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.dlm'))
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8')),
  ),
  ...snippetsOf(readFileSync('docs/language.md', 'utf8')).flatMap(({ language, text }) =>
    language === 'dlm' ? [text] : [],
  ),
].filter((text) => text.length < 6_000);

const wordPattern = /[A-Za-z_]\w*|\d+(?:\.\d+)?|"[^"\n]*"|=>|->|\|>|\.\.\.?|\?\?|[<>=!]=|&&|\|\||[^\s\w]/g;
const words = [...new Set(programs.flatMap((text) => text.match(wordPattern) ?? []))];
const odd = [
  '"',
  '\\',
  '\u0000',
  '\r',
  '\r\n',
  '\t',
  'é',
  '日',
  '\ud800',
  '\u2028',
  '\ufeff',
  '/*',
  '///',
  '0x',
  '1e999',
  '-',
  '{',
  ')',
  '99999999999999999999',
];

interface Edit {
  readonly kind: 'replace' | 'drop' | 'double' | 'swap' | 'insert' | 'cut' | 'graft' | 'character';
  readonly at: number;
  readonly to: number;
  readonly word: string;
}

const edits: fc.Arbitrary<readonly Edit[]> = fc.array(
  fc.record({
    kind: fc.constantFrom<Edit['kind']>(
      'replace',
      'replace',
      'drop',
      'double',
      'swap',
      'insert',
      'cut',
      'graft',
      'character',
    ),
    at: fc.nat(1_000_000),
    to: fc.nat(1_000_000),
    word: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...words) },
      { weight: 1, arbitrary: fc.constantFrom(...odd) },
    ),
  }),
  { minLength: 1, maxLength: 4 },
);

function applyEdit(text: string, { kind, at, to, word }: Edit): string {
  if (kind === 'character') {
    const place = at % (text.length + 1);
    return text.slice(0, place) + word.charAt(0) + text.slice(place + (to % 2));
  }
  const places = [...text.matchAll(wordPattern)].map((match) => [match.index, match.index + match[0].length] as const);
  const [start, end] = places[at % Math.max(1, places.length)] ?? [0, 0];
  const [from, until] = places[to % Math.max(1, places.length)] ?? [0, 0];
  const own = text.slice(start, end);
  if (kind === 'cut')
    return text.slice(0, Math.min(start, from)) + text.slice(Math.min(Math.max(end, until), start + 400));
  if (kind === 'swap')
    return start < from
      ? text.slice(0, start) + text.slice(from, until) + text.slice(end, from) + own + text.slice(until)
      : text;
  if (kind === 'graft') {
    const other = programs[to % programs.length] ?? '';
    const begin = at % (other.length + 1);
    return text.slice(0, end) + other.slice(begin, begin + 200) + text.slice(end);
  }
  const put = { replace: word, drop: '', double: `${own} ${own}`, insert: `${own} ${word}` }[kind];
  return text.slice(0, start) + put + text.slice(end);
}

const edited = (from: readonly string[]): fc.Arbitrary<string> =>
  fc.tuple(fc.constantFrom(...from), edits).map(([text, list]) => list.reduce(applyEdit, text));

// An edit says as much in a short program, which is checked in a tenth of the time.
const short = programs.filter((text) => text.length < 1_200 && !text.includes('std/models'));

/** A program with a few edits. */
export const mutatedPrograms: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: edited(short) },
  { weight: 2, arbitrary: edited(programs) },
);

/** Words of programs in any order. */
export const wordSoup: fc.Arbitrary<string> = fc
  .array(fc.tuple(fc.constantFrom(...words), fc.constantFrom(' ', ' ', '\n', '')), { maxLength: 60 })
  .map((parts) => parts.flat().join(''));

/** Bytes as a reader of UTF-8 sees them. */
export const randomBytes: fc.Arbitrary<string> = fc
  .uint8Array({ maxLength: 200 })
  .map((bytes) => new TextDecoder().decode(bytes));

/** All kinds, most of them near a program. */
export const inputs: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: mutatedPrograms },
  { weight: 1, arbitrary: wordSoup },
  { weight: 1, arbitrary: randomBytes },
);
