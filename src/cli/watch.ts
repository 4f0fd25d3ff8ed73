// Waits for changes of the files that a program was read from: their texts are compared, so that a touched file or an
// editor that writes twice changes nothing. Polling works on every disk, also for files that do not exist yet.
import type { FileHost } from '../index.ts';

/** Texts by path, undefined where there was no file. */
export type Reads = Map<string, string | undefined>;

/** A host that remembers what it read. */
export function recorded(host: FileHost): { readonly reads: Reads; readonly files: FileHost } {
  const reads: Reads = new Map();
  const read = (path: string): string | undefined => {
    const text = host.read(path);
    reads.set(path, text);
    return text;
  };
  return { reads, files: { ...host, read } };
}

const interval = 200;

/** Resolves when a file differs from what was read; `host` reads it again. */
export async function changeOf(reads: ReadonlyMap<string, string | undefined>, host: FileHost): Promise<void> {
  const changed = (): boolean => [...reads].some(([path, text]) => host.read(path) !== text);
  while (!changed()) await new Promise((resolve) => setTimeout(resolve, interval));
}
