// Every diagnostic as people see it. A code without a folder fails, and a folder without a code.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { applyFixes } from '../../src/support/apply-fixes.ts';
import type { Diagnostic } from '../../src/support/diagnostic.ts';
import { explanations } from '../../src/support/messages.gen.ts';
import { renderTerminal } from '../../src/support/render-terminal.ts';
import { diagnose } from './diagnose.ts';

const here = import.meta.dirname;
const update = process.env['UPDATE'] === '1';
const codes = Object.keys(explanations);
const folders = readdirSync(here, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));

/** Compares with the file, or writes it. */
function expectFile(path: string, text: string): void {
  if (update) writeFileSync(path, text);
  expect(existsSync(path), `${path} is missing; UPDATE=1 writes it`).toBe(true);
  expect(text).toBe(readFileSync(path, 'utf8'));
}

describe('the folders', () => {
  it('are one for each code', () => {
    expect(folders.toSorted()).toEqual(codes.toSorted());
  });
});

describe('every message', () => {
  it.each(Object.entries(explanations))('%s has a page', (_code, { name, message, page }) => {
    expect(name).toMatch(/^[a-z0-9-]+$/);
    expect(message).toMatch(/^[^.]+(?:\.\.?[^.]*)*[^.]$/);
    expect(page.length).toBeGreaterThan(20);
  });
});

describe.each(folders)('%s', (code) => {
  const folder = join(here, code);

  it('is printed as expected', async (context) => {
    const diagnostics = await diagnose(folder);
    if ('missing' in diagnostics) return context.skip(diagnostics.missing);
    expect(diagnostics.map((d) => d.code)).toContain(code);
    expectFile(join(folder, 'expected.txt'), renderTerminal(diagnostics));
  });

  it('is gone after its fix, where it has one', async (context) => {
    const diagnostics = await diagnose(folder);
    if ('missing' in diagnostics) return context.skip(diagnostics.missing);
    const fixed = [...applyFixes(diagnostics.filter((d) => d.code === code)).texts];
    const [first] = fixed;
    if (first === undefined) {
      expect(existsSync(join(folder, 'fixed.dlm'))).toBe(false);
      return;
    }
    const [source, text] = first;
    expect(source.name).toBe('input.dlm');
    expectFile(join(folder, 'fixed.dlm'), text);
    const left = await diagnose(folder, text);
    if ('missing' in left) throw new Error(left.missing);
    expect(left.filter((d) => d.code === code).length).toBeLessThan(diagnostics.filter((d) => d.code === code).length);
  });

  // Each fix by itself takes away the diagnostic that offers it, and brings no code that was not there.
  it('is gone after each fix of each diagnostic', async (context) => {
    const diagnostics = await diagnose(folder);
    if ('missing' in diagnostics) return context.skip(diagnostics.missing);
    const before = new Set(diagnostics.map((d) => d.code));
    for (const diagnostic of diagnostics)
      for (const help of diagnostic.helps.filter(({ fix }) => fix !== undefined)) {
        const [text] = applyFixes([{ ...diagnostic, helps: [help] }]).texts.values();
        const left = await diagnose(folder, text);
        if ('missing' in left) throw new Error(left.missing);
        const same = (d: Diagnostic): boolean => d.code === diagnostic.code && d.message === diagnostic.message;
        expect(left.filter(same).length, `${help.text}\n${text}`).toBeLessThan(diagnostics.filter(same).length);
        const isNew = left.filter((d) => d.severity === 'error' && !before.has(d.code));
        expect(renderTerminal(isNew), `${help.text}\n${text}`).toBe('');
      }
  });
});
