// Runs the plan of a nest function by the kernel interpreter, which refuses to read or write outside of any memory.
import { evaluateDim, type Dim } from '../../src/ir/dim.ts';
import type { Kernel } from '../../src/ir/kernel.ts';
import { interpretKernel, type KernelMemory } from '../../src/ir/kernel-interpreter.ts';
import type { Plan } from '../../src/ir/plan.ts';

const memory = { f32: Float32Array, f16: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint32Array } as const;

/** Runs every dispatch of a plan by the interpreter; buffers start as `initial` has them. */
export function interpretPlan(
  plan: Plan,
  kernels: readonly Kernel[],
  initial: (id: string, into: KernelMemory) => void,
  dims: Readonly<Record<string, number>> = {},
): Map<string, KernelMemory> {
  const value = (d: Dim): number => evaluateDim(d, (name) => dims[name]);
  const buffers = new Map(
    plan.buffers.map(({ id, dtype, shape }): [string, KernelMemory] => [
      id,
      new memory[dtype](shape.reduce((size, d) => size * value(d), 1)),
    ]),
  );
  for (const [id, into] of buffers) initial(id, into);
  for (const step of plan.steps) {
    if (step.kind !== 'dispatch') throw new RangeError('only dispatches here');
    const kernel = kernels.find(({ name }) => name === step.kernel);
    if (!kernel) throw new RangeError(`no kernel ${step.kernel}`);
    const [x, y, z] = step.grid;
    interpretKernel(kernel, {
      buffers: step.buffers.map((id) => buffers.get(id) ?? new Float32Array()),
      params: step.params.map(value),
      scalars: [],
      grid: [value(x), value(y), value(z)],
    });
  }
  return buffers;
}
