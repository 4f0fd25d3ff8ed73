// Writes an emitted module to a temporary folder and imports it, as a user would.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The exports of a module given as text. */
export async function importModule<T>(js: string, name = 'line.dlm.mjs'): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'dlm-'));
  try {
    await writeFile(join(folder, name), js);
    return (await import(/* @vite-ignore */ pathToFileURL(join(folder, name)).href)) as T;
  } finally {
    await rm(folder, { recursive: true });
  }
}
