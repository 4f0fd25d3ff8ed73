// The nests of one function as a dependency graph that fusion edits in place: who writes and reads
// each buffer, which expression defines it, and a final order that respects every dependency.
import { asVariable } from '../../ir/dim.ts';
import { Facts } from '../../ir/dim-solver.ts';
import type { Expr, Index } from '../../ir/expr.ts';
import { loadsIn, walkExprs, type Load } from '../../ir/expr-rewrite.ts';
import type { Nest, NestFunction, NestStep, Stage } from '../../ir/nest.ts';

/** One step of the function during fusion. A merge gives the survivor a new nest. */
export interface Item {
  step: NestStep;
  /** Smallest and largest original position of what was merged into it. */
  first: number;
  last: number;
}

/** A buffer as a function of its indices: `value` over the axis names in `axes`, one per dim. */
export interface Definition {
  readonly item: Item;
  readonly axes: readonly string[];
  readonly value: Expr;
}

/** The expressions that a stage evaluates, dynamic store positions among them. */
export const stageExprs = (stage: Stage): readonly Expr[] =>
  stage.kind === 'reduce'
    ? stage.args
    : [stage.value, ...stage.indices.flatMap((index) => ('kind' in index ? [index.expr] : []))];

/** Buffers that a nest stores to, in order. */
export const storesOf = (nest: Nest): readonly Extract<Stage, { kind: 'store' }>[] =>
  nest.stages.filter((stage) => stage.kind === 'store');

/** Every load in a nest. */
export const loadsOf = (nest: Nest): Load[] => loadsIn(nest.stages.flatMap(stageExprs));

const readsOf = (step: NestStep): readonly string[] => {
  if (step.kind === 'opaque') return step.reads;
  if (step.kind === 'loop') return step.body.flatMap(readsOf);
  const scattered = storesOf(step).filter((store) => store.combine !== 'set').map((store) => store.buffer);
  return [...new Set([...loadsOf(step).map((load) => load.buffer), ...scattered])];
};

const writesOf = (step: NestStep): readonly string[] => {
  if (step.kind === 'opaque') return step.writes;
  if (step.kind === 'loop') return step.body.flatMap(writesOf);
  return [...new Set(storesOf(step).map((store) => store.buffer))];
};

const namesOf = (indices: readonly Index[]): readonly string[] | undefined => {
  const names = indices.map((index) => ('kind' in index ? undefined : asVariable(index)));
  const distinct = new Set(names).size === names.length;
  return distinct && names.every((name) => name !== undefined) ? names : undefined;
};

/** The editable graph. Buffers with several writers (scatter) are never inlined or merged over. */
export class NestGraph {
  readonly items = new Set<Item>();
  readonly facts: Facts;
  /** Buffers that must exist after the function: its results. */
  readonly kept: ReadonlySet<string>;
  private readonly writers = new Map<string, Set<Item>>();
  private readonly readers = new Map<string, Set<Item>>();
  private readonly inputs: ReadonlySet<string>;

  constructor(readonly fn: NestFunction) {
    this.facts = new Facts(fn.dims, fn.facts);
    this.kept = new Set(fn.results.map((result) => result.buffer));
    this.inputs = new Set(fn.inputs.map((input) => input.buffer));
    fn.body.forEach((step, at) => this.insert({ step, first: at, last: at }));
  }

  /** The only writer of `buffer`, when there is exactly one and no input holds it. */
  writer(buffer: string): Item | undefined {
    const writers = this.writers.get(buffer);
    if (writers?.size !== 1 || this.inputs.has(buffer)) return undefined;
    const [item] = writers;
    return item;
  }

  readersOf(buffer: string): ReadonlySet<Item> {
    return this.readers.get(buffer) ?? new Set();
  }

  /** The expression that computes `buffer`, when one plain store of a nest does. */
  definition(buffer: string): Definition | undefined {
    const item = this.writer(buffer);
    if (item?.step.kind !== 'nest') return undefined;
    const stores = storesOf(item.step).filter((store) => store.buffer === buffer);
    const [store] = stores;
    if (!store || stores.length !== 1 || store.combine !== 'set') return undefined;
    const axes = namesOf(store.indices);
    return axes && { item, axes, value: store.value };
  }

  /** Puts `nest` in place of what the item held. */
  replace(item: Item, nest: Nest): void {
    this.remove(item);
    item.step = nest;
    this.insert(item);
  }

  insert(item: Item): void {
    this.items.add(item);
    for (const buffer of writesOf(item.step)) entry(this.writers, buffer).add(item);
    for (const buffer of readsOf(item.step)) entry(this.readers, buffer).add(item);
  }

  remove(item: Item): void {
    this.items.delete(item);
    for (const buffer of writesOf(item.step)) this.writers.get(buffer)?.delete(item);
    for (const buffer of readsOf(item.step)) this.readers.get(buffer)?.delete(item);
  }

  /** What must run before `item`: writers of what it reads, earlier writers and readers of what it writes. */
  dependencies(item: Item): Set<Item> {
    const before = new Set<Item>();
    const addWriters = (buffer: string, earlierOnly: boolean): void => {
      for (const writer of this.writers.get(buffer) ?? []) {
        if (writer !== item && (!earlierOnly || writer.last < item.first)) before.add(writer);
      }
    };
    const written = new Set(writesOf(item.step));
    for (const buffer of readsOf(item.step)) addWriters(buffer, written.has(buffer));
    for (const buffer of written) {
      addWriters(buffer, true);
      // A carry is overwritten only after everything before has read it.
      for (const reader of this.readersOf(buffer)) if (reader !== item && reader.last < item.first) before.add(reader);
    }
    return before;
  }

  /** True when `to` depends on `from` through some third step. */
  reachesIndirectly(from: Item, to: Item): boolean {
    const seen = new Set<Item>([from]);
    const stack = [...this.dependencies(to)].filter((item) => item !== from);
    for (let item = stack.pop(); item; item = stack.pop()) {
      if (seen.has(item) || item.last < from.first) continue;
      seen.add(item);
      for (const before of this.dependencies(item)) {
        if (before === from) return true;
        stack.push(before);
      }
    }
    return false;
  }

  /** Drops stores that nobody reads and steps that store nothing; returns how many stores went. */
  dropDead(): number {
    let dropped = 0;
    const work = [...this.items].reverse();
    for (let item = work.shift(); item; item = work.shift()) {
      if (!this.items.has(item) || item.step.kind !== 'nest') continue;
      const nest = item.step;
      const alive = nest.stages.filter((stage) => stage.kind === 'reduce' || this.isUsed(stage.buffer));
      if (alive.length === nest.stages.length) continue;
      dropped += nest.stages.length - alive.length;
      const sources = [...this.dependencies(item)];
      const stages = dropUnusedReductions(alive);
      if (stages.some((stage) => stage.kind === 'store')) this.replace(item, { ...nest, stages });
      else this.remove(item);
      work.push(...sources);
    }
    return dropped;
  }

  private isUsed(buffer: string): boolean {
    return this.kept.has(buffer) || this.readersOf(buffer).size > 0;
  }

  /** The function with its steps in dependency order, ties by original position. */
  finish(): NestFunction {
    const order: NestStep[] = [];
    const done = new Set<Item>();
    const visit = (item: Item): void => {
      if (done.has(item)) return;
      done.add(item);
      for (const before of byPosition(this.dependencies(item))) visit(before);
      order.push(item.step);
    };
    for (const item of byPosition(this.items)) visit(item);
    const used = new Set(order.flatMap((step) => [...readsOf(step), ...writesOf(step)]));
    const named = new Set([...this.inputs, ...this.kept]);
    const buffers = this.fn.buffers.filter((buffer) => used.has(buffer.id) || named.has(buffer.id));
    return { ...this.fn, body: order, buffers };
  }
}

const byPosition = (items: Iterable<Item>): Item[] =>
  [...items].sort((a, b) => a.last - b.last || a.first - b.first);

function entry<K, V>(map: Map<K, Set<V>>, key: K): Set<V> {
  let set = map.get(key);
  if (!set) map.set(key, (set = new Set()));
  return set;
}

/** Removes reductions that no later stage refers to. */
export function dropUnusedReductions(stages: readonly Stage[]): Stage[] {
  const used = new Set<string>();
  const kept: Stage[] = [];
  for (const stage of [...stages].reverse()) {
    if (stage.kind === 'reduce' && !used.has(stage.id)) continue;
    walkExprs(stageExprs(stage), (e) => { if (e.kind === 'reduced') used.add(e.stage); });
    kept.unshift(stage);
  }
  return kept;
}

/** Names of the axes that `dims` are, when each is one plain axis and all are distinct. */
export const plainAxes = namesOf;

/** True when an expression refers to a reduction of its own nest. */
export function usesReduction(expr: Expr): boolean {
  let found = false;
  walkExprs([expr], (e) => { found ||= e.kind === 'reduced'; });
  return found;
}

/** How many distinct buffers a nest binds, scalars of the step record aside. */
export function bindingCount(nest: Nest, isScalar: (buffer: string) => boolean): number {
  const names = new Set([...readsOf(nest), ...writesOf(nest)]);
  return [...names].filter((name) => !isScalar(name)).length;
}

