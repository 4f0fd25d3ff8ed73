// What a function requires of its dims. Only modules with such constraints carry this.
import { DlmError } from './error.ts';
import type { FunctionSpec } from './program.ts';

/** Checks the constraints of a call. @throws DlmError E9103 */
export function checkFacts(entry: string, fn: FunctionSpec, dims: readonly number[]): void {
  const broken = fn.facts?.[fn.holds?.(...dims).indexOf(false) ?? -1];
  if (broken === undefined) return;
  const values = fn.dims.map((name, at) => `${name} = ${dims[at]}`).join(', ');
  throw new DlmError('E9103', `${entry}: \`${broken}\` does not hold for ${values}`, {
    entry,
    expected: broken,
    got: values,
  });
}
