// What docs/language.md says of the language, claim by claim: small programs, each with exactly the codes that it
// gives. A claim is `### what it shows | codes`, its text, and perhaps further files after `--- name` lines.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { renderTerminal } from '../../src/support/render-terminal.ts';
import { program } from './files.ts';

const folder = 'test/elaborate/claims';

interface Claim {
  readonly title: string;
  readonly codes: string;
  readonly files: Readonly<Record<string, string>>;
}

function claimOf(part: string): Claim {
  const [heading = '', ...lines] = part.split('\n');
  const [title = '', codes = 'ok'] = heading.split('|').map((piece) => piece.trim());
  const files: Record<string, string> = {};
  let name = 'main.dlm';
  for (const line of lines) {
    const next = /^--- (\S+)$/.exec(line)?.[1];
    if (next === undefined) files[name] = `${files[name] ?? ''}${line}\n`;
    else name = next;
  }
  return { title, codes, files };
}

const claimsOf = (text: string): readonly Claim[] => text.split(/^### /m).slice(1).map(claimOf);

const outcome = ({ files }: Claim): string => {
  const { diagnostics } = program(files);
  return diagnostics.map(({ code }) => code).join(' ') || 'ok';
};

for (const file of readdirSync(folder)) {
  const claims = claimsOf(readFileSync(`${folder}/${file}`, 'utf8'));
  describe(file, () => {
    test.each(claims.map((claim) => [claim.title, claim] as const))('%s', (_, claim) => {
      expect(outcome(claim), renderTerminal(program(claim.files).diagnostics)).toBe(claim.codes);
    });
  });
}

test('a claim that does not hold is found', () => {
  const [wrong, right] = claimsOf('### a\nfn f(x: [n]) -> [m] = x\n### b | E0311\nfn f(x: [n]) -> [m] = x\n');
  expect([wrong, right].map((claim) => claim && outcome(claim) === claim.codes)).toEqual([false, true]);
});
