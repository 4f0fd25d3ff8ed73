// Plan: what a function does at run time. A list of dispatches over buffers with symbolic sizes,
// one plan per function and target. The runtime binds the dims, packs the arena and replays it.
import { asConstant, mul, type Dim } from './dim.ts';
import type { DType } from './dtype.ts';
import type { DimVariable, Fact, GraphFunction, HostScalar, InputRole } from './graph.ts';
import type { Kernel } from './kernel.ts';

/**
 * Where a buffer lives. weights: never written by this function · persistent: parameters, slots,
 * state and caches that it updates in place · prepared: what is computed from weights alone, and kept · io: arguments and
 * outputs · arena: temporaries.
 */
export const pools = ['weights', 'persistent', 'prepared', 'io', 'arena'] as const;
export type Pool = (typeof pools)[number];

export interface PlanBuffer {
  readonly id: string;
  readonly pool: Pool;
  readonly dtype: DType;
  readonly shape: readonly Dim[];
  /** Index of the first and last step that touches it (arena and io outputs share memory by these). */
  readonly first: number;
  readonly last: number;
  /** This buffer lies in the same memory as that one (in-place update, donation). */
  readonly alias?: string;
}

export interface Dispatch {
  readonly kind: 'dispatch';
  readonly kernel: string;
  /** Buffer ids, in the kernel's order. */
  readonly buffers: readonly string[];
  /** Values of the kernel's params, in its order. */
  readonly params: readonly Dim[];
  /** Names of `step` inputs or option/iteration/key inputs, in the order of the kernel's scalars. */
  readonly scalars: readonly string[];
  /** GPU: workgroups. CPU: [extent, 1, 1], the range that threads share. */
  readonly grid: readonly [Dim, Dim, Dim];
}

/** Workgroups that one dimension of a grid may have. */
export const maxGridExtent = 65_535;

/** Workgroups in all: schedules put them along x, and along y what is more than x can hold. */
export function workgroupsOf({ kernel, grid: [x, y, z] }: Dispatch): Dim {
  const [rows, layers] = [asConstant(y), asConstant(z)];
  const least = x.terms.length === 1 ? x.terms[0]?.factors : undefined;
  const [atom] = least?.length === 1 ? least : [];
  const limited =
    atom?.kind === 'min' ? [atom.a, atom.b].find((side) => asConstant(side) !== maxGridExtent) : undefined;
  if (layers === 1 && (limited ?? rows === 1)) return limited ?? x;
  if (layers === 1 && rows !== undefined && asConstant(x) === maxGridExtent) return mul(x, y);
  throw new RangeError(`${kernel} has a grid that the runtime does not split`);
}

export type PlanStep =
  | Dispatch
  | { readonly kind: 'copy'; readonly from: string; readonly to: string }
  | { readonly kind: 'fill'; readonly buffer: string; readonly value: number }
  /** Runs only where weights have changed since it last ran. The first step, if there is one. */
  | { readonly kind: 'prepare'; readonly body: readonly PlanStep[] }
  | {
      readonly kind: 'loop';
      readonly index: string;
      readonly count: Dim;
      readonly reverse: boolean;
      readonly body: readonly PlanStep[];
    };

/** The dispatches of some steps, those of a loop once. */
export const dispatchesOf = (steps: readonly PlanStep[]): Dispatch[] =>
  steps.flatMap((step) => (step.kind === 'dispatch' ? [step] : 'body' in step ? dispatchesOf(step.body) : []));

export interface PlanInput {
  readonly name: string;
  readonly role: InputRole;
  /** Absent for scalars that travel in the step record. */
  readonly buffer?: string;
}

export interface Plan {
  readonly name: string;
  readonly kind: GraphFunction['kind'];
  readonly target: 'gpu' | 'cpu';
  readonly dims: readonly DimVariable[];
  readonly facts: readonly Fact[];
  readonly inputs: readonly PlanInput[];
  readonly results: readonly { readonly name: string; readonly role: 'output' | 'update'; readonly buffer: string }[];
  readonly buffers: readonly PlanBuffer[];
  readonly steps: readonly PlanStep[];
  /** Words of the step record, in order: every scalar input and what host-scalars made. */
  readonly record: readonly { readonly name: string; readonly dtype: DType }[];
  readonly host: readonly HostScalar[];
}

/** Everything for one target: kernels are shared between plans. */
export interface TargetProgram {
  readonly target: 'gpu' | 'cpu';
  readonly kernels: readonly Kernel[];
  readonly plans: readonly Plan[];
}

/** The buffers of a step, in the order in which it names them. */
export function buffersOf(step: PlanStep): readonly string[] {
  switch (step.kind) {
    case 'dispatch':
      return step.buffers;
    case 'copy':
      return [step.from, step.to];
    case 'fill':
      return [step.buffer];
    case 'loop':
    case 'prepare':
      return step.body.flatMap(buffersOf);
  }
}
