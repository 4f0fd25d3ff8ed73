// The error that a compiled module throws: a code that `dlm explain` knows, and its parts as data.

/** Where an error belongs and what was wrong. */
export interface ErrorParts {
  readonly entry?: string;
  readonly path?: string;
  readonly expected?: string;
  readonly got?: string;
}

/** Every error that a compiled module throws on purpose. */
export class DlmError extends Error {
  override readonly name = 'DlmError';
  readonly entry: string | undefined;
  readonly path: string | undefined;
  readonly expected: string | undefined;
  readonly got: string | undefined;

  constructor(
    readonly code: string,
    message: string,
    parts: ErrorParts = {},
  ) {
    super(`${code} ${message}`);
    this.entry = parts.entry;
    this.path = parts.path;
    this.expected = parts.expected;
    this.got = parts.got;
  }
}

/** E9101: `path` of `entry` is `got`, expected `expected`. */
export const wrongInput = (entry: string, path: string, got: string, expected: string): DlmError =>
  new DlmError('E9101', `${entry}: ${path} is ${got}, expected ${expected}`, { entry, path, expected, got });
