// The part of an axis on which no border is near: there the conditions that vary along it hold for every tap of
// every window, and are dropped.
import { variables, zero, type Dim } from '../../../ir/dim.ts';
import type { Expr } from '../../../ir/expr.ts';
import { walkExprs } from '../../../ir/expr-rewrite.ts';
import type { Nest, Stage } from '../../../ir/nest.ts';
import { mapStage } from '../flatten.ts';
import { isWindow, limitOf } from './windows.ts';

type Guard = Extract<Expr, { kind: 'guard' }>;

/** Positions low ≤ i < high along the axis, as the largest of `lows` and the least of `highs`; the stages for them. */
export interface Interior {
  readonly lows: readonly Dim[];
  readonly highs: readonly Dim[];
  readonly stages: readonly Stage[];
}

/** The interior of `nest` along `axis`, where its windows have borders along it and one is known. */
export function interiorOf(nest: Nest, axis: string): Interior | undefined {
  const windows = nest.stages.filter((stage) => stage.kind === 'reduce');
  if (windows.length === 0 || !windows.every(isWindow)) return undefined;
  const guards = guardsOf(nest.stages);
  const bounds = guards.flatMap(({ conditions }) => conditions.filter(({ lhs }) => variables(lhs).has(axis)));
  if (bounds.length === 0) return undefined;
  const taps = new Map(windows.flatMap((stage) => stage.axes.map(({ name, extent }) => [name, extent] as const)));
  const others = new Set(nest.axes.map(({ name }) => name));
  const [lows, highs]: [Dim[], Dim[]] = [[zero], []];
  for (const bound of bounds) {
    const limit = limitOf(bound, axis, taps, others);
    if (!limit) return undefined;
    (limit.low ? lows : highs).push(limit.at);
  }
  const open = new Map(guards.map((guard): [Expr, Expr] => [guard, without(guard, axis)]));
  return { lows, highs, stages: nest.stages.map((stage) => mapStage(stage, { nodes: open })) };
}

// Guards that are not inside of one another.
function guardsOf(stages: readonly Stage[]): Guard[] {
  const guards: Guard[] = [];
  walkExprs(
    stages.flatMap((stage) => (stage.kind === 'reduce' ? stage.args : [stage.value])),
    (e) => {
      if (e.kind === 'guard') guards.push(e);
    },
  );
  return guards;
}

function without(guard: Guard, axis: string): Expr {
  const conditions = guard.conditions.filter(({ lhs }) => !variables(lhs).has(axis));
  return conditions.length === 0 ? guard.then : { ...guard, conditions };
}
