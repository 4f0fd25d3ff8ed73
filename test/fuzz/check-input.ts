// What must hold whatever the front end reads: it returns, soon, and every error has a place that can be shown.
import { posix } from 'node:path';
import { applyFixes, check, renderTerminal, type Diagnostic } from '../../src/index.ts';

/** Most CPU time for one input, in milliseconds. */
export const mostTime = 1_000;

/** What `check` says about files by path; the root is `main.dlm`. */
export function checkFiles(files: Readonly<Record<string, string>>): readonly Diagnostic[] {
  const host = {
    read: (path: string): string | undefined => files[path],
    resolve: (from: string, specifier: string): string => posix.join(posix.dirname(from), specifier),
  };
  return check(host, 'main.dlm').diagnostics;
}

function faultOf({ code, severity, message, span, secondary }: Diagnostic): string[] {
  const faults: string[] = [];
  if (severity === 'error' && span === null) faults.push(`${code} has no place`);
  for (const place of [span, ...secondary.map((label) => label.span)])
    if (place && !(place.start >= 0 && place.start <= place.end && place.end <= place.source.text.length))
      faults.push(`${code} is at ${place.start} to ${place.end} of ${place.source.text.length}`);
  if (/undefined|\[object|%hole/.test(message) && !/undefined|hole/.test(span?.source.text ?? ''))
    faults.push(`${code} says ${message}`);
  return faults;
}

/**
 * What is wrong with the answer to these files; empty where nothing is. CPU time, since machines are shared.
 * Without stacks: the front end throws for control flow, and writing down where costs as much as checking.
 */
export function faults(files: Readonly<Record<string, string>>): readonly string[] {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return faultsNow(files);
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function faultsNow(files: Readonly<Record<string, string>>): readonly string[] {
  const start = process.cpuUsage();
  let diagnostics: readonly Diagnostic[];
  try {
    diagnostics = checkFiles(files);
    renderTerminal(diagnostics);
    applyFixes(diagnostics);
  } catch (error) {
    return [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  }
  const { user, system } = process.cpuUsage(start);
  const time = (user + system) / 1_000;
  return [...diagnostics.flatMap(faultOf), ...(time > mostTime ? [`took ${time.toFixed(0)} ms`] : [])];
}
