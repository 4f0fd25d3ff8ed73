// `npm test`: generates, builds, checks types, lint, formatting and dead code, runs every test, and ends with one line
// of counts. Each check counts as one. With arguments (`npm test -- test/ir`) only those tests run.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import type { Counts } from '../test/support/count-reporter.ts';

const countsFile = 'node_modules/.cache/dlm-test-counts.json';
const node = process.execPath;
const filters = process.argv.slice(2);

/** Name → command line of what must hold besides the tests. */
const checks: Readonly<Record<string, readonly string[]>> = {
  'generated tables': ['scripts/run.mjs', 'scripts/generate.ts'],
  build: ['scripts/run.mjs', 'scripts/build.ts'],
  types: ['node_modules/typescript/bin/tsc', '--noEmit', '-p', '.'],
  lint: ['node_modules/oxlint/bin/oxlint', '--type-aware', '--quiet'],
  formatting: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'],
  'dead code': ['node_modules/knip/bin/knip.js'],
};

function runCheck(name: string, command: readonly string[]): boolean {
  const started = Date.now();
  const run = spawnSync(node, command, { encoding: 'utf8' });
  const ok = run.status === 0;
  console.log(`${ok ? 'ok     ' : 'FAILED '} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  if (!ok) console.log(`${run.stdout}${run.stderr}`);
  return ok;
}

function runTests(): Counts {
  rmSync(countsFile, { force: true });
  const env = { ...process.env, DLM_TEST_COUNTS: countsFile };
  const run = spawnSync(node, ['node_modules/vitest/vitest.mjs', 'run', ...filters], { stdio: 'inherit', env });
  const none: Counts = { files: 0, passed: 0, failed: 1, skipped: 0 };
  if (!existsSync(countsFile)) return none;
  const counts = JSON.parse(readFileSync(countsFile, 'utf8')) as Counts;
  // Vitest may fail for a reason that is no test's: never report such a run as clean.
  return run.status !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

const results = filters.length > 0 ? [] : Object.entries(checks).map(([name, command]) => runCheck(name, command));
const counts = runTests();
const passed = counts.passed + results.filter((ok) => ok).length;
const failed = counts.failed + results.filter((ok) => !ok).length;
console.log(`\n${results.length} checks, ${counts.files} test files`);
console.log(`${passed} passed, ${failed} failed, ${counts.skipped} skipped`);
process.exitCode = failed === 0 && counts.passed > 0 ? 0 : 1;
