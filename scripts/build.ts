// Bundles dist/ with esbuild: the CLI and the public API, everything they need inside (chevrotain loads slowly file by
// file, and an installed package then has no dependencies). Dynamic imports become chunks, so prettier loads when used.
// Declarations come from tsc and keep the shape of src/.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/** What dist/ holds, by output name. */
const entries: Readonly<Record<string, string>> = {
  cli: 'src/cli/main.ts',
  index: 'src/index.ts',
  prettier: 'src/plugin/prettier.ts',
  testing: 'src/testing.ts',
  metrics: 'src/metrics.ts',
};

/** Bundles the entries; shared code and dynamic imports become chunks. */
async function bundle(present: Readonly<Record<string, string>>): Promise<void> {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  await build({
    entryPoints: present,
    outdir: 'dist',
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    legalComments: 'linked',
    define: { __DLM_VERSION__: JSON.stringify(version) },
    // Optional peers: the GPU binding is a native add-on, and property tests bring their own fast-check.
    external: ['webgpu', 'fast-check'],
    logLevel: 'warning',
  });
}

/** Emits declarations. Type errors are the business of `npm test`; what tsc can emit is emitted. */
function emitDeclarations(): void {
  spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { encoding: 'utf8' });
  if (!existsSync('dist/types/index.d.ts'))
    throw new Error('build: tsc emitted no declarations, see npm run typecheck');
  for (const entry of readdirSync('dist/types', { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace(/((?:from|import\()\s*['"]\.[^'"]*)\.ts(['"])/g, '$1.js$2'));
  }
}

const present = Object.fromEntries(Object.entries(entries).filter(([, source]) => existsSync(source)));
const absent = Object.values(entries).filter((source) => !existsSync(source));
if (absent.length > 0) console.log(`build: left out, no source: ${absent.join(', ')}`);

rmSync('dist', { recursive: true, force: true });
await bundle(present);
if ('index' in present) emitDeclarations();
if ('cli' in present) chmodSync('dist/cli.js', 0o755);
for (const name of Object.keys(present)) {
  console.log(`dist/${name}.js ${(statSync(`dist/${name}.js`).size / 1024).toFixed(0)} kB`);
}
