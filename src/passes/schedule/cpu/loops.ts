// The schedule for every nest that is not a matrix product: loops over the parallel axes, the first of
// them shared by threads, and four lanes along one axis: an axis of the nest, or the inner axis of its
// stages (rows).
import { add, asConstant, floorDiv, one, sameDim, variables, type Dim } from '../../../ir/dim.ts';
import { loadsIn, walkExprs, weight } from '../../../ir/expr-rewrite.ts';
import type { Expr, Index } from '../../../ir/expr.ts';
import type { KernelExpr } from '../../../ir/kernel.ts';
import type { Axis, Nest, Stage } from '../../../ir/nest.ts';
import type { StoreStage } from '../flatten.ts';
import { linearIn } from '../linear.ts';
import { blocksOf } from './blocks.ts';
import { emptyEnvironment, withAxis, type Environment } from './environment.ts';
import { i32, type Atom } from './kernel-writer.ts';
import { interiorOf, type Interior } from './interior.ts';
import { isShortRow, overLanes, overLanesToEnd } from './lanes.ts';
import { overAxes, reduceAcross } from './reductions.ts';
import { reduceAlong, rowsAtOnce, storesWithin } from './row-reductions.ts';
import type { Rest, Split } from './split-axis.ts';
import type { Values } from './values.ts';

/** Every index that a stage loads or stores at. */
function indicesOf(stage: Stage): Index[] {
  const roots = stage.kind === 'reduce' ? stage.args : [stage.value];
  const loads = loadsIn(roots).flatMap((load) => load.indices);
  return stage.kind === 'store' ? [...loads, ...stage.indices] : loads;
}

/** How well lanes along `axis` suit: contiguous is best, one element for all and every other one are good, the rest is gathered. */
export function score(indices: readonly Index[], axis: string): number {
  return indices.reduce((sum, index) => {
    if ('kind' in index) return sum - 1;
    const linear = linearIn(index, axis);
    const stride = linear && asConstant(linear.coefficient);
    return sum + (stride === 1 ? 3 : stride === 0 || stride === 2 ? 1 : -4);
  }, 0);
}

/** True when stores may meet: their elements are visited one by one, in order, on one thread. */
export const isScatter = (nest: Nest): boolean =>
  nest.stages.some(
    (stage) => stage.kind === 'store' && (stage.combine !== 'set' || stage.indices.some((index) => 'kind' in index)),
  );

const last = (axes: readonly Axis[]): Axis | undefined => axes.at(-1);

/** Whether lanes run along the last axis of the nest, or along the inner axes of its stages. */
function lanesAcross(nest: Nest): boolean {
  const outer = last(nest.axes);
  const inner = nest.stages.filter((stage) => stage.axes.length > 0);
  if (!outer) return false;
  if (inner.length === 0) return true;
  const extent = asConstant(outer.extent);
  const along = inner.reduce((sum, stage) => sum + score(indicesOf(stage), last(stage.axes)?.name ?? ''), 0);
  const across = nest.stages.reduce((sum, stage) => sum + score(indicesOf(stage), outer.name), 0);
  return (extent === undefined || extent >= 4) && across >= along;
}

// Groups of four lanes that are computed together: several where each does little work per step of a reduction, two
// where a long chain of instructions (exp and the like) would otherwise leave the processor waiting.
function copiesAcross({ stages }: Nest): number {
  const reduces = stages.some(({ kind }) => kind === 'reduce');
  if (!reduces) return stages.some(isLongChain) ? 2 : 1;
  const light = stages.every((stage) =>
    stage.kind === 'reduce' ? stage.args.every((arg) => weight(arg) <= 3) : weight(stage.value) <= 6,
  );
  return light ? 4 : 1;
}

// Random numbers are too much code to have twice.
function isLongChain(stage: Stage): boolean {
  const work = stage.kind === 'store' ? weight(stage.value) : 0;
  return work >= 12 && work < 80;
}

/** Emits the body of a kernel for `nest` and returns the extent that its threads share; `fills` is `fillsBuffer`. */
export const emitLoops = (values: Values, { nest, rest }: Split, fills: (store: StoreStage) => boolean): Dim =>
  new NestLoops(values, nest, rest, fills).emit();

class NestLoops {
  private readonly across: boolean;
  private readonly copies: number;
  private readonly scatters: boolean;

  constructor(
    private readonly values: Values,
    private readonly nest: Nest,
    private readonly rest: Rest | undefined,
    private readonly fills: (store: StoreStage) => boolean,
  ) {
    this.scatters = isScatter(nest);
    this.across = lanesAcross(nest) && !this.lanesMayMeet() && !this.hasBlocks();
    this.copies = this.across ? copiesAcross(nest) : 1;
  }

  emit(): Dim {
    const { nest, values } = this;
    const [first] = nest.axes;
    if (!first) {
      values.writer.for(values.writer.begin, values.writer.end, 1, () => this.stages([emptyEnvironment]));
      return one;
    }
    if (this.scatters) {
      values.writer.for(values.writer.begin, values.writer.end, 1, () =>
        this.axes(nest.axes, emptyEnvironment, i32(0), values.writer.dim(first.extent)),
      );
      return one;
    }
    return (
      this.wholeGroups(first) ??
      (this.axes(nest.axes, emptyEnvironment, values.writer.begin, values.writer.end), first.extent)
    );
  }

  // Words are taken apart along rows.
  private hasBlocks(): boolean {
    const { facts } = this.values.dims;
    return this.nest.stages.some((stage) => stage.kind === 'reduce' && blocksOf(stage, facts) !== undefined);
  }

  // Lanes of a scatter may only run where neighbours surely store to different elements.
  private lanesMayMeet(): boolean {
    const axis = last(this.nest.axes);
    return (
      this.scatters &&
      this.nest.stages.some((stage) => {
        if (stage.kind !== 'store') return true;
        return stage.indices.some((index) => axis === undefined || !separates(index, axis.name));
      })
    );
  }

  // One axis whose extent is a multiple of the group: threads share groups, and there is no remainder.
  private wholeGroups(axis: Axis): Dim | undefined {
    const { values, across, nest } = this;
    const size = [4 * this.copies, 4].find((group) => values.dims.isMultiple(axis.extent, group));
    if (!across || nest.axes.length > 1 || size === undefined) return undefined;
    values.writer.for(values.writer.begin, values.writer.end, 1, (group) => {
      const start = values.dims.combine('mul', group, i32(size));
      const at = (copy: number): Environment =>
        withAxis(emptyEnvironment, axis.name, values.dims.combine('add', start, i32(4 * copy)), true);
      this.stages(Array.from({ length: size / 4 }, (_, copy) => at(copy)));
    });
    return floorDiv(axis.extent, size);
  }

  private axes(axes: readonly Axis[], env: Environment, from: Atom, to: Atom): void {
    const [axis, next, ...rest] = axes;
    const { writer } = this.values;
    if (!axis) return;
    if (next) {
      return writer.for(from, to, 1, (i) =>
        this.axes([next, ...rest], withAxis(env, axis.name, i), i32(0), writer.dim(next.extent)),
      );
    }
    this.innermost(axis, env, from, to);
    if (!this.rest) return;
    const { stages } = this.rest;
    writer.for(writer.dim(this.rest.from), writer.dim(this.rest.to), 1, (i) =>
      this.stages([withAxis(env, axis.name, i)], stages),
    );
  }

  private innermost(axis: Axis, env: Environment, from: Atom, to: Atom): void {
    const { writer } = this.values;
    if (!this.across && this.sharesVector(axis.name)) return this.rows(axis, env, from, to);
    if (!this.across) return writer.for(from, to, 1, (i) => this.stages([withAxis(env, axis.name, i)]));
    const interior = this.scatters ? undefined : interiorOf(this.nest, axis.name);
    if (interior) return this.interior(interior, axis.name, env, from, to);
    const generated = this.values.dims.isMultiple(axis.extent, 4) ? undefined : this.generated(axis.name);
    if (generated) return this.lanesOf(generated, axis.name, env, from, to);
    overLanes(
      this.values,
      { extent: from.kind === 'const' ? axis.extent : undefined, from, to, copies: this.copiesAlong(axis) },
      (i, vector) => withAxis(env, axis.name, i, vector),
      (envs) => this.stages(envs),
    );
  }

  // A second group of lanes of much code is worth it where it needs no remainder.
  private copiesAlong({ extent }: Axis): number {
    return this.copies === 2 && !this.values.dims.isMultiple(extent, 8) ? 1 : this.copies;
  }

  // A matrix times a vector: rows side by side read the vector once, and several streams of the matrix at a time.
  private sharesVector(axis: string): boolean {
    const [reduce, ...rest] = this.nest.stages;
    if (reduce?.kind !== 'reduce' || reduce.monoid.name !== 'sum' || rest.some(({ axes }) => axes.length > 0))
      return false;
    const [arg] = reduce.args;
    const length = reduce.axes.length === 1 ? asConstant(reduce.axes[0]?.extent ?? one) : undefined;
    if (arg?.kind !== 'binary' || arg.op !== 'mul' || (length ?? 0) < 128) return false;
    if (weight(arg) > 2 && !blocksOf(reduce, this.values.dims.facts)) return false;
    return rest.every(({ kind }) => kind === 'store') && [arg.a, arg.b].some((side) => !mentions(side, axis));
  }

  // Some rows at a time, and what is left one by one.
  private rows({ name, extent }: Axis, env: Environment, from: Atom, to: Atom): void {
    const { writer, dims } = this.values;
    const [reduce] = this.nest.stages;
    const count = reduce?.kind === 'reduce' ? rowsAtOnce(this.values, reduce, extent) : 1;
    writer.for(from, to, count, (i) => {
      const end = dims.combine('add', i, i32(count));
      const group = Array.from({ length: count }, (_, row) => withAxis(env, name, dims.combine('add', i, i32(row))));
      writer.if(
        writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'le', a: end, b: to }),
        () => this.stages(group),
        () => writer.for(i, to, 1, (single) => this.stages([withAxis(env, name, single)])),
      );
    });
  }

  // The positions near the borders one by one, those between them in lanes.
  private interior({ lows, highs, stages }: Interior, axis: string, env: Environment, from: Atom, to: Atom): void {
    const { writer, dims } = this.values;
    const start = lows.reduce((at, low) => dims.combine('max', at, writer.dim(low)), from);
    const low = dims.combine('min', start, to);
    const end = highs.reduce((at, high) => dims.combine('min', at, writer.dim(high)), to);
    const isRepeatable = this.isRepeatable(axis);
    const least = dims.combine('add', low, i32(isRepeatable ? 4 : 0));
    const isEmpty = writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'lt', a: end, b: least });
    const high = writer.let({ kind: 'select', type: 'i32', width: 1, cond: isEmpty, then: low, otherwise: end });
    const inside = dims.combine('sub', high, low);
    writer.for(from, dims.combine('sub', to, inside), 1, (i) => {
      const before: KernelExpr = { kind: 'binary', type: 'bool', width: 1, op: 'lt', a: i, b: low };
      const then = dims.combine('add', i, inside);
      const at = writer.let({ kind: 'select', type: 'i32', width: 1, cond: before, then: i, otherwise: then });
      this.stages([withAxis(env, axis, at)]);
    });
    (isRepeatable ? overLanesToEnd : overLanes)(
      this.values,
      { extent: undefined, from: low, to: high, copies: this.copies },
      (i, vector) => withAxis(env, axis, i, vector),
      (envs) => this.stages(envs, stages),
    );
  }

  // Whether a position may be computed twice: not where it reads an element that its result may lie in the place of.
  private isRepeatable(axis: string): boolean {
    return this.nest.stages.every((stage) => stage.kind === 'reduce' || !mentions(stage.value, axis));
  }

  // One store of much work that reads nothing along the axis: lanes past the end may be computed, if not stored.
  private generated(axis: string): StoreStage | undefined {
    const [stage, ...more] = this.nest.stages;
    if (stage?.kind !== 'store' || more.length > 0 || stage.axes.length > 0 || this.scatters) return undefined;
    const moves = (index: Index): boolean => 'kind' in index || variables(index).has(axis);
    const isAlone = loadsIn([stage.value]).every((load) => !load.indices.some(moves));
    const isUnitStride = stage.indices.every((index) => !('kind' in index) && isUnit(linearIn(index, axis)));
    return isAlone && isUnitStride && weight(stage.value) >= 16 ? stage : undefined;
  }

  // Groups of four lanes; of the last group only those before the end are stored, unless there is room for all.
  private lanesOf(stage: StoreStage, axis: string, env: Environment, from: Atom, to: Atom): void {
    const { writer, dims } = this.values;
    writer.for(from, to, 4, (i) => {
      const wide = withAxis(env, axis, i, true);
      const value = this.values.widen(this.values.value(stage.value, wide));
      if (this.fills(stage)) return this.put(stage, wide, value);
      const before = (at: Atom): Atom => writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'le', a: at, b: to });
      const put = (lane: 0 | 1 | 2 | 3): void => {
        const at = dims.combine('add', i, i32(lane));
        const item = writer.let({ kind: 'lane', type: value.type, width: 1, x: value, lane });
        const store = (): void => this.put(stage, withAxis(env, axis, at), item);
        if (lane === 0) store();
        else writer.if(before(dims.combine('add', i, i32(lane + 1))), store);
      };
      writer.if(
        before(dims.combine('add', i, i32(4))),
        () => this.put(stage, wide, value),
        () => [0, 1, 2].forEach((lane) => put(lane as 0 | 1 | 2)),
      );
    });
  }

  /** All stages at one point, or at the points of several groups of lanes. */
  private stages(start: readonly Environment[], stages = this.nest.stages): void {
    let envs = [...start];
    for (let at = 0; at < stages.length;) {
      const stage = stages[at];
      if (stage?.kind === 'reduce') {
        envs = this.across ? reduceAcross(this.values, stage, envs) : reduceAlong(this.values, stage, envs);
        at++;
        continue;
      }
      const next = stages[at + 1];
      if (stage && !this.across && !this.scatters && storesWithin(stage, next)) {
        envs = reduceAlong(this.values, next, envs, stage);
        at += 2;
        continue;
      }
      const group = this.storesFrom(stages.slice(at));
      this.stores(group, envs);
      at += group.length;
    }
  }

  // Stores without loops of their own that read nothing stored before them: computed together.
  private storesFrom(stages: readonly Stage[]): StoreStage[] {
    const group: StoreStage[] = [];
    for (const stage of stages) {
      if (stage.kind !== 'store') break;
      if (group.length > 0 && (stage.axes.length > 0 || readsAny(stage, group) || this.scatters)) break;
      group.push(stage);
      if (stage.axes.length > 0) break;
    }
    return group;
  }

  private stores(group: readonly StoreStage[], envs: readonly Environment[]): void {
    const [only] = group;
    if (only && only.axes.length > 0) return this.inner(only, envs);
    const ready = group.flatMap((stage) =>
      envs.map((env) => ({ stage, env, value: this.values.value(stage.value, env) })),
    );
    const paired = new Set<(typeof ready)[number]>();
    for (const one of ready) {
      if (paired.has(one)) continue;
      const { stage, env, value } = one;
      const next = ready.find((other) => other.env === env && this.interleaves(stage, other.stage, env));
      if (next) paired.add(next);
      this.put(stage, env, value, next?.value);
    }
  }

  // Two stores to every other element, the second between those of the first.
  private interleaves(first: StoreStage, second: StoreStage, env: Environment): boolean {
    const [[a], [b]] = [first.indices, second.indices];
    if (first.buffer !== second.buffer || first.combine !== 'set' || second.combine !== 'set') return false;
    if (!a || !b || 'kind' in a || 'kind' in b || !sameDim(b, add(a, 1))) return false;
    return this.values.strideAlong(a, env) === 2;
  }

  private inner(stage: StoreStage, envs: readonly Environment[]): void {
    const put = (at: readonly Environment[]): void => {
      const ready = at.map((env) => ({ env, value: this.values.value(stage.value, env) }));
      for (const { env, value } of ready) this.put(stage, env, value);
    };
    const short = last(stage.axes);
    const plain = this.across || this.scatters || (short !== undefined && isShortRow(short.extent, [stage.value]));
    if (plain) return overAxes(this.values, stage.axes, envs, put);
    const [env] = envs;
    const inner = last(stage.axes);
    if (!env || !inner) return;
    overAxes(this.values, stage.axes.slice(0, -1), [env], ([moved = env]) =>
      overLanes(
        this.values,
        {
          extent: inner.extent,
          from: i32(0),
          to: this.values.writer.dim(inner.extent),
          copies: isLongChain(stage) && this.values.dims.isMultiple(inner.extent, 8) ? 2 : 1,
        },
        (i, vector) => withAxis(moved, inner.name, i, vector),
        put,
      ),
    );
  }

  private put(stage: StoreStage, env: Environment, value: Atom, between?: Atom): void {
    const [index] = stage.indices;
    if (index === undefined) throw new RangeError('a flat store has one index');
    if (between) return this.values.storeInterleaved(stage.buffer, index, [value, between], env);
    if (stage.combine === 'set') return this.values.store(stage.buffer, index, value, env);
    const dtype = this.values.writer.typeOf(stage.buffer);
    const before = this.values.value({ kind: 'load', dtype, buffer: stage.buffer, indices: [index] }, env);
    const [a, b] = this.values.align([before, value]);
    const result = this.values.writer.load(
      { kind: 'binary', type: dtype, width: a.width, op: stage.combine, a, b },
      false,
    );
    this.values.store(stage.buffer, index, result, env);
  }
}

// Whether what is loaded depends on the axis.
const mentions = (e: Expr, axis: string): boolean =>
  loadsIn([e]).some((load) => load.indices.some((index) => 'kind' in index || variables(index).has(axis)));

const readsAny = (stage: StoreStage, stored: readonly StoreStage[]): boolean =>
  loadsIn([stage.value]).some((load) => stored.some(({ buffer }) => buffer === load.buffer));

/** True when neighbours along `axis` store to neighbouring elements, whatever was loaded. */
function separates(index: Index, axis: string): boolean {
  if (!('kind' in index)) return isUnit(linearIn(index, axis));
  let moving = 0;
  walkExprs([index.expr], (e) => {
    if (e.kind === 'load' && e.indices.some((i) => 'kind' in i || !isStill(linearIn(i, axis)))) moving = Number.NaN;
    if (e.kind !== 'index' || isStill(linearIn(e.dim, axis))) return;
    moving = isUnit(linearIn(e.dim, axis)) ? moving + 1 : Number.NaN;
  });
  return moving === 1 && isSum(index.expr, axis);
}

const isUnit = (linear: ReturnType<typeof linearIn>): boolean =>
  linear !== undefined && asConstant(linear.coefficient) === 1;
const isStill = (linear: ReturnType<typeof linearIn>): boolean =>
  linear !== undefined && asConstant(linear.coefficient) === 0;

// The summand that moves along the axis is reached through additions only.
function isSum(e: Parameters<typeof walkExprs>[0] extends Iterable<infer E> ? E : never, axis: string): boolean {
  if (e.kind === 'index') return isUnit(linearIn(e.dim, axis));
  return e.kind === 'binary' && e.op === 'add' && (isSum(e.a, axis) || isSum(e.b, axis));
}
