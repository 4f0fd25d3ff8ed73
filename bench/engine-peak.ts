// What this machine's WebAssembly engine can do at best: multiplications and additions of four lanes on one core, apart
// and, where the engine has relaxed SIMD, fused; and the share of it that our matrix product reaches.
import wabtModule from 'wabt';
import { cases } from './comparison/cases.ts';
import { dataOf } from './comparison/random.ts';
import { importedCase } from './engines/compiled.ts';
import { dlmEngine } from './engines/dlm.ts';
import { processorTime } from './processor-time.ts';
import type { Row, Workload } from './workload.ts';

// Independent sums, enough to hide the latency of an addition.
const sums = 12;
const rounds = 2_000_000;

// s ← s · b + a: no part of it is the same in two rounds, so none can leave the loop; s tends to 2.
const apart = (i: number): string =>
  `(local.set $s${i} (f32x4.add (f32x4.mul (local.get $s${i}) (local.get $b)) (local.get $a)))`;
const fused = (i: number): string =>
  `(local.set $s${i} (f32x4.relaxed_madd (local.get $s${i}) (local.get $b) (local.get $a)))`;

function text(step: (i: number) => string): string {
  const all = Array.from({ length: sums }, (_, i) => i);
  const total = all.map((i) => `(local.set $a (f32x4.add (local.get $a) (local.get $s${i})))`).join('\n');
  return `(module (func (export "run") (param $n i32) (result f32)
    (local $a v128) (local $b v128) ${all.map((i) => `(local $s${i} v128)`).join(' ')}
    (local.set $a (f32x4.splat (f32.const 1)))
    (local.set $b (f32x4.splat (f32.const 0.5)))
    (loop $next
      ${all.map(step).join('\n')}
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    ${total}
    (f32x4.extract_lane 0 (local.get $a))))`;
}

/** A measured thing: its operations, and the shortest of its times so far. */
interface Contender {
  readonly name: string;
  readonly operations: number;
  readonly run: () => unknown;
  best: number;
}

async function loop(name: string, step: (i: number) => string): Promise<Contender[]> {
  const wabt = await wabtModule();
  const features = { simd: true, relaxed_simd: true };
  const bytes = wabt.parseWat('peak.wat', text(step), features).toBinary({}).buffer as Uint8Array<ArrayBuffer>;
  if (!WebAssembly.validate(bytes)) return [];
  const { instance } = await WebAssembly.instantiate(bytes);
  const run = instance.exports['run'] as (n: number) => number;
  return [{ name, operations: rounds * sums * 8, run: () => run(rounds), best: Infinity }];
}

async function matmul(): Promise<Contender> {
  const one = cases.find(({ name }) => name === 'matmul 1024');
  if (!one) throw new Error('the case is gone');
  const runner = await dlmEngine('dlm', importedCase, { device: 'wasm' }).open(one, dataOf(one));
  return { name: 'matmul 1024', operations: 2 * 1024 ** 3, run: () => runner.run(), best: Infinity };
}

// Time of the processor, not of the clock: what else the machine does counts less. It only ever makes things slower, so
// the shortest times compare best.
async function interleaved(contenders: readonly Contender[], times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    for (const one of contenders) {
      const started = processorTime();
      await one.run();
      one.best = Math.min(one.best, processorTime() - started);
    }
  }
}

const rate = ({ operations, best }: Contender): number => operations / best / 1e6;

/** The workload `peak`. */
export const enginePeak: Workload = {
  name: 'peak',
  async run({ quick }) {
    const peaks = [...(await loop('multiply, then add', apart)), ...(await loop('fused (relaxed SIMD)', fused))];
    const ours = await matmul();
    await interleaved([...peaks, ours], quick ? 15 : 60);
    const rows: Row[] = [...peaks, ours].map((one) => ({
      name: one.name,
      value: Number(rate(one).toPrecision(3)),
      unit: 'GFLOP/s',
    }));
    const share = Math.round((100 * rate(ours)) / Math.max(...peaks.map(rate)));
    return [
      ...rows,
      { name: 'its share of the peak', value: share, unit: '%', goal: 'at least 80 %', met: share >= 80 },
    ];
  },
};
