// The workloads W1–W8: ours beside the peers on WebAssembly and native ones, interleaved.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { cases } from './comparison/cases.ts';
import type { Case } from './comparison/case.ts';
import { comparedRow, type Goals } from './comparison/compared.ts';
import { compareOn } from './comparison/rounds.ts';
import type { Engine } from './comparison/engine.ts';
import { enginesInNode } from './engines/in-node.ts';
import { processorTime } from './processor-time.ts';
import { hasRelaxedSimd } from './relaxed-simd.ts';
import type { Workload } from './workload.ts';

// Every engine collects its own garbage only.
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options: { readonly type: 'minor' }) => void;
const settle = (): void => collect({ type: 'minor' });

function goalsOf({ goal, train, pytorch }: Case, threads: number): Goals {
  return {
    best: goal ?? (train ? 3 : 1),
    native: train && threads === 1 ? { pytorch: pytorch ?? (hasRelaxedSimd() ? 0.5 : 0.25) } : {},
  };
}

let opened: Promise<readonly Engine[]> | undefined;

/** One workload for each letter and number that cases have. */
export const peerWorkloads: readonly Workload[] = [...new Set(cases.map(({ workload }) => workload))].map((name) => ({
  name,
  async *run({ quick, threads, only, processor }) {
    const engines = await (opened ??= enginesInNode(threads, processor));
    const native = new Set(engines.flatMap((engine) => (engine.native === true ? [engine.name] : [])));
    for (const one of cases.filter((one) => one.workload === name && one.name.includes(only))) {
      const results = await compareOn(one, engines, {
        budget: quick ? 300 : 6000,
        quick,
        settle,
        ...(processor ? { clock: processorTime } : {}),
      });
      yield comparedRow(one, results, 'dlm', native, goalsOf(one, threads));
    }
  },
}));
