// The file system as the compiler sees it: paths relative to the repository.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FileHost } from '../../src/index.ts';

export const fileHost: FileHost = {
  read: (path) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined),
  resolve: (from, specifier) => join(dirname(from), specifier),
};
