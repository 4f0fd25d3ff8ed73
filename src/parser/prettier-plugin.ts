/**
 * The formatter as a prettier plugin (`languages`, `parsers`, `printers`) and as one function, `format`.
 * A file with syntax errors is not formatted: nothing that the parser did not understand may get lost.
 */
import type { AstPath, Doc, Parser, Printer, SupportLanguage } from 'prettier';
import { hasErrors, type Diagnostic } from '../support/diagnostic.ts';
import { createSource, positionAt } from '../support/source.ts';
import type { File } from './ast.ts';
import { attachComments, type Attached } from './format/comments.ts';
import { fileDoc } from './format/declarations.ts';
import { parse } from './parse.ts';
import { lex } from './tokens.ts';

/** The root that prettier passes around: the file with the places of its comments. */
interface Formatted {
  readonly file: File;
  readonly attached: Attached;
}

/** Thrown for a file with syntax errors; `loc` is what prettier shows. */
export class FormatError extends SyntaxError {
  override readonly name = 'FormatError';
  readonly diagnostics: readonly Diagnostic[];
  readonly loc: { readonly start: { readonly line: number; readonly column: number } } | undefined;

  constructor(diagnostics: readonly Diagnostic[]) {
    const first = diagnostics.find(({ severity }) => severity === 'error');
    super(first?.message ?? 'cannot format this file');
    this.diagnostics = diagnostics;
    const span = first?.span ?? null;
    this.loc = span === null ? undefined : { start: positionAt(span.source, span.start) };
  }
}

function parseForFormat(text: string): Formatted {
  const source = createSource('<text>', text);
  const { file, diagnostics, comments } = parse(source);
  if (hasErrors(diagnostics)) throw new FormatError(diagnostics);
  return { file, attached: attachComments(file, comments, lex(text).tokens) };
}

/** The language, for prettier's choice by file name. */
export const languages: SupportLanguage[] = [
  { name: 'dlm', parsers: ['dlm'], extensions: ['.dlm'], vscodeLanguageIds: ['dlm'] },
];

/** Prettier's parser for `.dlm`. */
export const parsers: Readonly<Record<'dlm', Parser<Formatted>>> = {
  dlm: {
    astFormat: 'dlm-ast',
    parse: parseForFormat,
    locStart: ({ file }) => file.span.start,
    locEnd: ({ file }) => file.span.end,
  },
};

/** Prettier's printer for `.dlm`. */
export const printers: Readonly<Record<'dlm-ast', Printer<Formatted>>> = {
  'dlm-ast': {
    print: ({ node: { file, attached } }: AstPath<Formatted>): Doc =>
      fileDoc({ text: file.span.source.text, attached }, file),
  },
};

/** What prettier uses where the project says nothing. */
export const defaultOptions = { printWidth: 100, tabWidth: 2 } as const;

/** A text as the formatter writes it. Throws `FormatError` where the text has syntax errors. */
export async function format(text: string): Promise<string> {
  const { format: run } = await import('prettier/standalone');
  return run(text, {
    parser: 'dlm',
    plugins: [{ languages: [...languages], parsers, printers }],
    ...defaultOptions,
    endOfLine: 'lf',
  });
}
