// `npm run fuzz -- [--programs N] [folders]`: the property suites with twenty times as many cases, from a new seed that
// is printed. With `--programs` only random programs on all backends, about N of them.
import { spawnSync } from 'node:child_process';

const filters = process.argv.slice(2);
const at = filters.indexOf('--programs');
const [, programs] = at < 0 ? [] : filters.splice(at, 2);
if (at >= 0 && !(Number(programs) > 0)) {
  console.error('usage: npm run fuzz -- [--programs N] [folders]');
  process.exit(64);
}
const seed = process.env['DLM_SEED'] ?? String(Date.now() % 2 ** 31);
const factor = process.env['DLM_FUZZ'] ?? '20';
const drawn = programs === undefined ? {} : { DLM_PROGRAMS: programs };
if (programs !== undefined && filters.length === 0) filters.push('test/random');
console.log(`fuzz: DLM_SEED=${seed} DLM_FUZZ=${factor}${programs === undefined ? '' : ` DLM_PROGRAMS=${programs}`}`);
const command = ['node_modules/vitest/vitest.mjs', 'run', '--testTimeout=1800000', ...filters];
const env = { ...process.env, DLM_SEED: seed, DLM_FUZZ: factor, ...drawn };
process.exitCode = spawnSync(process.execPath, command, { stdio: 'inherit', env }).status ?? 1;
