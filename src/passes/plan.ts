// Nest → Plan for one target: schedules every nest, binds scalars, decides where each buffer lives
// and for how long. The runtime packs the arena from these intervals when the dims are known.
import { asConstant } from '../ir/dim.ts';
import type { DType } from '../ir/dtype.ts';
import type { Kernel } from '../ir/kernel.ts';
import {
  stepScalars,
  type Buffer,
  type LoopNest,
  type Nest,
  type NestFunction,
  type NestModule,
  type NestStep,
  type OpaqueNest,
} from '../ir/nest.ts';
import {
  buffersOf,
  dispatchesOf,
  type Dispatch,
  type Plan,
  type PlanBuffer,
  type PlanStep,
  type Pool,
  type TargetProgram,
} from '../ir/plan.ts';
import { CompilerBug } from '../support/diagnostic.ts';
import { expandMath } from './expand-math.ts';
import type { Pass, PassContext } from './pass.ts';
import { bindScalars, mergeBindings, readsAfterWrite, type Bound } from './plan/bind.ts';
import { freshOutput, planDonation, type Copy, type Donation } from './plan/donate.ts';
import { fuseHorizontally } from './plan/horizontal-fusion.ts';
import { kernelKey, KernelTable } from './plan/kernel-table.ts';
import { keepOwnElements } from './plan/own-elements.ts';
import { prepareWeights } from './plan/prepare.ts';
import { ScheduleCache, type BoundKernel, type Schedules } from './plan/schedule-cache.ts';
import { scheduleForCpu } from './schedule/cpu.ts';
import { scheduleForGpu } from './schedule/gpu.ts';

type Target = TargetProgram['target'];

/** What the plans of one target share. */
interface TargetState {
  readonly name: Target;
  readonly cache: ScheduleCache;
  readonly table: KernelTable;
  /** Kernels as bound, by schedule and sharing of memory; buffers and scalars are positions. */
  readonly bound: Map<string, Bound>;
}

// The schedule that a dispatch is of, and its place among the steps of that.
interface OfSchedule {
  readonly named: ReadonlyMap<string, Kernel>;
  readonly key: string;
  readonly at: number;
  readonly bound: Map<string, BoundKernel>;
}

/** Plans one function. */
class FunctionPlan {
  private readonly donation: Donation;
  private readonly buffers = new Map<string, Buffer>();
  private readonly scalars: ReadonlySet<string>;
  private readonly inPlace: Map<string, string>;
  private readonly lateCopies: Copy[] = [];
  /** The function with the buffers that copies make. */
  private readonly scope: NestFunction;

  constructor(
    private readonly fn: NestFunction,
    private readonly target: TargetState,
    private readonly cx: PassContext,
  ) {
    this.donation = planDonation(fn);
    this.inPlace = new Map(this.donation.inPlace);
    this.scalars = stepScalars(fn);
    for (const buffer of fn.buffers) this.buffers.set(buffer.id, buffer);
    for (const [id, from] of this.donation.freshBuffers) this.buffers.set(id, { id, type: this.type(from) });
    this.scope = { ...fn, buffers: [...this.buffers.values()] };
  }

  run(): Plan {
    const { fn } = this;
    const main = fn.body.flatMap((step) => this.planStep(step));
    const copies = [...this.donation.copies, ...this.lateCopies].flatMap((copy) => this.planCopy(copy));
    const { steps: all, prepared } = this.prepare([...main, ...copies]);
    const steps = this.fuse(all);
    const { freshBuffers } = this.donation;
    const shown = (name: string, buffer: string): string =>
      freshBuffers.has(freshOutput(name)) ? freshOutput(name) : buffer;
    return {
      name: fn.name,
      kind: fn.kind,
      target: this.target.name,
      dims: fn.dims,
      facts: fn.facts,
      host: fn.host,
      inputs: fn.inputs.map(({ name, role, buffer }) => ({
        name,
        role,
        ...(this.scalars.has(buffer) ? {} : { buffer }),
      })),
      results: fn.results.map(({ name, role, buffer }) => ({
        name,
        role,
        buffer: role === 'output' ? shown(name, buffer) : buffer,
      })),
      buffers: this.placeBuffers(steps, prepared),
      steps,
      record: this.record(steps),
    };
  }

  // Steps of training change the weights each time.
  private prepare(steps: readonly PlanStep[]): ReturnType<typeof prepareWeights> {
    if (this.fn.kind !== 'entry') return { steps, prepared: new Set() };
    const poolOf = this.pools();
    const found = prepareWeights(steps, (name) => this.target.table.named(name), {
      isWeight: (id) => poolOf(id) === 'weights',
      isFixed: (id) => poolOf(id) === 'arena' && this.type(id).shape.every((d) => asConstant(d) !== undefined),
    });
    this.cx.count('prepare-weights', found.prepared.size);
    return found;
  }

  // What runs once (initialisation) is not worth the text.
  private fuse(steps: readonly PlanStep[]): readonly PlanStep[] {
    const { name, table } = this.target;
    if (name !== 'gpu' || this.fn.kind === 'init') return steps;
    return fuseHorizontally(steps, table, () => this.cx.count('merge-horizontal'));
  }

  private type(id: string): Buffer['type'] {
    const buffer = this.buffers.get(id);
    if (!buffer) throw new RangeError(`${this.fn.name} has no buffer ${id}`);
    return buffer.type;
  }

  private memory(id: string): string {
    return this.inPlace.get(id) ?? id;
  }

  private planStep(step: NestStep): PlanStep[] {
    return step.kind === 'loop' ? [this.planLoop(step)] : this.planNest(step);
  }

  private planLoop(loop: LoopNest): PlanStep {
    const body = loop.body.flatMap((step) => this.planStep(step));
    return { kind: 'loop', index: loop.index, count: loop.count, reverse: loop.reverse, body };
  }

  private planNest(nest: Nest | OpaqueNest): PlanStep[] {
    const { key, kernels, steps, buffers, bound } = this.target.cache.get(nest, this.scope, (id) =>
      this.scalars.has(id),
    );
    for (const buffer of buffers) this.buffers.set(buffer.id, buffer);
    const named = new Map(kernels.map((kernel) => [kernel.name, kernel]));
    if (named.size < kernels.length) throw new CompilerBug(`the schedule of ${nest.name} has two kernels of one name`);
    return steps.map((step, at) => (step.kind === 'dispatch' ? this.bind(step, { named, key, at, bound }) : step));
  }

  // Dispatches of one scheduled kernel with the same sharing of memory end up with the same kernel.
  private bind(dispatch: Dispatch, { named, key, at, bound: known }: OfSchedule): Dispatch {
    const kernel = named.get(dispatch.kernel);
    if (!kernel) throw new RangeError(`${this.fn.name}: no kernel ${dispatch.kernel}`);
    const sharing = (): string =>
      dispatch.buffers
        .map((id) => dispatch.buffers.findIndex((other) => this.memory(other) === this.memory(id)))
        .join();
    if (!this.target.bound.has(`${key}\n${at} ${sharing()}`)) this.withdrawUnsafe({ kernel, dispatch });
    const own = `${at} ${sharing()}`;
    let bound = this.target.bound.get(`${key}\n${own}`);
    if (!bound) {
      const made = known.get(own) ?? this.bindKernel(kernel, dispatch);
      known.set(own, made);
      const { origin } = kernel;
      bound = { kernel: this.target.table.add({ ...made.kernel, origin }, made.structure), dispatch: made.dispatch };
      this.target.bound.set(`${key}\n${own}`, bound);
    }
    const ids = [...dispatch.buffers, ...dispatch.scalars];
    const idAt = (position: string): string => ids[Number(position)] ?? '';
    return {
      ...dispatch,
      kernel: bound.kernel.name,
      buffers: bound.dispatch.buffers.map((position) => this.memory(idAt(position))),
      scalars: bound.dispatch.scalars.map(idAt),
    };
  }

  // Binds by position, so that the result holds for other buffers too.
  private bindKernel(kernel: Kernel, dispatch: Dispatch): BoundKernel {
    const ids = dispatch.buffers;
    const positional: Dispatch = {
      ...dispatch,
      buffers: ids.map((_, at) => String(at)),
      scalars: dispatch.scalars.map((_, at) => String(ids.length + at)),
    };
    const idAt = (position: string): string => ids[Number(position)] ?? '';
    const scalar = bindScalars({ kernel, dispatch: positional }, (position) => this.scalars.has(idAt(position)));
    const merged = mergeBindings(scalar, (position) =>
      String(ids.findIndex((other) => this.memory(other) === this.memory(idAt(position)))),
    );
    const made = expandMath(keepOwnElements(merged.kernel));
    return { kernel: made, dispatch: merged.dispatch, structure: kernelKey(made) };
  }

  // A kernel that would read the old value after writing the new one gives up the shared memory.
  private withdrawUnsafe({ kernel, dispatch }: Bound): void {
    dispatch.buffers.forEach((id, at) => {
      const target = this.inPlace.get(id);
      const old = target === undefined ? -1 : dispatch.buffers.indexOf(target);
      const [fresh, before] = [kernel.buffers[at]?.name, kernel.buffers[old]?.name];
      if (target === undefined || fresh === undefined || before === undefined) return;
      if (!readsAfterWrite(kernel.body, before, fresh)) return;
      this.inPlace.delete(id);
      this.lateCopies.push({ from: id, to: target });
    });
  }

  // A result that is a scalar of the step record has no memory to copy from: a tiny nest stores it.
  private planCopy({ from, to }: Copy): PlanStep[] {
    if (!this.scalars.has(from)) return [{ kind: 'copy', from: this.memory(from), to: this.memory(to) }];
    const { dtype } = this.type(from);
    return this.planNest({
      kind: 'nest',
      name: 'scalar',
      axes: [],
      origin: [],
      stages: [
        {
          kind: 'store',
          axes: [],
          buffer: to,
          indices: [],
          value: { kind: 'load', dtype, buffer: from, indices: [] },
          combine: 'set',
        },
      ],
    });
  }

  // The pool of each buffer, as far as its role says.
  private pools(): (id: string) => Pool {
    const outputs = new Set(
      this.fn.results
        .filter(({ role }) => role === 'output')
        .flatMap(({ name, buffer }) => [buffer, freshOutput(name)]),
    );
    const roles = new Map(this.fn.inputs.map((input) => [input.buffer, input.role]));
    const updated = new Set(this.fn.results.flatMap(({ role, name }) => (role === 'update' ? [name] : [])));
    const names = new Map(this.fn.inputs.map((input) => [input.buffer, input.name]));
    return (id) => {
      const role = roles.get(id);
      if (role === 'argument') return 'io';
      if (role !== undefined) return updated.has(names.get(id) ?? '') ? 'persistent' : 'weights';
      if (this.inPlace.has(id)) return 'persistent';
      return outputs.has(id) ? 'io' : 'arena';
    };
  }

  private placeBuffers(steps: readonly PlanStep[], prepared: ReadonlySet<string>): PlanBuffer[] {
    const live = liveIntervals(steps);
    const rolePool = this.pools();
    const poolOf = (id: string): Pool => (prepared.has(id) ? 'prepared' : rolePool(id));
    return [...this.buffers.values()]
      .filter(({ id }) => !this.scalars.has(id))
      .map(({ id, type }) => {
        const [first, last] = live.get(id) ?? [0, -1];
        const alias = this.inPlace.get(id);
        return {
          id,
          pool: poolOf(id),
          dtype: type.dtype,
          shape: type.shape,
          first,
          last,
          ...(alias === undefined ? {} : { alias }),
        };
      })
      .filter((buffer) => buffer.pool !== 'arena' || buffer.last >= buffer.first);
  }

  private record(steps: readonly PlanStep[]): Plan['record'] {
    const used = new Set(dispatchesOf(steps).flatMap((step) => step.scalars));
    const words: { name: string; dtype: DType }[] = [];
    for (const input of this.fn.inputs) {
      if (used.has(input.buffer)) words.push({ name: input.name, dtype: this.type(input.buffer).dtype });
    }
    return words;
  }
}

// First and last top-level step that touches each buffer; a loop keeps what it touches throughout.
function liveIntervals(steps: readonly PlanStep[]): Map<string, [number, number]> {
  const live = new Map<string, [number, number]>();
  steps.forEach((step, at) => {
    for (const id of buffersOf(step)) {
      const interval = live.get(id);
      if (interval) interval[1] = at;
      else live.set(id, [at, at]);
    }
  });
  return live;
}

// Schedules of the program that was planned last, for each target.
const last = new Map<Target, Schedules>();

/** The pass that plans a module for `target`. */
export const planFor = (target: Target): Pass<NestModule, TargetProgram> => ({
  name: `plan-${target}`,
  summary: `schedule nests on the ${target} and place buffers`,
  run(module, cx) {
    const cache = new ScheduleCache(target === 'gpu' ? scheduleForGpu : scheduleForCpu, last.get(target));
    last.set(target, cache.schedules);
    const state: TargetState = { name: target, cache, table: new KernelTable(), bound: new Map() };
    const plans = module.functions.map((fn) => new FunctionPlan(fn, state, cx).run());
    return { target, kernels: state.table.usedBy(plans), plans };
  },
});
