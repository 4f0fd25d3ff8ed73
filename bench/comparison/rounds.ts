// Times engines on one case: warm-up, a check that all results agree, then rounds in which every engine runs once, so
// that what else the machine does falls on all of them.
import { median } from '../workload.ts';
import type { Case } from './case.ts';
import type { Engine, Runner } from './engine.ts';
import { dataOf } from './random.ts';

/** What is counted in a run, by name. */
export type Counts = Readonly<Record<string, number>>;

/** What one engine did on a case. */
export type Timing =
  | {
      readonly ms: number;
      readonly spread: readonly [number, number];
      readonly samples: number;
      /** Of one run after warming up, where there is something to count. */
      readonly counts?: Counts;
    }
  | { readonly cannot: string };

/** How long and how. */
export interface RoundOptions {
  /** Milliseconds for the rounds of all engines together. */
  readonly budget: number;
  /** Leaves out the engines that the case names as slow. */
  readonly quick: boolean;
  /** Milliseconds so far. */
  readonly clock?: () => number;
  /** Called before every sample, and not timed. */
  readonly settle?: () => void;
  /** Totals so far of what is counted. */
  readonly count?: () => Counts;
}

type Clock = () => number;

interface Contender {
  readonly name: string;
  readonly runner: Runner;
  readonly clock: Clock;
  readonly times: number[];
  /** Runs in one sample: a sample takes some milliseconds. */
  readonly repeats: number;
  /** Milliseconds of the first run after the result. */
  readonly warm: number;
  readonly counts: Counts;
}

const reason = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';

async function timed(runner: Runner, repeats: number, clock: Clock): Promise<number> {
  const started = clock();
  for (let i = 0; i < repeats; i++) await runner.run();
  return (clock() - started) / repeats;
}

// The largest difference, over the largest magnitude of what is expected.
function distance(got: Float32Array, expected: Float32Array): number {
  if (got.length !== expected.length) return Infinity;
  let [difference, scale] = [0, 1e-30];
  for (let at = 0; at < expected.length; at++) {
    const value = expected[at] ?? NaN;
    difference = Math.max(difference, Math.abs(value - (got[at] ?? NaN)));
    scale = Math.max(scale, Math.abs(value));
  }
  return Number.isNaN(difference) ? Infinity : difference / scale;
}

interface Manner {
  readonly budget: number;
  readonly clock: Clock;
  readonly settle: () => void;
  readonly count: RoundOptions['count'];
  /** Milliseconds above which one sample is enough. */
  readonly long: number;
}

/** Milliseconds above which the run that gave the result is the measurement. */
const hopeless = 4000;

// Of a training step the loss after two updates: it is right only if gradients and Adam are.
async function firstResult(one: Case, runner: Runner, clock: Clock): Promise<[result: Float32Array, ms: number]> {
  if (one.train) for (let i = 0; i < 2; i++) await runner.run();
  const started = clock();
  const result = await runner.run();
  return [result, clock() - started];
}

async function counted(runner: Runner, count: RoundOptions['count']): Promise<Counts> {
  if (!count) return {};
  const before = count();
  await runner.run();
  return Object.fromEntries(Object.entries(count()).map(([name, total]) => [name, total - (before[name] ?? 0)]));
}

async function contenderOf(
  name: string,
  runner: Runner,
  ms: number,
  { clock, count, long }: Manner,
): Promise<Contender> {
  const warm = ms > hopeless ? ms : await timed(runner, 1, clock);
  if (warm < long / 2) await timed(runner, 2, clock);
  const repeats = Math.min(64, Math.max(1, Math.ceil(4 / warm)));
  return { name, runner, clock, repeats, warm, times: warm > long ? [warm] : [], counts: await counted(runner, count) };
}

async function sample({ runner, clock, repeats, warm }: Contender, { settle, long }: Manner): Promise<number> {
  // What the engine before has left in caches and in the heap is not this one's.
  if (warm < long / 4) await runner.run();
  settle();
  return timed(runner, repeats, clock);
}

async function runRounds(contenders: readonly Contender[], manner: Manner): Promise<void> {
  const { budget, long } = manner;
  const end = performance.now() + budget;
  for (let round = 0; round < 3 || (performance.now() < end && round < 1000); round++) {
    for (const at of contenders.keys()) {
      const contender = contenders[(at + round) % contenders.length];
      if (!contender) continue;
      const { times, repeats } = contender;
      // Three of what would take the time of all others.
      const taken = times.reduce((sum, ms) => sum + ms * repeats, 0);
      if (times.length > 0 && median(times) > long) continue;
      if (times.length > 2 && taken > budget / 2) continue;
      times.push(await sample(contender, manner));
    }
  }
}

/** Times every engine on a case. The first engine's results are the expected ones. */
export async function compareOn(
  one: Case,
  engines: readonly Engine[],
  { budget, quick, count, clock = () => performance.now(), settle = () => undefined }: RoundOptions,
): Promise<ReadonlyMap<string, Timing>> {
  const manner: Manner = { budget, clock, settle, count, long: quick ? 100 : 400 };
  const data = dataOf(one);
  const results = new Map<string, Timing>();
  const contenders: Contender[] = [];
  let expected: Float32Array | undefined;
  for (const engine of engines) {
    try {
      if (quick && one.slow?.includes(engine.name) === true) throw new Error('takes seconds: not in a quick run');
      const runner = await engine.open(one, data);
      const own = { ...manner, clock: runner.clock ?? clock };
      const [result, ms] = await firstResult(one, runner, own.clock);
      expected ??= result;
      const off = distance(runner.inOrder?.(result) ?? result, expected);
      if (off > 1e-3) throw new Error(`its result is off by ${off.toPrecision(2)}`);
      contenders.push(await contenderOf(engine.name, runner, ms, own));
    } catch (error) {
      results.set(engine.name, { cannot: reason(error) });
    }
  }
  await runRounds(contenders, manner);
  for (const { name, runner, times, counts } of contenders) {
    runner.close();
    const spread = [Math.min(...times), Math.max(...times)] as const;
    results.set(name, { ms: median(times), spread, samples: times.length, ...(count ? { counts } : {}) });
  }
  return results;
}
