// What the standard library exports: name, file, kind and the first sentence of its documentation.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parse } from '../src/parser/parse.ts';
import { createSource } from '../src/support/source.ts';

/** A member of the standard library. */
export interface Member {
  readonly name: string;
  /** Path below `stdlib/`. */
  readonly file: string;
  readonly kind: string;
  readonly what: string;
}

const firstSentence = (doc: string): string => {
  const text = doc.replace(/\s+/g, ' ').trim();
  return /^.*?[.:](?= [A-Z`(]|$)/.exec(text)?.[0] ?? text;
};

function membersOf(file: string): Member[] {
  const source = createSource(file, readFileSync(join('stdlib', file), 'utf8'));
  return parse(source).file.declarations.flatMap((declaration): Member[] => {
    if (declaration.kind === 'test' || declaration.kind === 'train' || !declaration.exported) return [];
    const kind = declaration.kind === 'unit' ? declaration.unit : declaration.kind === 'fn' ? 'fn' : declaration.kind;
    return [{ name: declaration.name.name, file, kind, what: firstSentence(declaration.doc ?? '') }];
  });
}

/** Every exported member, by file. */
export function libraryMembers(): readonly Member[] {
  return readdirSync('stdlib', { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.dlm'))
    .map((entry) => relative('stdlib', join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort()
    .flatMap(membersOf);
}
