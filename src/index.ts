// The public API of the compiler. Pure: files come in through a FileHost, text goes out. The CLI,
// the bundler plugin and editors are built on these functions alone.
import { emit, lowerModule, type Lowered, type Observer, type Target } from './compile.ts';
import { elaborate } from './elaborate/elaborate.ts';
import type { Mode } from './elaborate/frame.ts';
import type { FileHost } from './elaborate/modules.ts';
import type { GraphModule } from './ir/graph.ts';
import { parse } from './parser/parse.ts';
import { fixDims } from './passes/fix-dims.ts';
import { format } from './parser/prettier-plugin.ts';
import { hasErrors, type Diagnostic } from './support/diagnostic.ts';
import { messages } from './support/messages.gen.ts';
import { createSource } from './support/source.ts';

export { lowerModule, emit, passNames, type Lowered, type Observer, type Stage, type Target } from './compile.ts';
export { runTests, type TestOptions, type TestReport, type TestResult } from './run-tests.ts';
export type { Mode } from './elaborate/frame.ts';
export type { FileHost } from './elaborate/modules.ts';
export {
  CompilerBug,
  createDiagnostic,
  hasErrors,
  type Diagnostic,
  type Fix,
  type Help,
} from './support/diagnostic.ts';
export { applyFixes } from './support/apply-fixes.ts';
export { explanations, messages } from './support/messages.gen.ts';
export { renderGithub, renderJson, renderSarif, toJson } from './support/render-json.ts';
export { renderTerminal, type Palette } from './support/render-terminal.ts';
export { asConstant, variables } from './ir/dim.ts';
export type { GraphFunction, GraphModule, ModelInfo, Structure, TensorType, TrainInfo } from './ir/graph.ts';
export { parseGraph, printGraph } from './ir/graph-text.ts';
export { IrSyntaxError } from './ir/text/reader.ts';
export { shadersText } from './shader-text.ts';
export { printStage } from './inspect/stage-text.ts';
export { summarize, type Formula, type FunctionSummary, type ModelSummary, type Summary } from './inspect/summary.ts';
export { parseCsv, type CsvTable } from './io/csv.ts';
export { fileTypeBytes, type FileTensor, type FileType } from './io/file-tensor.ts';
export { FormatError } from './io/format-error.ts';
export { parseNpz } from './io/npy.ts';
export { parseSafetensors, withSafetensorsMetadata } from './io/safetensors.ts';
export { safetensorsBytes } from './io/write-safetensors.ts';

/** What `check` and `compile` may be told. */
export interface CompileOptions {
  /** Config overrides: `Mlp.hidden` -> `512`, `net` -> `Vgg11`. */
  readonly set?: Readonly<Record<string, string>>;
  /** Sizes of dims, by name: the program is checked and compiled for these alone. */
  readonly dims?: Readonly<Record<string, number>>;
  /** Options of calls that entry points take besides the usual: each makes functions of its own. */
  readonly modes?: readonly Mode[];
  /** Whether models can be loaded with initial weights (default). False saves what draws them. */
  readonly init?: boolean;
  /** Calls can be timed. */
  readonly profile?: boolean;
  /** Threads can share the work of the CPU. Default: true where a model has a million parameters or more. */
  readonly threads?: boolean;
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

/** The program in the one layout; syntax errors instead where it has some. Never throws on bad input. */
export async function formatProgram(
  name: string,
  text: string,
): Promise<{ readonly diagnostics: readonly Diagnostic[]; readonly text?: string }> {
  const { diagnostics } = parse(createSource(name, text));
  return hasErrors(diagnostics) ? { diagnostics } : { diagnostics, text: await format(text) };
}

/** Parses and checks the program whose root file is `root`. Never throws on bad input. */
export function check(files: FileHost, root: string, options: CompileOptions = {}): Checked {
  const { module, diagnostics } = elaborate(files, root, {
    ...(options.set ? { set: options.set } : {}),
    ...(options.modes ? { modes: options.modes } : {}),
  });
  if (!module || hasErrors(diagnostics)) return { diagnostics };
  const fixed = options.dims ? fixDims(module, options.dims) : module;
  if ('functions' in fixed) return { diagnostics, module: fixed };
  const { dim, reason } = fixed;
  const size = String(options.dims?.[dim]);
  return { diagnostics: [...diagnostics, messages.E0907(null, { dim, size, file: root, reason })] };
}

/** E0903 for a program without models: it checks, but makes no module. */
export const nothingToCompile = (module: GraphModule, root: string): Diagnostic | undefined =>
  module.models.length === 0 ? messages.E0903(null, { file: root }) : undefined;

/** The module without the functions that draw initial weights. */
export const withoutInit = (module: GraphModule): GraphModule => ({
  ...module,
  functions: module.functions.filter(({ kind }) => kind !== 'init'),
});

/** Compiles the program whose root file is `root` to one ES module and its declarations. */
export async function compile(files: FileHost, root: string, options: CompileOptions = {}): Promise<Compiled> {
  const { diagnostics, module } = check(files, root, options);
  if (!module) return { diagnostics };
  const missing = nothingToCompile(module, root);
  if (missing) return { diagnostics: [...diagnostics, missing] };
  const wanted = options.init === false ? withoutInit(module) : module;
  const lowered = lowerModule(wanted, options.targets, options.observe);
  const { js, dts } = await emit(lowered, root.split('/').at(-1) ?? root, {
    ...(options.profile ? { profile: true } : {}),
    ...(options.threads === undefined ? {} : { threads: options.threads }),
  });
  return { diagnostics, module, lowered, js, dts };
}
