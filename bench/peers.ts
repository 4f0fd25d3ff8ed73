// The workloads W1–W8: ours beside the peers on WebAssembly, one thread, in one Node process, interleaved.
import { cases } from './comparison/cases.ts';
import type { Case } from './comparison/case.ts';
import type { Engine } from './comparison/engine.ts';
import { compareOn, type Timing } from './comparison/rounds.ts';
import { dlm } from './engines/dlm.ts';
import { installPeers } from './engines/installed.ts';
import { jaxJs } from './engines/jax.ts';
import { onnxruntime } from './engines/onnxruntime.ts';
import { tfjs } from './engines/tfjs.ts';
import type { Row, Workload } from './workload.ts';

let opened: Promise<readonly Engine[]> | undefined;

async function openEngines(): Promise<readonly Engine[]> {
  installPeers();
  return [dlm, await onnxruntime(), await tfjs(), await jaxJs()];
}

const rounded = (value: number): number => Number(value.toPrecision(3));

const shown = (timing: Timing): Timing =>
  'cannot' in timing
    ? timing
    : { ...timing, ms: rounded(timing.ms), spread: [rounded(timing.spread[0]), rounded(timing.spread[1])] };

async function measure(one: Case, budget: number): Promise<Row> {
  const results = await compareOn(one, await (opened ??= openEngines()), budget);
  const ours = results.get(dlm.name);
  if (!ours || 'cannot' in ours) throw new Error(`${one.name}: ${ours?.cannot ?? 'ours did not run'}`);
  const peers = [...results].filter(([name]) => name !== dlm.name);
  const [best] = peers
    .flatMap(([name, timing]) => ('cannot' in timing ? [] : [{ name, ms: timing.ms }]))
    .sort((a, b) => a.ms - b.ms);
  return {
    name: one.name,
    value: rounded(ours.ms),
    unit: 'ms',
    spread: [rounded(ours.spread[0]), rounded(ours.spread[1])],
    peers: Object.fromEntries(peers.map(([name, timing]) => [name, shown(timing)])),
    ...(best ? { best: best.name, ratio: rounded(best.ms / ours.ms) } : {}),
  };
}

/** One workload for each letter and number that cases have. */
export const peerWorkloads: readonly Workload[] = [...new Set(cases.map(({ workload }) => workload))].map((name) => ({
  name,
  async run({ quick }) {
    const rows: Row[] = [];
    for (const one of cases.filter(({ workload }) => workload === name))
      rows.push(await measure(one, quick ? 1000 : 6000));
    return rows;
  },
}));
