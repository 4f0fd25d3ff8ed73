// Metrics that are computed once from sums over all batches of an evaluation. Only modules that have such metrics carry this.
import type { Scalars, TensorSpec, TrainSpec } from './program.ts';
import type { Call, Runner } from './runner.ts';
import { nest, type Nested } from './train.ts';

/** Whether a result is summed over batches; the others are means. */
export function isTotal(output: TensorSpec | undefined): boolean {
  return /^total\.\d+$/.test(output?.[0] ?? '');
}

/** Values by name, from the sums of the results of an evaluation. */
export async function finishTotals(
  runner: Runner,
  { finish: name }: TrainSpec,
  { entry, fn, shapes }: Call,
  sums: readonly number[][],
  scalars: Scalars,
): Promise<Record<string, Nested>> {
  if (name === undefined) return {};
  const totals = fn.outputs.flatMap((output, at) => (isTotal(output) ? [nest(sums[at] ?? [], shapes[at] ?? [])] : []));
  const call = runner.call(name, entry, totals);
  const values = await runner.values(call, scalars);
  return Object.fromEntries(
    call.fn.outputs.map(([output], at) => [output, nest(Array.from(values[at] ?? []), call.shapes[at] ?? [])]),
  );
}
