// Runs a plan step by step over kernels, as the runtimes do: what a compiled program computes,
// without a GPU or WebAssembly. Buffers of the arena do not share memory here, aliases do.
import { evaluateDim, type Dim } from './dim.ts';
import { bindDims, evaluateHost } from './interpreter.ts';
import type { DType } from './dtype.ts';
import { interpretKernel, type KernelMemory } from './kernel-interpreter.ts';
import type { Tensor } from './op.ts';
import type { Dispatch, Plan, PlanBuffer, PlanStep, TargetProgram } from './plan.ts';

/** How {@link interpretPlan} runs. */
export interface PlanOptions {
  /** Dims that no input's shape tells. */
  readonly dims?: Readonly<Record<string, number>>;
}

const memoryOf = {
  f32: Float32Array,
  f16: Float32Array,
  i32: Int32Array,
  u32: Uint32Array,
  bool: Uint32Array,
} as const;

// Padded to whole vectors of four. Memory that nothing has written is NaN, or an odd number that shows.
const allocate = (dtype: DType, size: number): KernelMemory =>
  new memoryOf[dtype](Math.ceil(size / 4) * 4).fill(dtype === 'f32' || dtype === 'f16' ? NaN : 0xbad);

/** Runs the plan named `name`: results by name, as they lie in memory at the end. @throws RangeError for inputs that do not fit and for stray accesses */
export function interpretPlan(
  program: TargetProgram,
  name: string,
  inputs: Readonly<Record<string, Tensor>>,
  options: PlanOptions = {},
): Record<string, Tensor> {
  const plan = program.plans.find((candidate) => candidate.name === name);
  if (!plan) throw new RangeError(`there is no plan ${name}`);
  const run = new PlanRun(program, plan, inputs, options);
  for (const step of plan.steps) run.step(step);
  return Object.fromEntries(plan.results.map(({ name: result, buffer }) => [result, run.tensor(buffer)]));
}

class PlanRun {
  private readonly buffers: ReadonlyMap<string, PlanBuffer>;
  private readonly memory = new Map<string, KernelMemory>();
  private readonly variables: Map<string, number>;
  private readonly record: Readonly<Record<string, Tensor>>;

  constructor(
    private readonly program: TargetProgram,
    plan: Plan,
    inputs: Readonly<Record<string, Tensor>>,
    options: PlanOptions,
  ) {
    this.buffers = new Map(plan.buffers.map((buffer) => [buffer.id, buffer]));
    const typed = plan.inputs.flatMap(({ name, buffer }) => {
      const found = buffer === undefined ? undefined : this.buffers.get(buffer);
      return found ? [{ name, type: { dtype: found.dtype, shape: found.shape } }] : [];
    });
    this.variables = bindDims({ ...plan, inputs: typed }, inputs, options.dims);
    this.record = { ...evaluateHost(plan.host, inputs, this.variables), ...inputs };
    for (const { name, buffer } of plan.inputs) {
      const tensor = inputs[name];
      if (tensor && buffer !== undefined && this.buffers.has(buffer)) this.at(buffer).set(tensor.data);
    }
  }

  private dim(d: Dim): number {
    return evaluateDim(d, (name) => this.variables.get(name));
  }

  private buffer(id: string): PlanBuffer {
    const buffer = this.buffers.get(id);
    if (!buffer) throw new RangeError(`there is no buffer ${id}`);
    return buffer;
  }

  private size({ shape }: PlanBuffer): number {
    return shape.reduce((size, d) => size * this.dim(d), 1);
  }

  private at(id: string): KernelMemory {
    const { alias, dtype } = this.buffer(id);
    if (alias !== undefined) return this.at(alias);
    const known = this.memory.get(id);
    if (known) return known;
    const memory = allocate(dtype, this.size(this.buffer(id)));
    this.memory.set(id, memory);
    return memory;
  }

  tensor(id: string): Tensor {
    const buffer = this.buffer(id);
    return {
      dtype: buffer.dtype,
      shape: buffer.shape.map((d) => this.dim(d)),
      data: Float64Array.from(this.at(id).subarray(0, this.size(buffer))),
    };
  }

  step(step: PlanStep): void {
    switch (step.kind) {
      case 'dispatch':
        return this.dispatch(step);
      case 'copy':
        return this.at(step.to).set(this.at(step.from).subarray(0, this.size(this.buffer(step.to))));
      case 'fill': {
        this.at(step.buffer).fill(step.value, 0, this.size(this.buffer(step.buffer)));
        return;
      }
      case 'loop': {
        const count = this.dim(step.count);
        for (let k = 0; k < count; k++) {
          this.variables.set(step.index, step.reverse ? count - 1 - k : k);
          for (const inner of step.body) this.step(inner);
        }
        return;
      }
      case 'prepare':
        step.body.forEach((inner) => this.step(inner));
    }
  }

  private dispatch({ kernel: name, buffers, params, scalars, grid }: Dispatch): void {
    const kernel = this.program.kernels.find((candidate) => candidate.name === name);
    if (!kernel) throw new RangeError(`there is no kernel ${name}`);
    const [x, y, z] = grid;
    interpretKernel(kernel, {
      buffers: buffers.map((id) => this.at(id)),
      params: params.map((d) => this.dim(d)),
      scalars: scalars.map((scalar) => this.scalar(scalar)),
      grid: [this.dim(x), this.dim(y), this.dim(z)],
    });
  }

  private scalar(name: string): number {
    const [value] = this.record[name]?.data ?? [];
    if (value === undefined) throw new RangeError(`the step record has no ${name}`);
    return value;
  }
}
