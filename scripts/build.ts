// Bundles dist/ with esbuild: the CLI and the public API, everything they need inside (chevrotain loads slowly file by
// file, and an installed package then has no dependencies). Dynamic imports become chunks, so prettier loads when used.
import { build } from 'esbuild';
import { chmodSync, existsSync, readFileSync, rmSync, statSync } from 'node:fs';

/** What dist/ holds, by output name. */
const entries: Readonly<Record<string, string>> = {
  cli: 'src/cli/main.ts',
  index: 'src/index.ts',
  prettier: 'src/plugin/prettier.ts',
};

const present = Object.entries(entries).filter(([, source]) => existsSync(source));
const absent = Object.values(entries).filter((source) => !existsSync(source));
if (absent.length > 0) console.log(`build: left out, no source: ${absent.join(', ')}`);

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
rmSync('dist', { recursive: true, force: true });
await build({
  entryPoints: Object.fromEntries(present),
  outdir: 'dist',
  bundle: true,
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  platform: 'node',
  format: 'esm',
  target: 'node20',
  legalComments: 'linked',
  define: { __DLM_VERSION__: JSON.stringify(version) },
  // The GPU binding is a native add-on that only those who run on it install.
  external: ['webgpu'],
  logLevel: 'warning',
});
for (const [name] of present) console.log(`dist/${name}.js ${(statSync(`dist/${name}.js`).size / 1024).toFixed(0)} kB`);
if (existsSync('dist/cli.js')) chmodSync('dist/cli.js', 0o755);
