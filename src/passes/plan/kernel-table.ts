// One kernel for equal work: kernels are looked up by their structure, names and origins aside.
import { structureKey } from '../../ir/kernel-key.ts';
import type { Kernel } from '../../ir/kernel.ts';
import { dispatchesOf, type Plan } from '../../ir/plan.ts';
import { CompilerBug } from '../../support/diagnostic.ts';

/** The text that kernels of one structure share: names and origins aside. */
export function kernelKey({ name: _name, origin: _origin, ...structure }: Kernel): string {
  return structureKey(structure);
}

/** Collects kernels; equal ones are added once, under a unique name. */
export class KernelTable {
  private readonly byKey = new Map<string, Kernel>();
  private readonly made = new Map<string, Kernel>();
  private readonly byName = new Map<string, Kernel>();
  private readonly names = new Map<string, number>();

  /** The kernel to dispatch for `kernel`; `key` is its {@link kernelKey}. */
  add(kernel: Kernel, key = kernelKey(kernel)): Kernel {
    const { name, origin } = kernel;
    const known = this.byKey.get(key);
    const merged = known
      ? { ...known, origin: [...new Set([...known.origin, ...origin])] }
      : { ...kernel, name: this.unique(name) };
    this.byKey.set(key, merged);
    this.byName.set(merged.name, merged);
    return merged;
  }

  /** The kernel to dispatch for what `make` gives, which is asked once for each key. */
  once(key: string, make: () => Kernel): Kernel {
    let kernel = this.made.get(key);
    if (!kernel) this.made.set(key, (kernel = this.add(make())));
    return kernel;
  }

  /** The kernel that {@link add} gave a name. */
  named(name: string): Kernel {
    const kernel = this.byName.get(name);
    if (!kernel) throw new CompilerBug(`no kernel ${name}`);
    return kernel;
  }

  /** The kernels that `plans` dispatch. */
  usedBy(plans: readonly Plan[]): readonly Kernel[] {
    const used = new Set(plans.flatMap(({ steps }) => dispatchesOf(steps).map(({ kernel }) => kernel)));
    return [...this.byKey.values()].filter(({ name }) => used.has(name));
  }

  private unique(name: string): string {
    const count = this.names.get(name) ?? 0;
    this.names.set(name, count + 1);
    return count === 0 ? name : `${name}_${count + 1}`;
  }
}
