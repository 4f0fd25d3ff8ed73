// Loads an example: bundles its main.ts, compiling every `x.dlm.js` that it imports from the `x.dlm` beside it, and
// says what the programs cost.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, transform, type Plugin } from 'esbuild';
import type { Example, Program } from '../examples/example.ts';
import { compile, summarize, type Compiled, type Target } from '../src/index.ts';
import { fileHost } from '../test/support/file-host.ts';

const cache = resolve('node_modules/.cache/dlm-examples');

/** Names of the folders of `examples/` that have a main.ts. */
export const exampleFolders = (): readonly string[] =>
  readdirSync('examples').filter((name) => existsSync(join('examples', name, 'main.ts')));

/** The row that the main.ts of a folder states, without running it. */
export const statedRow = (folder: string): number =>
  Number(/^ {2}row: (\d+),/m.exec(readFileSync(join('examples', folder, 'main.ts'), 'utf8'))?.[1]);

interface Wanted {
  readonly set?: Readonly<Record<string, string>>;
  readonly targets?: readonly Target[];
}
const compiled = new Map<string, Promise<Required<Compiled>>>();

/** Compiles a program of an example, once in a process; a diagnostic ends it. */
export function compileProgram(path: string, wanted: Wanted = {}): Promise<Required<Compiled>> {
  const key = JSON.stringify([resolve(path), wanted]);
  const made = compiled.get(key) ?? compileNow(path, wanted);
  compiled.set(key, made);
  return made;
}

async function compileNow(path: string, wanted: Wanted): Promise<Required<Compiled>> {
  const made = await compile(fileHost, path, wanted);
  const { js, dts, lowered, module } = made;
  if (js === undefined || dts === undefined || !lowered || !module)
    throw new Error(`${path}: ${made.diagnostics.map(({ code, message }) => `${code} ${message}`).join('; ')}`);
  return { ...made, js, dts, lowered, module };
}

const compiledImports: Plugin = {
  name: 'dlm',
  setup(bundler) {
    bundler.onResolve({ filter: /\.dlm\.js$/ }, ({ path, resolveDir }) => ({
      path: join(resolveDir, path.replace(/\.js$/, '')),
      namespace: 'dlm',
    }));
    bundler.onResolve({ filter: /^dlm$/ }, () => ({ path: resolve('src/index.ts') }));
    bundler.onResolve({ filter: /^dlm\/metrics$/ }, () => ({ path: resolve('src/metrics.ts') }));
    bundler.onLoad({ filter: /./, namespace: 'dlm' }, async ({ path }) => ({
      contents: (await compileProgram(path)).js,
    }));
  },
};

/** The example of a folder of `examples/`. */
export async function loadExample(folder: string): Promise<Example> {
  mkdirSync(cache, { recursive: true });
  const outfile = join(cache, `${folder}.${process.pid}.mjs`);
  await build({
    entryPoints: [join('examples', folder, 'main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    plugins: [compiledImports],
    logLevel: 'warning',
  });
  try {
    const loaded = (await import(/* @vite-ignore */ pathToFileURL(outfile).href)) as { readonly example: Example };
    return loaded.example;
  } finally {
    rmSync(outfile, { force: true });
  }
}

/** What a program costs: elements of its parameters, bytes at the fullest moment of a step, bytes when shipped. */
export interface Cost {
  readonly parameters: number;
  readonly peak: number;
  readonly size: number;
}

/** The cost of a program of an example on WebAssembly; the size is of both targets, minified and gzipped. */
export async function costOf(folder: string, { file, dims, set }: Program): Promise<Cost> {
  const { js, lowered } = await compileProgram(join('examples', folder, file), set ? { set } : {});
  const program = lowered.programs.find(({ target }) => target === 'cpu');
  if (!program) throw new Error(`${file}: no program for WebAssembly`);
  const { models, functions } = summarize(lowered.graph, program, dims);
  const minified = await transform(js, { minify: true, format: 'esm', target: 'es2022' });
  return {
    parameters: models.reduce((sum, { total }) => sum + total, 0),
    peak: Math.max(...functions.filter(({ kind }) => kind === 'step').map(({ peak }) => peak.value ?? NaN)),
    size: gzipSync(minified.code, { level: 9 }).length,
  };
}
