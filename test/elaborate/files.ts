// Programs in memory, elaborated as a test sees them.
import { posix } from 'node:path';
import { elaborate, type Elaborated } from '../../src/elaborate/elaborate.ts';
import type { FileHost } from '../../src/elaborate/modules.ts';

/** A file host over texts by path. */
export const memoryHost = (files: Readonly<Record<string, string>>): FileHost => ({
  read: (path) => files[path],
  resolve: (from, specifier) => posix.join(posix.dirname(from), specifier),
});

/** Elaborates one text, or several files whose root is `main.dlm`. */
export function program(
  text: string | Readonly<Record<string, string>>,
  set: Readonly<Record<string, string>> = {},
): Elaborated {
  const files = typeof text === 'string' ? { 'main.dlm': text } : text;
  return elaborate(memoryHost(files), 'main.dlm', { set });
}
