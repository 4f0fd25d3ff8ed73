// Brings src/**/*.gen.ts up to date before any test runs.
import { spawnSync } from 'node:child_process';

/** Vitest's global setup. A table that cannot be made is printed here and fails `npm run generate`, which CI runs. */
export default function setup(): void {
  spawnSync(process.execPath, ['scripts/run.mjs', 'scripts/generate.ts'], { stdio: 'inherit' });
}
