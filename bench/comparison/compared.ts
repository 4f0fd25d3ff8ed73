// Rows of what engines took on a case: ours, theirs, and the time of the best of them over ours.
import type { Row } from '../workload.ts';
import type { Case } from './case.ts';
import type { Timing } from './rounds.ts';

const rounded = (value: number): number => Number(value.toPrecision(3));

const shown = (timing: Timing): Timing =>
  'cannot' in timing
    ? timing
    : { ...timing, ms: rounded(timing.ms), spread: [rounded(timing.spread[0]), rounded(timing.spread[1])] };

/** What the times of the best peer, and of native engines by name, should be over ours, at least. */
export interface Goals {
  readonly best: number;
  readonly native?: Readonly<Record<string, number>>;
}

// Goals of engines that did not run are no goals.
function verdict(best: number | undefined, native: Row['native'], goals: Goals): Pick<Row, 'goal' | 'met'> {
  const aims = [
    { text: `${goals.best} ×`, least: goals.best, ratio: best },
    ...Object.entries(goals.native ?? {}).map(([name, least]) => ({
      text: `${least} × ${name}`,
      least,
      ratio: native?.[name],
    })),
  ].filter(({ ratio }) => ratio !== undefined);
  if (aims.length === 0) return {};
  const goal = `at least ${aims.map(({ text }) => text).join(' and ')}`;
  return { goal, met: aims.every(({ ratio = 0, least }) => ratio >= least) };
}

/** The row of a case. `native` are the engines that are compared apart. */
export function comparedRow(
  one: Case,
  results: ReadonlyMap<string, Timing>,
  ours: string,
  native: ReadonlySet<string>,
  goals: Goals,
): Row {
  const timing = results.get(ours) ?? { cannot: 'did not run' };
  const peers = [...results].filter(([name]) => name !== ours);
  const fastest = peers
    .flatMap(([name, peer]) => ('cannot' in peer ? [] : [{ name, ms: peer.ms }]))
    .sort((a, b) => a.ms - b.ms);
  const best = fastest.find(({ name }) => !native.has(name));
  const others = Object.fromEntries(peers.map(([name, peer]) => [name, shown(peer)]));
  if ('cannot' in timing)
    return { name: one.name, value: Number.NaN, unit: 'ms', cannot: timing.cannot, peers: others };
  const ratio = best && rounded(best.ms / timing.ms);
  const outside = Object.fromEntries(
    fastest.flatMap(({ name, ms }) => (native.has(name) ? [[name, rounded(ms / timing.ms)]] : [])),
  );
  return {
    name: one.name,
    value: rounded(timing.ms),
    unit: 'ms',
    spread: [rounded(timing.spread[0]), rounded(timing.spread[1])],
    ...(timing.counts ? { counts: timing.counts } : {}),
    peers: others,
    ...(best && ratio !== undefined ? { best: best.name, ratio } : {}),
    ...(Object.keys(outside).length > 0 ? { native: outside } : {}),
    ...verdict(ratio, outside, goals),
  };
}
