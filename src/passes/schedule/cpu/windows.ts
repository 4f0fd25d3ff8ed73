// Windows that reach over borders: of the taps only those inside are visited, where the others change nothing.
import { add, asConstant, floorDiv, mul, negate, product, sub, variables, type Dim } from '../../../ir/dim.ts';
import { Rewriter, walkExprs, weight } from '../../../ir/expr-rewrite.ts';
import type { Condition, Expr } from '../../../ir/expr.ts';
import type { Axis } from '../../../ir/nest.ts';
import type { ReduceStage } from '../flatten.ts';
import { linearIn } from '../linear.ts';
import { withAxis, type Environment } from './environment.ts';
import { i32, type Atom } from './kernel-writer.ts';
import { identity } from './monoids.ts';
import type { Values } from './values.ts';

type Guard = Extract<Expr, { kind: 'guard' }>;

/** Whether the stage goes over a small window with borders: what is inside is known per tap. */
export function isWindow(stage: ReduceStage): boolean {
  const taps = asConstant(product(stage.axes.map(({ extent }) => extent)));
  if (taps === undefined || taps < 2 || taps > 25) return false;
  let guarded = false;
  walkExprs(stage.args, (e) => {
    guarded ||= e.kind === 'guard';
  });
  return guarded && stage.args.every((arg) => weight(arg) <= 4);
}

/** What is reduced at one tap, for each of several points. */
export type AtTap = (args: readonly Expr[], envs: readonly Environment[]) => void;

/** Visits the taps of a small window: along all axes but the last those inside, along the last one after the other. */
export function overTaps(values: Values, stage: ReduceStage, envs: readonly Environment[], body: AtTap): void {
  visit(values, stage, stage.axes, envs, body);
}

function visit(
  values: Values,
  stage: ReduceStage,
  axes: readonly Axis[],
  envs: readonly Environment[],
  body: AtTap,
): void {
  const [axis, ...rest] = axes;
  if (!axis) return body(stage.args, envs);
  const at = (i: Atom): Environment[] => envs.map((env) => withAxis(env, axis.name, i));
  const inside = rest.length > 0 ? insideAlong(stage, axis, envs) : undefined;
  if (!inside) {
    for (let i = 0; i < (asConstant(axis.extent) ?? 0); i++) visit(values, stage, rest, at(i32(i)), body);
    return;
  }
  const { writer, dims } = values;
  const [env] = envs;
  const bound = (op: 'min' | 'max', limits: readonly Dim[], start: Atom): Atom =>
    limits.reduce((atom, d) => (env ? dims.combine(op, atom, dims.value(d, env)) : atom), start);
  const from = bound('max', inside.lows, i32(0));
  const to = bound('min', inside.highs, writer.dim(axis.extent));
  writer.for(from, to, 1, (i) => visit(values, inside.stage, rest, at(i), body));
}

// The taps along `axis` that are inside, the same for all points, and the stage without the conditions that say so.
function insideAlong(
  stage: ReduceStage,
  axis: Axis,
  envs: readonly Environment[],
): { lows: readonly Dim[]; highs: readonly Dim[]; stage: ReduceStage } | undefined {
  const guard = skippable(stage);
  if (!guard) return undefined;
  const others = new Set(stage.axes.filter((other) => other !== axis).map(({ name }) => name));
  const moving = guard.conditions.filter(({ lhs }) => variables(lhs).has(axis.name));
  const limits = moving.flatMap((condition) => limitOf(condition, axis.name, new Map(), others) ?? []);
  if (limits.length < moving.length || limits.length === 0) return undefined;
  const [first] = envs;
  const isShared = (name: string): boolean =>
    envs.every((env) => env.vector !== name && env.axes.get(name) === first?.axes.get(name));
  if (!limits.every(({ at }) => [...variables(at)].every(isShared))) return undefined;
  const conditions = guard.conditions.filter((condition) => !moving.includes(condition));
  const open = conditions.length === 0 ? guard.then : { ...guard, conditions };
  const rewriter = new Rewriter({ nodes: new Map<Expr, Expr>([[guard, open]]) });
  return {
    lows: limits.flatMap(({ low, at }) => (low ? [at] : [])),
    highs: limits.flatMap(({ low, at }) => (low ? [] : [at])),
    stage: { ...stage, args: stage.args.map((arg) => rewriter.expr(arg)) },
  };
}

// The one guard of a window, where what it gives outside leaves the result as it is.
function skippable({ monoid, args, dtypes }: ReduceStage): Guard | undefined {
  const guards: Guard[] = [];
  walkExprs(args, (e) => {
    if (e.kind === 'guard') guards.push(e);
  });
  const [guard] = guards;
  const [arg] = args;
  const [dtype] = dtypes;
  if (!guard || !arg || !dtype || guards.length > 1 || guard.otherwise.kind !== 'const') return undefined;
  const isFactor =
    monoid.name === 'sum' && arg.kind === 'binary' && arg.op === 'mul' && (arg.a === guard || arg.b === guard);
  return (arg === guard || isFactor) && guard.otherwise.value === identity(monoid, dtype) ? guard : undefined;
}

/** s·i + rest ≥ 0 at the taps where rest is least: i ≥ ⌈−rest / s⌉ (`low`), or i < ⌊rest / −s⌋ + 1. */
export function limitOf(
  { kind, lhs }: Condition,
  axis: string,
  taps: ReadonlyMap<string, Dim>,
  others: ReadonlySet<string>,
): { low: boolean; at: Dim } | undefined {
  const linear = linearIn(lhs, axis);
  const slope = linear && asConstant(linear.coefficient);
  if (kind !== '>=0' || !linear || slope === undefined || slope === 0) return undefined;
  let rest = linear.rest;
  for (const [name, extent] of taps) {
    const along = linearIn(rest, name);
    const step = along && asConstant(along.coefficient);
    if (!along || step === undefined) return undefined;
    rest = step < 0 ? add(along.rest, mul(step, sub(extent, 1))) : along.rest;
  }
  if ([...variables(rest)].some((name) => others.has(name))) return undefined;
  if (slope > 0) return { low: true, at: floorDiv(add(negate(rest), slope - 1), slope) };
  return { low: false, at: add(floorDiv(rest, -slope), 1) };
}
