// Writes the generated tables (src/**/*.gen.ts) from their sources: messages/*.md, stdlib/**/*.dlm and
// src/runtime/**/*.ts. Runs in `npm ci` (prepare) and before the tests; a file whose text is unchanged is left alone.
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { generateMessages } from './generate-messages.ts';
import { generateRuntime } from './generate-runtime.ts';
import { generateStdlib } from './generate-stdlib.ts';

/** The text of every file below `folder` with the extension, keyed by its path inside the folder, sorted. */
function readFolder(folder: string, extension: string): Record<string, string> {
  if (!existsSync(folder)) return {};
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(extension))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return Object.fromEntries(
    paths.map((path) => [relative(folder, path).replaceAll('\\', '/'), readFileSync(path, 'utf8')]),
  );
}

/** Writes the table unless it is already there, so that watchers and caches see no change. */
function writeTable(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  mkdirSync(dirname(path), { recursive: true });
  // Several processes may generate at once: nobody reads half a table.
  const partial = `${path}.${process.pid}`;
  writeFileSync(partial, text);
  renameSync(partial, path);
  console.log(`generated ${path}`);
}

/** Target path → its text. Each is tried by itself: a fault in one source does not hold up the other tables. */
const tables: Readonly<Record<string, () => string | Promise<string>>> = {
  'src/support/messages.gen.ts': () => generateMessages(readFolder('messages', '.md')),
  'src/elaborate/stdlib.gen.ts': () => generateStdlib(readFolder('stdlib', '.dlm')),
  'src/codegen/host/runtime.gen.ts': () => generateRuntime(readFolder('src/runtime', '.ts')),
};

for (const [path, make] of Object.entries(tables)) {
  try {
    writeTable(path, await make());
  } catch (error) {
    console.error(`${path}: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
