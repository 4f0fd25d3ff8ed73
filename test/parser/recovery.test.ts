// Broken text: several errors a file, each with a place; no crash on any input, however deep, long or random.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lex } from '../../src/parser/tokens.ts';
import type { Diagnostic } from '../../src/support/diagnostic.ts';
import { positionAt } from '../../src/support/source.ts';
import { renderTerminal } from '../../src/support/render-terminal.ts';
import { runs } from '../support/property-settings.ts';
import { disturbedProgram, program } from './arbitrary-program.ts';
import { parseText, programs } from './programs.ts';

const codes = (text: string): readonly string[] => parseText(text).diagnostics.map((d) => d.code);

function expectPlaced(text: string, diagnostics: readonly Diagnostic[]): void {
  for (const { code, span, message } of diagnostics) {
    expect(span, code).not.toBeNull();
    if (span === null) continue;
    expect(span.start).toBeGreaterThanOrEqual(0);
    expect(span.end).toBeGreaterThanOrEqual(span.start);
    expect(span.end).toBeLessThanOrEqual(text.length);
    expect(Number.isInteger(positionAt(span.source, span.start).line)).toBe(true);
    expect(message).not.toMatch(/undefined|NaN/);
  }
}

function survives(text: string): void {
  const { diagnostics } = parseText(text);
  expectPlaced(text, diagnostics);
  renderTerminal(diagnostics.slice(0, 5));
}

function valid(text: string): void {
  const errors = parseText(text).diagnostics.filter((d) => d.severity === 'error');
  expect(
    errors.map((d) => d.message),
    text,
  ).toEqual([]);
}

describe('several errors in one file', () => {
  it('are each reported on their line', () => {
    const { diagnostics, file } = parseText(
      [
        'layer A(d: int) {',
        '  let a = Linear(d, d',
        '  let b = Linear(d d)',
        '  param w [d] = zeros()',
        '  let ok = Linear(d, d)',
        '  fn forward(x: [b, d]) -> [b, d] = x |> a |>',
        '}',
        "const name = 'single'",
        'const other = 3x',
      ].join('\n'),
    );
    expect(diagnostics.map((d) => d.code)).toEqual(['E0101', 'E0101', 'E0101', 'E0101', 'E0104', 'E0103']);
    expect(diagnostics.map((d) => (d.span === null ? 0 : positionAt(d.span.source, d.span.start).line))).toEqual([
      2, 3, 4, 6, 8, 9,
    ]);
    const unit = file.declarations.find((d) => d.kind === 'unit');
    const lets = unit?.members.filter((m) => m.kind === 'let') ?? [];
    expect(lets.map((m) => (m.pattern.kind === 'name-pattern' ? m.pattern.name : ''))).toContain('ok');
    expect(file.declarations.map((d) => d.kind)).toEqual(['unit', 'const', 'const']);
  });

  it('say what people of other languages mean', () => {
    const helps = parseText('fn f() {\n  return 3\n}').diagnostics.flatMap((d) => d.helps.map((h) => h.text));
    expect(helps.join()).toContain('without `return`');
  });
});

describe('depth and length', () => {
  const deep = 10_000;
  it.each([
    ['parentheses', `const x = ${'('.repeat(deep)}1${')'.repeat(deep)}`],
    ['brackets', `const x = ${'['.repeat(deep)}`],
    ['blocks', `const x = ${'{'.repeat(deep)}`],
    ['minuses', `const x = ${'-'.repeat(deep)}1`],
    ['sums', `const x = 1${' + 1'.repeat(deep)}`],
    ['powers', `const x = 1${' ^ 1'.repeat(deep)}`],
    ['calls', `const x = f${'()'.repeat(deep)}`],
    ['lambdas', `const x = ${'fn() => '.repeat(deep)}1`],
    ['ifs', `const x = ${'if a { 1 } else '.repeat(deep)}{ 1 }`],
    ['function types', `type T = ${'fn() -> '.repeat(deep)}int`],
    ['list types', `type T = ${'list['.repeat(deep)}int`],
    ['axes', `const x = rearrange[${'('.repeat(deep)}`],
    ['patterns', `fn f() { let ${'('.repeat(deep)}`],
  ])('%s past the bound are one diagnostic', (_what, text) => {
    expect(codes(text)).toEqual(['E0105']);
  });

  it.each([
    ['parentheses', `const x = ${'('.repeat(100)}1${')'.repeat(100)}`],
    ['sums', `const x = 1${' + 1'.repeat(900)}`],
    ['powers', `const x = 1${' ^ 1'.repeat(900)}`],
    ['ifs', `const x = ${'if a { 1 } else '.repeat(900)}{ 1 }`],
    ['stages', `const x = 1${' |> f'.repeat(900)}`],
  ])('%s within the bound are fine', (_what, text) => {
    expect(codes(text)).toEqual([]);
  });

  it('reads 10,000 lines', () => {
    const text = `layer A(d: int) {\n${'  let fc = Linear(d, 4 * d, bias=false)\n'.repeat(10_000)}}\n`;
    const { diagnostics, file } = parseText(text);
    expect(diagnostics).toEqual([]);
    expect(file.declarations[0]?.kind === 'unit' ? file.declarations[0].members.length : 0).toBe(10_000);
  });

  it('gives up politely on 10,000 broken lines', () => {
    const text = `layer A(d: int) {\n${'  let = Linear(d d\n'.repeat(10_000)}}\n`;
    const found = parseText(text).diagnostics;
    expectPlaced(text, found);
    expect(found.length).toBeGreaterThan(50);
    expect(found.length).toBeLessThan(200);
  });
});

describe('any text', () => {
  const long = { numRuns: runs(1700) };
  it('random characters give diagnostics with places', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), survives), long);
  });

  it('random tokens give diagnostics with places', () => {
    const token = fc.constantFrom(
      ...'( ) [ ] { } , : = => -> |> . .. ... ? ?? @ - + * ^ < == ! _ | "s" \' 1 x \n let fn layer train param if else for in fold over with as import export const type test batch minimize using update step metric einsum requires state'.split(
        ' ',
      ),
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 60 }), (tokens) => survives(tokens.join(' '))),
      long,
    );
  });

  it('programs with a piece cut out, doubled or replaced give diagnostics with places', () => {
    const texts = Object.values(programs);
    const mutation = fc.record({
      text: fc.constantFrom(...texts),
      at: fc.nat(),
      length: fc.integer({ min: 0, max: 60 }),
      put: fc.oneof(
        fc.constant(''),
        fc.string({ maxLength: 5 }),
        fc.constantFrom('}', '(', '{', '"', 'let', '=', '\n-', '日本', '\u0000', '\ud800'),
      ),
    });
    const mutated = mutation.map(({ text, at, length, put }) => {
      const from = at % text.length;
      return text.slice(0, from) + put + text.slice(from + length);
    });
    fc.assert(fc.property(mutated, survives), long);
  });

  it('random valid programs have no errors', () => {
    fc.assert(fc.property(program, valid), { numRuns: runs(300) });
    fc.assert(fc.property(disturbedProgram, valid), { numRuns: runs(300) });
  });

  it('every character of a text is in a token, a comment, white space or a diagnostic', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii', maxLength: 60 }), (text) => {
        const { tokens, comments, stray, errors } = lex(text);
        const covered = new Set<number>();
        for (const token of [...tokens, ...comments, ...stray])
          for (let i = 0; i < token.image.length; i++) covered.add(token.startOffset + i);
        for (const { offset, length } of errors) for (let i = 0; i < length; i++) covered.add(offset + i);
        for (let i = 0; i < text.length; i++) expect(covered.has(i) || /\s/.test(text.charAt(i))).toBe(true);
      }),
      long,
    );
  });
});
