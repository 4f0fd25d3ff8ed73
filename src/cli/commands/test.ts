// `dlm test`: runs the `test` declarations of programs, and shows the smallest case that fails.
import { renderTerminal, runTests, toJson, type TestResult } from '../../index.ts';
import { checkProgram, type CommandContext } from '../command.ts';
import { exitCodes, Failure, UsageError } from '../failure.ts';
import { diskFiles, programFiles } from '../program-files.ts';

/** Runs the tests of all programs named; a folder stands for every program below it. */
export async function test(cx: CommandContext): Promise<number> {
  const { flags } = cx;
  const options = { set: flags.pairs('set'), runs: flags.count('runs', 64), seed: flags.count('seed', 0, 0) };
  const files = programFiles(cx.args);
  const results = files.flatMap((file) => {
    checkProgram(cx, file);
    const report = runTests(diskFiles, file, options);
    if (report.diagnostics.length > 0) throw new Failure(...report.diagnostics);
    for (const result of report.results) show(cx, file, result);
    return report.results;
  });
  if (results.length === 0) throw new UsageError(`no tests in ${files.join(', ')}`);
  const failed = results.filter(({ diagnostics }) => diagnostics.length > 0).length;
  cx.console.note(`${results.length - failed} passed, ${failed} failed`);
  return failed > 0 ? exitCodes.diagnostics : exitCodes.ok;
}

function show(
  { console }: CommandContext,
  file: string,
  { name, cases, diagnostics, counterexample }: TestResult,
): void {
  const passed = diagnostics.length === 0;
  if (console.json) {
    const failure = passed ? {} : { counterexample, diagnostics: diagnostics.map(toJson) };
    return console.event({ event: 'test', file, name, cases, passed, ...failure });
  }
  const count = `${cases} ${cases === 1 ? 'case' : 'cases'}`;
  console.out(`${passed ? 'ok  ' : 'FAIL'} ${file}: ${name} (${count})\n`);
  if (!passed) console.note(renderTerminal(diagnostics, console.palette).trimEnd());
}
