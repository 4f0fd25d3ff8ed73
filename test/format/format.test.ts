// The formatter's laws: formatting twice changes nothing, the tree stays, no comment is lost.
import fc from 'fast-check';
import { format as prettierFormat } from 'prettier';
import { describe, expect, it } from 'vitest';
import { format, FormatError } from '../../src/parser/prettier-plugin.ts';
import * as plugin from '../../src/plugin/prettier.ts';
import { disturbedProgram, program } from '../parser/arbitrary-program.ts';
import { commentsOf, parseText, programs, shapeOf } from '../parser/programs.ts';
import { runs } from '../support/property-settings.ts';

async function expectLaws(text: string): Promise<void> {
  const once = await format(text);
  expect(
    parseText(once).diagnostics.filter((d) => d.severity === 'error'),
    `${text}\n=>\n${once}`,
  ).toEqual([]);
  expect(await format(once), text).toBe(once);
  expect(shapeOf(parseText(once).file), text).toEqual(shapeOf(parseText(text).file));
  expect(commentsOf(once), text).toEqual(commentsOf(text));
}

describe('laws', () => {
  it.each(Object.entries(programs))('hold for %s', async (_name, text) => {
    await expectLaws(text);
  });

  it('hold for random programs', async () => {
    await fc.assert(fc.asyncProperty(program, expectLaws), { numRuns: runs(300) });
  });

  it('hold for random programs with comments anywhere', async () => {
    await fc.assert(fc.asyncProperty(disturbedProgram, expectLaws), { numRuns: runs(300) });
  });

  it('catch a formatter that loses a comment', () => {
    const text = 'const x = 1 // one\n';
    expect(commentsOf(text.replace('// one', ''))).not.toEqual(commentsOf(text));
  });
});

describe('style', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['empty file', '', ''],
    ['only a comment', '  // a\n\n\n// b', '// a\n\n// b\n'],
    [
      'aligned lets',
      'layer A(){let a=B()\nlet long=C()\n\nlet d=E()}',
      'layer A() {\n  let a    = B()\n  let long = C()\n\n  let d = E()\n}\n',
    ],
    ['named arguments', 'const x=f(a = 1,b= _)', 'const x = f(a=1, b=_)\n'],
    ['slices', 'const x=y[ : ,-1, 1 :,:t-1,a:b]', 'const x = y[:, -1, 1:, : t - 1, a:b]\n'],
    [
      'comments in lists',
      'const x = f(\n  // first\n  a, // one\n  b\n  // last\n)',
      'const x = f(\n  // first\n  a, // one\n  b,\n  // last\n)\n',
    ],
    [
      'comments between stages',
      'const x = a // one\n  |> b\n  // two\n  |> c // three',
      'const x = a // one\n  |> b\n  // two\n  |> c // three\n',
    ],
    ['comments inside operators move up', 'const x = a + // why\n  b', '// why\nconst x = a + b\n'],
    ['needless parentheses', 'const x = ((a) + (b * c)) as (int)', 'const x = (a + b * c) as int\n'],
    ['empty bodies', 'layer A( ) {\n\n}\nmodel B() {\n // c\n}', 'layer A() {}\n\nmodel B() {\n  // c\n}\n'],
  ];
  it.each(cases)('%s', async (_name, text, expected) => {
    expect(await format(text)).toBe(expected);
    expect(await format(expected)).toBe(expected);
  });

  it('breaks long chains before |> and long lists one element a line', async () => {
    const stages = Array.from({ length: 12 }, (_, i) => `stage_number_${i}`);
    const text = await format(`const x = y |> ${stages.join(' |> ')}\nconst z = f(${stages.join(', ')})`);
    expect(text).toContain('y\n  |> stage_number_0\n  |> stage_number_1\n');
    expect(text).toContain('f(\n  stage_number_0,\n  stage_number_1,\n');
    expect(text).toContain('stage_number_11,\n)');
  });

  it('never starts a line with an operator that would be a new phrase', async () => {
    const terms = Array.from({ length: 20 }, (_, i) => `term_number_${i}`);
    const text = await format(`fn f() {\n  let x = ${terms.join(' - ')}\n  x\n}`);
    expect(text).toContain(' -\n');
    await expectLaws(text);
  });
});

describe('as a plugin', () => {
  it('works through prettier with its options', async () => {
    const text = await prettierFormat('const x=f(a,b)', { parser: 'dlm', plugins: [plugin], printWidth: 10 });
    expect(text).toBe('const x = f(\n  a,\n  b,\n)\n');
  });

  it('refuses a file with syntax errors, with their places', async () => {
    const refused = format('const x =\nconst y = 1\n');
    await expect(refused).rejects.toBeInstanceOf(FormatError);
    await expect(refused).rejects.toMatchObject({ loc: { start: { line: 1 } } });
  });
});
