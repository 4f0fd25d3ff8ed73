// How long and from which seed property tests draw. A normal run is short and repeatable; `npm run fuzz` draws twenty
// times as many cases from a new seed. DLM_SEED repeats a run; a test's own `numRuns` goes through `runs`.
import fc from 'fast-check';

const factor = Number(process.env['DLM_FUZZ'] ?? '1');
const seed = Number(process.env['DLM_SEED'] ?? '42');

/** The number of cases for a test that draws `short` of them in a normal run. */
export function runs(short: number): number {
  return Math.ceil(short * factor);
}

fc.configureGlobal({ seed, numRuns: runs(100) });
