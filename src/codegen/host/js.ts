// Prints values and dims as JavaScript. What is printed here is not formatted again, so it is laid out with care.
import { asConstant, type Atom, type Dim } from '../../ir/dim.ts';
import { withRepeats } from './repeats.ts';

const reserved = new Set(
  (
    'await break case catch class const continue debugger default delete do else enum export extends false finally for function ' +
    'if implements import in instanceof interface let new null package private protected public return static super switch this ' +
    'throw true try typeof var void while with yield arguments eval Math s'
  ).split(' '),
);

/** True when `name` can be a variable or an unquoted key. */
export const isIdentifier = (name: string): boolean => /^[A-Za-z_$][\w$]*$/.test(name);

/** Variables for dims and loop indices: their own names where JavaScript allows them. */
export class Names {
  readonly #names = new Map<string, string>();

  /** The variable for `name`. */
  of(name: string): string {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const taken = [...this.#names.values()];
    let fresh = isIdentifier(name) && !reserved.has(name) ? name : `d${this.#names.size}`;
    while (taken.includes(fresh)) fresh += '_';
    this.#names.set(name, fresh);
    return fresh;
  }
}

/** Names of parameters that stand before `options`: their own where JavaScript allows them. */
export function parameterNames(names: readonly string[]): readonly string[] {
  const taken = new Set(['options', 'program', 'openTrain']);
  return names.map((name) => {
    let fresh = name.replaceAll(/\W/g, '_');
    while (taken.has(fresh) || reserved.has(fresh)) fresh += '_';
    taken.add(fresh);
    return fresh;
  });
}

/** A dim as an expression over variables; it may call `floorDiv` of the runtime. */
export function dimJs(dim: Dim, names: Names): string {
  const constant = asConstant(dim);
  if (constant !== undefined) return String(constant);
  return dim.terms
    .map(({ coefficient, factors }, at) => {
      const sign = coefficient < 0 ? (at === 0 ? '-' : ' - ') : at === 0 ? '' : ' + ';
      const atoms = factors.map((atom) => atomJs(atom, names));
      const size = Math.abs(coefficient);
      return sign + (size === 1 && atoms.length > 0 ? atoms : [String(size), ...atoms]).join(' * ');
    })
    .join('');
}

function atomJs(atom: Atom, names: Names): string {
  if (atom.kind === 'var') return names.of(atom.name);
  const [a, b] = [dimJs(atom.a, names), dimJs(atom.b, names)];
  switch (atom.kind) {
    case 'floor_div':
      return `floorDiv(${a}, ${b})`;
    case 'mod':
      return `((((${a}) % (${b})) + (${b})) % (${b}))`;
    case 'min':
    case 'max':
      return `Math.${atom.kind}(${a}, ${b})`;
  }
}

/** A list on one line. */
export const list = (items: readonly string[]): string => {
  const inline = (each: readonly string[]): string => `[${each.join(', ')}]`;
  return inline(withRepeats(items, inline));
};

/** A list with an item per line. */
export const lines = (items: readonly string[], indent: string): string =>
  block(
    withRepeats(items, (turn) => block(turn, `${indent}  `)),
    indent,
  );

const block = (items: readonly string[], indent: string): string =>
  items.length === 0 ? '[]' : `[\n${items.map((item) => `${indent}  ${item},\n`).join('')}${indent}]`;

/** An object with a property per line; undefined values are left out. */
export function object(entries: Readonly<Record<string, string | undefined>>, indent: string): string {
  const rows = Object.entries(entries).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return rows.length === 0
    ? '{}'
    : `{\n${rows.map(([key, value]) => `${indent}  ${keyJs(key)}: ${value},\n`).join('')}${indent}}`;
}

/** A string literal. */
export const text = (value: string): string =>
  `'${JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;

/** A property name, quoted where it must be. */
export const keyJs = (name: string): string => (isIdentifier(name) ? name : text(name));

/** A template literal of any text. */
export const template = (value: string): string => `\`${value.replace(/[\\`]|\$\{/g, (found) => `\\${found}`)}\``;

/** The text that the runtime's `fromText` reads. */
export function bytesText(bytes: Uint8Array): string {
  const characters = Array.from(bytes, (byte) => {
    const place = (byte + 8) % 256;
    return ['', ' ', '!'][Math.floor(place / 92)] + String.fromCharCode(35 + (place % 92));
  });
  return characters.join('');
}
