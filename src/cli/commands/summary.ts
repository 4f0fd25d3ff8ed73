// `dlm summary`: parameters, shapes, work and memory of a program, before it ever runs.
import { summarize, type Formula, type FunctionSummary, type ModelSummary, type Summary } from '../../index.ts';
import { checkProgram, lowerProgram, targetsOf, type CommandContext } from '../command.ts';
import { UsageError } from '../failure.ts';
import { programArgument } from '../program-files.ts';
import { tableLines } from '../table.ts';

/** Prints the summary of a program, of one model, or of one function. */
export async function summary(cx: CommandContext): Promise<number> {
  const { file, entry } = programArgument(cx.args[0] ?? '');
  const [target = 'webgpu'] = cx.flags.text('target') === undefined ? [] : targetsOf(cx.flags);
  const lowered = lowerProgram(cx, checkProgram(cx, file), [target]);
  const [program] = lowered.programs;
  if (!program) throw new UsageError('no target');
  const whole = summarize(lowered.graph, program, cx.flags.counts('dim'));
  const chosen = entry === undefined ? whole : select(whole, entry);
  if (cx.console.json) cx.console.event({ ...chosen, functions: chosen.functions.map(toJson) });
  else
    cx.console.out(
      [...chosen.models.flatMap(modelLines), ...functionLines(chosen.functions), ...kernelLines(cx, chosen)]
        .map((line) => `${line}\n`)
        .join(''),
    );
  return 0;
}

function select(whole: Summary, name: string): Summary {
  const functions = whole.functions.filter(
    (fn) => fn.name === name || fn.name.startsWith(`${name}.`) || fn.name.endsWith(`.${name}`),
  );
  if (functions.length === 0)
    throw new UsageError(`there is no function ${name}, only ${whole.functions.map((fn) => fn.name).join(', ')}`);
  const models = whole.models.filter((model) => functions.some((fn) => fn.name.startsWith(`${model.name}.`)));
  return { ...whole, models, functions };
}

const toJson = (fn: FunctionSummary): object => ({
  ...fn,
  kernels: fn.kernels.map((row) => ({ ...row, traffic: row.traffic.key })),
});

function modelLines({ name, parameters, caches, total, trainable, bytes, session }: ModelSummary): string[] {
  const rows = parameters.map(({ path, type, count, role, frozen, aliases }) => [
    path,
    type,
    grouped(count),
    [role === 'param' ? '' : role, frozen ? 'frozen' : '', ...aliases.map((alias) => `= ${alias}`)]
      .filter(Boolean)
      .join(', '),
  ]);
  const frozen = trainable === total ? '' : `, ${grouped(trainable)} trainable`;
  return [
    `model ${name}: ${grouped(total)} parameters${frozen}, ${bytesText(bytes)}`,
    ...tableLines(rows, [2]).map((line) => `  ${line}`),
    ...(caches.length === 0 ? [] : [`  caches of a session: ${sizeText(session)}`]),
    ...tableLines(caches.map((cache) => [cache.path, cache.type, sizeText(cache.bytes)])).map((line) => `    ${line}`),
    '',
  ];
}

function functionLines(functions: readonly FunctionSummary[]): string[] {
  const rows = functions.map((fn) => [
    fn.name,
    signature(fn),
    String(fn.kernels.length),
    numberText(fn.flops),
    sizeText(fn.traffic),
    sizeText(fn.peak),
  ]);
  return tableLines([['function', 'type', 'kernels', 'FLOPs', 'bytes moved', 'peak memory'], ...rows], [2]);
}

function signature({ inputs, outputs }: FunctionSummary): string {
  return `(${typesText(inputs)}) -> ${outputs.length === 1 ? typesText(outputs) : `(${typesText(outputs)})`}`;
}

const typesText = (items: FunctionSummary['inputs']): string => items.map(({ type }) => type).join(', ');

function kernelLines({ flags }: CommandContext, { functions }: Summary): string[] {
  if (!flags.on('kernels')) return [];
  return functions.flatMap(({ name, kernels }) => [
    '',
    name,
    ...tableLines([
      ['kernel', 'grid', 'bytes moved', 'from'],
      ...kernels.map((row) => [row.kernel, gridText(row.grid), row.traffic.key, row.origin.join(' ')]),
    ]).map((line) => `  ${line}`),
  ]);
}

const gridText = (grid: readonly string[]): string => grid.filter((size, at) => at === 0 || size !== '1').join(' × ');
const grouped = (value: number): string => value.toLocaleString('en-US');
const numberText = ({ formula, value }: Formula): string => (value === undefined ? formula : grouped(value));
const sizeText = ({ formula, value }: Formula): string => (value === undefined ? `${formula} B` : bytesText(value));

/** Bytes in decimal units. */
function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
