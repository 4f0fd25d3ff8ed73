// One kernel for equal work: kernels are looked up by their structure, names and origins aside.
import { structureKey } from '../../ir/kernel-key.ts';
import type { Kernel } from '../../ir/kernel.ts';

/** Collects kernels; equal ones are added once, under a unique name. */
export class KernelTable {
  private readonly byKey = new Map<string, Kernel>();
  private readonly names = new Map<string, number>();

  /** The kernel to dispatch for `kernel`. */
  add(kernel: Kernel): Kernel {
    const { name, origin, ...structure } = kernel;
    const key = structureKey(structure);
    const known = this.byKey.get(key);
    const merged = known
      ? { ...known, origin: [...new Set([...known.origin, ...origin])] }
      : { ...kernel, name: this.unique(name) };
    this.byKey.set(key, merged);
    return merged;
  }

  get kernels(): readonly Kernel[] {
    return [...this.byKey.values()];
  }

  private unique(name: string): string {
    const count = this.names.get(name) ?? 0;
    this.names.set(name, count + 1);
    return count === 0 ? name : `${name}_${count + 1}`;
  }
}
