// Rows of what engines took on a case: ours, theirs, and the time of the best of them over ours.
import type { Row } from '../workload.ts';
import type { Case } from './case.ts';
import type { Timing } from './rounds.ts';

const rounded = (value: number): number => Number(value.toPrecision(3));

const shown = (timing: Timing): Timing =>
  'cannot' in timing
    ? timing
    : { ...timing, ms: rounded(timing.ms), spread: [rounded(timing.spread[0]), rounded(timing.spread[1])] };

/** The row of a case. `native` are the engines that are compared apart; `least` is the goal of the ratio. */
export function comparedRow(
  one: Case,
  results: ReadonlyMap<string, Timing>,
  ours: string,
  native: ReadonlySet<string>,
  least: number,
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
    ...(best && ratio !== undefined
      ? { best: best.name, ratio, goal: `at least ${least} ×`, met: ratio >= least }
      : {}),
    ...(Object.keys(outside).length > 0 ? { native: outside } : {}),
  };
}
