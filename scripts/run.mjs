// Runs a TypeScript script on Node 20, which cannot: bundles it with esbuild into
// node_modules/.cache/dlm-scripts and imports the result. `node scripts/run.mjs scripts/x.ts [args]`.
import { build } from 'esbuild';
import { mkdirSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [script, ...rest] = process.argv.slice(2);
if (script === undefined) {
  console.error('usage: node scripts/run.mjs <script.ts> [arguments]');
  process.exit(64);
}
const cache = join(root, 'node_modules', '.cache', 'dlm-scripts');
mkdirSync(cache, { recursive: true });
// The process id keeps two runs at the same time out of each other's file.
const outfile = join(cache, `${basename(script, '.ts')}.${process.pid}.mjs`);
await build({
  absWorkingDir: root,
  entryPoints: [resolve(script)],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  sourcemap: 'inline',
  logLevel: 'warning',
});
process.argv = [process.argv[0], script, ...rest];
process.on('exit', () => rmSync(outfile, { force: true }));
await import(pathToFileURL(outfile).href);
