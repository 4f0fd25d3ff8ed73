// `dlm check`: diagnostics of programs, for people, scripts, code scanning and workflow logs; `--fix` applies sure fixes.
import {
  applyFixes,
  check as checkFile,
  hasErrors,
  renderGithub,
  renderJson,
  renderSarif,
  renderTerminal,
  type Diagnostic,
} from '../../index.ts';
import type { CommandContext } from '../command.ts';
import { exitCodes } from '../failure.ts';
import { diskFiles, programFiles } from '../program-files.ts';
import { writeFiles } from '../write-file.ts';

const formats = ['terminal', 'json', 'sarif', 'github'] as const;

/** Checks every program named, and prints what was found on standard output. */
export async function check(cx: CommandContext): Promise<number> {
  const { console, flags } = cx;
  const format = console.json ? 'json' : flags.choice('format', formats);
  const files = programFiles(cx.args);
  let found = diagnose(cx, files);
  if (flags.on('fix')) {
    const fixed = fixFiles(cx, found);
    if (fixed > 0) found = diagnose(cx, files);
  }
  const text = render(format, found, cx);
  if (text !== '') console.out(`${text.trimEnd()}\n`);
  console.note(summary(found, files.length));
  return hasErrors(found) ? exitCodes.diagnostics : exitCodes.ok;
}

function diagnose({ flags }: CommandContext, files: readonly string[]): Diagnostic[] {
  const set = flags.pairs('set');
  const seen = new Set<string>();
  return files
    .flatMap((file) => checkFile(diskFiles, file, { set }).diagnostics)
    .filter((diagnostic) => {
      const key = renderJson([diagnostic]);
      return seen.has(key) ? false : seen.add(key);
    });
}

function fixFiles({ console }: CommandContext, found: readonly Diagnostic[]): number {
  const { texts, applied, skipped } = applyFixes(found);
  writeFiles(Object.fromEntries([...texts].map(([source, text]) => [source.name, text])));
  console.note(
    `applied ${applied} ${plural('fix', applied)}${skipped > 0 ? `, left ${skipped} that overlap for the next run` : ''}`,
  );
  return applied;
}

function render(format: (typeof formats)[number], found: readonly Diagnostic[], { console }: CommandContext): string {
  if (format === 'json') return renderJson(found);
  if (format === 'sarif') return renderSarif(found);
  return format === 'github' ? renderGithub(found) : renderTerminal(found, console.palette);
}

function summary(found: readonly Diagnostic[], files: number): string {
  const errors = found.filter(({ severity }) => severity === 'error').length;
  const warnings = found.filter(({ severity }) => severity === 'warning').length;
  const counts = [
    ...(errors > 0 ? [`${errors} ${plural('error', errors)}`] : []),
    ...(warnings > 0 ? [`${warnings} ${plural('warning', warnings)}`] : []),
  ];
  return `${files} ${plural('file', files)}: ${counts.length === 0 ? 'no problems' : counts.join(', ')}`;
}

const plural = (word: string, count: number): string =>
  count === 1 ? word : word.endsWith('x') ? `${word}es` : `${word}s`;
