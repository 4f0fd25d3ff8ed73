// Reduce stages along rows: the innermost reduced axis is taken four lanes at a time, with several accumulators where
// each step is little work. Elements of the row that a store is to keep can be computed in the same loop.
import { asConstant, zero, type Dim } from '../../../ir/dim.ts';
import type { Expr } from '../../../ir/expr.ts';
import { loadsIn, weight, type Load } from '../../../ir/expr-rewrite.ts';
import type { Axis, Stage } from '../../../ir/nest.ts';
import type { ReduceStage, StoreStage } from '../flatten.ts';
import { blockName, blocksOf, laneName, type Blocks } from './blocks.ts';
import { withAxis, withReduced, type Environment } from './environment.ts';
import { constant, i32, type Atom } from './kernel-writer.ts';
import { isShortRow } from './lanes.ts';
import { combined, identities, joinLanes } from './monoids.ts';
import { isChunked, overAxes, overChunks, reduceAcross, widened } from './reductions.ts';
import type { Values } from './values.ts';
import { isWindow } from './windows.ts';

const chunk = 4096;

/** Whether {@link reduceAlong} takes the innermost reduced axis in lanes. */
const alongLanes = (stage: ReduceStage): boolean => {
  const inner = stage.axes.at(-1);
  return inner !== undefined && stage.monoid.arity === 1 && !isWindow(stage) && !isShortRow(inner.extent, stage.args);
};

/**
 * How many rows of a matrix {@link reduceAlong} should take side by side, of `extent` rows: eight streams are read faster
 * than four. Words that are taken apart need more registers for each.
 */
export function rowsAtOnce({ dims }: Values, stage: ReduceStage, extent: Dim): number {
  const isMany = dims.isMultiple(extent, 8) || (asConstant(extent) ?? 0) >= 32;
  return isMany && !blocksOf(stage, dims.facts) ? 8 : 4;
}

/** Whether the elements that `store` computes can be stored in the loop of `stage`, which comes next and reads them. */
export function storesWithin(store: StoreStage, stage: Stage | undefined): stage is ReduceStage {
  if (stage?.kind !== 'reduce' || !alongLanes(stage)) return false;
  const [axis, ...more] = store.axes;
  const [own, ...others] = stage.axes;
  return (
    axis !== undefined &&
    own?.name === axis.name &&
    more.length + others.length === 0 &&
    !isShortRow(axis.extent, [store.value]) &&
    store.combine === 'set' &&
    loadsIn(stage.args).some((load) => isLoadOf(store, load))
  );
}

const isLoadOf = ({ buffer, indices }: StoreStage, load: Load): boolean =>
  load.buffer === buffer && load.indices[0] === indices[0];

/**
 * Reduces at each point, four elements of the innermost reduced axis at a time, all points in one loop. `kept` are
 * elements that the loop computes and stores before it takes them in.
 */
export function reduceAlong(
  values: Values,
  stage: ReduceStage,
  envs: readonly Environment[],
  kept?: StoreStage,
): Environment[] {
  const inner = stage.axes.at(-1);
  if (!inner || !alongLanes(stage)) return reduceAcross(values, stage, envs);
  const { writer, dims } = values;
  const blocks = kept ? undefined : blocksOf(stage, dims.facts);
  if (blocks) return reduceBlocks(values, stage, envs, blocks);
  const [zero4, zero1] = [4, 1].map((width) => identities(stage.monoid, stage.dtypes, width === 4 ? 4 : 1)[0]);
  if (!zero4 || !zero1) throw new RangeError('a reduction without parts');
  const hasRest = !dims.isMultiple(inner.extent, 4);
  const totals = envs.map((): Total => ({
    lanes: writer.variable(zero4),
    rest: hasRest ? writer.variable(zero1) : undefined,
  }));
  overAxes(values, stage.axes.slice(0, -1), envs, (moved) => {
    const extent = writer.dim(inner.extent);
    const run = (from: Atom, to: Atom): void =>
      alongVector({ values, stage, kept, inner, envs: moved, zero4, totals }, from, to);
    if (isChunked(stage, inner, chunk)) overChunks(values, extent, chunk, run);
    else run(i32(0), extent);
  });
  return envs.map((env, at) => {
    const { lanes = zero4, rest } = totals[at] ?? {};
    const joined = joinLanes(writer, stage.monoid, lanes);
    const result = rest ? writer.load(combined(stage.monoid, joined, rest), false) : joined;
    return withReduced(env, stage.id, [result]);
  });
}

// Block by block: the elements of a block are added up before they are multiplied by what they share.
function reduceBlocks(
  values: Values,
  stage: ReduceStage,
  envs: readonly Environment[],
  { count, fours, shared }: Blocks,
): Environment[] {
  const { writer } = values;
  const zero4 = constant('f32', 0, 4);
  const totals = envs.map(() => writer.variable(zero4));
  const multiply = (a: Atom, factor: Expr, env: Environment): Atom => {
    const b = values.widen(values.value(factor, env));
    return writer.let({ kind: 'binary', type: 'f32', width: 4, op: 'mul', a, b });
  };
  overAxes(values, stage.axes.slice(0, -1), envs, (moved) => {
    const run = (from: Atom, to: Atom, into: readonly Atom[]): void =>
      writer.for(from, to, 1, (block) => {
        const places = moved.map((env) => withAxis(withAxis(env, blockName, block), laneName, i32(0), true));
        const sums = places.map((): Atom | undefined => undefined);
        for (const four of fours)
          places.forEach((place, at) => {
            sums[at] = addProduct(values, four, place, sums[at]);
          });
        places.forEach((place, at) => {
          const total = into[at];
          const sum = shared.reduce((x, factor) => multiply(x, factor, place), sums[at] ?? zero4);
          if (total) writer.assign(total, combined(stage.monoid, total, sum));
        });
      });
    const extent = writer.dim(count);
    const known = asConstant(count);
    if (known !== undefined && known <= chunk / 4) return run(i32(0), extent, totals);
    overChunks(values, extent, chunk / 4, (from, to) => {
      const partial = totals.map(() => writer.variable(zero4));
      run(from, to, partial);
      totals.forEach((total, at) => writer.assign(total, combined(stage.monoid, total, partial[at] ?? zero4)));
    });
  });
  return envs.map((env, at) => withReduced(env, stage.id, [joinLanes(writer, stage.monoid, totals[at] ?? zero4)]));
}

// sum + e, as one instruction where the engine has it.
function addProduct(values: Values, e: Expr, env: Environment, sum: Atom | undefined): Atom {
  const { writer } = values;
  const wide = (x: Expr): Atom => values.widen(values.value(x, env));
  if (!sum) return wide(e);
  if (e.kind === 'binary' && e.op === 'mul')
    return writer.let({ kind: 'madd', type: 'f32', width: 4, a: wide(e.a), b: wide(e.b), c: sum });
  return writer.let({ kind: 'binary', type: 'f32', width: 4, op: 'add', a: sum, b: wide(e) });
}

/** Accumulators of one point: of whole groups of lanes, and of the elements left over, where there may be some. */
interface Total {
  readonly lanes: Atom;
  readonly rest: Atom | undefined;
}

interface Run {
  readonly values: Values;
  readonly stage: ReduceStage;
  readonly kept: StoreStage | undefined;
  readonly inner: Axis;
  readonly envs: readonly Environment[];
  readonly zero4: Atom;
  readonly totals: readonly Total[];
}

// How many groups of lanes of a point are taken together, and whether into accumulators of their own. What is much
// work keeps the processor busy with one: then V8 orders the instructions of all groups side by side.
function unrolledBy({ values, stage, kept, inner, envs }: Run): { groups: number; apart: boolean } {
  const extent = asConstant(inner.extent);
  if (envs.length >= 8 || (extent !== undefined && extent < 32)) return { groups: 1, apart: false };
  if (kept && weight(kept.value) > 8) return { groups: values.dims.isMultiple(inner.extent, 8) ? 2 : 1, apart: false };
  return { groups: envs.length > 1 || stage.args.some((e) => weight(e) > 8) ? 2 : 4, apart: true };
}

// [from, to): some groups of four at a time, then four, then one.
function alongVector(run: Run, from: Atom, to: Atom): void {
  const { values, inner, envs, totals } = run;
  const { writer, dims } = values;
  const extent = asConstant(inner.extent);
  const whole = (step: number): Atom =>
    dims.combine('add', from, dims.combine('and', dims.combine('sub', to, from), i32(-step)));
  const add = (into: Atom | undefined, x: Atom): void => {
    if (into) writer.assign(into, combined(run.stage.monoid, into, x));
  };
  const take = (steps: readonly Atom[], vector: boolean, into: readonly (readonly (Atom | undefined)[])[]): void => {
    const points = envs.map((env) => steps.map((step) => withAxis(env, inner.name, step, vector)));
    const parts = argsAt(run, points.flat());
    parts.forEach((part, at) => {
      const row = into[Math.floor(at / steps.length)] ?? [];
      add(row[at % row.length], part);
    });
  };
  const { groups, apart } = unrolledBy(run);
  const lanes = totals.map((total) => [total.lanes]);
  let at = from;
  if (groups > 1) {
    const end = whole(4 * groups);
    const partial = apart ? envs.map(() => Array.from({ length: groups }, () => writer.variable(run.zero4))) : lanes;
    writer.for(at, end, 4 * groups, (i) =>
      take(
        Array.from({ length: groups }, (_, u) => dims.combine('add', i, i32(4 * u))),
        true,
        partial,
      ),
    );
    if (apart) partial.forEach((row, r) => row.forEach((part) => add(totals[r]?.lanes, part)));
    at = end;
  }
  const end4 = whole(4);
  const hasFours = (extent === undefined || extent >= 4) && !(groups > 1 && dims.isMultiple(inner.extent, 4 * groups));
  if (hasFours) writer.for(at, end4, 4, (i) => take([i], true, lanes));
  if (totals.some(({ rest }) => rest))
    writer.for(extent !== undefined && extent < 4 ? from : end4, to, 1, (i) =>
      take(
        [i],
        false,
        totals.map(({ rest }) => [rest]),
      ),
    );
}

// What the reduction takes in at each of `points`; elements that are to be kept are all computed before the first is stored.
function argsAt({ values, stage, kept }: Run, points: readonly Environment[]): Atom[] {
  const { writer } = values;
  const [arg] = stage.args;
  if (!arg) throw new RangeError('a reduction without parts');
  const ready = kept ? points.map((point) => values.value(kept.value, point)) : [];
  const loads = kept ? loadsIn([arg]).filter((load) => isLoadOf(kept, load)) : [];
  points.forEach((point, at) => {
    const value = ready[at];
    if (!kept || !value) return;
    values.store(kept.buffer, kept.indices[0] ?? zero, value, point);
    for (const load of loads) writer.remember(point, load, value);
  });
  return points.map((point) => widened(values, arg, point, point.vector === undefined ? 1 : 4));
}
