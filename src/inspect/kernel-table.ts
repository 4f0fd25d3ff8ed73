// The dispatches of a plan, one row each: kernel, bytes that it touches, and the lines of the program it came from.
import { add, mul, product, zero, type Dim } from '../ir/dim.ts';
import { byteSize } from '../ir/dtype.ts';
import type { Kernel } from '../ir/kernel.ts';
import { dispatchesOf, type Dispatch, type Plan } from '../ir/plan.ts';
import { positionAt } from '../support/source.ts';

/** One dispatch. */
export interface KernelRow {
  readonly kernel: string;
  /** Bytes of the buffers that it reads and writes, each once. */
  readonly traffic: Dim;
  /** Workgroups on a GPU; the range that threads share on a CPU. */
  readonly grid: readonly [string, string, string];
  /** Places such as `digits.dlm:14`, in order. */
  readonly origin: readonly string[];
}

/** The rows of a plan in the order of execution; the body of a loop occurs once. */
export function kernelRows(plan: Plan, kernels: readonly Kernel[]): KernelRow[] {
  const byName = new Map(kernels.map((kernel) => [kernel.name, kernel]));
  return dispatchesOf(plan.steps).map((dispatch) => ({
    kernel: dispatch.kernel,
    traffic: trafficOf(dispatch, plan),
    grid: [dispatch.grid[0].key, dispatch.grid[1].key, dispatch.grid[2].key],
    origin: placesOf(byName.get(dispatch.kernel)),
  }));
}

function trafficOf(dispatch: Dispatch, { buffers }: Plan): Dim {
  return [...new Set(dispatch.buffers)].reduce<Dim>((sum, id) => {
    const buffer = buffers.find((each) => each.id === id);
    return buffer ? add(sum, mul(product(buffer.shape), byteSize[buffer.dtype])) : sum;
  }, zero);
}

function placesOf(kernel: Kernel | undefined): string[] {
  const places = (kernel?.origin ?? []).map(({ source, start }) => ({
    name: source.name,
    line: positionAt(source, start).line,
  }));
  places.sort((a, b) => (a.name === b.name ? a.line - b.line : a.name < b.name ? -1 : 1));
  return [...new Set(places.map(({ name, line }) => `${name}:${line}`))];
}
