// How a command ends that threw: diagnostics, or a bug of ours with the program to replay.
import { readFileSync, rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Console } from '../../src/cli/console.ts';
import { reportError } from '../../src/cli/report.ts';
import { createDiagnostic } from '../../src/index.ts';
import { Failure } from '../../src/cli/failure.ts';
import { plainPalette } from '../../src/support/render-terminal.ts';

function recorder(json: boolean): Console & { readonly events: object[]; readonly notes: string[] } {
  const [events, notes]: [object[], string[]] = [[], []];
  return {
    json,
    events,
    notes,
    interactive: false,
    width: 80,
    palette: plainPalette,
    out: () => {},
    event: (value) => void events.push(value),
    note: (text) => void (json || notes.push(text)),
    status: () => {},
  };
}

const moduleError = (code: string, message: string): Error =>
  Object.assign(new Error(`${code} ${message}`), { name: 'DlmError', code });

describe('a fault of the compiler', () => {
  test('is exit code 70 and saves the last good program', () => {
    const console = recorder(false);
    const stage = {
      level: 'graph',
      module: { name: 'm', functions: [], entries: {}, models: [], trains: [] },
    } as const;
    expect(reportError(console, new TypeError('no such thing'), stage)).toBe(70);
    const [first = '', second = ''] = console.notes;
    expect(first).toMatch(/^dlm: this is a bug of the compiler, not of your program\nTypeError: no such thing/);
    const [, saved = ''] = /`dlm ir (\S+\.ir) --all`/.exec(second) ?? [];
    expect(readFileSync(saved, 'utf8')).toBe('module "m"\n');
    rmSync(saved);
  });

  test('does not print the text of a compiled module', () => {
    const console = recorder(true);
    const error = new Error('boom');
    error.stack = `Error: boom\n    at f (data:text/javascript;base64,${'QUJD'.repeat(1000)}==:12:3)`;
    expect(reportError(console, error)).toBe(70);
    expect(console.events).toEqual([{ event: 'bug', message: 'Error: boom\n    at f (<compiled module>:12:3)' }]);
  });
});

describe('an error of a compiled module', () => {
  test('becomes a diagnostic, with its table as a note', () => {
    const console = recorder(false);
    const text =
      'checkpoint does not fit `M` (the given bytes)\n   |  a  missing\n   |  b  missing\n   = help: `strict: false` leaves them\n   = help: look again';
    expect(reportError(console, moduleError('E0801', text))).toBe(1);
    expect(console.notes.join('\n')).toBe(
      [
        'error[E0801]: checkpoint does not fit `M` (the given bytes)',
        '   = note: what does not fit',
        '       a  missing',
        '       b  missing',
        '   = help: look again',
      ].join('\n'),
    );
  });

  test('of a missing device is exit code 3', () => {
    expect(reportError(recorder(false), moduleError('E0804', 'no device for target `webgpu`: none'))).toBe(3);
    expect(reportError(recorder(false), moduleError('E9101', 'f: x is f32[3], expected [2]'))).toBe(1);
  });
});

test('diagnostics go to the events of a script', () => {
  const console = recorder(true);
  expect(reportError(console, new Failure(createDiagnostic('E0806', 'error', 'd.csv has no examples', null)))).toBe(1);
  expect(console.events).toMatchObject([
    { event: 'error', diagnostics: [{ code: 'E0806', message: 'd.csv has no examples' }] },
  ]);
});
