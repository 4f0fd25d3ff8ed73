// Runs a nest function on WebAssembly: schedule, expand, encode, instantiate, one call. Every buffer has
// memory of its own here; the plan and its packing have their own tests.
import { encodeWasm } from '../../src/codegen/wasm/module.ts';
import { layoutPlan } from '../../src/codegen/wasm/table.ts';
import { evaluateDim, type Dim } from '../../src/ir/dim.ts';
import type { DType } from '../../src/ir/dtype.ts';
import type { Kernel } from '../../src/ir/kernel.ts';
import type { Buffer, NestFunction, NestStep } from '../../src/ir/nest.ts';
import type { Tensor } from '../../src/ir/op.ts';
import type { Plan, PlanStep } from '../../src/ir/plan.ts';
import { expandMath } from '../../src/passes/expand-math.ts';
import { scheduleForCpu } from '../../src/passes/schedule/cpu.ts';

/** The CPU program of one function: its kernels and a plan over its buffers. */
export function planOf(fn: NestFunction): { plan: Plan; kernels: Kernel[] } {
  const kernels: Kernel[] = [];
  const temporaries: Buffer[] = [];
  const schedule = (step: NestStep): PlanStep[] => {
    if (step.kind === 'loop') {
      const { index, count, reverse } = step;
      return [{ kind: 'loop', index, count, reverse, body: step.body.flatMap(schedule) }];
    }
    const scheduled = scheduleForCpu(step, fn);
    temporaries.push(...scheduled.buffers);
    const suffix = `.${kernels.length}`;
    kernels.push(...scheduled.kernels.map((kernel) => ({ ...expandMath(kernel), name: kernel.name + suffix })));
    return scheduled.steps.map((s) => (s.kind === 'dispatch' ? { ...s, kernel: s.kernel + suffix } : s));
  };
  const steps = fn.body.flatMap(schedule);
  const buffers = [...fn.buffers, ...temporaries].map(({ id, type }) => ({
    id,
    pool: 'arena' as const,
    ...type,
    first: 0,
    last: steps.length,
  }));
  const plan: Plan = {
    name: fn.name,
    kind: fn.kind,
    target: 'cpu',
    dims: fn.dims,
    facts: fn.facts,
    inputs: [],
    results: [],
    buffers,
    steps,
    record: [],
    host: [],
  };
  return { plan, kernels };
}

const arrays = { f32: Float32Array, f16: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint32Array } as const;

/** A program in memory: buffers by id, and a call that runs it. */
export interface Loaded {
  readonly bytes: Uint8Array;
  view(buffer: string): Float32Array | Int32Array | Uint32Array;
  run(threads?: number): void;
}

/** Encodes and instantiates a plan with its dims bound; `record` gives the words of the step record. */
export function load(
  plan: Plan,
  kernels: readonly Kernel[],
  dims: Readonly<Record<string, number>>,
  record: Readonly<Record<string, number>> = {},
): Loaded {
  // Each step is a plan of its own, so that all threads are done with it before the next.
  const plans = plan.steps.map((step): Plan => ({ ...plan, steps: [step] }));
  const { bytes, scratchBytes } = encodeWasm({ target: 'cpu', kernels, plans });
  const layouts = plans.map((part) => layoutPlan(part, kernels).words);
  const regions = new Regions(plan, dims, 1024);
  const tables = layouts.map((words) => regions.place(words.length * 4));
  const recordAt = regions.place(plan.record.length * 4);
  const scratch = regions.place(scratchBytes * 4);
  const memory = new WebAssembly.Memory({ initial: Math.ceil(regions.end / 65536) + 1 });
  layouts.forEach((words, part) => {
    const table = new Int32Array(memory.buffer, tables[part], words.length);
    words.forEach((word, index) => {
      table[index] =
        word.kind === 'address' || word.kind === 'element' || word.kind === 'moved'
          ? regions.of(word.buffer).start
          : word.kind === 'param'
            ? regions.dim(word.dim)
            : word.kind === 'record'
              ? recordAt + 4 * plan.record.findIndex(({ name }) => name === word.name)
              : scratch;
    });
  });
  plan.record.forEach(({ name, dtype }, at) => {
    new arrays[dtype](memory.buffer, recordAt + 4 * at, 1)[0] = record[name] ?? 0;
  });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes)), { env: { memory } });
  type Run = (table: number, tid: number, n: number) => void;
  const runs = plans.map((_, part) => instance.exports[`run_${part}`] as Run);
  return {
    bytes,
    view: (id) => new arrays[regions.of(id).dtype](memory.buffer, regions.of(id).start, regions.of(id).length),
    run: (threads = 1) => {
      runs.forEach((run, part) => {
        for (let tid = 0; tid < threads; tid++) run(tables[part] ?? 0, tid, threads);
      });
    },
  };
}

interface Region {
  readonly start: number;
  readonly length: number;
  readonly dtype: DType;
}

/** Memory of the buffers of a plan, one after the other; aliases share. */
class Regions {
  private readonly regions = new Map<string, Region>();
  private readonly aliases: ReadonlyMap<string, string>;

  constructor(
    plan: Plan,
    private readonly dims: Readonly<Record<string, number>>,
    public end: number,
  ) {
    this.aliases = new Map(
      plan.buffers.flatMap(({ id, alias }) => (alias === undefined ? [] : [[id, alias] as const])),
    );
    for (const { id, dtype, shape } of plan.buffers) {
      const length = shape.reduce((size, d) => size * this.dim(d), 1);
      if (!this.aliases.has(id)) this.regions.set(id, { start: this.place(length * 4 + 64), length, dtype });
    }
  }

  dim(d: Dim): number {
    return evaluateDim(d, (name) => this.dims[name]);
  }

  place(size: number): number {
    const start = Math.ceil(this.end / 256) * 256;
    this.end = start + size;
    return start;
  }

  of(id: string): Region {
    const alias = this.aliases.get(id);
    if (alias !== undefined) return this.of(alias);
    const found = this.regions.get(id);
    if (!found) throw new RangeError(`no buffer ${id}`);
    return found;
  }
}

/** Results of `fn` by name. With `threads` the shares of one kernel after another's run in order, so use it on single nests. */
export function runNests(
  fn: NestFunction,
  inputs: Readonly<Record<string, Tensor>>,
  dims: Readonly<Record<string, number>> = {},
  threads = 1,
): Record<string, Tensor> {
  const { plan, kernels } = planOf(fn);
  const loaded = load(plan, kernels, dims);
  for (const { name, buffer } of fn.inputs) loaded.view(buffer).set(inputs[name]?.data ?? []);
  loaded.run(threads);
  return Object.fromEntries(
    fn.results.map(({ name, buffer }) => {
      const type = fn.buffers.find(({ id }) => id === buffer)?.type;
      if (!type) throw new RangeError(`no buffer ${buffer}`);
      const shape = type.shape.map((d) => evaluateDim(d, (dimName) => dims[dimName]));
      return [name, { dtype: type.dtype, shape, data: Float64Array.from(loaded.view(buffer)) }];
    }),
  );
}
