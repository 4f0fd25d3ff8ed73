// Lists of printed items that repeat with numbers that advance, as the layers of a model do, become loops:
// `['a0', 'a1', 'a2']` is `[...repeat(3, (i) => [`a${i}`])]`.

/** A printed item: which text is around the whole numbers in it, and these. */
interface Item {
  readonly text: string;
  readonly shape: number;
  readonly numbers: readonly number[];
}

/** Items `from … from + count * period` say the same `count` times. */
interface Repeat {
  readonly from: number;
  readonly period: number;
  readonly count: number;
  /** Characters that a loop saves. */
  readonly saved: number;
}

// Strings that need no escapes may have numbers in them; in code, parts of names, fractions and exponents are none.
const pieces = /'[^'\\`$]*'|'(?:[^'\\]|\\.)*'|(?<![\w.$]|e[+-])(?:0|[1-9]\d{0,8})(?![\w.$])/g;
const isPlain = /^'[^\\`$]*$/;
const inString = /(?<!\d)(?:0|[1-9]\d{0,8})(?!\d)/g;
const mostPeriod = 512;
// Fewer characters than this are not worth a loop.
const leastSaved = 100;

/** The items of a list, with loops for those that repeat. `join` puts the items of one turn together. */
export function withRepeats(items: readonly string[], join: (items: readonly string[]) => string): readonly string[] {
  const length = items.reduce((sum, item) => sum + item.length, 0);
  if (items.length < 3 || length < leastSaved) return items;
  const words = new Set(items.flatMap((item) => item.match(/\bi_*\b/g) ?? []));
  let index = 'i';
  while (words.has(index)) index += '_';
  const shapes = new Map<string, number>();
  const read = items.map((item) => readItem(item, shapes));
  const print = (from: number, to: number): string[] => {
    const found = best(read.slice(from, to));
    if (!found) return items.slice(from, to);
    const [start, end] = [from + found.from, from + found.from + found.period * found.count];
    const turn = read.slice(start, start + found.period).map((item, at) => {
      return advancing(item, read[start + found.period + at] ?? item, index);
    });
    const loop = `...repeat(${found.count}, (${index}) => ${join(turn)})`;
    return [...print(from, start), loop, ...print(end, to)];
  };
  return print(0, items.length);
}

function readItem(text: string, shapes: Map<string, number>): Item {
  const numbers: number[] = [];
  const around = replaceNumbers(text, (digits) => {
    numbers.push(Number(digits));
    return '#';
  });
  const shape = shapes.get(around) ?? shapes.size;
  shapes.set(around, shape);
  return { text, shape, numbers };
}

// `alone` says that a number is a whole element of a list, and `inText` that it is part of a string.
function replaceNumbers(text: string, by: (digits: string, alone: boolean, inText: boolean) => string): string {
  return text.replace(pieces, (piece, at: number) => {
    if (isPlain.test(piece)) return piece.replace(inString, (digits) => by(digits, true, true));
    if (piece.startsWith("'")) return piece;
    const before = text.slice(0, at).trimEnd().at(-1) ?? ',';
    const after = text.slice(at + piece.length).trimStart()[0] ?? ',';
    return by(piece, '[(,'.includes(before) && '),]'.includes(after), false);
  });
}

// The repeat that saves most. A run as long as its period holds a multiple of the period: only those are looked at,
// and the run is found from there.
function best(items: readonly Item[]): Repeat | undefined {
  const ends = [0];
  for (const { text } of items) ends.push((ends.at(-1) ?? 0) + text.length + 2);
  const size = (from: number, to: number): number => (ends[to] ?? 0) - (ends[from] ?? 0);
  let found: Repeat | undefined;
  for (let period = 1; period <= Math.min(mostPeriod, Math.floor(items.length / 3)); period++) {
    const isRun = (at: number): boolean => goesOn(items[at], items[at + period], items[at + 2 * period]);
    for (let at = 0; at + 2 * period < items.length; at += period) {
      if (!isRun(at)) continue;
      let [from, end] = [at, at + 1];
      while (isRun(from - 1)) from--;
      while (isRun(end)) end++;
      while (at + period < end) at += period;
      const run = end - from;
      const count = Math.floor(run / period) + 2;
      const saved = size(from + period, from + count * period) - leastSaved;
      if (run >= period && saved > (found?.saved ?? 0)) found = { from, period, count, saved };
    }
  }
  return found;
}

function goesOn(a: Item | undefined, b: Item | undefined, c: Item | undefined): boolean {
  if (!a || !b || !c || a.shape !== b.shape || b.shape !== c.shape) return false;
  for (let at = 0; at < b.numbers.length; at++)
    if (2 * (b.numbers[at] ?? 0) !== (a.numbers[at] ?? 0) + (c.numbers[at] ?? 0)) return false;
  return true;
}

// The item with its numbers as functions of the loop's index.
function advancing({ text, numbers }: Item, next: Item, index: string): string {
  let taken = 0;
  const code = replaceNumbers(text, (digits, alone, inText) => {
    const first = numbers[taken] ?? 0;
    const step = (next.numbers[taken++] ?? 0) - first;
    if (step === 0) return digits;
    const term = Math.abs(step) === 1 ? index : `${Math.abs(step)} * ${index}`;
    const sum = first === 0 && step > 0 ? term : `${first} ${step > 0 ? '+' : '-'} ${term}`;
    return inText ? `\${${sum}}` : alone ? sum : `(${sum})`;
  });
  // Strings with a number that advances are templates.
  return code.replace(pieces, (piece) => (/^'.*\$\{/.test(piece) ? `\`${piece.slice(1, -1)}\`` : piece));
}
