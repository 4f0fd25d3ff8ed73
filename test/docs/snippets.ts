// The fenced blocks of a page: language, what is written behind it (`error=E0302`, `file=a.dlm`), text and place.
import { posix } from 'node:path';
import { check, renderTerminal, type Diagnostic } from '../../src/index.ts';

/** One fenced block. */
export interface Snippet {
  readonly language: string;
  readonly options: Readonly<Record<string, string>>;
  readonly text: string;
  /** Line of the page on which the block opens, from 1. */
  readonly line: number;
}

/** All fenced blocks of a page. */
export function snippetsOf(page: string): Snippet[] {
  const found: Snippet[] = [];
  for (const match of page.matchAll(/^```(\w+)([^\n]*)\n([\s\S]*?)^```$/gm)) {
    const [, language = '', info = '', text = ''] = match;
    const options = Object.fromEntries(
      [...info.matchAll(/(\w+)=(\S+)/g)].map(([, key = '', value = '']) => [key, value]),
    );
    found.push({ language, options, text, line: page.slice(0, match.index).split('\n').length });
  }
  return found;
}

/** What `check` says of a program that may import the named files of its page. */
export function diagnosticsOf(text: string, files: Readonly<Record<string, string>>): readonly Diagnostic[] {
  const host = {
    read: (path: string): string | undefined => (path === 'snippet.dlm' ? text : files[path]),
    resolve: (from: string, specifier: string): string => posix.join(posix.dirname(from), specifier),
  };
  return check(host, 'snippet.dlm').diagnostics;
}

/** Says how a snippet differs from what its page promises; empty where it does not. */
export function faultsOf(snippet: Snippet, files: Readonly<Record<string, string>>): string {
  const diagnostics = diagnosticsOf(snippet.text, files);
  const codes = [...new Set(diagnostics.map(({ code }) => code))].join(' ');
  return codes === (snippet.options['error'] ?? '')
    ? ''
    : `line ${snippet.line}: ${renderTerminal(diagnostics) || 'no error'}`;
}
