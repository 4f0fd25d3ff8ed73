// Lays out the operand of a convolution that slides: rows of an image with their borders, in scratch memory.
import { variable, variables } from '../../../ir/dim.ts';
import type { Condition, Expr } from '../../../ir/expr.ts';
import type { Axis } from '../../../ir/nest.ts';
import { unravel } from './contraction.ts';
import type { Window } from './convolution.ts';
import { withAxis, type Environment } from './environment.ts';

import { constant, i32, type Atom } from './kernel-writer.ts';
import { overLanes } from './lanes.ts';
import type { Values } from './values.ts';
import { limitOf } from './windows.ts';

/** The axis of a window along which positions are 1 apart; the other is held at 0. */
export function atPosition(env: Environment, { own, depth, ownStep }: Window, at: Atom): Environment {
  const [moving, still] = ownStep === 1 ? [own, depth] : [depth, own];
  return withAxis(withAxis(env, still.name, i32(0)), moving.name, at);
}

/** Element `at` of axes taken as one. */
export function atElement(values: Values, axes: readonly Axis[], at: Atom, env: Environment): Environment {
  const here = withAxis(env, '%at', at);
  return unravel(axes, variable('%at')).reduce((e, [name, d]) => withAxis(e, name, values.dims.value(d, here)), env);
}

/** What to do with the element, or the four elements, at `x`. */
export type Put = (x: Atom, value: Atom) => void;

/** The rows of an image that an expression reads. */
export class ImageRows {
  private readonly inside: Expr;
  private readonly border: Atom;
  private readonly conditions: readonly Condition[];

  constructor(
    private readonly values: Values,
    expr: Expr,
  ) {
    const guard = expr.kind === 'guard' ? expr : undefined;
    this.inside = guard ? guard.then : expr;
    this.conditions = guard?.conditions ?? [];
    this.border = constant('f32', guard?.otherwise.kind === 'const' ? guard.otherwise.value : 0);
  }

  /** Puts the elements 0 ≤ x < count along `axis`: those between the borders four at a time. */
  fill(env: Environment, axis: string, count: number, put: Put): void {
    const { writer, dims } = this.values;
    const moves = ({ lhs }: Condition): boolean => variables(lhs).has(axis);
    const still = this.conditions.filter((condition) => !moves(condition));
    const limits = this.conditions.filter(moves).map((condition) => limitOf(condition, axis, new Map(), new Set()));
    const bound = (low: boolean, start: Atom): Atom =>
      limits
        .flatMap((limit) => (limit?.low === low ? [limit] : []))
        .reduce((at, limit) => dims.combine(low ? 'max' : 'min', at, dims.value(limit.at, env)), start);
    const from = dims.combine('min', bound(true, i32(0)), i32(count));
    const to = dims.combine('max', bound(false, i32(count)), from);
    const border = (first: Atom, end: Atom): void => writer.for(first, end, 1, (x) => put(x, this.border));
    const row = (): void => {
      border(i32(0), from);
      overLanes(
        this.values,
        { extent: undefined, from, to, copies: 1 },
        (x, vector) => withAxis(env, axis, x, vector),
        ([at = env]) => {
          const value = this.values.value(this.inside, at);
          put(at.axes.get(axis) ?? i32(0), at.vector === undefined ? value : this.values.widen(value));
        },
      );
      border(to, i32(count));
    };
    if (still.length === 0) row();
    else writer.if(dims.conditions(still, env), row, () => border(i32(0), i32(count)));
  }
}
