// Equal nests are scheduled once: twelve equal blocks, or the same entry in a training step, cost one
// schedule. A nest's key is its structure with buffers by order of appearance; fuse.ts has given axes
// and reductions names that depend on nothing else. A program that is compiled again after a
// change is scheduled anew only where it changed.
import type { Dim } from '../../ir/dim.ts';
import { operands } from '../../ir/expr-rewrite.ts';
import type { Expr, Index } from '../../ir/expr.ts';
import type { TensorType } from '../../ir/graph.ts';
import { dataText } from '../../ir/text/writer.ts';
import type { Kernel } from '../../ir/kernel.ts';
import type { Axis, Buffer, Nest, NestFunction, OpaqueNest, Stage } from '../../ir/nest.ts';
import type { Dispatch, PlanStep } from '../../ir/plan.ts';
import type { ScheduleNest, Scheduled } from '../schedule/schedule.ts';

/** A kernel bound to memory, and the text by which it is recognised. */
export interface BoundKernel {
  readonly kernel: Kernel;
  readonly dispatch: Dispatch;
  readonly structure: string;
}

/** A schedule in terms of this nest's own buffers. */
export interface CachedSchedule {
  readonly key: string;
  /** What was made of its kernels before, by number and sharing of memory. */
  readonly bound: Map<string, BoundKernel>;
  readonly kernels: readonly Kernel[];
  readonly steps: readonly PlanStep[];
  readonly buffers: readonly Buffer[];
}

/** Writes the structure of a nest as text; shared expressions are written once and referred to by number. */
class NestKey {
  readonly buffers: string[] = [];
  private readonly parts: string[] = [];
  private readonly numbers = new Map<Expr, number>();

  constructor(nest: Nest, describe: (buffer: string) => string) {
    this.axes(nest.axes);
    for (const stage of nest.stages) this.stage(stage);
    this.parts.push(...this.buffers.map(describe));
  }

  get text(): string {
    return this.parts.join('\n');
  }

  private axes(axes: readonly Axis[]): void {
    this.parts.push(axes.map(({ name, extent }) => `${name}<${extent.key}`).join());
  }

  private stage(stage: Stage): void {
    this.axes(stage.axes);
    if (stage.kind === 'reduce') {
      this.parts.push(
        `${stage.id} ${stage.monoid.name} ${stage.dtypes.join()} ${stage.args.map((arg) => this.expr(arg)).join()}`,
      );
      return;
    }
    const indices = stage.indices.map((index) => this.index(index)).join();
    this.parts.push(`${stage.combine} ${this.buffer(stage.buffer)} ${indices} ${this.expr(stage.value)}`);
  }

  private buffer(id: string): number {
    const at = this.buffers.indexOf(id);
    return at >= 0 ? at : this.buffers.push(id) - 1;
  }

  private index(index: Index): string {
    return 'kind' in index ? `[${this.expr(index.expr)}]` : index.key;
  }

  private expr(e: Expr): number {
    const known = this.numbers.get(e);
    if (known !== undefined) return known;
    const inner = operands(e)
      .map((x) => this.expr(x))
      .join();
    this.parts.push(`${e.kind} ${e.dtype} ${inner} ${this.details(e)}`);
    this.numbers.set(e, this.numbers.size);
    return this.numbers.size - 1;
  }

  private details(e: Expr): string {
    switch (e.kind) {
      case 'const':
        return Object.is(e.value, -0) ? '-0' : String(e.value);
      case 'index':
        return e.dim.key;
      case 'load':
        return `${this.buffer(e.buffer)} ${e.indices.map((index) => this.index(index)).join()}`;
      case 'unary':
      case 'binary':
        return e.op;
      case 'guard':
        return e.conditions.map(({ kind, lhs }) => lhs.key + kind).join();
      case 'threefry':
        return String(e.word);
      case 'reduced':
        return `${e.stage} ${e.part}`;
      case 'select':
      case 'cast':
      case 'bitcast':
        return '';
    }
  }
}

// Neither do the buffers of an opaque nest's structure have names.
function opaqueStructure(nest: OpaqueNest, describe: (buffer: string) => string): { text: string; buffers: string[] } {
  const buffers = [...new Set([...nest.reads, ...nest.writes])];
  const places = [...nest.reads, '|', ...nest.writes].map((id) => (id === '|' ? id : buffers.indexOf(id)));
  const attrs = Object.entries(nest.attrs).map(([name, value]) => `${name}=${dataText(value)}`);
  return { text: ['opaque', nest.op, ...places, ...attrs, ...buffers.map(describe)].join('\n'), buffers };
}

interface Entry {
  /** The name of the nest, which its kernels have too. */
  readonly name: string;
  readonly scheduled: Scheduled;
  readonly buffers: readonly string[];
  readonly bound: Map<string, BoundKernel>;
}

/** Schedules by the structure of nests. */
export type Schedules = ReadonlyMap<string, Entry>;

interface Surroundings {
  readonly fn: NestFunction;
  readonly types: ReadonlyMap<string, TensorType>;
  /** Dims and facts as text. */
  readonly constraints: string;
}

// The function with only the buffers of one nest, of which a schedule may make tables.
function narrow(fn: NestFunction, own: readonly string[], types: ReadonlyMap<string, TensorType>): NestFunction {
  const used = new Set(own);
  const buffers = own.flatMap((id): Buffer[] => {
    const type = types.get(id);
    return type ? [{ id, type }] : [];
  });
  return { ...fn, buffers, inputs: fn.inputs.filter(({ buffer }) => used.has(buffer)) };
}

// The same schedule for a nest at another place of the source.
function movedTo({ scheduled, ...entry }: Entry, { origin }: Nest | OpaqueNest): Entry {
  return { ...entry, scheduled: { ...scheduled, kernels: scheduled.kernels.map((kernel) => ({ ...kernel, origin })) } };
}

/** Schedules nests of one target, equal ones once; `before` has those of the program that was compiled last. */
export class ScheduleCache {
  private readonly entries = new Map<string, Entry>();
  private scratch = 0;
  private current: Surroundings | undefined;

  constructor(
    private readonly schedule: ScheduleNest,
    private readonly before: Schedules = new Map(),
  ) {}

  /** All schedules so far. */
  get schedules(): Schedules {
    return this.entries;
  }

  /** The schedule of `nest`; `isScalar` tells which buffers are words of the step record. */
  get(nest: Nest | OpaqueNest, fn: NestFunction, isScalar: (buffer: string) => boolean): CachedSchedule {
    const { types, constraints } = this.surroundings(fn);
    const describe = (id: string): string => {
      const type = types.get(id);
      return `${type?.dtype}[${type?.shape.map((d: Dim) => d.key).join()}]${isScalar(id) ? ' scalar' : ''}`;
    };
    const { text, buffers } = nest.kind === 'opaque' ? opaqueStructure(nest, describe) : new NestKey(nest, describe);
    const key = `${text}\n${constraints}`;
    let entry = this.entries.get(key);
    if (!entry) {
      const known = this.before.get(key);
      entry =
        known?.name === nest.name
          ? movedTo(known, nest)
          : {
              name: nest.name,
              scheduled: this.schedule(nest, narrow(fn, buffers, types)),
              buffers,
              bound: new Map(),
            };
      this.entries.set(key, entry);
    }
    return { key, bound: entry.bound, ...this.rename(entry, buffers) };
  }

  // What the nests of one function have in common, found once.
  private surroundings(fn: NestFunction): Surroundings {
    if (this.current?.fn !== fn) {
      const facts = fn.facts.map(({ kind, lhs, modulus }) => `${lhs.key}${kind}${modulus?.key ?? ''}`).join();
      const types = new Map(fn.buffers.map(({ id, type }) => [id, type]));
      this.current = { fn, types, constraints: JSON.stringify(fn.dims) + facts };
    }
    return this.current;
  }

  // The schedule with this nest's buffers in place of those it was made for.
  private rename({ scheduled, buffers }: Entry, own: readonly string[]): Scheduled {
    const names = new Map(buffers.map((id, at) => [id, own[at] ?? id]));
    const temporaries = scheduled.buffers.map((buffer) => {
      const id = `scratch${this.scratch++}`;
      names.set(buffer.id, id);
      return { ...buffer, id };
    });
    const of = (id: string): string => names.get(id) ?? id;
    const step = (s: PlanStep): PlanStep => {
      switch (s.kind) {
        case 'dispatch':
          return { ...s, buffers: s.buffers.map(of), scalars: s.scalars.map(of) };
        case 'copy':
          return { ...s, from: of(s.from), to: of(s.to) };
        case 'fill':
          return { ...s, buffer: of(s.buffer) };
        case 'loop':
        case 'prepare':
          return { ...s, body: s.body.map(step) };
      }
    };
    return { kernels: scheduled.kernels, steps: scheduled.steps.map(step), buffers: temporaries };
  }
}
