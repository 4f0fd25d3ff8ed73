// Files are written whole or not at all: into a neighbour first, then renamed over the target.
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { messages } from '../index.ts';
import { Failure } from './failure.ts';

/** Writes files so that nobody ever sees part of one; all are written before the first takes its place. @throws Failure E0810 */
export function writeFiles(files: Readonly<Record<string, string | Uint8Array>>): void {
  const made = Object.entries(files).map(([path, content]) => ({
    path,
    content,
    partial: `${path}.${process.pid}.part`,
  }));
  let current = '';
  try {
    for (const { path, content, partial } of made) {
      current = path;
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(partial, content);
    }
    for (const { path, partial } of made) renameSync(partial, path);
  } catch (error) {
    for (const { partial } of made) removeQuietly(partial);
    throw unwritable(error, current);
  }
}

/** Finds out before long work whether its results can be written. @throws Failure E0810 */
export function checkWritable(paths: readonly string[]): void {
  for (const path of paths) {
    const partial = `${path}.${process.pid}.part`;
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(partial, '');
    } catch (error) {
      throw unwritable(error, path);
    } finally {
      removeQuietly(partial);
    }
  }
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Its folder may not even be a folder.
  }
}

function unwritable(error: unknown, file: string): Failure {
  const { code } = error as NodeJS.ErrnoException;
  const reasons: Readonly<Record<string, string>> = {
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EROFS: 'the disk is read-only',
    ENOSPC: 'the disk is full',
    EISDIR: 'it is a folder',
    ENOTDIR: 'a part of its path is a file',
    EEXIST: 'a part of its path is a file',
  };
  return new Failure(messages.E0810(null, { file, reason: reasons[code ?? ''] ?? String(error) }));
}
