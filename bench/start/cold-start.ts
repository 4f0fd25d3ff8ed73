// How long a Node process takes that ends with its first MLP result, and the most memory it had, beside an empty process
// and beside the peers; a process of each in every round.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { cases } from '../comparison/cases.ts';
import { compiledCase } from '../engines/compiled.ts';
import { installPeers } from '../engines/installed.ts';
import { peersInNode } from '../engines/peers-in-node.ts';
import { median, type Row, type Workload } from '../workload.ts';

interface Process {
  readonly name: string;
  readonly args: readonly string[];
  readonly ms: number[];
  readonly kib: number[];
  failed?: string;
}

async function processes(folder: string): Promise<readonly Process[]> {
  await build({
    entryPoints: ['bench/start/first-result.ts', 'bench/start/empty.ts'],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    minify: true,
  });
  const [script, empty, module] = ['first-result', 'empty', 'mlp'].map((name) => join(folder, `${name}.mjs`));
  const one = cases.find(({ name }) => name === 'MLP forward, batch 64');
  if (!one || script === undefined || empty === undefined || module === undefined) throw new Error('the case is gone');
  writeFileSync(module, await compiledCase(one, 'wasm'));
  const made = (name: string, ...args: readonly string[]): Process => ({ name, args, ms: [], kib: [] });
  return [
    made('empty', empty),
    made('dlm', script, 'dlm', module),
    ...Object.keys(peersInNode).map((name) => made(name, script, name)),
  ];
}

function start(one: Process): void {
  if (one.failed !== undefined) return;
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, [...one.args], { encoding: 'utf8' });
  if (status !== 0) one.failed = stderr.split('\n').find((line) => line.includes('Error')) ?? 'it failed';
  one.ms.push(performance.now() - started);
  one.kib.push(Number(stdout));
}

function row(
  name: string,
  unit: string,
  digits: number,
  of: (one: Process) => readonly number[],
  all: readonly Process[],
): Row {
  const middle = (one: Process): number => Number(median(of(one)).toFixed(digits));
  const ours = all.find(({ name }) => name === 'dlm');
  const peers = all.filter((one) => one !== ours);
  const values = ours ? of(ours) : [];
  const others = Object.fromEntries(
    peers.map((one) => [one.name, one.failed === undefined ? { [unit]: middle(one) } : { cannot: one.failed }]),
  );
  const spread = [Math.min(...values), Math.max(...values)] as const;
  return { name, value: ours ? middle(ours) : Number.NaN, unit, spread, peers: others };
}

/** The workload `start`. */
export const coldStart: Workload = {
  name: 'start',
  async run({ quick }) {
    installPeers();
    const root = resolve('node_modules', '.cache');
    mkdirSync(root, { recursive: true });
    const folder = mkdtempSync(join(root, 'dlm-bench-'));
    try {
      const all = await processes(folder);
      for (let round = 0; round < (quick ? 3 : 11); round++) for (const one of all) start(one);
      const time = row('process to its first MLP result', 'ms', 0, ({ ms }) => ms, all);
      const empty = median(all.find(({ name }) => name === 'empty')?.ms ?? []);
      const more = Number((time.value - empty).toFixed(0));
      return [
        time,
        { name: 'the same, above an empty process', value: more, unit: 'ms', goal: 'at most 60 ms', met: more <= 60 },
        row('peak memory of that process', 'MiB', 1, ({ kib }) => kib.map((value) => value / 1024), all),
      ];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
