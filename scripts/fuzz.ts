// `npm run fuzz -- [folders]`: the property suites with twenty times as many cases, from a new seed that is printed.
import { spawnSync } from 'node:child_process';

const filters = process.argv.slice(2);
const seed = process.env['DLM_SEED'] ?? String(Date.now() % 2 ** 31);
const factor = process.env['DLM_FUZZ'] ?? '20';
console.log(`fuzz: DLM_SEED=${seed} DLM_FUZZ=${factor}`);
const command = ['node_modules/vitest/vitest.mjs', 'run', '--testTimeout=1800000', ...filters];
const env = { ...process.env, DLM_SEED: seed, DLM_FUZZ: factor };
process.exitCode = spawnSync(process.execPath, command, { stdio: 'inherit', env }).status ?? 1;
