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

const interval = 100;

/**
 * Resolves when a file differs from what was read and has stopped changing: an editor empties a file before it writes
 * it, and half a text is nothing to report on. `host` reads it again.
 */
export async function changeOf(reads: Reads, host: FileHost): Promise<void> {
  const now = (): Reads => new Map([...reads.keys()].map((path) => [path, host.read(path)]));
  const differ = (a: Reads, b: Reads): boolean => [...b].some(([path, text]) => a.get(path) !== text);
  for (let before = reads, texts = now(); !differ(reads, texts) || differ(before, texts); texts = now()) {
    before = texts;
    await new Promise((resolve) => setTimeout(resolve, interval));
  }
}
