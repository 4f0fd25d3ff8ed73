// The workloads W1–W8: ours beside the peers on WebAssembly, in one Node process, interleaved.
import { cases } from './comparison/cases.ts';
import { comparedRow } from './comparison/compared.ts';
import { compareOn } from './comparison/rounds.ts';
import type { Engine } from './comparison/engine.ts';
import { enginesInNode } from './engines/in-node.ts';
import type { Workload } from './workload.ts';

let opened: Promise<readonly Engine[]> | undefined;

/** One workload for each letter and number that cases have. */
export const peerWorkloads: readonly Workload[] = [...new Set(cases.map(({ workload }) => workload))].map((name) => ({
  name,
  async *run({ quick, threads, only }) {
    const engines = await (opened ??= enginesInNode(threads));
    const native = new Set(engines.flatMap((engine) => (engine.native === true ? [engine.name] : [])));
    for (const one of cases.filter((one) => one.workload === name && one.name.includes(only))) {
      const results = await compareOn(one, engines, { budget: quick ? 300 : 6000, quick });
      yield comparedRow(one, results, 'dlm', native, one.goal ?? (one.train ? 3 : 1));
    }
  },
}));
