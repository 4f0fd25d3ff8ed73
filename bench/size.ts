// Bytes that travel to a browser: compiled modules with both targets inside, minified by esbuild and gzipped, without
// weights; beside them what the peers' own files come to.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { transform } from 'esbuild';
import { installPeers, peersFolder } from './engines/installed.ts';
import type { Row, Workload } from './workload.ts';

const gzipped = (data: string | Uint8Array): number => gzipSync(data, { level: 9 }).length;

async function shippedSize(code: string): Promise<number> {
  const minified = await transform(code, { minify: true, format: 'esm', target: 'es2022' });
  return gzipped(minified.code);
}

// What a page needs of each peer to run a model, by target.
const peerFiles: Readonly<Record<string, readonly string[]>> = {
  'onnxruntime-web, WebAssembly': [
    'onnxruntime-web/dist/ort.wasm.min.mjs',
    'onnxruntime-web/dist/ort-wasm-simd-threaded.mjs',
    'onnxruntime-web/dist/ort-wasm-simd-threaded.wasm',
  ],
  'onnxruntime-web, WebGPU': [
    'onnxruntime-web/dist/ort.webgpu.min.mjs',
    'onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.mjs',
    'onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.wasm',
  ],
  'tfjs, WebAssembly': [
    '@tensorflow/tfjs/dist/tf.min.js',
    '@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.min.js',
    '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm',
  ],
  'tfjs, WebGPU': ['@tensorflow/tfjs/dist/tf.min.js', '@tensorflow/tfjs-backend-webgpu/dist/tf-backend-webgpu.min.js'],
};

function peerSizes(): Readonly<Record<string, object>> {
  const failed = installPeers();
  return Object.fromEntries(
    Object.entries(peerFiles).map(([name, files]) => {
      if (failed !== undefined) return [name, { cannot: failed }];
      const sizes = files.map((file) => gzipped(readFileSync(resolve(peersFolder, file))));
      return [name, { bytes: sizes.reduce((a, b) => a + b, 0) }];
    }),
  );
}

// Of both targets, and of each by itself, which is what the peers' figures are.
async function measured(name: string, file: string, folder: string, limit: number, ...more: string[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [of, target] of [
    ['', 'webgpu,wasm'],
    [', WebAssembly', 'wasm'],
    [', WebGPU', 'webgpu'],
  ] as const)
    rows.push(await measure(`${name}${of}`, file, folder, limit, ['--target', target, ...more]));
  return rows;
}

async function measure(
  name: string,
  file: string,
  folder: string,
  limit: number,
  options: readonly string[],
): Promise<Row> {
  const args = ['dist/cli.js', 'compile', file, '-o', folder, ...options];
  const run = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`dlm compile failed:\n${run.stdout}${run.stderr}`);
  const value = await shippedSize(readFileSync(join(folder, `${basename(file)}.js`), 'utf8'));
  return { name, value, unit: 'bytes', goal: `at most ${limit}`, met: value <= limit };
}

// Weights come from a file.
const answers = ['--without', 'init'];

/** The workload `size`. */
export const size: Workload = {
  name: 'size',
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'dlm-bench-'));
    try {
      const gpt2 = await measured('GPT-2 small, answers only', 'bench/models/gpt2.dlm', folder, 25_000, ...answers);
      return [
        ...(await measured('MLP, answers only', 'bench/models/mlp-answer.dlm', folder, 12_000, ...answers)),
        ...(await measured('MLP with training', 'bench/models/mlp-train.dlm', folder, 20_000)),
        ...(await measured('digits with training', 'examples/digits/digits.dlm', folder, 25_000)),
        ...gpt2.map((row, at) => (at === 0 ? { ...row, peers: peerSizes() } : row)),
      ];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
