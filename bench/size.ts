// The size of a compiled MLP with training, both targets inside: minified by esbuild, then gzipped.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { transform } from 'esbuild';
import { mlpSource } from './mlp-source.ts';
import type { Row, Workload } from './workload.ts';

const limit = 25_000;

/** Bytes of a module as it travels to a browser. */
export async function shippedSize(code: string): Promise<number> {
  const minified = await transform(code, { minify: true, format: 'esm', target: 'es2022' });
  return gzipSync(minified.code, { level: 9 }).length;
}

async function measure(name: string, source: string, folder: string): Promise<Row> {
  const file = join(folder, 'model.dlm');
  writeFileSync(file, source);
  const run = spawnSync(process.execPath, ['dist/cli.js', 'compile', file, '-o', folder], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`dlm compile failed:\n${run.stdout}${run.stderr}`);
  const value = await shippedSize(readFileSync(join(folder, 'model.dlm.js'), 'utf8'));
  return { name, value, unit: 'bytes', goal: `at most ${limit}`, met: value <= limit };
}

/** The workload `size`. */
export const size: Workload = {
  name: 'size',
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'dlm-bench-'));
    try {
      const digits = readFileSync('examples/digits/digits.dlm', 'utf8');
      return [
        await measure('digits with training, min+gzip', digits, folder),
        await measure('2 hidden layers, min+gzip', mlpSource(2), folder),
      ];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
