// Files are written whole or not at all: into a neighbour first, then renamed over the target.
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Writes files so that nobody ever sees part of one. All are written before the first takes its place. */
export function writeFiles(files: Readonly<Record<string, string | Uint8Array>>): void {
  const made = Object.entries(files).map(([path, content]) => ({
    path,
    content,
    partial: `${path}.${process.pid}.part`,
  }));
  try {
    for (const { path, content, partial } of made) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(partial, content);
    }
    for (const { path, partial } of made) renameSync(partial, path);
  } catch (error) {
    for (const { partial } of made) rmSync(partial, { force: true });
    throw error;
  }
}
