// Times engines on one case: warm-up, a check that all results agree, then rounds in which every engine runs once, so
// that what else the machine does falls on all of them.
import { median } from '../workload.ts';
import type { Case } from './case.ts';
import type { Engine, Runner } from './engine.ts';
import { dataOf } from './random.ts';

/** What one engine did on a case. */
export type Timing =
  | { readonly ms: number; readonly spread: readonly [number, number]; readonly samples: number }
  | { readonly cannot: string };

interface Contender {
  readonly name: string;
  readonly runner: Runner;
  readonly times: number[];
  /** Runs in one sample: a sample takes some milliseconds. */
  readonly repeats: number;
}

const reason = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';

async function timed(runner: Runner, repeats: number): Promise<number> {
  const started = performance.now();
  for (let i = 0; i < repeats; i++) await runner.run();
  return (performance.now() - started) / repeats;
}

// The largest difference, over the largest magnitude of what is expected.
function distance(got: Float32Array, expected: Float32Array): number {
  if (got.length !== expected.length) return Infinity;
  let [difference, scale] = [0, 1e-30];
  for (const [at, value] of expected.entries()) {
    difference = Math.max(difference, Math.abs(value - (got[at] ?? NaN)));
    scale = Math.max(scale, Math.abs(value));
  }
  return Number.isNaN(difference) ? Infinity : difference / scale;
}

/** Milliseconds above which an engine runs only once. */
const slowest = 400;

/** Times every engine on a case for about `budget` milliseconds. The first engine's results are the expected ones. */
export async function compareOn(
  one: Case,
  engines: readonly Engine[],
  budget: number,
): Promise<ReadonlyMap<string, Timing>> {
  const data = dataOf(one);
  const results = new Map<string, Timing>();
  const contenders: Contender[] = [];
  let expected: Float32Array | undefined;
  for (const engine of engines) {
    try {
      const runner = await engine.open(one, data);
      // Of a training step the loss after two updates: it is right only if gradients and Adam are.
      const first = await runner.run();
      const result = one.train ? [await runner.run(), await runner.run()].at(-1) : first;
      expected ??= result;
      const off = result && expected ? distance(runner.inOrder?.(result) ?? result, expected) : Infinity;
      if (off > 1e-3) throw new Error(`its result is off by ${off.toPrecision(2)}`);
      const warm = await timed(runner, 1);
      if (warm < slowest / 2) await timed(runner, 2);
      const repeats = Math.min(64, Math.max(1, Math.ceil(4 / warm)));
      // One sample is enough of what takes long.
      contenders.push({ name: engine.name, runner, times: warm > slowest ? [warm] : [], repeats });
    } catch (error) {
      results.set(engine.name, { cannot: reason(error) });
    }
  }
  const end = performance.now() + budget;
  for (let round = 0; round < 3 || (performance.now() < end && round < 1000); round++) {
    for (const at of contenders.keys()) {
      const contender = contenders[(at + round) % contenders.length];
      if (!contender) continue;
      const { runner, times, repeats } = contender;
      // Three of what would take the time of all others.
      const taken = times.reduce((sum, ms) => sum + ms * repeats, 0);
      if (times.length > 0 && median(times) > slowest) continue;
      if (times.length > 2 && taken > budget / 2) continue;
      times.push(await timed(runner, repeats));
    }
  }
  for (const { name, runner, times } of contenders) {
    runner.close();
    results.set(name, {
      ms: median(times),
      spread: [Math.min(...times), Math.max(...times)],
      samples: times.length,
    });
  }
  return results;
}
