// `dlm compile`: one module and its declarations beside each program.
import { basename, dirname, join } from 'node:path';
import {
  emit,
  nothingToCompile,
  printGraph,
  shadersText,
  type FileHost,
  type Lowered,
  type Mode,
  withoutInit,
} from '../../index.ts';
import { checkProgram, lowerProgram, targetsOf, type CommandContext } from '../command.ts';
import { Failure, UsageError } from '../failure.ts';
import type { Flags } from '../flags.ts';
import { failureFrom } from '../module-failure.ts';
import { diskFiles, programFiles } from '../program-files.ts';
import { reportDiagnostics } from '../report.ts';
import { changeOf, recorded } from '../watch.ts';
import { writeFiles } from '../write-file.ts';

const kinds = ['js', 'ir', 'wgsl'] as const;

/** Compiles every program named, with `--watch` again whenever one of their files changes. */
export async function compile(cx: CommandContext): Promise<number> {
  if (!cx.flags.on('watch')) return compileOnce(cx, diskFiles);
  const { reads, files } = recorded(diskFiles);
  for (;;) {
    reads.clear();
    try {
      await compileOnce(cx, files);
    } catch (error) {
      const failure = failureFrom(error);
      if (!failure) throw error;
      reportDiagnostics(cx.console, failure.diagnostics);
    }
    cx.console.note('watching; Ctrl-C ends');
    await changeOf(reads, diskFiles);
  }
}

// Nothing is written unless all programs compile.
async function compileOnce(cx: CommandContext, host: FileHost): Promise<number> {
  const { flags } = cx;
  const wanted = named(flags, 'emit', kinds);
  const started = performance.now();
  const written: Record<string, string> = {};
  for (const file of programFiles(cx.args)) {
    const target = join(flags.text('o') ?? dirname(file), basename(file));
    for (const [path, text] of await outputs(cx, host, file, target, wanted)) {
      if (path in written) throw new UsageError(`two programs would be written to ${path}`);
      written[path] = text;
    }
  }
  writeFiles(written);
  report(cx, written, performance.now() - started);
  return 0;
}

const extras = ['training', 'trace', 'profile'] as const;

function named(flags: Flags, option: string, known: readonly string[]): readonly string[] {
  const given = flags.list(option).flatMap((item) => item.split(','));
  for (const name of given) if (!known.includes(name)) throw flags.wrong(option, name, known);
  return given;
}

// What `--with` adds to the options of calls.
function extrasOf({ flags }: CommandContext): { readonly modes: readonly Mode[]; readonly profile: boolean } {
  const given = named(flags, 'with', extras);
  const modes = (['training', 'trace'] as const).filter((mode) => given.includes(mode));
  return { modes, profile: given.includes('profile') };
}

async function outputs(
  cx: CommandContext,
  host: FileHost,
  file: string,
  target: string,
  wanted: readonly string[],
): Promise<[string, string][]> {
  const { modes, profile } = extrasOf(cx);
  const module = checkProgram(cx, file, { modes, host, dims: cx.flags.counts('dim') });
  const missing = nothingToCompile(module, file);
  if (missing) throw new Failure(missing);
  const isWithoutInit = named(cx.flags, 'without', ['init']).length > 0;
  const lowered: Lowered = lowerProgram(cx, isWithoutInit ? withoutInit(module) : module, targetsOf(cx.flags));
  const made: [string, string][] = [];
  if (wanted.length === 0 || wanted.includes('js')) {
    const { js, dts } = await emit(lowered, basename(file), { profile });
    made.push([`${target}.js`, js], [`${target}.d.ts`, dts]);
  }
  if (wanted.includes('ir')) made.push([`${target}.ir`, printGraph(lowered.graph)]);
  if (wanted.includes('wgsl')) {
    const program = lowered.programs.find(({ target: name }) => name === 'gpu');
    if (!program) throw new UsageError('--emit wgsl needs the target webgpu');
    made.push([`${target}.wgsl`, shadersText(program)]);
  }
  return made;
}

function report({ console }: CommandContext, written: Readonly<Record<string, string>>, ms: number): void {
  const files = Object.entries(written).map(([path, text]) => ({
    path: path.replaceAll('\\', '/'),
    bytes: Buffer.byteLength(text),
  }));
  if (console.json) console.event({ event: 'done', files, ms: Math.round(ms) });
  for (const { path, bytes } of files) console.note(`${path}  ${(bytes / 1000).toFixed(1)} kB`);
  console.note(`compiled in ${ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(2)} s`}`);
}
