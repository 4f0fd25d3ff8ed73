// The table of a plan: the i32 words that the host writes once per dim binding (addresses, dims), in
// the order in which the plan's function reads them. Words that change inside a loop start at zero.
import { constant, dim, mul, one, product, sameDim, variable, variables, type Dim } from '../../ir/dim.ts';
import { byteSize } from '../../ir/dtype.ts';
import type { Kernel } from '../../ir/kernel.ts';
import type { Dispatch, Plan, PlanStep } from '../../ir/plan.ts';

/** What the host writes into one word of the table. */
export type TableWord =
  | { readonly kind: 'address'; readonly buffer: string }
  /** The address of a buffer of which each turn of a loop takes one element along the first axis. */
  | { readonly kind: 'element'; readonly buffer: string }
  /** The address of a buffer that no kernel works on: it is copied or filled. */
  | { readonly kind: 'moved'; readonly buffer: string }
  | { readonly kind: 'param'; readonly dim: Dim }
  /** Address of a word of the step record. */
  | { readonly kind: 'record'; readonly name: string }
  /** Address of the scratch memory: threads × scratchBytes. */
  | { readonly kind: 'scratch' }
  /** How many threads share the dispatch whose words precede this one, in a loop of so many turns. */
  | { readonly kind: 'threads'; readonly turns: Dim }
  /** Whether the steps that prepare weights run: 1 or 0. */
  | { readonly kind: 'changed' };

/** A word that a loop body computes before each call, from loop indices and dims. */
export interface Update {
  readonly word: number;
  readonly dim: Dim;
}

/** A plan step with the index of its first word. */
export type PlacedStep =
  | {
      readonly kind: 'dispatch';
      readonly kernel: string;
      readonly at: number;
      readonly updates: readonly Update[];
      /** The word that says how many threads share it, where threads may. */
      readonly threads?: number;
    }
  | { readonly kind: 'copy'; readonly at: number }
  | { readonly kind: 'fill'; readonly at: number; readonly value: number; readonly float: boolean }
  | {
      readonly kind: 'loop';
      readonly at: number;
      readonly index: string;
      readonly reverse: boolean;
      readonly body: readonly PlacedStep[];
    }
  | { readonly kind: 'prepare'; readonly at: number; readonly body: readonly PlacedStep[] };

/** The words of a plan, where its steps find them, and where the dims lie that loop bodies need. */
export interface Layout {
  readonly words: readonly TableWord[];
  readonly steps: readonly PlacedStep[];
  readonly dims: ReadonlyMap<string, number>;
}

/** Lays out the table of `plan`; with `threads`, each dispatch has a word for their number. */
export function layoutPlan(plan: Plan, kernels: readonly Kernel[], threads = false): Layout {
  const words: TableWord[] = [];
  const dims = new Map<string, number>();
  const byName = new Map(kernels.map((kernel) => [kernel.name, kernel]));
  const place = (step: PlanStep, indices: ReadonlySet<string>, turns: Dim): PlacedStep => {
    const at = words.length;
    if (step.kind === 'copy') {
      words.push({ kind: 'moved', buffer: step.to }, { kind: 'moved', buffer: step.from });
      words.push({ kind: 'param', dim: bytesOf(plan, step.from) });
      return { kind: 'copy', at };
    }
    if (step.kind === 'fill') {
      words.push({ kind: 'moved', buffer: step.buffer }, { kind: 'param', dim: bytesOf(plan, step.buffer) });
      return { kind: 'fill', at, value: step.value, float: bufferOf(plan, step.buffer).dtype === 'f32' };
    }
    if (step.kind === 'loop') {
      words.push({ kind: 'param', dim: step.count });
      const inner = new Set([...indices, step.index]);
      const body = step.body.map((child) => place(child, inner, step.count));
      return { kind: 'loop', at, index: step.index, reverse: step.reverse, body };
    }
    if (step.kind === 'prepare') {
      words.push({ kind: 'changed' });
      return { kind: 'prepare', at, body: step.body.map((child) => place(child, indices, turns)) };
    }
    const addresses = step.buffers.map((buffer): TableWord => {
      const [first = one] = bufferOf(plan, buffer).shape;
      return { kind: indices.size > 0 && sameDim(first, turns) ? 'element' : 'address', buffer };
    });
    words.push(...addresses);
    const updates = dispatchWords(step, byName.get(step.kernel), indices, words);
    for (const { dim: value } of updates) {
      for (const name of variables(value)) if (!indices.has(name) && !dims.has(name)) dims.set(name, -1);
    }
    const placed = { kind: 'dispatch', kernel: step.kernel, at, updates } as const;
    return threads ? { ...placed, threads: words.push({ kind: 'threads', turns }) - 1 } : placed;
  };
  const steps = plan.steps.map((step) => place(step, new Set(), one));
  for (const name of dims.keys()) {
    dims.set(name, words.length);
    words.push({ kind: 'param', dim: variable(name) });
  }
  return { words, steps, dims };
}

function dispatchWords(
  step: Dispatch,
  kernel: Kernel | undefined,
  indices: ReadonlySet<string>,
  words: TableWord[],
): Update[] {
  if (!kernel) throw new RangeError(`a plan dispatches ${step.kernel}, which is not among the kernels`);
  const updates: Update[] = [];
  const param = (value: Dim): void => {
    const changes = [...variables(value)].some((name) => indices.has(name));
    if (changes) updates.push({ word: words.length, dim: value });
    words.push({ kind: 'param', dim: changes ? dim(0) : value });
  };
  step.params.forEach(param);
  for (const name of step.scalars) words.push({ kind: 'record', name });
  if (kernel.arrays.length > 0) words.push({ kind: 'scratch' });
  param(step.grid[0]);
  return updates;
}

const bufferOf = (plan: Plan, id: string): Plan['buffers'][number] => {
  const buffer = plan.buffers.find((each) => each.id === id);
  if (!buffer) throw new RangeError(`a plan step names ${id}, which is not among the buffers`);
  return buffer;
};

function bytesOf(plan: Plan, id: string): Dim {
  const buffer = bufferOf(plan, id);
  return mul(constant(byteSize[buffer.dtype]), product(buffer.shape));
}

/** The words of the plan's table, in order. */
export const tableWords = (plan: Plan, kernels: readonly Kernel[], threads = false): readonly TableWord[] =>
  layoutPlan(plan, kernels, threads).words;
