#!/usr/bin/env node
// The command line: reads arguments, runs one command, turns what it throws into a report and an exit code.
import { cac, type CAC } from 'cac';
import { commands, type CommandSpec } from './commands.ts';
import type { CommandContext } from './command.ts';
import { processConsole, type Console } from './console.ts';
import { exitCodes, UsageError } from './failure.ts';
import { Flags } from './flags.ts';
import { optimizeLate } from './optimizer.ts';

// Put in by the build.
// oxlint-disable-next-line no-underscore-dangle
declare const __DLM_VERSION__: string;

function createCli(): CAC {
  const cli = cac('dlm');
  cli.usage('<command> [options]');
  for (const { name, args, summary, options } of commands) {
    const command = cli.command(`${name}${args === '' ? '' : ` ${args}`}`, summary);
    for (const [flag, help] of Object.entries(options))
      command.option(flag, help, flag.includes('<') ? { type: [optionText] } : undefined);
    command.option('--json', 'print data as JSON, one value a line');
    command.action(() => {});
  }
  cli.help();
  cli.version(__DLM_VERSION__);
  return cli;
}

// An option without its value is `true`; numbers become text again.
const optionText = (value: unknown): unknown => (value === true ? true : String(value));

/** Runs one command line and gives its exit code. */
async function main(argv: string[]): Promise<number> {
  const console = processConsole(argv.includes('--json'));
  try {
    const cli = createCli();
    const { options, args } = cli.parse(argv, { run: false });
    if (options['help'] === true || options['version'] === true) return exitCodes.ok;
    const spec = commands.find(({ name }) => name === cli.matchedCommandName);
    if (!spec) throw unknownCommand(cli, args[0]);
    cli.runMatchedCommand();
    return await runCommand(console, spec, { flags: new Flags(options), args });
  } catch (error) {
    if (!(error instanceof UsageError || (error instanceof Error && error.name === 'CACError'))) throw error;
    if (console.json) console.event({ event: 'error', usage: error.message });
    console.note(`dlm: ${error.message}`);
    return exitCodes.usage;
  }
}

function unknownCommand(cli: CAC, name: string | undefined): UsageError {
  if (name === undefined) cli.outputHelp();
  const names = commands.map((command) => command.name).join(', ');
  return new UsageError(name === undefined ? 'no command was given' : `there is no command ${name}, only ${names}`);
}

async function runCommand(
  console: Console,
  spec: CommandSpec,
  given: Pick<CommandContext, 'flags' | 'args'>,
): Promise<number> {
  const seen: { stage?: Parameters<CommandContext['remember']>[0] } = {};
  const cx: CommandContext = {
    console,
    ...given,
    remember: (stage) => void (stage.level === 'graph' && (seen.stage = stage)),
  };
  try {
    const command = await spec.load();
    return await command(cx);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { reportError } = await import('./report.ts');
    return reportError(console, error, seen.stage);
  }
}

// A reader that stops early (`dlm ir … | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok);
  throw error;
});
optimizeLate();
process.exitCode = await main(process.argv);
