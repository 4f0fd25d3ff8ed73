// W1–W8 in another process: with two threads, or with relaxed SIMD. Engines fix both when they start.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { peerWorkloads } from './peers.ts';
import type { Row, RunOptions, Workload } from './workload.ts';

async function* inProcess(flags: readonly string[], { quick, only, processor }: RunOptions): AsyncGenerator<Row> {
  const names = peerWorkloads.map(({ name }) => name);
  const options = [
    '--json',
    '--only',
    only,
    ...(quick ? ['--quick'] : []),
    ...(processor ? ['--processor'] : []),
    ...flags,
  ];
  const child = spawn(process.execPath, ['scripts/run.mjs', 'bench/main.ts', ...names, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const { workload, ...row } = JSON.parse(line) as Row & { readonly workload: string };
    yield { ...row, name: `${workload} ${row.name}` };
  }
}

/** The workloads `threads` and `relaxed`. */
export const settingWorkloads: readonly Workload[] = [
  { name: 'threads', run: (options) => inProcess(['--threads', '2'], { ...options, processor: false }) },
  { name: 'relaxed', run: (options) => inProcess(['--relaxed'], options) },
];
