// Where a command writes: data to standard output, everything for people to standard error. Colours only on a terminal.
import { createColors } from 'picocolors';
import type { Palette } from '../index.ts';

/** The two streams of a command. */
export interface Console {
  /** Machine-readable output was asked for. */
  readonly json: boolean;
  /** Standard error is a terminal. */
  readonly interactive: boolean;
  /** Columns of that terminal. */
  readonly width: number;
  readonly palette: Palette;
  /** Writes data. */
  out(text: string): void;
  /** Writes a value as one line of JSON. */
  event(value: object): void;
  /** Writes for people; says nothing with `--json`. */
  note(text: string): void;
  /** Overwrites the last line of the terminal. */
  status(text: string): void;
}

type Colors = ReturnType<typeof createColors>;

const paletteOf = (colors: Colors): Palette => ({
  error: (text) => colors.bold(colors.red(text)),
  warning: (text) => colors.bold(colors.yellow(text)),
  info: (text) => colors.bold(colors.cyan(text)),
  frame: colors.blue,
  secondary: colors.cyan,
  strong: colors.bold,
  help: colors.green,
});

/** The console of this process. */
export function processConsole(json: boolean): Console {
  const interactive = process.stderr.isTTY;
  const forced = process.env['FORCE_COLOR'] !== undefined && process.env['FORCE_COLOR'] !== '0';
  const colors = createColors(forced || (interactive && process.env['NO_COLOR'] === undefined));
  return {
    json,
    interactive: interactive && process.env['TERM'] !== 'dumb',
    width: process.stderr.columns ?? 80,
    palette: paletteOf(colors),
    out: (text) => void process.stdout.write(text),
    event: (value) => void process.stdout.write(`${JSON.stringify(value)}\n`),
    note: (text) => void (json || process.stderr.write(`${text}\n`)),
    status: (text) => void (json || process.stderr.write(`\r\u001B[2K${text}`)),
  };
}
