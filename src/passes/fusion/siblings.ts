// Sibling merges: two nests over the same points that read the same elements and do not need one another become one
// nest with the stores of both. What they share is loaded once, and a launch is saved. Nests of one point (counters)
// need not share anything: they are nothing but launches.
import { asConstant, product, variable, zero } from '../../ir/dim.ts';
import type { Index } from '../../ir/expr.ts';
import { Rewriter } from '../../ir/expr-rewrite.ts';
import type { Axis, Nest, Stage } from '../../ir/nest.ts';
import { align, isContraction, isScatter, joinNames, maxBindings, reach, rewriteStage, settleStores } from './merge.ts';
import { bindingCount, loadsOf, readsOf, storesOf, writesOf, type Item, type NestGraph } from './nest-graph.ts';

// Longer reductions are shared by several workgroups on a GPU, which is done for one reduction at a time.
const longestRow = 4096;

/** Merges siblings in program order; returns the number of merges. */
export function mergeSiblings(graph: NestGraph, isScalar: (buffer: string) => boolean): number {
  let merges = 0;
  const queue = [...graph.items].sort((a, b) => a.last - b.last);
  for (const item of queue) {
    while (graph.items.has(item) && siblingsOf(graph, item).some((earlier) => tryMerge(graph, earlier, item, isScalar)))
      merges++;
  }
  return merges;
}

// What `item` may be merged with: earlier steps of its kind, the latest first.
function siblingsOf(graph: NestGraph, item: Item): Item[] {
  if (!isMergeable(graph, item)) return [];
  const found = isPoint(item) ? [...graph.items].filter(isPoint) : [...fellowReaders(graph, item)];
  return found
    .filter((other) => other.last < item.last && isMergeable(graph, other))
    .sort((a, b) => b.last - a.last)
    .slice(0, mostCandidates);
}

const mostCandidates = 8;

const isPoint = ({ step }: Item): boolean =>
  step.kind === 'nest' && step.axes.length === 0 && step.stages.every(({ axes }) => axes.length === 0);

// Steps that read what `item` reads and do not run much before it.
function fellowReaders(graph: NestGraph, item: Item): Set<Item> {
  const found = new Set<Item>();
  for (const buffer of readsOf(item.step)) {
    for (const reader of graph.readersOf(buffer)) if (item.first - reader.last <= reach) found.add(reader);
  }
  return found;
}

// Maps, and rows of plain reductions. A product has a schedule of its own, and what is written in several places an order.
function isMergeable(graph: NestGraph, { step }: Item): boolean {
  if (step.kind !== 'nest' || (step.axes.length === 0 && step.stages.some(({ axes }) => axes.length > 0))) return false;
  if (isContraction(step) || storesOf(step).some(isScatter)) return false;
  return [...readsOf(step), ...writesOf(step)].every((buffer) => !graph.isRewritten(buffer)) && hasShortRows(step);
}

const hasShortRows = (nest: Nest): boolean =>
  nest.stages.every(({ axes }) => (asConstant(product(axes.map(({ extent }) => extent))) ?? Infinity) <= longestRow);

function tryMerge(graph: NestGraph, from: Item, to: Item, isScalar: (buffer: string) => boolean): boolean {
  if (from.step.kind !== 'nest' || to.step.kind !== 'nest') return false;
  const [first, second] = [from.step, to.step];
  const axes = sameAxes(graph, first, second);
  if (!axes || rowsOf(first) !== rowsOf(second)) return false;
  const rewriter = new Rewriter({ axes });
  const stages = second.stages.map((stage): Stage => rewriteStage(stage, stage.axes, rewriter));
  const moved: Nest = { ...second, axes: first.axes, stages };
  const fits = isPoint(to) || (loadsAlike(first, moved, isScalar) && storesAlike(first, moved));
  if (!fits || dependOnEachOther(graph, from, to)) return false;
  const merged = settleStores({
    ...first,
    name: joinNames(first.name, second.name),
    stages: [...first.stages, ...stages],
    origin: [...first.origin, ...second.origin],
  });
  if (!merged || bindingCount(merged, isScalar) > maxBindings) return false;
  graph.merge(from, to, merged);
  return true;
}

// Axes of the second nest as those of the first, where both visit the same points.
function sameAxes(graph: NestGraph, first: Nest, second: Nest): ReadonlyMap<string, Index> | undefined {
  const alignment = align(graph, first, second);
  if (!alignment || alignment.inner.length > 0) return undefined;
  const axes = new Map<string, Index>([...alignment.outer].map(([name, axis]) => [name, variable(axis.name)]));
  for (const { name } of alignment.units) axes.set(name, zero);
  return axes;
}

const extentsOf = (axes: readonly Axis[]): string => axes.map(({ extent }) => extent.key).join();

// Reductions and the extents of rows, which both must have or lack alike.
const rowsOf = (nest: Nest): string =>
  [...new Set(nest.stages.map((stage) => `${stage.kind} ${extentsOf(stage.axes)}`))].sort().join(';');

/** True when both load some element of memory, the same at each point. */
function loadsAlike(first: Nest, second: Nest, isScalar: (buffer: string) => boolean): boolean {
  const rows = new Set(first.stages.flatMap(({ axes }) => axes.map(({ name }) => name)));
  const inner = [...rows, ...second.stages.flatMap(({ axes }) => axes.map(({ name }) => name))];
  const places = (nest: Nest): Set<string> =>
    new Set(
      loadsOf(nest)
        .filter(({ buffer, indices }) => !isScalar(buffer) && indices.length > 0)
        .map(({ buffer, indices }) => `${buffer} ${placeOf(indices, inner)}`),
    );
  const own = places(second);
  return [...places(first)].some((place) => own.has(place));
}

// Elements of one row are one place: each reduction names its axis anew.
const placeOf = (indices: readonly Index[], rows: readonly string[]): string =>
  indices.map((index) => ('kind' in index ? '?' : rows.includes(index.key) ? '*' : index.key)).join();

// Stores in another order of the axes would be far apart for one of the two.
function storesAlike(first: Nest, second: Nest): boolean {
  const last = (nest: Nest): string[] =>
    storesOf(nest).map(({ axes, indices }) => {
      const index = indices.filter((each) => 'kind' in each || asConstant(each) === undefined).at(-1);
      return index === undefined || 'kind' in index ? '?' : axes.length > 0 ? '*' : index.key;
    });
  return new Set([...last(first), ...last(second)]).size === 1;
}

const dependOnEachOther = (graph: NestGraph, a: Item, b: Item): boolean =>
  graph.dependencies(a).has(b) ||
  graph.dependencies(b).has(a) ||
  graph.reachesIndirectly(a, b) ||
  graph.reachesIndirectly(b, a);
