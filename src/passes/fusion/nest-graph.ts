// The nests of one function as a dependency graph that fusion edits in place: who writes and reads
// each buffer, which expression defines it, and a final order that respects every dependency.
import { asConstant, asVariable, zero } from '../../ir/dim.ts';
import type { Facts } from '../../ir/dim-solver.ts';
import type { Expr, Index } from '../../ir/expr.ts';
import { loadsIn, Rewriter, walkExprs, type Load } from '../../ir/expr-rewrite.ts';
import type { Axis, Nest, NestStep, Stage } from '../../ir/nest.ts';
import { memoize } from '../../support/memoize.ts';

/** One step of the function during fusion. A merge gives the survivor a new nest. */
export interface Item {
  step: NestStep;
  /** Smallest and largest original position of what was merged into it. */
  first: number;
  last: number;
  /** Steps that must run before, beyond what single-writer buffers tell: the order around rewritten ones. */
  readonly after: Set<Item>;
}

/** What fusion works on: a function's body, or the body of a loop in it. */
export interface Scope {
  readonly facts: Facts;
  readonly body: readonly NestStep[];
  /** Buffers that are written outside the body: inputs, and the carries of a loop. */
  readonly outside: ReadonlySet<string>;
  /** Buffers that must exist after the body. */
  readonly kept: ReadonlySet<string>;
  /** New value of an input -> the input that it replaces. */
  readonly updates?: ReadonlyMap<string, string>;
}

/** A buffer as a function of its indices: `value` over the axis names in `axes`, one per dim. */
export interface Definition {
  readonly item: Item;
  readonly axes: readonly string[];
  readonly value: Expr;
}

type StoreStage = Extract<Stage, { kind: 'store' }>;

/** The expressions that a stage evaluates, dynamic store positions among them. */
export const stageExprs = (stage: Stage): readonly Expr[] =>
  stage.kind === 'reduce'
    ? stage.args
    : [stage.value, ...stage.indices.flatMap((index) => ('kind' in index ? [index.expr] : []))];

const isStore = (stage: Stage): stage is StoreStage => stage.kind === 'store';

const stageLoads = new WeakMap<Stage, readonly Load[]>();

/** Every load in a stage. */
export function loadsOfStage(stage: Stage): readonly Load[] {
  let loads = stageLoads.get(stage);
  if (!loads) stageLoads.set(stage, (loads = loadsIn(stageExprs(stage))));
  return loads;
}

/** Tells what {@link loadsOfStage} will say: who builds a stage from others need not walk it again. */
export const knowLoads = (stage: Stage, loads: ReadonlySet<Load>): void => void stageLoads.set(stage, [...loads]);

// What is asked of a step again and again: in one record, since every weak map costs as much as a small walk.
class StepUse {
  private read: readonly string[] | undefined;
  private written: readonly string[] | undefined;
  private storing: readonly StoreStage[] | undefined;
  private loading: readonly Load[] | undefined;

  constructor(private readonly step: NestStep) {}

  get stores(): readonly StoreStage[] {
    return (this.storing ??= this.step.kind === 'nest' ? this.step.stages.filter(isStore) : []);
  }

  get loads(): readonly Load[] {
    return (this.loading ??= this.step.kind === 'nest' ? this.step.stages.flatMap(loadsOfStage) : []);
  }

  get reads(): readonly string[] {
    return (this.read ??= this.findReads());
  }

  get writes(): readonly string[] {
    return (this.written ??= this.findWrites());
  }

  private findReads(): readonly string[] {
    const { step } = this;
    if (step.kind === 'opaque') return step.reads;
    if (step.kind === 'loop') return [...new Set(step.body.flatMap(readsOf))];
    const names = new Set<string>();
    for (const load of this.loads) names.add(load.buffer);
    for (const store of this.stores) if (store.combine !== 'set') names.add(store.buffer);
    return [...names];
  }

  private findWrites(): readonly string[] {
    const { step } = this;
    if (step.kind === 'opaque') return step.writes;
    if (step.kind === 'loop') return [...new Set(step.body.flatMap(writesOf))];
    return [...new Set(this.stores.map((store) => store.buffer))];
  }
}

const useOf = memoize((step: NestStep) => new StepUse(step));

/** Buffers that a nest stores to, in order. */
export const storesOf = (nest: Nest): readonly StoreStage[] => useOf(nest).stores;

/** Every load in a nest, stage by stage. */
export const loadsOf = (nest: Nest): readonly Load[] => useOf(nest).loads;

/** Buffers that a step reads; a scatter reads what it adds to. */
export const readsOf = (step: NestStep): readonly string[] => useOf(step).reads;

/** Buffers that a step writes. */
export const writesOf = (step: NestStep): readonly string[] => useOf(step).writes;

function namesOf(indices: readonly Index[]): readonly string[] | undefined {
  const names: string[] = [];
  for (const index of indices) {
    const name = 'kind' in index ? undefined : asVariable(index);
    if (name === undefined || names.includes(name)) return undefined;
    names.push(name);
  }
  return names;
}

// A store under axes of extent 1 need not name them in its indices, but its value may: where it is used, they are at 0.
function atOrigin(value: Expr, axes: readonly Axis[], named: readonly string[] | undefined): Expr {
  const units = axes.filter(({ name, extent }) => asConstant(extent) === 1 && !named?.includes(name));
  return units.length === 0
    ? value
    : new Rewriter({ axes: new Map(units.map(({ name }) => [name, zero])) }).expr(value);
}

/**
 * The editable graph. A buffer is *rewritten* when it has several writers (scatter) or is also written
 * outside (a carry): it has no definition, and the order of its readers and writers stays as it was.
 */
export class NestGraph {
  readonly items = new Set<Item>();
  readonly facts: Facts;
  readonly kept: ReadonlySet<string>;
  private readonly writers = new Map<string, Set<Item>>();
  private readonly readers = new Map<string, Set<Item>>();
  private readonly rewritten: ReadonlyMap<string, readonly Item[]>;
  private readonly survivors = new Map<Item, Item>();

  constructor(readonly scope: Scope) {
    this.facts = scope.facts;
    this.kept = scope.kept;
    scope.body.forEach((step, at) => this.insert({ step, first: at, last: at, after: new Set() }));
    this.rewritten = this.orderRewrites();
  }

  // Fixes the order around rewritten buffers; gives the writers of each in order.
  private orderRewrites(): Map<string, readonly Item[]> {
    const rewritten = new Map<string, Item[]>();
    for (const [buffer, writers] of this.writers) {
      if (writers.size === 1 && !this.scope.outside.has(buffer)) continue;
      rewritten.set(buffer, byPosition(writers));
      let before: Item[] = [];
      let since: Item[] = [];
      for (const item of byPosition(new Set([...writers, ...this.readersOf(buffer)]))) {
        for (const earlier of writers.has(item) ? [...before, ...since] : before) item.after.add(earlier);
        if (writers.has(item)) [before, since] = [[item], []];
        else since.push(item);
      }
    }
    return rewritten;
  }

  /** The only writer of `buffer`, when there is exactly one and nothing outside writes it. */
  writer(buffer: string): Item | undefined {
    const writers = this.writers.get(buffer);
    if (writers?.size !== 1 || this.scope.outside.has(buffer)) return undefined;
    return writers.values().next().value;
  }

  /** True when `buffer` is written in several places: the order of its readers and writers is fixed. */
  isRewritten(buffer: string): boolean {
    return this.rewritten.has(buffer);
  }

  /**
   * True when `reader` may compute `value` itself instead of reading it from `via`: nothing that it loads is written in between. A merged
   * reader may be earlier than a writer that `via` comes after: it keeps away from what is written while it could run.
   */
  mayReadDirectly(value: Expr, via: Item, reader: Item): boolean {
    if (this.rewritten.size === 0) return true;
    for (const { buffer } of loadsIn([value])) {
      for (const writer of this.rewritten.get(buffer) ?? []) {
        const isBefore = writer.last <= via.first && writer.last < reader.first;
        const isAfter = writer.first > reader.last;
        if (writer !== reader && (writer === via || (!isBefore && !isAfter))) return false;
      }
    }
    return true;
  }

  // A step that came to read a rewritten buffer keeps its place before the next writer.
  private orderNewReads(item: Item): void {
    if (this.rewritten.size === 0) return;
    for (const buffer of readsOf(item.step)) {
      for (const writer of this.rewritten.get(buffer) ?? []) {
        const current = this.survivor(writer);
        if (current === item) continue;
        if (writer.first > item.last) current.after.add(item);
        else if (writer.last < item.first) item.after.add(current);
      }
    }
  }

  private survivor(item: Item): Item {
    let current = item;
    for (let next = this.survivors.get(current); next; next = this.survivors.get(current)) current = next;
    return current;
  }

  readersOf(buffer: string): ReadonlySet<Item> {
    return this.readers.get(buffer) ?? nobody;
  }

  /** The expression that computes `buffer`, when one plain store of a nest does. */
  definition(buffer: string): Definition | undefined {
    const item = this.writer(buffer);
    if (item?.step.kind !== 'nest') return undefined;
    const stores = storesOf(item.step).filter((store) => store.buffer === buffer);
    const [store] = stores;
    if (!store || stores.length !== 1 || store.combine !== 'set') return undefined;
    const axes = namesOf(store.indices);
    return axes && { item, axes, value: atOrigin(store.value, [...item.step.axes, ...store.axes], axes) };
  }

  /** Puts `step` in place of what the item held. */
  replace(item: Item, step: NestStep): void {
    exchange(this.writers, item, writesOf(item.step), writesOf(step));
    exchange(this.readers, item, readsOf(item.step), readsOf(step));
    item.step = step;
    this.orderNewReads(item);
  }

  /** Puts `merged` in the place of `to`, which takes over from `from`. */
  merge(from: Item, to: Item, merged: Nest): void {
    this.remove(from);
    this.survivors.set(from, to);
    to.first = Math.min(from.first, to.first);
    for (const earlier of from.after) to.after.add(earlier);
    this.replace(to, merged);
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

  /** What must run before `item`. */
  dependencies(item: Item): Set<Item> {
    const before = new Set<Item>();
    for (const buffer of readsOf(item.step)) {
      const writer = this.writer(buffer);
      if (writer) before.add(writer);
    }
    for (const earlier of item.after) before.add(this.survivor(earlier));
    before.delete(item);
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
    // Grows while it is walked: what a dropped step read may now be dead too.
    const work = [...this.items].reverse();
    for (const item of work) {
      if (!this.items.has(item) || item.step.kind === 'loop') continue;
      if (item.step.kind === 'opaque') {
        if (item.step.writes.some((buffer) => this.isUsed(buffer))) continue;
        dropped += item.step.writes.length;
        work.push(...this.dependencies(item));
        this.remove(item);
        continue;
      }
      const nest: Nest = item.step;
      if (storesOf(nest).every(({ buffer }) => this.isUsed(buffer))) continue;
      const alive = nest.stages.filter((stage) => stage.kind === 'reduce' || this.isUsed(stage.buffer));
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

  /** The steps in dependency order, ties by original position. */
  finish(): NestStep[] {
    const order: Item[] = [];
    const done = new Set<Item>();
    const visit = (item: Item): void => {
      if (done.has(item)) return;
      done.add(item);
      for (const before of byPosition(this.dependencies(item))) if (this.items.has(before)) visit(before);
      order.push(item);
    };
    for (const item of byPosition(this.items)) visit(item);
    return this.withEarlyUpdates(order).map(({ step }) => step);
  }

  // What only makes results (the update of a parameter) runs as soon as it can: its operands need not
  // wait in memory for the end. An update still comes after all that read the value it replaces.
  private withEarlyUpdates(order: readonly Item[]): Item[] {
    const position = new Map(order.map((item, at) => [item, at]));
    const at = (item: Item): number => position.get(item) ?? -1;
    const moved = new Map<number, Item[]>();
    for (const item of order) {
      const written = writesOf(item.step);
      if (
        !written.every(
          (buffer) => this.kept.has(buffer) && !this.scope.outside.has(buffer) && this.readersOf(buffer).size === 0,
        )
      )
        continue;
      const replaced = written.flatMap((buffer) => this.scope.updates?.get(buffer) ?? []);
      const readers = replaced.flatMap((input) => [...this.readersOf(input)]).filter((reader) => reader !== item);
      const earliest = Math.max(-1, ...[...this.dependencies(item), ...readers].map(at));
      if (earliest >= at(item) || earliest < 0) continue;
      position.set(item, earliest);
      moved.set(earliest, [...(moved.get(earliest) ?? []), item]);
    }
    const early = new Set([...moved.values()].flat());
    return order.flatMap((item, index) => [...(early.has(item) ? [] : [item]), ...(moved.get(index) ?? [])]);
  }
}

const byPosition = (items: Iterable<Item>): Item[] => [...items].sort((a, b) => a.last - b.last || a.first - b.first);

const nobody: ReadonlySet<Item> = new Set();

// Users of a buffer: `item` goes from those of `before` and comes to those of `after`.
function exchange(
  users: Map<string, Set<Item>>,
  item: Item,
  before: readonly string[],
  after: readonly string[],
): void {
  for (const buffer of before) if (!after.includes(buffer)) users.get(buffer)?.delete(item);
  for (const buffer of after) if (!before.includes(buffer)) entry(users, buffer).add(item);
}

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
    walkExprs(stageExprs(stage), (e) => {
      if (e.kind === 'reduced') used.add(e.stage);
    });
    kept.unshift(stage);
  }
  return kept;
}

/** Names of the axes that `dims` are, when each is one plain axis and all are distinct. */
export const plainAxes = namesOf;

/** True when an expression refers to a reduction of its own nest. */
export const usesReduction: (expr: Expr) => boolean = memoize((expr) => {
  let found = false;
  walkExprs([expr], (e) => {
    found ||= e.kind === 'reduced';
  });
  return found;
});

/** How many distinct buffers a nest binds, scalars of the step record aside. */
export function bindingCount(nest: Nest, isScalar: (buffer: string) => boolean): number {
  const reads = readsOf(nest);
  const written = writesOf(nest).filter((name) => !reads.includes(name));
  let count = 0;
  for (const name of reads) if (!isScalar(name)) count++;
  for (const name of written) if (!isScalar(name)) count++;
  return count;
}
