// Reduce stages. Along a vectorised output axis every lane has its own accumulator; otherwise the
// innermost reduced axis is taken four lanes at a time with four accumulators. Float sums are cut in
// chunks whose totals are added up. All trees depend on the dims alone.
import { asConstant, product } from '../../../ir/dim.ts';
import type { Expr } from '../../../ir/expr.ts';
import { weight } from '../../../ir/expr-rewrite.ts';
import type { Axis, Stage } from '../../../ir/nest.ts';
import { withAxis, withReduced, type Environment } from './environment.ts';
import { isShortRow } from './lanes.ts';
import { i32, type Atom } from './kernel-writer.ts';
import { accumulate, combined, identities, joinLanes } from './monoids.ts';
import type { Values } from './values.ts';
import { isWindow, overTaps } from './windows.ts';

/** A reduce stage. */
export type ReduceStage = Extract<Stage, { kind: 'reduce' }>;

const scalarChunk = 1024;
const vectorChunk = 4096;

/** True when the sum should be cut in chunks of `size`: float sums that may be longer. */
function isChunked(stage: ReduceStage, axis: Axis, size: number): boolean {
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
function overChunks(values: Values, to: Atom, size: number, body: (from: Atom, to: Atom) => void): void {
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

function widened(values: Values, e: Expr, env: Environment, width: 1 | 4): Atom {
  const atom = values.value(e, env);
  return width === 4 ? values.widen(atom) : atom;
}

/** Reduces at each point, four elements of the innermost reduced axis at a time, all points in one loop. */
export function reduceAlong(values: Values, stage: ReduceStage, envs: readonly Environment[]): Environment[] {
  const inner = stage.axes.at(-1);
  if (!inner || stage.monoid.arity === 2 || isWindow(stage) || isShortRow(inner.extent, stage.args))
    return reduceAcross(values, stage, envs);
  const { writer } = values;
  const [zero4, zero1] = [4, 1].map((width) => identities(stage.monoid, stage.dtypes, width === 4 ? 4 : 1)[0]);
  if (!zero4 || !zero1) throw new RangeError('a reduction without parts');
  const totals = envs.map((): Total => ({ lanes: writer.variable(zero4), rest: writer.variable(zero1) }));
  overAxes(values, stage.axes.slice(0, -1), envs, (moved) => {
    const extent = writer.dim(inner.extent);
    const run = (from: Atom, to: Atom): void =>
      alongVector({ values, stage, inner, envs: moved, zero4, totals }, from, to);
    if (isChunked(stage, inner, vectorChunk)) overChunks(values, extent, vectorChunk, run);
    else run(i32(0), extent);
  });
  return envs.map((env, at) => {
    const { lanes, rest } = totals[at] ?? { lanes: zero4, rest: zero1 };
    const result = combined(stage.monoid, joinLanes(writer, stage.monoid, lanes), rest);
    return withReduced(env, stage.id, [writer.load(result, false)]);
  });
}

/** Accumulators of one point: of whole groups of lanes, and of the elements left over. */
interface Total {
  readonly lanes: Atom;
  readonly rest: Atom;
}

interface Run {
  readonly values: Values;
  readonly stage: ReduceStage;
  readonly inner: Axis;
  readonly envs: readonly Environment[];
  readonly zero4: Atom;
  readonly totals: readonly Total[];
}

// [from, to): sixteen at a time in four accumulators (of several points together: eight in two), then four, then one.
function alongVector(run: Run, from: Atom, to: Atom): void {
  const { values, stage, inner, envs, totals } = run;
  const { writer, dims } = values;
  const extent = asConstant(inner.extent);
  const arg = (env: Environment, i: Atom, vector: boolean): Atom => {
    const [first] = stage.args;
    if (!first) throw new RangeError('a reduction without parts');
    return widened(values, first, withAxis(env, inner.name, i, vector), vector ? 4 : 1);
  };
  const whole = (step: number): Atom =>
    dims.combine('add', from, dims.combine('and', dims.combine('sub', to, from), i32(-step)));
  const add = (into: Atom, x: Atom): void => writer.assign(into, combined(stage.monoid, into, x));
  const each = (i: Atom, vector: boolean): void =>
    envs.forEach((env, at) => {
      const total = totals[at];
      if (total) add(vector ? total.lanes : total.rest, arg(env, i, vector));
    });
  let at = from;
  if (extent === undefined || extent >= 32) {
    const unroll = envs.length > 1 || stage.args.some((e) => weight(e) > 8) ? 2 : 4;
    const end = whole(4 * unroll);
    const partial = envs.map(() => Array.from({ length: unroll }, () => writer.variable(run.zero4)));
    writer.for(at, end, 4 * unroll, (i) => {
      const steps = Array.from({ length: unroll }, (_, u) => dims.combine('add', i, i32(4 * u)));
      const parts = envs.map((env) => steps.map((step) => arg(env, step, true)));
      parts.forEach((row, r) => row.forEach((part, u) => add(partial[r]?.[u] ?? run.zero4, part)));
    });
    partial.forEach((row, r) => row.forEach((part) => add(totals[r]?.lanes ?? run.zero4, part)));
    at = end;
  }
  const end4 = whole(4);
  if (extent === undefined || extent >= 4) writer.for(at, end4, 4, (i) => each(i, true));
  if (extent === undefined || extent % 4 !== 0)
    writer.for(extent !== undefined && extent < 4 ? from : end4, to, 1, (i) => each(i, false));
}
