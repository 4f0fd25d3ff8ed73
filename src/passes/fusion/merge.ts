// Vertical merges: a consumer that reads a producer's result at its own position joins its nest.
// Epilogues join contractions, maps join maps (several outputs), and chains of reductions along one
// axis with broadcast back become row kernels (softmax, layer norm and their gradients).
import { asConstant, variable, zero, type Dim } from '../../ir/dim.ts';
import type { Facts } from '../../ir/dim-solver.ts';
import type { Expr, Index } from '../../ir/expr.ts';
import { loadsIn, NotAffine, Rewriter, type Load } from '../../ir/expr-rewrite.ts';
import type { Axis, Nest, Stage } from '../../ir/nest.ts';
import { memoize } from '../../support/memoize.ts';
import {
  bindingCount,
  knowLoads,
  loadsOf,
  loadsOfStage,
  plainAxes,
  storesOf,
  type Item,
  type NestGraph,
} from './nest-graph.ts';

/** WebGPU guarantees this many storage buffers per shader stage. */
export const maxBindings = 8;

const reductionsOf = (nest: Nest): readonly Stage[] => nest.stages.filter((stage) => stage.kind === 'reduce');

/** One sum of products of two loaded operands: scheduled as a matrix product. */
export const isContraction = (nest: Nest): boolean => {
  const [only, ...more] = reductionsOf(nest);
  return only?.kind === 'reduce' && more.length === 0 && only.monoid.name === 'sum' && isProduct(nest);
};

const isProduct: (nest: Nest) => boolean = memoize((nest) => {
  const only = nest.stages.find((stage) => stage.kind === 'reduce');
  if (!only) return false;
  const [arg] = only.args;
  if (arg?.kind !== 'binary' || arg.op !== 'mul' || nest.axes.length === 0) return false;
  // Both factors vary along the reduced axes, and some output axis is absent from each.
  const [a, b] = [axesIn(arg.a), axesIn(arg.b)];
  const reduced = only.axes.some((axis) => a.has(axis.name) && b.has(axis.name));
  return reduced && nest.axes.some((axis) => !a.has(axis.name)) && nest.axes.some((axis) => !b.has(axis.name));
});

function axesIn(expr: Expr): Set<string> {
  const names = new Set<string>();
  // A rewrite that changes nothing visits every dim once.
  new Rewriter({
    simplify: (d) => {
      collect(d, names);
      return d;
    },
  }).expr(expr);
  return names;
}

function collect(d: Parameters<typeof plainAxes>[0][number], names: Set<string>): void {
  if ('kind' in d) return;
  for (const term of d.terms)
    for (const factor of term.factors) {
      if (factor.kind === 'var') names.add(factor.name);
      else {
        collect(factor.a, names);
        collect(factor.b, names);
      }
    }
}

/** How the consumer's axes lie over the producer's: same, or producer's followed by inner ones; axes of extent 1 aside. */
interface Alignment {
  /** Consumer axis name -> producer axis. */
  readonly outer: ReadonlyMap<string, Axis>;
  /** Consumer axes of extent 1. */
  readonly units: readonly Axis[];
  /** Consumer axes that become inner loops of its stores. */
  readonly inner: readonly Axis[];
}

const isUnit = (axis: Axis): boolean => asConstant(axis.extent) === 1;

/** How `consumer` lies over `producer`, or undefined where it does not. */
export function align(graph: NestGraph, producer: Nest, consumer: Nest): Alignment | undefined {
  const rows = longAxes(producer.axes);
  const all = longAxes(consumer.axes);
  if (all.length < rows.length || !rows.every((p, at) => sameExtent(graph, p, all[at]))) return undefined;
  const outer = new Map(rows.map((p, at) => [all[at]?.name ?? p.name, p]));
  return { outer, units: consumer.axes.filter(isUnit), inner: all.slice(rows.length) };
}

const longAxes = (axes: readonly Axis[]): readonly Axis[] =>
  axes.some(isUnit) ? axes.filter((axis) => !isUnit(axis)) : axes;

const sameExtent = (graph: NestGraph, a: Axis, b: Axis | undefined): boolean =>
  b !== undefined && (a.extent.key === b.extent.key || graph.facts.equal(a.extent, b.extent) === 'proved');

/** What simplifies dims under `facts` and the ranges of `axes`, which are looked at only when a dim needs them. */
export function simplifierWithin(facts: Facts, axes: readonly Axis[]): (d: Dim) => Dim {
  let within: Facts | undefined;
  return (d) => (facts.mayRewrite(d) ? (within ??= facts.withAxes(axes)).simplify(d) : d);
}

/** The producer's stored value as the consumer sees it, or undefined when it reads another point. */
function readStored(producer: Nest, load: Load, alignment: Alignment): Expr | undefined {
  const store = storesOf(producer).find((stage) => stage.buffer === load.buffer);
  if (!store || store.combine !== 'set') return undefined;
  const fixed = store.indices.map((index) => ('kind' in index ? undefined : asConstant(index)));
  const positions = plainAxes(store.indices.filter((_, at) => fixed[at] === undefined));
  if (!positions) return undefined;
  // Axes of extent 1 are at 0: the indices of the store may say so already.
  const inner = new Map<string, Index>(store.axes.filter(isUnit).map(({ name }) => [name, zero]));
  const names = [...positions];
  for (const [at, constant] of fixed.entries()) {
    const index = load.indices[at];
    const name = constant === undefined ? names.shift() : undefined;
    if (!index || (name === undefined && ('kind' in index || asConstant(index) !== constant))) return undefined;
    if (name === undefined || producer.axes.some((axis) => axis.name === name && isUnit(axis))) continue;
    if (store.axes.some((axis) => axis.name === name)) inner.set(name, index);
    else if ('kind' in index) return undefined;
    else {
      const [read] = plainAxes([index]) ?? [];
      const aligned = read === undefined ? undefined : (alignment.outer.get(read)?.name ?? read);
      if (aligned !== name) return undefined;
    }
  }
  return inner.size === 0 ? store.value : new Rewriter({ axes: inner }).expr(store.value);
}

function mergedStages(
  graph: NestGraph,
  producer: Nest,
  consumer: Nest,
  alignment: Alignment,
): readonly Stage[] | undefined {
  const produced = new Set(storesOf(producer).map((store) => store.buffer));
  const axes = new Map<string, Index>([...alignment.outer].map(([name, axis]) => [name, variable(axis.name)]));
  for (const { name } of alignment.units) axes.set(name, zero);
  let failed = false;
  const stages = consumer.stages.map((stage): Stage => {
    if (failed) return stage;
    const inner = alignment.inner.length === 0 ? stage.axes : [...alignment.inner, ...stage.axes];
    const loads = new Set<Load>();
    const load = (l: Load): Expr | undefined => {
      const value = produced.has(l.buffer) ? readStored(producer, l, alignment) : undefined;
      failed ||= value === undefined && produced.has(l.buffer);
      for (const each of value ? loadsOfValue(value) : [l]) loads.add(each);
      return value;
    };
    const simplify = simplifierWithin(graph.facts, [...producer.axes, ...inner]);
    const merged = rewriteStage(stage, inner, new Rewriter({ axes, load, simplify }));
    knowLoads(merged, loads);
    return merged;
  });
  return failed ? undefined : [...producer.stages, ...stages];
}

const loadsOfValue: (value: Expr) => readonly Load[] = memoize((value) => loadsIn([value]));

/** The stage through `rewriter`, over `axes` of its own. */
export function rewriteStage(stage: Stage, axes: readonly Axis[], rewriter: Rewriter): Stage {
  if (stage.kind === 'reduce') return { ...stage, args: stage.args.map((arg) => rewriter.expr(arg)) };
  const indices = stage.indices.map((i) => rewriter.index(i));
  return { ...stage, axes, indices, value: rewriter.expr(stage.value) };
}

/** True for a store that adds, or whose position is loaded. */
export const isScatter = (store: Extract<Stage, { kind: 'store' }>): boolean =>
  store.combine !== 'set' || store.indices.some((index) => 'kind' in index);

// A nest of stages over rows may only grow where the result is still one of the scheduled shapes.
function shapesFit(producer: Nest, consumer: Nest, alignment: Alignment): boolean {
  const scatters = [...storesOf(producer), ...storesOf(consumer)].some(isScatter);
  if (scatters || isContraction(consumer)) return false;
  const plainConsumer =
    reductionsOf(consumer).length === 0 && storesOf(consumer).every((store) => store.axes.length === 0);
  if (isContraction(producer)) return plainConsumer && alignment.inner.length === 0;
  // A row kernel needs rows: one row alone would leave every other worker idle.
  if (alignment.inner.length > 0) return plainConsumer && reductionsOf(producer).length > 0 && producer.axes.length > 0;
  if (reductionsOf(consumer).length === 0) return true;
  return reductionsOf(producer).length > 0 && sameInner(producer, consumer);
}

// Reductions share a kernel when they run over the same inner extents.
const sameInner = (producer: Nest, consumer: Nest): boolean =>
  new Set([...innerExtents(producer), ...innerExtents(consumer)]).size === 1;

const innerExtents = (nest: Nest): string[] =>
  nest.stages.filter((stage) => stage.axes.length > 0).map((stage) => stage.axes.map((axis) => axis.extent.key).join());

/**
 * Steps between two that still may become one. A consumer that runs much later would have to keep its results from now
 * till then: what the backward pass computes from a saved value (or `@remat` computes again) stays there.
 */
export const reach = 24;

function runsMuchLater(graph: NestGraph, producer: Nest, from: Item, to: Item): boolean {
  if (to.first - from.last <= reach) return false;
  return storesOf(producer).some(
    ({ buffer }) =>
      graph.kept.has(buffer) || [...graph.readersOf(buffer)].some((reader) => reader !== to && reader.first < to.first),
  );
}

/** Merges `consumer` into `producer` when that is legal and fits; the survivor is the consumer's item. */
function tryMerge(graph: NestGraph, from: Item, to: Item, isScalar: (buffer: string) => boolean): boolean {
  if (from.step.kind !== 'nest' || to.step.kind !== 'nest') return false;
  const [producer, consumer] = [from.step, to.step];
  const alignment = align(graph, producer, consumer);
  if (!alignment || !shapesFit(producer, consumer, alignment) || runsMuchLater(graph, producer, from, to)) return false;
  let stages: readonly Stage[] | undefined;
  try {
    stages = mergedStages(graph, producer, consumer, alignment);
  } catch (error) {
    if (!(error instanceof NotAffine)) throw error;
  }
  if (!stages || graph.reachesIndirectly(from, to)) return false;
  const merged = dropUnread(
    graph,
    {
      ...producer,
      name: joinNames(producer.name, consumer.name),
      stages,
      origin: [...producer.origin, ...consumer.origin],
    },
    from,
    to,
  );
  const settled = settleStores(merged);
  if (!settled || bindingCount(settled, isScalar) > maxBindings) return false;
  graph.merge(from, to, settled);
  return true;
}

/**
 * The nest with each store behind the stages that load what it overwrites (the carry of a loop), or
 * undefined where there is no such order or a load is of another element.
 */
export function settleStores(nest: Nest): Nest | undefined {
  const stored = storesOf(nest);
  if (!loadsOf(nest).some((load) => stored.some((store) => store.buffer === load.buffer))) return nest;
  if (overwritesOthers(nest)) return undefined;
  const stages: Stage[] = [];
  const left = [...nest.stages];
  while (left.length > 0) {
    const at = left.findIndex(
      (stage, k) => stage.kind === 'reduce' || !left.some((other, j) => j !== k && loadsBuffer(other, stage.buffer)),
    );
    const [stage] = left.splice(at, at < 0 ? 0 : 1);
    if (!stage) return undefined;
    stages.push(stage);
  }
  return stages.every((stage, at) => stage === nest.stages[at]) ? nest : { ...nest, stages };
}

const loadsBuffer = (stage: Stage, buffer: string): boolean =>
  loadsOfStage(stage).some((load) => load.buffer === buffer);

// A nest may store to a buffer that it reads only at the element that it stores.
function overwritesOthers(nest: Nest): boolean {
  const stored = new Map(storesOf(nest).map((store) => [store.buffer, positionText(store.indices)]));
  const loads = loadsOf(nest).filter((load) => stored.has(load.buffer));
  return loads.some((load) => stored.get(load.buffer) !== positionText(load.indices));
}

const positionText = (indices: readonly Index[]): string =>
  indices.map((index) => ('kind' in index ? '?' : index.key)).join();

// Stores of the producer whose only reader was the consumer are not needed any more.
function dropUnread(graph: NestGraph, merged: Nest, from: Item, to: Item): Nest {
  const isNeeded = (buffer: string): boolean =>
    graph.kept.has(buffer) ||
    [...graph.readersOf(buffer)].some((reader) => reader !== to && reader !== from) ||
    merged.stages.some((stage) => loadsBuffer(stage, buffer));
  const produced = from.step.kind === 'nest' ? storesOf(from.step).map((store) => store.buffer) : [];
  const unread = produced.filter((buffer) => !isNeeded(buffer));
  if (unread.length === 0) return merged;
  return {
    ...merged,
    stages: merged.stages.filter((stage) => stage.kind === 'reduce' || !unread.includes(stage.buffer)),
  };
}

/** `dot` and `add` give `dot_add`; long chains keep their ends. */
export function joinNames(a: string, b: string): string {
  const parts = [...a.split('_'), ...b.split('_')];
  return (parts.length <= 5 ? parts : [...parts.slice(0, 3), 'etc', parts.at(-1)]).join('_');
}

/** Merges consumers into producers in program order; returns the number of merges. */
export function mergeVertically(graph: NestGraph, isScalar: (buffer: string) => boolean): number {
  let merges = 0;
  const queue = [...graph.items].sort((a, b) => a.last - b.last);
  for (const item of queue) {
    while (graph.items.has(item) && mergeWithProducer(graph, item, isScalar)) merges++;
  }
  graph.dropDead();
  return merges;
}

function mergeWithProducer(graph: NestGraph, item: Item, isScalar: (buffer: string) => boolean): boolean {
  if (item.step.kind !== 'nest') return false;
  const producers = new Set<Item>();
  for (const load of loadsOf(item.step)) {
    const writer = graph.writer(load.buffer);
    if (writer && writer !== item) producers.add(writer);
  }
  const latestFirst = [...producers].sort((a, b) => b.last - a.last);
  return latestFirst.some((producer) => tryMerge(graph, producer, item, isScalar));
}
