// Compiles the models of cases with the sources of this repository.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compile, type FileHost, type Target } from '../../src/index.ts';
import type { Case } from '../comparison/case.ts';
import type { CompiledModule } from './dlm.ts';

const files: FileHost = {
  read: (path) => readFileSync(path, 'utf8'),
  resolve: (from, specifier) => join(dirname(from), specifier),
};

/** The text of a case's module, for so many threads. @throws Error with the codes of what is wrong */
export async function compiledCase({ source, set = {} }: Case, target: Target, threads = 1): Promise<string> {
  const path = join('bench', 'models', source);
  const { js, diagnostics } = await compile(files, path, { set, targets: [target], threads: threads > 1 });
  if (js === undefined) throw new Error(`${path} does not compile: ${diagnostics.map(({ code }) => code).join(', ')}`);
  return js;
}

/** A case's module for WebAssembly, imported. */
export async function importedCase(one: Case, threads = 1): Promise<CompiledModule> {
  const folder = mkdtempSync(join(tmpdir(), 'dlm-bench-'));
  const file = join(folder, 'model.mjs');
  try {
    writeFileSync(file, await compiledCase(one, 'wasm', threads));
    return (await import(pathToFileURL(file).href)) as CompiledModule;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
