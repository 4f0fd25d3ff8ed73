// `npm run bench -- [names] [--quick] [--json] [--threads 2] [--relaxed] [--processor] [--only text]`: runs the workloads named (all
// without names; with --quick only W1–W8), prints one line for each row, or one JSON object. Numbers are of this machine
// in this run: compare within a run only. README.md beside this file says what is measured and how.
import { setFlagsFromString } from 'node:v8';
import { parseArgs } from 'node:util';
import { chromium, webgpu } from './browser/chromium.ts';
import { checkTime } from './check-time.ts';
import { compileTime } from './compile-time.ts';
import { enginePeak } from './engine-peak.ts';
import { peerWorkloads } from './peers.ts';
import { quantized } from './quantized.ts';
import { printRow, printSummary } from './report.ts';
import { memory } from './memory.ts';
import { settingWorkloads } from './settings.ts';
import { size } from './size.ts';
import { coldStart } from './start/cold-start.ts';
import type { Row, RunOptions, Workload } from './workload.ts';

const others: readonly Workload[] = [
  ...settingWorkloads,
  webgpu,
  chromium,
  enginePeak,
  quantized,
  coldStart,
  size,
  memory,
  compileTime,
  checkTime,
];
const workloads: readonly Workload[] = [...peerWorkloads, ...others];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    processor: { type: 'boolean', default: false },
    relaxed: { type: 'boolean', default: false },
    threads: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
  },
});

const unknown = positionals.filter((arg) => !workloads.some(({ name }) => name === arg));
if (unknown.length > 0) {
  console.error(`bench: no workload ${unknown.join(', ')}; there are ${workloads.map(({ name }) => name).join(', ')}`);
  process.exit(64);
}
// Node 20 has relaxed SIMD behind a flag, which counts when it is set before the first module is compiled.
if (values.relaxed) setFlagsFromString('--experimental-wasm-relaxed-simd');

const { quick, processor, only } = values;
const options: RunOptions = { quick, processor, only, threads: Number(values.threads) };
const all = quick ? peerWorkloads : workloads;
const chosen = positionals.length > 0 ? workloads.filter(({ name }) => positionals.includes(name)) : all;
const rows: Row[] = [];
for (const workload of chosen) {
  for await (const row of await workload.run(options)) {
    rows.push(row);
    if (values.json) console.log(JSON.stringify({ workload: workload.name, ...row }));
    else printRow(workload.name, row);
    // Bytes are the same on every machine; times are not.
    if (row.cannot !== undefined) process.exitCode = 1;
    if (row.met === false && row.unit === 'bytes') process.exitCode = 1;
  }
}
if (!values.json) printSummary(rows);
// Workers of peers would keep the process alive.
process.exit();
