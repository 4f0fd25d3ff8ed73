// The programs of `programs/`, and trees without places for comparing them.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, type Parsed } from '../../src/parser/parse.ts';
import { createSource } from '../../src/support/source.ts';

const folder = join('test', 'parser', 'programs');

/** Text of every program, by file name. */
export const programs: Readonly<Record<string, string>> = Object.fromEntries(
  readdirSync(folder)
    .sort()
    .map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
);

/** Parses a text under a fixed name. */
export function parseText(text: string): Parsed {
  return parse(createSource('test.dlm', text));
}

/** A tree as plain data: no places, and none of the views that repeat `items`. */
export function shapeOf(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(shapeOf);
  if (typeof node !== 'object' || node === null) return node;
  const left = Object.entries(node).filter(([key]) => !/^(?:span|operatorSpan|imports|declarations)$/.test(key));
  return Object.fromEntries(left.map(([key, value]) => [key, shapeOf(value)]));
}

/** The comments of a text, sorted: what a formatter may move but not lose. */
export function commentsOf(text: string): readonly string[] {
  return parseText(text)
    .comments.map((comment) => comment.text)
    .sort();
}
