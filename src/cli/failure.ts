// How a command ends when it cannot do what was asked, and the exit codes that scripts may rely on.
import type { Diagnostic } from '../index.ts';

/** Exit codes of `dlm`. */
export const exitCodes = { ok: 0, diagnostics: 1, usage: 2, noDevice: 3, bug: 70, interrupted: 130 } as const;

/** The input is wrong: diagnostics that say what and where. Exit code 1, or 3 where a device is missing. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly diagnostics: readonly Diagnostic[];

  constructor(...diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(({ code, message }) => `${code} ${message}`).join('\n'));
    this.diagnostics = diagnostics;
  }

  get exitCode(): number {
    return this.diagnostics.some(({ code }) => code === 'E0804') ? exitCodes.noDevice : exitCodes.diagnostics;
  }
}

/** The command line itself is wrong. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The error of a compiled module, known by its code: every module carries its own class of it. */
export interface ModuleError {
  readonly code: string;
  readonly message: string;
}

/** Whether `error` was thrown on purpose by a compiled module. */
export const isModuleError = (error: unknown): error is ModuleError =>
  error instanceof Error && error.name === 'DlmError' && 'code' in error && typeof error.code === 'string';
