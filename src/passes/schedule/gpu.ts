// Nest → WGSL-shaped kernels. Chooses a schedule by the nest's form and the sizes of its dims:
// threads or workgroups per point, register-tiled products, two-stage reductions, ordered scatters.
import { asConstant } from '../../ir/dim.ts';
import { Facts } from '../../ir/dim-solver.ts';
import type { Nest, NestFunction } from '../../ir/nest.ts';
import { opaqueSchedule } from './order/schedules.ts';
import { joined, type Scheduled, type ScheduleNest } from './schedule.ts';
import { asAttention, scheduleAttention } from './gpu/attention.ts';
import { asContraction, type Contraction } from './gpu/contraction.ts';
import { flattenNest, type ReduceStage } from './flatten.ts';
import { estimate } from './linear.ts';
import { mostFewRows, scheduleAnyRows, scheduleFewRows } from './gpu/few-rows.ts';
import { isCoalesced, points } from './gpu/loops.ts';
import { scheduleProduct, type Tiles } from './gpu/matmul.ts';
import { hasPlainColumns, schedulePerColumn } from './gpu/per-column.ts';
import { schedulePerThread } from './gpu/per-thread.ts';
import { schedulePerWorkgroup } from './gpu/per-workgroup.ts';
import { isScatter, scheduleScatter } from './gpu/scatter.ts';
import { scheduleSegments } from './gpu/segments.ts';
import { spill, spillUpdates } from './gpu/spill.ts';
import { splitReduction } from './gpu/split.ts';
import { Surroundings, type Written } from './gpu/writer.ts';
import { loadsIn } from '../../ir/expr-rewrite.ts';

export { maxStorageBindings } from './gpu/writer.ts';
export type { Tiles } from './gpu/matmul.ts';

/** What a device wants of the schedule; the same nest and options give the same kernels. */
export interface GpuOptions {
  /** Tiles of large and of small products. */
  readonly largeTiles: Tiles;
  readonly smallTiles: Tiles;
  /** Parts of a two-stage reduction. */
  readonly parts: number;
  /** Elements of a matrix that takes longer to read than a kernel to start: products with it look out for few rows. */
  readonly largeMatrix: number;
}

/** For devices with fast workgroup memory. */
export const gpuOptions: GpuOptions = {
  largeTiles: { rows: 64, columns: 64, depth: 16, threadRows: 8, threadColumns: 8, direct: false },
  smallTiles: { rows: 32, columns: 32, depth: 16, threadRows: 4, threadColumns: 4, direct: false },
  parts: 64,
  largeMatrix: 2 ** 20,
};

/** For software adapters (`isFallbackAdapter`): registers straight from storage. */
export const fallbackGpuOptions: GpuOptions = {
  largeTiles: { rows: 0, columns: 0, depth: 4, threadRows: 8, threadColumns: 8, direct: true },
  smallTiles: { rows: 0, columns: 0, depth: 4, threadRows: 4, threadColumns: 4, direct: true },
  parts: 64,
  largeMatrix: 2 ** 20,
};

const scheduledOf = (written: readonly Written[], buffers: Scheduled['buffers'] = []): Scheduled => ({
  kernels: written.map(({ kernel }) => kernel),
  steps: written.map(({ step }) => step),
  buffers,
});

function tilesFor(c: Contraction, facts: Facts, options: GpuOptions): Tiles | undefined {
  const [m, n, k] = [estimate(points(c.m), facts), estimate(points(c.n), facts), estimate(points(c.k), facts)];
  if (m < 8 || n < 8 || k < 8) return undefined;
  return m >= 256 && n >= 256 ? options.largeTiles : options.smallTiles;
}

// A few rows times a matrix: what takes time is reading the matrix.
function fewRowsOf(c: Contraction, surroundings: Surroundings): Written | undefined {
  const [m, n, k] = [c.m, c.n, c.k].map((axes) => estimate(points(axes), surroundings.facts));
  const isLarge = Math.max(m ?? 1, n ?? 1) >= 32 && (k ?? 1) >= 256;
  return isLarge && Math.min(m ?? 1, n ?? 1) <= mostFewRows ? scheduleFewRows(c, surroundings) : undefined;
}

// Rows counted at run time times a large matrix: one text and one token, or one image, run alike.
function mayHaveFewRows({ m, n, k, batch }: Contraction, { direct }: Tiles, largeMatrix: number): boolean {
  const size = asConstant(points([...n, ...k])) ?? 0;
  return !direct && batch.length === 0 && asConstant(points(m)) === undefined && size >= largeMatrix;
}

const isReduce = (stage: Nest['stages'][number]): stage is ReduceStage => stage.kind === 'reduce';

// Neighbouring threads would read neighbouring elements, and none of them along the reduced axis.
function readsAcross(nest: Nest): boolean {
  const last = nest.axes.at(-1)?.name;
  if (last === undefined) return false;
  const indices = nest.stages
    .filter(isReduce)
    .flatMap((stage) => loadsIn(stage.args))
    .flatMap((load) => load.indices);
  return indices.every((index) => !('kind' in index) && isCoalesced(index, last)) && indices.length > 0;
}

function scheduleFlat(nest: Nest, surroundings: Surroundings, options: GpuOptions): Scheduled {
  const { facts } = surroundings;
  const reduces = nest.stages.filter(isReduce);
  const outer = estimate(points(nest.axes), facts);
  const inner = Math.max(1, ...nest.stages.map((stage) => estimate(points(stage.axes), facts)));
  if (inner === 1) return scheduledOf([schedulePerThread(nest, surroundings)]);
  const attention = asAttention(nest, surroundings);
  if (attention) return scheduledOf([scheduleAttention(attention, surroundings)]);
  const contraction = asContraction(nest);
  const tiles = contraction && tilesFor(contraction, facts, options);
  const rows = contraction && fewRowsOf(contraction, surroundings);
  if (rows) return scheduledOf([rows]);
  const split = splitOf(nest, reduces, surroundings, options, tiles);
  if (split) return split;
  if (contraction && tiles) {
    const any = mayHaveFewRows(contraction, tiles, options.largeMatrix)
      ? scheduleAnyRows(contraction, surroundings, tiles)
      : undefined;
    return scheduledOf([any ?? scheduleProduct(contraction, surroundings, tiles)]);
  }
  const hasLoopedStores = nest.stages.some((stage) => stage.kind === 'store' && stage.axes.length > 0);
  const few = outer >= 16 && outer <= 2 ** 15 && inner >= 1024;
  if (few && hasPlainColumns(nest) && readsAcross(nest)) return scheduledOf([schedulePerColumn(nest, surroundings)]);
  // A convolution of few channels: neighbouring threads read neighbouring places, wherever the window is.
  const hasWindow = contraction !== undefined && contraction.k.length > 1;
  const serial =
    inner <= 16 ||
    (hasWindow && outer >= 4096) ||
    (!hasLoopedStores && outer >= 128 && readsAcross(nest)) ||
    (!hasLoopedStores && outer >= 4096 && inner <= 256);
  return scheduledOf([serial ? schedulePerThread(nest, surroundings) : schedulePerWorkgroup(nest, surroundings)]);
}

// Few results of long reductions (long rows, or long columns): parts side by side first.
function splitOf(
  nest: Nest,
  reduces: readonly ReduceStage[],
  surroundings: Surroundings,
  options: GpuOptions,
  tiles: Tiles | undefined,
): Scheduled | undefined {
  const [stage] = reduces;
  if (!stage || reduces.length !== 1) return undefined;
  const { facts } = surroundings;
  const outer = estimate(points(nest.axes), facts);
  const inner = estimate(points(stage.axes), facts);
  const few = outer <= 16 || (outer <= 4096 && readsAcross(nest));
  const parts = tiles ? productParts(outer, points(stage.axes), stage) : few && inner >= 16_384 ? options.parts : 0;
  const split = parts > 1 ? splitReduction(nest, stage, parts) : undefined;
  if (!split) return undefined;
  const within = surroundings.with(split.buffers);
  return joined(
    [scheduleFlat(split.first, within, options), scheduleFlat(split.second, within, options)],
    split.buffers,
  );
}

// A product whose result fills few workgroups while k is long is cut along k, where parts come out even.
function productParts(outer: number, depth: ReturnType<typeof points>, stage: ReduceStage): number {
  const length = asConstant(depth);
  if (length === undefined || stage.axes.length !== 1 || outer > 16_384 || length < 2048) return 0;
  return [16, 8, 4, 2].find((parts) => length % (parts * 16) === 0 && length / parts >= 256) ?? 0;
}

/** A scheduler for devices of one kind. */
export const gpuScheduler =
  (options: GpuOptions): ScheduleNest =>
  (nest, scope) => {
    if (nest.kind === 'opaque') return opaqueSchedule(nest, 'gpu')(nest, scope);
    const surroundings = new Surroundings(scope, factsOf(scope));
    const cut = spillUpdates(nest, surroundings);
    if (cut && nest.stages.some(isScatter)) {
      const within = { ...scope, buffers: [...scope.buffers, ...cut.buffers] };
      return joined(
        cut.nests.map((part) => gpuScheduler(options)(part, within)),
        cut.buffers,
      );
    }
    if (nest.stages.some(isScatter))
      return scheduleSegments(nest, surroundings) ?? scheduledOf([scheduleScatter(nest, surroundings)]);
    const { nests, buffers } = spill(flattenNest(nest, scope), surroundings);
    const within = surroundings.with(buffers);
    return joined(
      nests.map((part) => scheduleFlat(part, within, options)),
      buffers,
    );
  };

const known = new WeakMap<NestFunction['dims'], Facts>();
function factsOf({ dims, facts }: NestFunction): Facts {
  const before = known.get(dims);
  if (before?.facts === facts) return before;
  const made = new Facts(dims, facts);
  known.set(dims, made);
  return made;
}

/** Schedules one nest for WebGPU. */
export const scheduleForGpu: ScheduleNest = gpuScheduler(gpuOptions);
