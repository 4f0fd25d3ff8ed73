// The WGSL that a program needs. WebGPU wants one access mode per buffer and dispatch: if a dispatch writes anything of
// a pool, all its bindings of that pool are read_write, in text and layout; and two operands that lie in the same
// memory become one binding. So a kernel may be printed in a few variants, each once.
import type { Kernel } from '../../ir/kernel.ts';
import type { Dispatch } from '../../ir/plan.ts';
import { list, template, text } from './js.ts';
import type { PlanMemory } from './plan-memory.ts';

/** Access mode of a binding. */
export type Access = 'read' | 'read_write';

/** Prints one kernel as WGSL, given the access mode of each of its buffers: see KernelSpec of the runtime. */
export type PrintWgsl = (
  kernel: Kernel,
  access: readonly Access[],
) => readonly [bindings: string, invocations: number, code: string];

/** One dispatch over merged bindings. */
export interface GpuDispatch {
  /** Number of the kernel variant. */
  readonly kernel: number;
  /** Roots, in the variant's order. */
  readonly buffers: readonly number[];
}

/** Collects the variants that dispatches ask for. */
export class GpuKernels {
  readonly #variants = new Map<string, number>();
  readonly #byName: ReadonlyMap<string, Kernel>;
  /** Printed {@link KernelSpec}s. */
  readonly printed: string[] = [];
  /** The kernel of each. */
  readonly kernels: Kernel[] = [];

  constructor(
    kernels: readonly Kernel[],
    readonly print: PrintWgsl,
  ) {
    this.#byName = new Map(kernels.map((kernel) => [kernel.name, kernel]));
  }

  /** The variant for one dispatch. */
  variant(dispatch: Dispatch, memory: PlanMemory): GpuDispatch {
    const kernel = this.#byName.get(dispatch.kernel);
    if (!kernel) throw new RangeError(`no kernel ${dispatch.kernel}`);
    const roots = dispatch.buffers.map((buffer) => memory.index(buffer));
    const owners = roots.map((root) => roots.indexOf(root));
    const kept = owners.filter((owner, at) => owner === at);
    const places = dispatch.buffers.map((buffer) => memory.place(buffer));
    const written = new Set(places.filter((_, at) => kernel.buffers[at]?.access !== 'read'));
    const access = kept.map((at): Access => (written.has(places[at] ?? '') ? 'read_write' : 'read'));
    const key = `${kernel.name} ${owners.join()} ${access.join()}`;
    let number = this.#variants.get(key);
    if (number === undefined) {
      this.kernels.push(kernel);
      number = this.printed.push(this.#printed(mergeBuffers(kernel, owners), access)) - 1;
      this.#variants.set(key, number);
    }
    return { kernel: number, buffers: kept.map((at) => roots[at] ?? 0) };
  }

  #printed(kernel: Kernel, access: readonly Access[]): string {
    const [bindings, invocations, code] = this.print(kernel, access);
    return list([text(bindings), String(invocations), template(code)]);
  }
}

/** The kernel with buffer i replaced by buffer owners[i], and those that are not their own owner left out. */
export function mergeBuffers(kernel: Kernel, owners: readonly number[]): Kernel {
  const renamed = new Map<string, string>();
  const written = new Set<number>();
  owners.forEach((owner, at) => {
    const [from, to] = [kernel.buffers[at], kernel.buffers[owner]];
    if (!from || !to) throw new RangeError(`${kernel.name} has ${kernel.buffers.length} buffers`);
    if (from.access !== 'read') written.add(owner);
    if (from === to) return;
    if (from.dtype !== to.dtype)
      throw new RangeError(`${kernel.name}: ${from.name} and ${to.name} share memory but not a dtype`);
    renamed.set(from.name, to.name);
  });
  if (renamed.size === 0) return kernel;
  const buffers = kernel.buffers.flatMap((buffer, at) =>
    owners[at] === at ? [{ ...buffer, access: written.has(at) ? ('read_write' as const) : buffer.access }] : [],
  );
  return { ...kernel, buffers, body: renameBuffers(kernel.body, renamed) };
}

// Only loads and stores have a property `buffer`.
function renameBuffers<T>(node: T, names: ReadonlyMap<string, string>): T {
  if (Array.isArray(node)) return node.map((item: unknown) => renameBuffers(item, names)) as T;
  if (typeof node !== 'object' || node === null) return node;
  const entries = Object.entries(node).map(([key, value]: [string, unknown]) => [
    key,
    key === 'buffer' && typeof value === 'string' ? (names.get(value) ?? value) : renameBuffers(value, names),
  ]);
  return Object.fromEntries(entries) as T;
}
