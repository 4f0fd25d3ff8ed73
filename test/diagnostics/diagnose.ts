// What the compiler says about the program of a folder. Syntax is shown by the parser alone; everything else by `check`.
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse } from '../../src/parser/parse.ts';
import type { Diagnostic } from '../../src/support/diagnostic.ts';
import { createSource } from '../../src/support/source.ts';
import type { Missing } from './run-module.ts';

function resolve(from: string, specifier: string): string {
  return posix.join(posix.dirname(from), specifier);
}

type Found = readonly Diagnostic[] | Missing;

interface Case {
  readonly default: () => Found | Promise<Found>;
}

const syntaxFolder = /[/\\](?:E01(?!06)\d\d|W1101)$/;

/**
 * The diagnostics of `input.dlm` (or `case.ts`) in a folder, or what this machine lacks to show them; `text` stands in
 * for the text of the input.
 */
export async function diagnose(folder: string, text?: string): Promise<Found> {
  const script = join(folder, 'case.ts');
  if (existsSync(script)) return ((await import(pathToFileURL(script).href)) as Case).default();
  const read = (path: string): string | undefined => {
    if (path === 'input.dlm' && text !== undefined) return text;
    const file = join(folder, path);
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  };
  const { diagnostics } = parse(createSource('input.dlm', read('input.dlm') ?? ''));
  if (syntaxFolder.test(folder)) return diagnostics;
  const { check } = await import('../../src/index.ts');
  return check({ read, resolve }, 'input.dlm').diagnostics;
}
