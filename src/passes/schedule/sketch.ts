// Kernels written by hand, statement by statement, for what no loop nest says: sorting, running
// reductions. Collects canonical names for buffers (b0…), params (p0…), arrays and locals on the way.
import { ceilDiv, constant, max, min, one, type Dim } from '../../ir/dim.ts';
import type { DType } from '../../ir/dtype.ts';
import type { Kernel, KernelArray, KernelExpr, Statement, Width } from '../../ir/kernel.ts';
import type { NestFunction, OpaqueNest } from '../../ir/nest.ts';
import type { Dispatch } from '../../ir/plan.ts';
import type { Span } from '../../support/source.ts';
import { CompilerBug } from '../../support/diagnostic.ts';
import { int, less, named, plus, registerType, times } from './gpu/expressions.ts';

/** A kernel and the step that dispatches it. */
export interface Sketched {
  readonly kernel: Kernel;
  readonly step: Dispatch;
}

/** Schedules an opaque nest of one op. */
export type ScheduleOpaque = (
  nest: OpaqueNest,
  scope: NestFunction,
) => {
  readonly kernels: readonly Kernel[];
  readonly steps: readonly Dispatch[];
  readonly buffers: NestFunction['buffers'];
};

/** Kernels in order, with the temporaries between them. */
export const sketchedAll = (
  sketched: readonly Sketched[],
  buffers: NestFunction['buffers'] = [],
): ReturnType<ScheduleOpaque> => ({
  kernels: sketched.map(({ kernel }) => kernel),
  steps: sketched.map(({ step }) => step),
  buffers,
});

/** The kernel under construction. */
export class KernelSketch {
  private readonly buffers: { id: string; dtype: DType; reads: boolean; writes: boolean }[] = [];
  private readonly params: Dim[] = [];
  private readonly arrays: KernelArray[] = [];
  private block: Statement[] = [];
  private locals = 0;

  constructor(
    private readonly target: Kernel['target'],
    private readonly dtypeOf: (buffer: string) => DType,
  ) {}

  /** A dim, bound per dispatch: kernels that differ in nothing else are one. */
  param(d: Dim): KernelExpr {
    let at = this.params.findIndex(({ key }) => key === d.key);
    if (at < 0) at = this.params.push(d) - 1;
    return { kind: 'param', type: 'i32', width: 1, name: `p${at}` };
  }

  /** An array of the workgroup (GPU) or the thread (CPU); its name. */
  array(type: KernelArray['type'], size: number): string {
    const name = `a${this.arrays.length}`;
    this.arrays.push({ name, space: this.target === 'gpu' ? 'workgroup' : 'private', type, size });
    return name;
  }

  /** `value`, computed here. */
  let(value: KernelExpr): KernelExpr {
    if (value.kind === 'const' || value.kind === 'param') return value;
    const name = this.fresh();
    this.block.push({ kind: 'let', name, value });
    return named(name, value.type, value.width);
  }

  /** A variable that starts as `init`. */
  var(init: KernelExpr): KernelExpr {
    const name = this.fresh();
    this.block.push({ kind: 'var', name, init });
    return named(name, init.type, init.width);
  }

  set(variable: KernelExpr, value: KernelExpr): void {
    if (variable.kind !== 'name') throw new CompilerBug('only variables can be assigned');
    this.block.push({ kind: 'assign', name: variable.name, value });
  }

  /** for (i = from; i < to; i += step) body(i) */
  for(from: KernelExpr, to: KernelExpr, body: (i: KernelExpr) => void, step = 1): void {
    const name = this.fresh();
    this.block.push({ kind: 'for', name, from, to, step, body: this.inside(() => body(named(name))) });
  }

  if(cond: KernelExpr, then: () => void): void {
    this.block.push({ kind: 'if', cond, then: this.inside(then), otherwise: [] });
  }

  barrier(): void {
    this.block.push({ kind: 'barrier' });
  }

  load(id: string, index: KernelExpr, width: Width = 1): KernelExpr {
    return { kind: 'load', type: registerType(this.dtypeOf(id)), width, buffer: this.buffer(id, 'reads'), index };
  }

  store(id: string, index: KernelExpr, value: KernelExpr): void {
    this.block.push({ kind: 'store', buffer: this.buffer(id, 'writes'), index, value });
  }

  get(array: string, index: KernelExpr): KernelExpr {
    const type = registerType(this.arrays.find(({ name }) => name === array)?.type ?? 'i32');
    return { kind: 'load-array', type, width: 1, array, index };
  }

  put(array: string, index: KernelExpr, value: KernelExpr): void {
    this.block.push({ kind: 'store-array', array, index, value });
  }

  /** A CPU kernel whose threads share `extent`: body(i) for each of them. */
  overShare(extent: Dim, name: string, origin: readonly Span[], body: (i: KernelExpr) => void): Sketched {
    this.for(named('%begin'), named('%end'), body);
    return this.finish(name, origin, 1, [extent, one, one]);
  }

  /** A GPU kernel with a thread for each i below `count`, which may be 0. */
  perThread(count: Dim, name: string, origin: readonly Span[], body: (i: KernelExpr) => void): Sketched {
    const size = 64;
    const i = this.let(plus(times(this.workgroup(), int(size)), named('%lx')));
    this.if(less(i, this.param(count)), () => body(i));
    return this.finish(name, origin, size, gridOf(max(one, ceilDiv(count, constant(size)))));
  }

  /** A GPU kernel with a workgroup of `size` threads for each i below `count`. */
  perWorkgroup(
    count: Dim,
    size: number,
    name: string,
    origin: readonly Span[],
    body: (i: KernelExpr) => void,
  ): Sketched {
    const i = this.let(this.workgroup());
    this.if(less(i, this.param(count)), () => body(i));
    return this.finish(name, origin, size, gridOf(count));
  }

  private workgroup(): KernelExpr {
    return plus(named('%wx'), times(named('%wy'), named('%nx')));
  }

  private inside(body: () => void): Statement[] {
    const outer = this.block;
    this.block = [];
    body();
    const own = this.block;
    this.block = outer;
    return own;
  }

  private fresh(): string {
    return `v${this.locals++}`;
  }

  private buffer(id: string, use: 'reads' | 'writes'): string {
    let at = this.buffers.findIndex((buffer) => buffer.id === id);
    if (at < 0) at = this.buffers.push({ id, dtype: this.dtypeOf(id), reads: false, writes: false }) - 1;
    const entry = this.buffers[at];
    if (entry) entry[use] = true;
    return `b${at}`;
  }

  private finish(name: string, origin: readonly Span[], size: number, grid: Dispatch['grid']): Sketched {
    const kernel: Kernel = {
      name,
      target: this.target,
      buffers: this.buffers.map(({ dtype, reads, writes }, at) => ({
        name: `b${at}`,
        dtype,
        access: reads && writes ? 'read_write' : writes ? 'write' : 'read',
      })),
      params: this.params.map((_, at) => `p${at}`),
      scalars: [],
      arrays: this.arrays,
      workgroup: [size, 1, 1],
      body: this.block,
      origin,
    };
    const buffers = this.buffers.map(({ id }) => id);
    return { kernel, step: { kind: 'dispatch', kernel: name, buffers, params: this.params, scalars: [], grid } };
  }
}

const maxGridExtent = constant(65_535);

const gridOf = (workgroups: Dim): Dispatch['grid'] => [
  min(workgroups, maxGridExtent),
  ceilDiv(workgroups, maxGridExtent),
  one,
];
