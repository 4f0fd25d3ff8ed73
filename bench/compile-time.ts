// How long `dlm compile` takes from a cold process: digits, and the same with up to 100 hidden layers, where the time
// must grow about linearly; GPT-2 small and ResNet-50 of the library with a training step. Every run is a new Node
// process, so start-up counts.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mlpSource } from './mlp-source.ts';
import { median, type Row, type Workload } from './workload.ts';

/** Seconds of each of `repeats` cold compilations of a file. */
function coldCompilations(file: string, folder: string, repeats: number): number[] {
  return Array.from({ length: repeats }, () => {
    const started = process.hrtime.bigint();
    const run = spawnSync(process.execPath, ['dist/cli.js', 'compile', file, '-o', folder], { encoding: 'utf8' });
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    if (run.status !== 0) throw new Error(`dlm compile ${file} failed:\n${run.stdout}${run.stderr}`);
    return seconds;
  });
}

function row(name: string, seconds: readonly number[], limit?: number): Row {
  const value = Number(median(seconds).toFixed(3));
  const spread: readonly [number, number] = [Math.min(...seconds), Math.max(...seconds)];
  const measured = { name, value, unit: 's', spread };
  return limit === undefined ? measured : { ...measured, goal: `at most ${limit} s`, met: value <= limit };
}

/** The workload `compile-time`. */
export const compileTime: Workload = {
  name: 'compile-time',
  async run({ quick }) {
    const folder = mkdtempSync(join(tmpdir(), 'dlm-bench-'));
    const repeats = quick ? 1 : 5;
    const deep = (layers: number): number[] => {
      const file = join(folder, `deep-${layers}.dlm`);
      writeFileSync(file, mlpSource(layers));
      return coldCompilations(file, folder, repeats);
    };
    try {
      const digits = coldCompilations('examples/digits/digits.dlm', folder, repeats);
      const gpt2 = coldCompilations('bench/models/gpt2-train.dlm', folder, repeats);
      const resnet = coldCompilations('bench/models/resnet50-train.dlm', folder, repeats);
      const [two, fifty, hundred] = [deep(2), deep(50), deep(100)];
      // Time over the two-layer model for 98 layers more, against 48 more: about 2 when it grows linearly.
      const growth = (median(hundred) - median(two)) / (median(fifty) - median(two));
      return [
        row('digits, cold', digits, 1),
        row('GPT-2 small with training, cold', gpt2, 2),
        row('ResNet-50 with training, cold', resnet, 2),
        row('2 hidden layers, cold', two),
        row('10 hidden layers, cold', deep(10)),
        row('50 hidden layers, cold', fifty),
        row('100 hidden layers, cold', hundred, 3),
        {
          name: 'growth from 50 to 100 layers',
          value: Number(growth.toFixed(2)),
          unit: '×',
          goal: 'at most 2.6 × (linear is 2.04)',
          met: growth <= 2.6,
        },
      ];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
