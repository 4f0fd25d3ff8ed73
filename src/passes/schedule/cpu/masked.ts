// Products of which only a part is kept: where(j ≤ i, a·b, −inf) of causal attention. Panels of rows in which every
// element of a panel of columns is replaced are not computed.
import { add, asConstant, constant, negate, sub, variable, type Dim } from '../../../ir/dim.ts';
import { walkExprs } from '../../../ir/expr-rewrite.ts';
import type { Expr } from '../../../ir/expr.ts';
import type { Axis } from '../../../ir/nest.ts';
import { constantStride, linearIn } from '../linear.ts';
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

/** What is kept of scores of attention: in each row the first few keys. */
export interface KeptKeys {
  /** How many, of a row. */
  readonly count: Dim;
  /** The score of all others. */
  readonly otherwise: number;
}

/** The keys that `score` keeps, where each row keeps one more than the row before it. */
export function keptKeys(score: Expr, stage: string, row: Axis, keys: Axis): KeptKeys | undefined {
  const kept = keptWhere(score, stage);
  if (!kept || score.kind !== 'select') return undefined;
  const rest = readsSum(score.then, stage) ? score.otherwise : score.then;
  const [down, right] = [constantStride(kept, row.name), constantStride(kept, keys.name)];
  if (rest.kind !== 'const' || down !== 1 || right !== -1) return undefined;
  return { count: add(add(kept, variable(keys.name)), 1), otherwise: rest.value };
}

// select(a ≤ b, sums, no sums) keeps where b − a ≥ 0; with the sides of the select exchanged, where a − b − 1 ≥ 0.
function keptWhere(value: Expr, stage: string): Dim | undefined {
  if (value.kind !== 'select' || value.cond.kind !== 'binary') return undefined;
  const { op } = value.cond;
  const [a, b] = [positionOf(value.cond.a), positionOf(value.cond.b)];
  if ((op !== 'le' && op !== 'lt') || !a || !b) return undefined;
  const holds = sub(sub(b, a), op === 'lt' ? 1 : 0);
  if (!readsSum(value.otherwise, stage)) return holds;
  return readsSum(value.then, stage) ? undefined : add(negate(holds), -1);
}

// The integer that `e` is at every point, as a dim; numbers are small enough that no sum wraps.
function positionOf(e: Expr): Dim | undefined {
  if (e.dtype !== 'i32') return undefined;
  if (e.kind === 'index') return e.dim;
  if (e.kind === 'const') return Math.abs(e.value) < 2 ** 24 ? constant(e.value) : undefined;
  if (e.kind !== 'binary' || (e.op !== 'add' && e.op !== 'sub')) return undefined;
  const [a, b] = [positionOf(e.a), positionOf(e.b)];
  return a && b && (e.op === 'add' ? add(a, b) : sub(a, b));
}

function readsSum(e: Expr, stage: string): boolean {
  let reads = false;
  walkExprs([e], (x) => {
    reads ||= x.kind === 'reduced' && x.stage === stage;
  });
  return reads;
}
