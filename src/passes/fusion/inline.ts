// Inlining: a load of a computed buffer becomes the expression that computes it, so views,
// constants, iota and cheap arithmetic never reach memory.
import type { Facts } from '../../ir/dim-solver.ts';
import type { Expr, Index } from '../../ir/expr.ts';
import { NotAffine, operands, Rewriter, walkExprs, weight, type Load } from '../../ir/expr-rewrite.ts';
import type { Axis, Nest, NestStep, Stage } from '../../ir/nest.ts';
import { maxBindings, settleStores, simplifierWithin } from './merge.ts';
import { bindingCount, readsOf, usesReduction, type Definition, type Item, type NestGraph } from './nest-graph.ts';
import { memoize } from '../../support/memoize.ts';

/** Rewrites the loads of a step; dims are simplified under the ranges of the axes around them. */
function rewriteStep(facts: Facts, step: NestStep, load: (load: Load) => Expr | undefined): NestStep {
  switch (step.kind) {
    case 'opaque':
      return step;
    case 'loop': {
      const inner = facts.withAxes([{ name: step.index, extent: step.count }]);
      return { ...step, body: step.body.map((nested) => rewriteStep(inner, nested, load)) };
    }
    case 'nest': {
      return { ...step, stages: step.stages.map((stage) => rewriteStage(stage, facts, step.axes, load)) };
    }
  }
}

function rewriteStage(
  stage: Stage,
  facts: Facts,
  outer: readonly Axis[],
  load: (load: Load) => Expr | undefined,
): Stage {
  const rewriter = new Rewriter({ load, simplify: simplifierWithin(facts, [...outer, ...stage.axes]) });
  if (stage.kind === 'reduce') return { ...stage, args: stage.args.map((arg) => rewriter.expr(arg)) };
  const indices = stage.indices.map((index) => rewriter.index(index));
  return { ...stage, indices, value: rewriter.expr(stage.value) };
}

/** The definition's value at `indices`. @throws NotAffine */
export function valueAt(definition: Definition, indices: readonly Index[]): Expr {
  const axes = new Map(definition.axes.map((name, at): [string, Index] => [name, indices[at] as Index]));
  return new Rewriter({ axes }).expr(definition.value);
}

/** True when computing the value costs nothing but index arithmetic. */
const isView = (value: Expr): boolean => isPlain(value) && operands(value).every(isView);

const isPlain = ({ kind }: Expr): boolean =>
  kind === 'const' || kind === 'index' || kind === 'load' || kind === 'guard';

const weightOf: (value: Expr) => number = memoize(weight);

// A contraction evaluates each operand element many times, so only light work may move into it.
const contractionLimit = 4;
const sharedLimit = 4;
const unpackLimit = 8;

// Numbers that lie several to a word are read again from there: written out they are as many bytes more.
const isUnpacked: (value: Expr) => boolean = memoize((value) => {
  let [shifts, words] = [false, false];
  if (value.dtype === 'f32')
    walkExprs([value], (e) => {
      shifts ||= e.kind === 'binary' && e.op === 'shr';
      words ||= e.kind === 'load' && e.dtype === 'u32';
    });
  return shifts && words;
});

const volume = (axes: readonly Axis[]): string =>
  axes
    .map((axis) => axis.extent.key)
    .sort()
    .join(' ');

const pointsOf = (nest: Nest): readonly string[] =>
  nest.stages.map((stage) => volume([...nest.axes, ...stage.axes].filter((axis) => axis.extent.key !== '1')));

/** True when no stage of `consumer` has more points than the definition has elements. */
function readsOnce(definition: Definition, consumer: Nest): boolean {
  if (definition.item.step.kind !== 'nest') return false;
  const own = definition.item.step;
  const store = own.stages.find((stage) => stage.kind === 'store');
  const size = volume([...own.axes, ...(store?.axes ?? [])].filter((axis) => axis.extent.key !== '1'));
  return pointsOf(consumer).every((points) => points === size);
}

// What compares positions and the like: a causal mask is less work than its load, and schedules see what it keeps.
const isMadeOfPositions = (value: Expr): boolean => value.kind !== 'load' && operands(value).every(isMadeOfPositions);

/** Whether the value of `definition` should be recomputed where `consumer` loads it. */
function worthInlining(graph: NestGraph, definition: Definition, buffer: string, consumer: Item): boolean {
  if (consumer.step.kind !== 'nest') return false;
  if (isView(definition.value)) return true;
  if (usesReduction(definition.value)) return false;
  const cost = weightOf(definition.value);
  if (cost <= contractionLimit && isMadeOfPositions(definition.value)) return true;
  if (cost <= unpackLimit && isUnpacked(definition.value)) return true;
  const alone = graph.readersOf(buffer).size === 1 && !graph.kept.has(buffer);
  if (readsOnce(definition, consumer.step)) return alone || cost <= sharedLimit;
  return cost <= contractionLimit && alone;
}

/** Inlines into `item` what `choose` selects, until nothing is left; returns how many loads went. */
function inlineInto(
  graph: NestGraph,
  item: Item,
  choose: (definition: Definition, buffer: string) => boolean,
  fits: (nest: Nest) => boolean,
): number {
  let count = 0;
  const refused = new Set<string>();
  for (;;) {
    const chosen = new Map<string, Definition>();
    for (const buffer of readsOf(item.step)) {
      const definition = refused.has(buffer) ? undefined : graph.definition(buffer);
      if (definition && definition.item !== item && choose(definition, buffer) && mayMove(graph, definition, item))
        chosen.set(buffer, definition);
    }
    if (chosen.size === 0) return count;
    const replace = (load: Load): Expr | undefined => {
      const definition = chosen.get(load.buffer);
      if (!definition) return undefined;
      try {
        const value = valueAt(definition, load.indices);
        count++;
        return value;
      } catch (error) {
        if (!(error instanceof NotAffine)) throw error;
        return undefined;
      }
    };
    const rewritten = rewriteStep(graph.facts, item.step, replace);
    const step = rewritten.kind === 'nest' ? settleStores(rewritten) : rewritten;
    if (!step || (step.kind === 'nest' && !fits(step))) return count;
    graph.replace(item, step);
    const left = new Set(readsOf(step));
    for (const buffer of chosen.keys()) if (left.has(buffer)) refused.add(buffer);
  }
}

const mayMove = (graph: NestGraph, definition: Definition, reader: Item): boolean =>
  graph.mayReadDirectly(definition.value, definition.item, reader);

const ordered = (graph: NestGraph): Item[] => [...graph.items].sort((a, b) => a.last - b.last);

/** Inlines views, constants and index values everywhere. */
export function inlineViews(graph: NestGraph): number {
  let count = 0;
  for (const item of ordered(graph))
    count += inlineInto(
      graph,
      item,
      (definition) => isView(definition.value),
      () => true,
    );
  graph.dropDead();
  return count;
}

/** Inlines elementwise work into the nests that read it, where that saves memory traffic. */
export function inlineElementwise(graph: NestGraph, isScalar: (buffer: string) => boolean): number {
  let count = 0;
  const fits = (nest: Nest): boolean => bindingCount(nest, isScalar) <= maxBindings;
  for (const item of ordered(graph)) {
    count += inlineInto(graph, item, (definition, buffer) => worthInlining(graph, definition, buffer, item), fits);
  }
  graph.dropDead();
  return count;
}
