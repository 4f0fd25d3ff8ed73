// `npm run bench -- [names] [--quick] [--json]`: runs the workloads named (all without names), prints one line each,
// or one JSON object each. Numbers are of this machine in this run: compare within a run only.
import { checkTime } from './check-time.ts';
import { compileTime } from './compile-time.ts';
import { peerWorkloads } from './peers.ts';
import { size } from './size.ts';
import type { Row, Workload } from './workload.ts';

const workloads: readonly Workload[] = [...peerWorkloads, checkTime, compileTime, size];

const known = new Set(['--quick', '--json']);
const args = process.argv.slice(2);
const unknown = args.filter((arg) => !known.has(arg) && !workloads.some(({ name }) => name === arg));
if (unknown.length > 0) {
  console.error(`bench: no workload ${unknown.join(', ')}; there are ${workloads.map(({ name }) => name).join(', ')}`);
  process.exit(64);
}
const chosen = workloads.filter(({ name }) => args.includes(name));
for (const workload of chosen.length > 0 ? chosen : workloads) {
  const rows = await workload.run({ quick: args.includes('--quick') });
  for (const row of rows) {
    if (args.includes('--json')) console.log(JSON.stringify({ workload: workload.name, ...row }));
    else console.log(`${workload.name.padEnd(14)}${row.name.padEnd(40)}${row.value} ${row.unit}  ${verdict(row)}`);
    if (row.met === false) process.exitCode = 1;
  }
}

function verdict({ goal, met, peers = {}, best, ratio }: Row): string {
  const others = Object.entries(peers as Readonly<Record<string, { readonly ms?: number }>>)
    .map(([name, { ms }]) => `${name} ${ms ?? 'cannot'}`)
    .join(', ');
  if (others !== '') return `${others}  → ${ratio === undefined ? 'no peer' : `${ratio} × ${best ?? ''}`}`;
  return goal === undefined ? '' : `(goal ${goal}: ${met === true ? 'met' : 'NOT MET'})`;
}
