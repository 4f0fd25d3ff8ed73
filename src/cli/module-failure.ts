// Errors of a compiled module as diagnostics. Their text may carry a table and helps on lines of their own.
import { createDiagnostic, FormatError } from '../index.ts';
import { Failure, isModuleError, type ModuleError } from './failure.ts';

/** The failure that `error` stands for, if it was thrown on purpose. `file` is what the module was reading. */
export function failureFrom(error: unknown, file?: string): Failure | undefined {
  if (error instanceof Failure) return error;
  if (error instanceof FormatError) return new Failure(error.diagnostic);
  return isModuleError(error) ? moduleFailure(error, file) : undefined;
}

function moduleFailure({ code, message }: ModuleError, file: string | undefined): Failure {
  const [head = '', ...rest] = message.replace(new RegExp(`^${code} `), '').split('\n');
  const named = file === undefined ? head : head.replace(/\(the (?:given bytes|saved session)\)/, `(${file})`);
  const table = rest.filter((line) => line.trimStart().startsWith('|')).map((line) => line.replace(/^\s*\| {0,2}/, ''));
  // Options of `load` are no options of the command line.
  const helps = rest.flatMap((line) => /^\s*= help: (?!`\w+:)(.*)$/.exec(line)?.[1] ?? []);
  const details = {
    notes: table.length === 0 ? [] : [['what does not fit', ...table].join('\n')],
    helps: helps.map((text) => ({ text })),
  };
  return new Failure(createDiagnostic(code, 'error', named, null, details));
}

/** Waits for `work` on a file; what the module says about the file names it. @throws Failure */
export async function readingFile<T>(file: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw failureFrom(error, file) ?? error;
  }
}
