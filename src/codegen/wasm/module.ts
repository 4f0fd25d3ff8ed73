// One WASM module for a whole program: a function per kernel, and per plan one exported function
// `run_<index>` (table, tid, n) that runs the plan. Imports env.memory, which the host sizes. Where threads may run
// plans together, each of them calls it.
import type { TargetProgram } from '../../ir/plan.ts';
import { printMeet } from './barrier.ts';
import { encodeModule } from './encoder.ts';
import { outline } from './outline.ts';
import { prepareKernel, printKernel, printOutlined, scratchOfKernel } from './print-kernel.ts';
import { printPlan } from './print-plan.ts';
import { layoutPlan } from './table.ts';

/** An encoded program. */
export interface WasmProgram {
  readonly bytes: Uint8Array;
  /**
   * Byte offsets of f32x4.mul instructions, each followed by one `local.get` and an f32x4.add. Where the
   * engine has relaxed SIMD the loader may write `01 01 01` (nop) over the mul (FD E6 01) and FD 85 02
   * (relaxed_madd) over the add (FD E4 01).
   */
  readonly maddSites: readonly number[];
  /** Scratch memory per thread, in bytes, for the table's `scratch` words. */
  readonly scratchBytes: number;
  /** Where the memory may be declared shared: see {@link encodeModule}. */
  readonly memoryAt: number;
}

/**
 * Encodes all kernels and plans of a CPU program. Plan i is exported as `run_i`. With `threads`, several may run it, who
 * meet between its steps; with false, one runs it all; by default each call runs a share, and nobody waits.
 */
export function encodeWasm(program: TargetProgram, threads?: boolean): WasmProgram {
  const scratchBytes = Math.max(0, ...program.kernels.map(scratchOfKernel));
  const index = new Map(program.kernels.map(({ name }, at) => [name, at]));
  const bodies = program.kernels.map(prepareKernel);
  const { functions, calls } = outline(bodies);
  const where = { calls, first: program.kernels.length };
  const alone = threads === false;
  const printed = [
    ...zip(program.kernels, bodies).map(([kernel, body]) =>
      printKernel(kernel, body, alone ? undefined : scratchBytes, where),
    ),
    ...functions.map((f) => printOutlined(f, where)),
    ...(threads ? [{ body: printMeet(), maddSites: [] }] : []),
  ];
  const meet = threads ? printed.length - 1 : undefined;
  const plans = program.plans.map((plan) =>
    printPlan(layoutPlan(plan, program.kernels, threads), { kernel: (name) => index.get(name) ?? -1, meet, alone }),
  );
  const { bytes, codeOffsets, memoryAt } = encodeModule({
    functions: [...printed.map(({ body }) => body), ...plans],
    exports: plans.map((_, at) => ({ name: `run_${at}`, index: printed.length + at })),
  });
  const maddSites = zip(printed, codeOffsets).flatMap(([{ maddSites: sites }, start]) =>
    sites.map((site) => site + start),
  );
  return { bytes, maddSites, scratchBytes, memoryAt };
}

function zip<A, B>(a: readonly A[], b: readonly B[]): [A, B][] {
  return a.flatMap((left, at) => b.slice(at, at + 1).map((right): [A, B] => [left, right]));
}
