// Arguments of entry points that are not just the inputs of one function: optional ones, fields of the options object
// that choose the function as `training` and `trace` do, and whole numbers that are dims. Only modules with such entry points carry this.
import { wrongInput } from './error.ts';
import type { FunctionDescription } from './meta.ts';
import type { ChosenCall, EntrySpec } from './program.ts';
import type { Runner } from './runner.ts';

/** The function of a call, its inputs, and its dims that are arguments. @throws DlmError E9101 */
export function chooseCall(
  runner: Runner,
  entry: string,
  [base, baseReturns, required = [], variants = []]: EntrySpec,
  values: readonly unknown[],
): ChosenCall {
  const all = { ...(values[required.length] as Record<string, unknown> | undefined) };
  for (const mode of ['training', 'trace']) all[mode] ||= undefined;
  const optional = [...new Set(variants.flatMap(([given]) => given))].filter((name) => all[name] !== undefined);
  const variant = variants.find(([given]) => String(given) === String(optional));
  const [fn, returns] = variant ? [variant[1], variant[2]] : [base, baseReturns];
  required.forEach((name, at) => (all[name] = values[at]));
  const { inputs } = runner.spec(fn);
  const counts = new Map<string, number>();
  for (const name of required)
    if (inputs.every(([input]) => input !== name)) counts.set(name, checkCount(entry, name, all[name]));
  const arrange = all['trace'] ? runner.program.arrangeTraced?.(entry, returns, all['trace']) : undefined;
  return { fn, returns, given: inputs.map(([name]) => all[name]), counts, arrange };
}

/** A whole number from the host that is a dim. @throws DlmError E9101 */
export function checkCount(entry: string, name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value > 0) return value;
  throw wrongInput(entry, name, typeof value === 'number' ? String(value) : typeof value, 'a whole number above 0');
}

/** What `meta` says of an entry besides its function: whole numbers that are dims, and the functions of other calls. */
export function describeArguments(
  [fn, , names = [], variants = []]: EntrySpec,
  describe: (fn: string) => FunctionDescription,
): object {
  const { inputs } = describe(fn);
  return {
    counts: names.filter((name) => inputs?.every((input) => input.name !== name)),
    variants: variants.map(([given, variant]) => ({ given, ...describe(variant) })),
  };
}
