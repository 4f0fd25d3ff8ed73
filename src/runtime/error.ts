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
  declare readonly entry: string | undefined;
  declare readonly path: string | undefined;
  declare readonly expected: string | undefined;
  declare readonly got: string | undefined;

  constructor(
    readonly code: string,
    message: string,
    parts: ErrorParts = {},
  ) {
    super(`${code} ${message}`);
    Object.assign(this, { name: 'DlmError', ...parts });
  }
}

/** A value that the compiler put there: its absence is a fault of ours. */
export function need<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new RangeError(`no ${what}`);
  return value;
}

/** E9101: `path` of `entry` is `got`, expected `expected`. */
export const wrongInput = (entry: string, path: string, got: string, expected: string): DlmError =>
  new DlmError('E9101', `${entry}: ${path} is ${got}, expected ${expected}`, { entry, path, expected, got });
