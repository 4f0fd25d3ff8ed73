// The error of a file that is not what its name says: a diagnostic that the caller prints.
import type { Diagnostic } from '../support/diagnostic.ts';
import { messages } from '../support/messages.gen.ts';

/** A file that cannot be read, with the diagnostic that says why. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
  readonly code: string;

  constructor(readonly diagnostic: Diagnostic) {
    super(`${diagnostic.code} ${diagnostic.message}`);
    this.code = diagnostic.code;
  }
}

/** E0802: `file` is not readable, because of `reason`. */
export const unreadableFile = (file: string, reason: string): FormatError =>
  new FormatError(messages.E0802(null, { file, reason }));
