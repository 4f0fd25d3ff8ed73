// Ends a command that failed: diagnostics for people or machines, and for a bug of the compiler the program to replay.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { printStage, renderTerminal, toJson, type Diagnostic, type Stage } from '../index.ts';
import type { Console } from './console.ts';
import { exitCodes } from './failure.ts';
import { failureFrom } from './module-failure.ts';
import { writeFiles } from './write-file.ts';

/** Prints diagnostics where a command's result would be with `--json`, else on standard error. */
export function reportDiagnostics(console: Console, diagnostics: readonly Diagnostic[]): void {
  if (console.json) console.event({ event: 'error', diagnostics: diagnostics.map(toJson) });
  else if (diagnostics.length > 0) console.note(renderTerminal(diagnostics, console.palette).trimEnd());
}

/** Reports whatever a command threw, and gives the exit code. */
export function reportError(console: Console, error: unknown, lastStage?: Stage): number {
  const failure = failureFrom(error);
  if (failure) {
    reportDiagnostics(console, failure.diagnostics);
    return failure.exitCode;
  }
  const saved = lastStage && saveStage(lastStage);
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  // Compiled modules are imported as data; their text is no part of a report.
  const text = stack.replaceAll(/data:text\/javascript;base64,[\w+/=]+/g, '<compiled module>');
  if (console.json) console.event({ event: 'bug', message: text, ...(saved !== undefined && { ir: saved }) });
  console.note(`dlm: this is a bug of the compiler, not of your program\n${text}`);
  if (saved !== undefined) console.note(`\`dlm ir ${saved} --all\` replays it; please report that file.`);
  return exitCodes.bug;
}

function saveStage(stage: Stage): string | undefined {
  try {
    const path = join(tmpdir(), `dlm-bug-${process.pid}.ir`);
    writeFiles({ [path]: printStage(stage) });
    return path;
  } catch {
    return undefined;
  }
}
