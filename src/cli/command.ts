// What a command is given, and how it compiles: errors become failures, warnings are shown once.
import {
  check,
  hasErrors,
  IrSyntaxError,
  lowerModule,
  messages,
  parseGraph,
  type Checked,
  type FileHost,
  type GraphModule,
  type Lowered,
  type Mode,
  type Observer,
  type Stage,
  type Target,
} from '../index.ts';
import type { Console } from './console.ts';
import { Failure } from './failure.ts';
import type { Flags } from './flags.ts';
import { diskFiles } from './program-files.ts';
import { reportDiagnostics } from './report.ts';

/** Everything that a command works with. */
export interface CommandContext {
  readonly console: Console;
  readonly flags: Flags;
  readonly args: readonly string[];
  /** Remembers the last good graph of the compiler, for the report of a bug. */
  remember(stage: Stage): void;
}

/** A command: does its work and gives the exit code. */
export type Command = (cx: CommandContext) => Promise<number>;

/** How a command checks a program. */
interface CheckSettings {
  readonly modes?: readonly Mode[];
  readonly host?: FileHost;
  /** Sizes of dims to compile for. */
  readonly dims?: Readonly<Record<string, number>>;
}

/** Checks a program with the `--set` options; a graph dumped by `dlm ir` is taken as it is. @throws Failure */
export function checkProgram(
  { console, flags }: CommandContext,
  file: string,
  { modes = [], host = diskFiles, dims = {} }: CheckSettings = {},
): GraphModule {
  if (file.endsWith('.ir')) return readGraph(file, host);
  const { diagnostics, module }: Checked = check(host, file, { set: flags.pairs('set'), modes, dims });
  if (!module || hasErrors(diagnostics)) throw new Failure(...diagnostics);
  if (diagnostics.length > 0 && !console.json) reportDiagnostics(console, diagnostics);
  return module;
}

function readGraph(file: string, host: FileHost): GraphModule {
  try {
    return parseGraph(host.read(file) ?? '');
  } catch (error) {
    if (!(error instanceof IrSyntaxError)) throw error;
    throw new Failure(messages.E0802(null, { file, reason: `it is no program at graph level (${error.message})` }));
  }
}

/** Runs the passes for the given targets. */
export function lowerProgram(
  cx: CommandContext,
  module: GraphModule,
  targets: readonly Target[],
  observe?: Observer,
): Lowered {
  return lowerModule(module, targets, (pass, stage, counts, ms) => {
    cx.remember(stage);
    observe?.(pass, stage, counts, ms);
  });
}

/** The targets of `--target webgpu,wasm`; both when it is absent. */
export function targetsOf(flags: Flags): readonly Target[] {
  const names = flags.list('target').flatMap((item) => item.split(','));
  const known: readonly Target[] = ['webgpu', 'wasm'];
  for (const name of names) if (!known.some((target) => target === name)) throw flags.wrong('target', name, known);
  return names.length === 0 ? known : known.filter((target) => names.includes(target));
}
