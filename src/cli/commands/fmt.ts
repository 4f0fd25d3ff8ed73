// `dlm fmt`: rewrites programs in the one layout, or with `--check` says which are not in it.
import { readFileSync } from 'node:fs';
import { formatProgram, type Diagnostic } from '../../index.ts';
import type { CommandContext } from '../command.ts';
import { exitCodes } from '../failure.ts';
import { programFiles } from '../program-files.ts';
import { reportDiagnostics } from '../report.ts';
import { writeFiles } from '../write-file.ts';

/** Formats every program named; files with syntax errors are reported and left alone. */
export async function fmt({ console, flags, args }: CommandContext): Promise<number> {
  const changed: Record<string, string> = {};
  const failed: Diagnostic[] = [];
  for (const file of programFiles(args)) {
    const text = readFileSync(file, 'utf8');
    const formatted = await formatProgram(file, text);
    if (formatted.text === undefined) failed.push(...formatted.diagnostics);
    else if (formatted.text !== text) changed[file] = formatted.text;
  }
  const checking = flags.on('check');
  if (!checking) writeFiles(changed);
  const names = Object.keys(changed);
  if (failed.length > 0) reportDiagnostics(console, failed);
  if (console.json) console.event({ event: 'done', [checking ? 'unformatted' : 'formatted']: names });
  else if (checking) console.out(names.map((name) => `${name}\n`).join(''));
  else for (const name of names) console.note(`formatted ${name}`);
  return failed.length > 0 || (checking && names.length > 0) ? exitCodes.diagnostics : exitCodes.ok;
}
