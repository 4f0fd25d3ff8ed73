// Mutated programs: elaboration never throws, every diagnostic has a place, and a whole program that is
// free of errors gives a graph that verifies.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { verifyGraph } from '../../src/ir/graph-verify.ts';
import { hasErrors } from '../../src/support/diagnostic.ts';
import { program } from './files.ts';

const folders = ['test/parser/programs', 'test/elaborate/programs'];
const texts = folders.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.dlm'))
    .map((name) => readFileSync(join(folder, name), 'utf8')),
);
const pieces = texts.flatMap((text) => text.match(/[A-Za-z_]\w*|\d+(?:\.\d+)?|"[^"]*"|[^\s\w]+/g) ?? []);

/** A program with a few of its words replaced, dropped, doubled or swapped. */
const mutated = fc
  .record({
    text: fc.constantFrom(...texts),
    edits: fc.array(
      fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        kind: fc.constantFrom('replace', 'drop', 'double', 'swap'),
        word: fc.constantFrom(...pieces),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  })
  .map(({ text, edits }) => edits.reduce((current, { at, kind, word }) => mutate(current, at, kind, word), text));

function mutate(text: string, at: number, kind: string, word: string): string {
  const words = text.match(/[A-Za-z_]\w*|\d+(?:\.\d+)?|"[^"]*"|[^\s\w]|\s+/g) ?? [];
  const places = words.flatMap((w, i) => (/\S/.test(w) ? [i] : []));
  const i = places[Math.min(places.length - 1, Math.floor(at * places.length))] ?? 0;
  const own = words[i] ?? '';
  const next = { replace: word, drop: '', double: `${own} ${own}`, swap: words[i + 2] ?? '' }[kind] ?? own;
  return [...words.slice(0, i), next, ...words.slice(i + 1)].join('');
}

test('mutated programs never crash the checker', () => {
  let clean = 0;
  fc.assert(
    fc.property(mutated, (text) => {
      const { module, diagnostics } = program(text);
      expect(diagnostics.filter((d) => d.span === null)).toEqual([]);
      if (hasErrors(diagnostics)) return;
      clean++;
      expect(verifyGraph(module)).toEqual([]);
    }),
    { numRuns: Number(process.env['FUZZ_RUNS'] ?? 150) },
  );
  expect(clean).toBeGreaterThan(0);
}, 120_000);
