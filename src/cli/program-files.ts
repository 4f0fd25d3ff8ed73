// Programs on disk: the file host of the compiler, `file.dlm:Entry` arguments, and folders of programs.
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { messages, type FileHost } from '../index.ts';
import { Failure, UsageError } from './failure.ts';

/** Reads programs relative to the folder that the command runs in; names in messages are relative to it too. */
export const diskFiles: FileHost = {
  read(path) {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return undefined;
    }
  },
  resolve: (from, specifier) => shown(resolve(dirname(from), specifier)),
};

/** A path as people know it: relative to the current folder where that is shorter, with forward slashes. */
export function shown(path: string): string {
  const near = relative(process.cwd(), path);
  return (near === '' || near.startsWith(`..${sep}..`) ? path : near).replaceAll('\\', '/');
}

/** Splits `file.dlm:Entry`; the file must exist. */
export function programArgument(argument: string): { file: string; entry: string | undefined } {
  const [, path = argument, entry] = /^(.*\.(?:dlm|ir)):([^:/\\]+)$/.exec(argument) ?? [];
  const isFile = existsSync(path) && statSync(path).isFile();
  if (!isFile)
    throw new Failure(
      messages.E0802(null, { file: path, reason: existsSync(path) ? 'it is a folder' : 'there is no such file' }),
    );
  return { file: shown(resolve(path)), entry };
}

/** The programs named by arguments: files as they are, folders with every `.dlm` file below them. */
export function programFiles(args: readonly string[]): string[] {
  const files = args.flatMap((argument) =>
    existsSync(argument) && statSync(argument).isDirectory() ? programsIn(argument) : [programArgument(argument).file],
  );
  if (files.length === 0) throw new UsageError('name at least one .dlm file');
  return [...new Set(files)];
}

function programsIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => name !== 'node_modules' && !name.startsWith('.'))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? programsIn(path) : entry.name.endsWith('.dlm') ? [shown(resolve(path))] : [];
    })
    .sort();
}
