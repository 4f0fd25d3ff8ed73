// `dlm ir`: the program after a pass, as text that parses back; `--diff` between two passes, `--stats` of all.
import { passNames, printStage, type Stage, type Target } from '../../index.ts';
import { checkProgram, lowerProgram, targetsOf, type CommandContext } from '../command.ts';
import { UsageError } from '../failure.ts';
import { diffLines } from '../line-diff.ts';
import { programArgument } from '../program-files.ts';
import { selectFunctions } from '../select-functions.ts';

interface Dump {
  readonly pass: string;
  readonly stage: Stage;
  readonly counts: Readonly<Record<string, number>>;
  readonly ms: number;
}

const levels = ['graph', 'nest', 'kernel', 'plan'] as const;

/** Prints one dump, all of them, a diff, or statistics. */
export async function ir(cx: CommandContext): Promise<number> {
  const { console, flags } = cx;
  const { file, entry } = programArgument(cx.args[0] ?? '');
  const dumps = runPasses(cx, file, entry);
  const diff = flags.text('diff');
  if (flags.on('stats')) printStats(cx, dumps);
  else if (diff !== undefined) printDiff(cx, dumps, diff);
  else {
    const chosen = flags.on('all') ? dumps : [chosenDump(cx, dumps)];
    for (const { pass, stage } of chosen) {
      const text = dumpText(cx, stage);
      if (console.json) console.event({ event: 'ir', pass, level: stage.level, text });
      else console.out(chosen.length > 1 ? `// after ${pass}\n${text}\n` : text);
    }
  }
  return 0;
}

function runPasses(cx: CommandContext, file: string, entry: string | undefined): Dump[] {
  const [target]: readonly Target[] = cx.flags.text('target') === undefined ? ['webgpu'] : targetsOf(cx.flags);
  const dumps: Dump[] = [];
  lowerProgram(
    cx,
    checkProgram(cx, file, { dims: cx.flags.counts('dim') }),
    [target ?? 'webgpu'],
    (pass, stage, counts, ms) => {
      const selected = entry === undefined ? stage : selectFunctions(stage, entry);
      dumps.push({ pass, stage: selected, counts: Object.fromEntries(counts), ms });
    },
  );
  return dumps;
}

function dumpText({ flags }: CommandContext, stage: Stage): string {
  return printStage(stage, flags.text('level') === 'kernel' ? 'kernels' : 'all');
}

function dumpNamed(dumps: readonly Dump[], name: string): Dump {
  const found = dumps.find(({ pass }) => pass === name);
  if (!found)
    throw new UsageError(
      `there is no pass ${name}, only ${(dumps.length > 0 ? dumps.map(({ pass }) => pass) : passNames).join(', ')}`,
    );
  return found;
}

function chosenDump({ flags }: CommandContext, dumps: readonly Dump[]): Dump {
  const after = flags.text('after');
  if (after !== undefined) return dumpNamed(dumps, after);
  const level = flags.choice('level', levels);
  const wanted = level === 'kernel' ? 'plan' : level;
  const found = dumps.findLast(({ stage }) => stage.level === wanted);
  if (!found) throw new UsageError(`no pass leaves a program at level ${level}`);
  return found;
}

function printDiff(cx: CommandContext, dumps: readonly Dump[], names: string): void {
  const [from, to, ...more] = names.split(',').map((name) => dumpNamed(dumps, name.trim()));
  if (!from || !to || more.length > 0) throw new UsageError('--diff needs two passes: --diff simplify,cse');
  const lines = diffLines(dumpText(cx, from.stage).split('\n'), dumpText(cx, to.stage).split('\n'));
  if (cx.console.json) cx.console.event({ event: 'diff', from: from.pass, to: to.pass, lines });
  else cx.console.out([`--- after ${from.pass}`, `+++ after ${to.pass}`, ...lines].map((line) => `${line}\n`).join(''));
}

function printStats({ console }: CommandContext, dumps: readonly Dump[]): void {
  for (const { pass, stage, counts, ms } of dumps) {
    if (console.json) console.event({ event: 'pass', pass, level: stage.level, ms, counts });
    else {
      const rewrites = Object.entries(counts).map(([name, count]) => `${name} ${count}`);
      console.out(`${pass.padEnd(16)}${ms.toFixed(1).padStart(8)} ms  ${rewrites.join(', ')}`.trimEnd() + '\n');
    }
  }
}
