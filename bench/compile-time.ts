// How long `dlm compile` takes from a cold process: digits, and the same with up to 100 hidden layers, where the time
// must grow about linearly; GPT-2 small and ResNet-50 of the library with a training step. Every run is a new Node
// process, so start-up counts; but for the rows "again", which compile in one process as `dlm compile --watch` does, each
// time with another weight decay, which changes the updates of all weights.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { compile, renderTerminal, type FileHost } from '../src/index.ts';
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

/** Seconds of each of `repeats` compilations in this process, after two that are not counted. */
async function warmCompilations(path: string, repeats: number): Promise<number[]> {
  const seconds: number[] = [];
  for (let run = -2; run < repeats; run++) {
    const read = (file: string): string | undefined =>
      existsSync(file) ? readFileSync(file, 'utf8').replace('lr=lr', `lr=lr, weight_decay=${run + 3}e-3`) : undefined;
    const files: FileHost = { read, resolve: (from, to) => (to.startsWith('.') ? join(dirname(from), to) : to) };
    const started = process.hrtime.bigint();
    const { diagnostics } = await compile(files, path);
    if (diagnostics.length > 0) throw new Error(renderTerminal(diagnostics));
    if (run >= 0) seconds.push(Number(process.hrtime.bigint() - started) / 1e9);
  }
  return seconds;
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
      const again = [
        row('GPT-2 small with training, again', await warmCompilations('bench/models/gpt2-train.dlm', repeats)),
        row('ResNet-50 with training, again', await warmCompilations('bench/models/resnet50-train.dlm', repeats)),
      ];
      const [two, fifty, hundred] = [deep(2), deep(50), deep(100)];
      // Time over the two-layer model for 98 layers more, against 48 more: about 2 when it grows linearly.
      const growth = (median(hundred) - median(two)) / (median(fifty) - median(two));
      return [
        row('digits, cold', digits, 1),
        row('GPT-2 small with training, cold', gpt2, 2),
        row('ResNet-50 with training, cold', resnet, 2),
        ...again,
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
