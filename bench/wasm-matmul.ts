// GFLOP/s of matrix products on WebAssembly, one thread, after warming up. Run: node scripts/run.mjs bench/wasm-matmul.ts [size]
import { graphOf, nestsOf, tensor } from '../test/wasm/graphs.ts';
import { load, planOf } from '../test/wasm/run-nests.ts';

const size = Number(process.argv[2] ?? 1024);

function measure(name: string, rows: number, columns: number, depth: number, rightTransposed: boolean): void {
  const fn = graphOf(
    { a: ['f32', [rows, depth]], b: ['f32', rightTransposed ? [columns, depth] : [depth, columns]] },
    (b, x) => (x['a'] && x['b'] ? [b.dot(x['a'], x['b'], [], [[1, rightTransposed ? 1 : 0]])] : []),
  );
  const { plan, kernels } = planOf(nestsOf(fn, true));
  const loaded = load(plan, kernels, {});
  loaded.view('a').set(tensor([rows, depth], 1).data);
  loaded.view('b').set(tensor([depth, columns], 2).data);
  const work = 2 * rows * columns * depth;
  const repeats = Math.max(12, Math.ceil(4e9 / work));
  let best = Infinity;
  for (let i = 0; i < repeats; i++) {
    const start = performance.now();
    loaded.run();
    best = Math.min(best, performance.now() - start);
  }
  console.log(
    `${name.padEnd(28)} ${(work / best / 1e6).toFixed(1)} GFLOP/s  ${best.toFixed(3)} ms  ${loaded.bytes.length} bytes`,
  );
}

measure(`${size}³`, size, size, size, false);
measure(`${size}³, right transposed`, size, size, size, true);
measure('64 × 128 × 64, transposed', 64, 128, 64, true);
measure('32 × 10 × 128, transposed', 32, 10, 128, true);
measure('1 × 1024 × 1024, transposed', 1, 1024, 1024, true);
