// Whole programs parse without a word; the tree keeps what they say.
import { describe, expect, it } from 'vitest';
import { DlmParser } from '../../src/parser/grammar.ts';
import { parseText, programs } from './programs.ts';

describe('programs', () => {
  it('are all there', () => {
    expect(Object.keys(programs).length).toBeGreaterThanOrEqual(16);
  });

  it.each(Object.entries(programs))('%s parses without diagnostics', (_name, text) => {
    const { diagnostics, file } = parseText(text);
    expect(diagnostics).toEqual([]);
    expect(file.items.length).toBeGreaterThan(0);
  });

  it("the grammar passes chevrotain's own validation", () => {
    expect(() => new DlmParser({ validate: true })).not.toThrow();
  });
});

describe('the tree', () => {
  it.each([
    ['a + b * c', '(a + (b * c))'],
    ['-x ^ 2', '(- (x ^ 2))'],
    ['(-x) ^ 2', '((- x) ^ 2)'],
    ['a ^ b ^ c', '(a ^ (b ^ c))'],
    ['all + x ?? -inf', '(all + (x ?? (- inf)))'],
    ['a ?? b ^ c', '(a ?? (b ^ c))'],
    ['a - b - c', '((a - b) - c)'],
    ['a || b && c == d', '(a || (b && (c == d)))'],
    ['0 .. n + 1 == m', '((0..(n + 1)) == m)'],
    ['x |> f |> g', '((x |> f) |> g)'],
    ['!a && b', '((! a) && b)'],
    ['a @ b / c', '((a @ b) / c)'],
  ])('%s is %s', (text, expected) => {
    expect(valueOf(text)).toBe(expected);
  });

  it('puts a span on every node that covers its text', () => {
    const { file } = parseText('const c = f(a + b)[0] as [b]');
    const [item] = file.declarations;
    const value = item?.kind === 'const' ? item.value : undefined;
    expect(value?.kind).toBe('as');
    expect(file.span.source.text.slice(value?.span.start, value?.span.end)).toBe('f(a + b)[0] as [b]');
  });

  it('keeps doc comments on declarations and members, past plain comments', () => {
    const { file } = parseText(
      '/// one\n/// two\n// not this\nlayer A() {\n  let x = 1 /// not a doc\n  /// a weight\n  @freeze param w: [] = zeros()\n}',
    );
    const [unit] = file.declarations;
    expect(unit?.doc).toBe('one\ntwo');
    expect(unit?.kind === 'unit' ? unit.members.map((m) => m.doc) : []).toEqual([null, 'a weight']);
  });

  it('starts a new phrase at a line that begins with a bracket, a minus or an at sign', () => {
    const { file } = parseText(
      'fn f() {\n  let a = b\n  (c)\n}\nfn g() {\n  let a = b\n  [c]\n}\nconst x = a\n@m const y = b\nconst z = a +\n  -b\n',
    );
    expect(file.declarations.map((d) => d.kind)).toEqual(['fn', 'fn', 'const', 'const', 'const']);
    const results = file.declarations.map((d) =>
      d.kind === 'fn' && d.body.kind === 'block' ? d.body.result?.kind : undefined,
    );
    expect(results.slice(0, 2)).toEqual(['name', 'list']);
  });

  it('counts brackets, and starts afresh in a block', () => {
    const { file, diagnostics } = parseText('const x = f(a\n  (b)\n  - c, {\n  let d = e\n  (g)\n})');
    expect(diagnostics).toEqual([]);
    expect(file.declarations).toHaveLength(1);
  });

  it('reads \\r\\n like \\n', () => {
    const windows = parseText('layer A() {\r\n  let x = 1\r\n  let y = "a"\r\n}\r\n');
    expect(windows.diagnostics).toEqual([]);
    const broken = parseText('layer A() {\r\n  let x =\r\n  let y = 2\r\n}\r\n');
    expect(broken.diagnostics).toHaveLength(1);
  });
});

/** The initialiser of a constant, with its precedence written out. */
function valueOf(text: string): unknown {
  const { file, diagnostics } = parseText(`const c = ${text}`);
  expect(diagnostics).toEqual([]);
  const [item] = file.declarations;
  return item?.kind === 'const' ? sketch(item.value) : undefined;
}

interface Sketched {
  readonly kind: string;
  readonly [key: string]: unknown;
}

function sketch(node: unknown): string {
  const it = node as Sketched;
  switch (it.kind) {
    case 'binary':
      return `(${sketch(it['left'])} ${String(it['operator'])} ${sketch(it['right'])})`;
    case 'pipe':
      return `(${sketch(it['value'])} |> ${sketch(it['stage'])})`;
    case 'range':
      return `(${sketch(it['from'])}..${sketch(it['to'])})`;
    case 'unary':
      return `(${String(it['operator'])} ${sketch(it['operand'])})`;
    case 'name':
      return String(it['name']);
    case 'number':
      return String(it['text']);
    default:
      return it.kind;
  }
}
