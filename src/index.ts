// The public API of the compiler. Pure: files come in through a FileHost, text goes out. The CLI,
// the bundler plugin and editors are built on these functions alone.
import { emit, lowerModule, type Lowered, type Observer, type Target } from './compile.ts';
import { elaborate } from './elaborate/elaborate.ts';
import type { FileHost } from './elaborate/modules.ts';
import type { GraphModule } from './ir/graph.ts';
import type { Diagnostic } from './support/diagnostic.ts';

export { lowerModule, emit, passNames, type Lowered, type Observer, type Stage, type Target } from './compile.ts';
export type { FileHost } from './elaborate/modules.ts';
export { CompilerBug, type Diagnostic, type Fix, type Help } from './support/diagnostic.ts';

/** What `check` and `compile` may be told. */
export interface CompileOptions {
  /** Config overrides: `Mlp.hidden` -> `512`, `net` -> `Vgg11`. */
  readonly set?: Readonly<Record<string, string>>;
  /** Default: both. */
  readonly targets?: readonly Target[];
  /** Sees the module after every pass. */
  readonly observe?: Observer;
}

/** A checked program: its graph when nothing is wrong, and everything that was found. */
export interface Checked {
  readonly diagnostics: readonly Diagnostic[];
  readonly module?: GraphModule;
}

/** A compiled program. `js` and `dts` are absent when a diagnostic is an error. */
export interface Compiled extends Checked {
  readonly lowered?: Lowered;
  readonly js?: string;
  readonly dts?: string;
}

/** Parses and checks the program whose root file is `root`. Never throws on bad input. */
export function check(files: FileHost, root: string, options: CompileOptions = {}): Checked {
  const { module, diagnostics } = elaborate(files, root, options.set ? { set: options.set } : {});
  const failed = diagnostics.some(({ severity }) => severity === 'error');
  return failed ? { diagnostics } : { diagnostics, module };
}

/** Compiles the program whose root file is `root` to one ES module and its declarations. */
export async function compile(files: FileHost, root: string, options: CompileOptions = {}): Promise<Compiled> {
  const { diagnostics, module } = check(files, root, options);
  if (!module) return { diagnostics };
  const lowered = lowerModule(module, options.targets, options.observe);
  const { js, dts } = await emit(lowered, root.split('/').at(-1) ?? root);
  return { diagnostics, module, lowered, js, dts };
}
