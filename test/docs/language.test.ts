// The reference of the language: every example is checked, errors are exactly those it announces, and its lists of
// words are those of the lexer.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { contextualWords, reservedWords } from '../../src/parser/tokens.ts';
import { faultsOf, snippetsOf } from './snippets.ts';

const page = readFileSync('docs/language.md', 'utf8');
const snippets = snippetsOf(page).filter(({ language }) => language === 'dlm');
const files = Object.fromEntries(
  snippets.flatMap(({ options, text }) => (options['file'] ? [[options['file'], text]] : [])),
);

/** The words in backticks of the paragraph below a mark. */
function wordsBelow(mark: string): string[] {
  const paragraph = page.split(`<!-- words:${mark} -->`)[1]?.split('\n\n')[0] ?? '';
  return (/`([^`]+)`/.exec(paragraph)?.[1] ?? '').split(/\s+/);
}

describe('docs/language.md', () => {
  it.each(snippets.map((snippet) => [snippet.line, snippet] as const))('line %i', (_line, snippet) => {
    expect(faultsOf(snippet, files)).toBe('');
  });

  it('has examples, and among them errors', () => {
    expect(snippets.length).toBeGreaterThan(40);
    expect(snippets.filter(({ options }) => options['error']).length).toBeGreaterThan(10);
  });

  it('lists the modules of the library', () => {
    const listed = [...page.matchAll(/^\| (`std\/[^|]+) \|/gm)].flatMap(
      ([, cell = '']) => cell.match(/std\/\w+/g) ?? [],
    );
    const there = readdirSync('stdlib').map((entry) => `std/${entry.replace(/\.dlm$/, '')}`);
    expect(listed.toSorted()).toEqual([...new Set(there)].toSorted());
  });

  it('lists the words of the lexer', () => {
    expect(wordsBelow('reserved')).toEqual([...reservedWords]);
    expect(wordsBelow('contextual')).toEqual([...contextualWords]);
  });
});

test('a snippet that is wrong is found', () => {
  const [wrong, unannounced, fine] = snippetsOf(
    '```dlm\nfn f(x: [n]) -> [m] = x\n```\n```dlm error=E0303\nconst a = 1\n```\n```dlm error=E0311\nfn f(x: [n]) -> [m] = x\n```\n',
  ).map((snippet) => faultsOf(snippet, {}));
  expect(wrong).toContain('E0311');
  expect(unannounced).toContain('no error');
  expect(fine).toBe('');
});
