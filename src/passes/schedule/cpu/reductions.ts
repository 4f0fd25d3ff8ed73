// Reduce stages, one point of the reduced axes at a time: along a vectorised output axis every lane has its own
// accumulator. Float sums are cut in chunks whose totals are added up. All trees depend on the dims alone.
import { asConstant, product } from '../../../ir/dim.ts';
import type { Expr } from '../../../ir/expr.ts';
import { weight } from '../../../ir/expr-rewrite.ts';
import type { Axis } from '../../../ir/nest.ts';
import type { ReduceStage } from '../flatten.ts';
import { withAxis, withReduced, type Environment } from './environment.ts';
import { i32, type Atom } from './kernel-writer.ts';
import { accumulate, identities } from './monoids.ts';
import type { Values } from './values.ts';
import { isWindow, overTaps } from './windows.ts';

const scalarChunk = 1024;

/** True when the sum should be cut in chunks of `size`: float sums that may be longer. */
export function isChunked(stage: ReduceStage, axis: Axis, size: number): boolean {
  const extent = asConstant(axis.extent);
  return stage.monoid.name === 'sum' && stage.dtypes[0] === 'f32' && (extent === undefined || extent > size);
}

/** Nested loops over `axes`; `body` sees all environments moved along. */
export function overAxes(
  values: Values,
  axes: readonly Axis[],
  envs: readonly Environment[],
  body: (envs: readonly Environment[]) => void,
): void {
  const [axis, ...rest] = axes;
  if (!axis) return body(envs);
  values.writer.for(i32(0), values.writer.dim(axis.extent), 1, (i) =>
    overAxes(
      values,
      rest,
      envs.map((env) => withAxis(env, axis.name, i)),
      body,
    ),
  );
}

/** Whether the stage takes so few steps, so light, that they may follow one another without a loop. */
function isShort({ axes, args }: ReduceStage): boolean {
  const steps = asConstant(product(axes.map(({ extent }) => extent)));
  return steps !== undefined && steps <= 9 && args.every((arg) => weight(arg) <= 4);
}

/** from ≤ chunk < to in steps of `size`: body gets [chunk, min(chunk + size, to)). */
export function overChunks(values: Values, to: Atom, size: number, body: (from: Atom, to: Atom) => void): void {
  values.writer.for(i32(0), to, size, (from) =>
    body(from, values.dims.combine('min', values.dims.combine('add', from, i32(size)), to)),
  );
}

/** Reduces for each environment with one accumulator (of its width) per part; returns environments that know the result. */
export function reduceAcross(values: Values, stage: ReduceStage, envs: readonly Environment[]): Environment[] {
  const { writer } = values;
  const width = envs.some((env) => env.vector !== undefined) ? 4 : 1;
  const start = (): Atom[][] =>
    envs.map(() => identities(stage.monoid, stage.dtypes, width).map((atom) => writer.variable(atom)));
  const totals = start();
  const outer = stage.axes.slice(0, -1);
  const inner = stage.axes.at(-1);
  const take = (into: readonly Atom[][], at: readonly Environment[], args = stage.args): void => {
    const parts = at.map((env) => args.map((arg) => widened(values, arg, env, width)));
    parts.forEach((part, copy) => accumulate(writer, stage.monoid, into[copy] ?? [], part));
  };
  if (isWindow(stage) || (width === 4 && isShort(stage)))
    overTaps(values, stage, envs, (args, moved) => take(totals, moved, args));
  else
    overAxes(values, outer, envs, (moved) => {
      if (!inner) return take(totals, moved);
      const along = (into: readonly Atom[][], from: Atom, to: Atom): void =>
        writer.for(from, to, 1, (i) =>
          take(
            into,
            moved.map((env) => withAxis(env, inner.name, i)),
          ),
        );
      const extent = writer.dim(inner.extent);
      if (!isChunked(stage, inner, scalarChunk)) return along(totals, i32(0), extent);
      overChunks(values, extent, scalarChunk, (from, to) => {
        const partial = start();
        along(partial, from, to);
        partial.forEach((part, copy) => accumulate(writer, stage.monoid, totals[copy] ?? [], part));
      });
    });
  return envs.map((env, copy) => withReduced(env, stage.id, totals[copy] ?? []));
}

/** The value of `e`, as wide as accumulators. */
export function widened(values: Values, e: Expr, env: Environment, width: 1 | 4): Atom {
  const atom = values.value(e, env);
  return width === 4 ? values.widen(atom) : atom;
}
