// What masks along a diagonal keep of products: where(j ≤ i, a·b, −inf) of causal attention.
import { add, constant, negate, sub, substitute, variable, zero, type Dim } from '../../ir/dim.ts';
import type { Facts } from '../../ir/dim-solver.ts';
import { walkExprs } from '../../ir/expr-rewrite.ts';
import type { Expr } from '../../ir/expr.ts';
import type { Axis } from '../../ir/nest.ts';
import type { Attention } from './attention.ts';
import { axesOf } from './expr-dims.ts';
import { constantStride } from './linear.ts';

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

/** Keys of a row that its weights are not all 0 at: those before `at`, or from there on. */
export interface KeptRange {
  readonly kind: 'before' | 'from';
  /** In terms of the axis of the rows. */
  readonly at: Dim;
}

// Scores that are this low have a weight of exactly 0 beside any other.
const lowest = -1e29;

/** The keys that a mask along a diagonal leaves to each row, where every query sees a key. */
export function keptRange({ products, over, weight, rows, keys }: Attention, facts: Facts): KeptRange | undefined {
  const [row, ...otherRows] = rows;
  const [key, ...otherKeys] = keys;
  if (!row || !key || otherRows.length + otherKeys.length > 0) return undefined;
  const found = over.monoid.name === 'softmax' ? { score: weight, isOfRows: true } : scoreOf(weight, key);
  if (found?.score.kind !== 'select') return undefined;
  const { score, isOfRows } = found;
  const product = products.find(({ stage }) => readsSum(score, stage.id));
  const kept = product && keptWhere(score, product.stage.id);
  const [scores, rest] = isPlain(score.then) ? [score.then, score.otherwise] : [score.otherwise, score.then];
  if (!kept || !isPlain(scores) || rest.kind !== 'const' || rest.value > lowest) return undefined;
  const [down, right] = [constantStride(kept, row.name), constantStride(kept, key.name)];
  if (down === undefined || right === undefined || down * right !== -1) return undefined;
  const [query, seen, along] = isOfRows ? [row, key, right] : [key, row, down];
  const nearest = along < 0 ? zero : sub(seen.extent, 1);
  const most = substitute(kept, (name) => (name === seen.name ? nearest : undefined));
  if (facts.withAxes([query]).lessEqual(zero, most) !== 'proved') return undefined;
  const position = variable(key.name);
  return right < 0 ? { kind: 'before', at: add(add(kept, position), 1) } : { kind: 'from', at: sub(position, kept) };
}

// The score of the one e^(score − top) that a weight vanishes with, and whether rows are its queries: each has a top.
function scoreOf(weight: Expr, key: Axis): { readonly score: Expr; readonly isOfRows: boolean } | undefined {
  const powers: Extract<Expr, { kind: 'unary' }>[] = [];
  walkExprs([weight], (e) => {
    if (e.kind === 'unary' && e.op === 'exp') powers.push(e);
  });
  const [power, ...others] = powers;
  if (power?.x.kind !== 'binary' || power.x.op !== 'sub' || others.length > 0) return undefined;
  const isOfRows = !axesOf(power.x.b).has(key.name);
  return vanishesWith(power, weight) ? { score: power.x.a, isOfRows } : undefined;
}

// Whether `e` is 0 where `power` is.
function vanishesWith(power: Expr, e: Expr): boolean {
  const both = (a: Expr, b: Expr): boolean => vanishesWith(power, a) && vanishesWith(power, b);
  if (e === power) return true;
  if (e.kind === 'const') return e.value === 0;
  if (e.kind === 'select') return both(e.then, e.otherwise);
  if (e.kind !== 'binary') return false;
  if (e.op === 'mul') return vanishesWith(power, e.a) || vanishesWith(power, e.b);
  if (e.op === 'div') return vanishesWith(power, e.a);
  return (e.op === 'add' || e.op === 'sub') && both(e.a, e.b);
}

// Products, positions and numbers: nothing that could be as low as what a mask puts in their place.
function isPlain(score: Expr): boolean {
  let plain = true;
  walkExprs([score], (e) => {
    const isNumber = e.kind === 'const' && Math.abs(e.value) < 1e6;
    const isArithmetic = e.kind === 'binary' && ['add', 'sub', 'mul', 'div'].includes(e.op);
    plain &&= isNumber || isArithmetic || e.kind === 'reduced' || e.kind === 'index' || e.kind === 'cast';
  });
  return plain;
}

/**
 * Where the dim is ≥ 0, `value` is made of sums: select(a ≤ b, sums, no sums) keeps them where b − a ≥ 0; with its sides
 * exchanged, where a − b − 1 ≥ 0.
 */
export function keptWhere(value: Expr, stage: string): Dim | undefined {
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
