// Products of which only a part is kept: where(j ≤ i, a·b, −inf) of causal attention. Panels of rows in which every
// element of a panel of columns is replaced are not computed.
import { asConstant, type Dim } from '../../../ir/dim.ts';
import { keptWhere } from '../kept.ts';
import { linearIn } from '../linear.ts';
import type { Contraction } from './contraction.ts';

/** Elements that are kept have `kept` ≥ 0, which is linear in rows and columns. */
export interface Mask {
  readonly kept: Dim;
  /** Whether more of a column is kept as rows go down, or less. */
  readonly grows: boolean;
  /** Whether more of a row is kept as columns go right, or the same. */
  readonly widens: boolean;
}

/** The mask that the stores of `c` put on its sums, if they all select by the same one. */
export function maskOf({ stores, stage, rows, columns }: Contraction): Mask | undefined {
  const [kept, ...others] = stores.map(({ value }) => keptWhere(value, stage));
  if (!kept || others.some((other) => other?.key !== kept.key)) return undefined;
  const down = linearIn(kept, rows.name);
  const slope = down && asConstant(down.coefficient);
  const right = down && linearIn(down.rest, columns.name);
  const along = right && asConstant(right.coefficient);
  if (along === undefined || (slope !== 1 && slope !== -1)) return undefined;
  return { kept, grows: slope === 1, widens: along > 0 };
}
