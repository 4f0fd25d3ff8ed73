// Tokens of the textual IR and what every level is made of: dims, types, data literals and spans.
import { add, buildAtom, constant, mul, negate, sub, variable, type Dim } from '../dim.ts';
import { isDType, type DType } from '../dtype.ts';
import type { TensorType } from '../graph.ts';
import { createSource, type Source, type Span } from '../../support/source.ts';

/** Text that is not IR: where it stops making sense and what was expected there. */
export class IrSyntaxError extends Error {
  constructor(
    message: string,
    readonly line: number,
  ) {
    super(`line ${line}: ${message}`);
  }
}

/** Sources by name, so that spans read back point into real text. */
export type SourceTable = ReadonlyMap<string, Source>;

/** Plain data as it stands in the text: what {@link Reader.data} returns. */
export type Data =
  null | number | string | boolean | Dim | TensorType | Span | readonly Data[] | { readonly [key: string]: Data };

const space = /(?:\s|\/\/[^\n]*)*/y;
const token =
  /"(?:[^"\\]|\\.)*"|[%@](?:"(?:[^"\\]|\\.)*"|[\w.]+)(?:\$\d+)?|\d+(?:\.\d+)?(?:e[+-]?\d+)?|[A-Za-z_][\w.]*|\$\d+|->|<=|>=|==|[{}()[\]<>,=:+*%;-]/y;

/** Reads tokens one ahead; every method throws {@link IrSyntaxError} on what does not fit. */
export class Reader {
  private at = 0;
  private current = '';
  private readonly made = new Map<string, Source>();

  constructor(
    private readonly text: string,
    private readonly sources: SourceTable = new Map(),
  ) {
    this.advance();
  }

  private advance(): void {
    space.lastIndex = this.at;
    space.exec(this.text);
    token.lastIndex = space.lastIndex;
    const found = token.exec(this.text);
    if (!found && space.lastIndex < this.text.length)
      this.fail(`unexpected ${JSON.stringify(this.text[space.lastIndex])}`);
    this.current = found?.[0] ?? '';
    this.at = found ? token.lastIndex : this.text.length;
  }

  /** The token ahead; the empty string at the end. */
  peek(): string {
    return this.current;
  }

  /** Takes the token ahead. */
  next(): string {
    const taken = this.current;
    if (taken === '') this.fail('the text ends too early');
    this.advance();
    return taken;
  }

  /** Takes the token ahead when it is `expected`. */
  accept(expected: string): boolean {
    if (this.current !== expected) return false;
    this.advance();
    return true;
  }

  expect(expected: string): void {
    if (!this.accept(expected))
      this.fail(`expected ${expected}, found ${this.current === '' ? 'the end' : this.current}`);
  }

  fail(message: string): never {
    throw new IrSyntaxError(message, this.text.slice(0, this.at).split('\n').length);
  }

  /** A name without sigil. */
  word(): string {
    const taken = this.next();
    return /^[A-Za-z_]/.test(taken) ? taken : this.fail(`expected a name, found ${taken}`);
  }

  /** One of `words`. */
  choice<Word extends string>(words: readonly Word[]): Word {
    const taken = this.next();
    return words.find((word) => word === taken) ?? this.fail(`expected ${words.join(' or ')}, found ${taken}`);
  }

  string(): string {
    const taken = this.next();
    return taken.startsWith('"') ? (JSON.parse(taken) as string) : this.fail(`expected a string, found ${taken}`);
  }

  /** `@name` or `@"any name"`. */
  symbol(sigil: '@' | '%'): string {
    const taken = this.next();
    if (!taken.startsWith(sigil)) this.fail(`expected ${sigil}name, found ${taken}`);
    return taken[1] === '"' ? (JSON.parse(taken.slice(1)) as string) : taken.slice(1);
  }

  number(): number {
    if (this.accept('-')) return -this.number();
    const taken = this.next();
    if (taken === 'inf') return Infinity;
    if (taken === 'nan') return NaN;
    return /^\d/.test(taken) ? Number(taken) : this.fail(`expected a number, found ${taken}`);
  }

  /** Items up to `close`, separated by commas; the opening bracket is taken already. */
  list<Item>(close: string, item: () => Item): Item[] {
    const items: Item[] = [];
    while (!this.accept(close)) {
      if (items.length > 0) this.expect(',');
      items.push(item());
    }
    return items;
  }

  dim(): Dim {
    let result = this.accept('-') ? negate(this.dimTerm()) : this.dimTerm();
    for (;;) {
      if (this.accept('+')) result = add(result, this.dimTerm());
      else if (this.accept('-')) result = sub(result, this.dimTerm());
      else return result;
    }
  }

  private dimTerm(): Dim {
    let result = this.dimFactor();
    while (this.accept('*')) result = mul(result, this.dimFactor());
    return result;
  }

  private dimFactor(): Dim {
    const taken = this.next();
    if (/^\d+$/.test(taken)) return constant(Number(taken));
    if (taken === '(') {
      const inner = this.dim();
      this.expect(')');
      return inner;
    }
    if (!/^[%A-Za-z_]/.test(taken)) this.fail(`expected a dim, found ${taken}`);
    if (!isAtomName(taken) || !this.accept('(')) return variable(taken);
    const a = this.dim();
    this.expect(',');
    const b = this.dim();
    this.expect(')');
    return buildAtom[taken](a, b);
  }

  dtype(): DType {
    const taken = this.next();
    return isDType(taken) ? taken : this.fail(`expected a dtype, found ${taken}`);
  }

  /** `f32[b, 784]`. */
  type(): TensorType {
    const dtype = this.dtype();
    this.expect('[');
    return { dtype, shape: this.list(']', () => this.dim()) };
  }

  /** `at "name:start-end", …` when it is ahead. */
  origin(): Span[] {
    if (!this.accept('at')) return [];
    const spans = [this.span()];
    while (this.accept(',')) spans.push(this.span());
    return spans;
  }

  private span(): Span {
    const text = this.string();
    const [, name, start, end] =
      /^(.*):(\d+)-(\d+)$/s.exec(text) ?? this.fail(`expected "name:start-end", found ${text}`);
    return { source: this.source(name ?? ''), start: Number(start), end: Number(end) };
  }

  private source(name: string): Source {
    const source = this.sources.get(name) ?? this.made.get(name) ?? createSource(name, '');
    this.made.set(name, source);
    return source;
  }

  /** A literal: number, string, `true`, `null`, `[…]`, `{key = …}`, `dim(…)`, `<dims>`, a type or `at "span"`. */
  data(): Data {
    const ahead = this.current;
    if (ahead.startsWith('"')) return this.string();
    if (isDType(ahead)) return this.type();
    switch (ahead) {
      case 'true':
      case 'false':
        return this.next() === 'true';
      case 'null':
        this.next();
        return null;
      case '[':
        this.next();
        return this.list(']', () => this.data());
      case '<':
        this.next();
        return this.list('>', () => this.dim());
      case '{':
        return this.record();
      case 'at':
        this.next();
        return this.span();
      case 'dim': {
        this.next();
        this.expect('(');
        const d = this.dim();
        this.expect(')');
        return d;
      }
      default:
        return this.number();
    }
  }

  /** `{key = data, …}`. */
  record(): { readonly [key: string]: Data } {
    this.expect('{');
    return Object.fromEntries(
      this.list('}', () => {
        const key = this.current.startsWith('"') ? this.string() : this.word();
        this.expect('=');
        return [key, this.data()] as const;
      }),
    );
  }
}

const isAtomName = (text: string): text is keyof typeof buildAtom => Object.hasOwn(buildAtom, text);

/** Reads the text of a dim: `2*n*m + floor_div(h - 1, 2) + 1`. @throws IrSyntaxError on anything else */
export function parseDim(text: string): Dim {
  const reader = new Reader(text);
  const d = reader.dim();
  if (reader.peek() !== '') reader.fail(`unexpected ${reader.peek()}`);
  return d;
}
