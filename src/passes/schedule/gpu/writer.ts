// Collects one kernel: canonical names for what it binds (b0…, p0…, s0…), its arrays and its locals,
// so that equal work gives equal text. `finish` pairs the kernel with the dispatch that runs it.
import { asConstant, ceilDiv, constant, min, one, type Atom, type Dim } from '../../../ir/dim.ts';
import type { Facts } from '../../../ir/dim-solver.ts';
import type { Kernel, KernelArray, KernelExpr, Statement } from '../../../ir/kernel.ts';
import { stepScalars, type Buffer, type Nest, type NestFunction } from '../../../ir/nest.ts';
import { maxGridExtent, type Dispatch } from '../../../ir/plan.ts';
import type { DType } from '../../../ir/dtype.ts';
import { CompilerBug } from '../../../support/diagnostic.ts';
import { int, less, minus, named, plus, quotient, registerType, remainder, select, times } from './expressions.ts';
import { axisParts, isNonNegative } from '../linear.ts';

/** Storage buffers that one kernel may bind: the limit that every WebGPU device grants. */
export const maxStorageBindings = 8;

/** What every schedule knows: buffers and step scalars by id, and facts about dims. */
export class Surroundings {
  readonly dtypes: ReadonlyMap<string, DType>;
  readonly scalars: ReadonlySet<string>;

  constructor(
    readonly scope: NestFunction,
    readonly facts: Facts,
  ) {
    this.dtypes = new Map(scope.buffers.map((buffer) => [buffer.id, buffer.type.dtype]));
    this.scalars = stepScalars(scope);
  }

  /** The same with temporaries. */
  with(buffers: readonly Buffer[]): Surroundings {
    return new Surroundings({ ...this.scope, buffers: [...this.scope.buffers, ...buffers] }, this.facts);
  }
}

/** A kernel and the step that dispatches it. */
export interface Written {
  readonly kernel: Kernel;
  readonly step: Dispatch;
}

/** What the workgroups (or threads) do whose number `n` is below `total`. */
export interface KernelPart {
  readonly threads: number;
  readonly total: Dim;
  readonly body: readonly Statement[];
}

/** `block` for numbers below `total`. */
export const partFor = (writer: KernelWriter, threads: number, total: Dim, block: Statement[]): KernelPart => ({
  threads,
  total,
  body: [{ kind: 'if', cond: less(named('n'), writer.param(total)), then: block, otherwise: [] }],
});

/** The kernel under construction. */
export class KernelWriter {
  private readonly buffers: { id: string; dtype: DType; reads: boolean; writes: boolean }[] = [];
  private readonly params: Dim[] = [];
  private readonly scalars: { id: string; type: 'f32' | 'i32' | 'u32' }[] = [];
  private readonly arrays: KernelArray[] = [];
  private locals = 0;

  constructor(readonly surroundings: Surroundings) {}

  get facts(): Facts {
    return this.surroundings.facts;
  }

  dtypeOf(id: string): DType {
    const dtype = this.surroundings.dtypes.get(id);
    if (!dtype) throw new CompilerBug(`a kernel uses the undeclared buffer ${id}`);
    return dtype;
  }

  /** Binds a buffer; its canonical name. */
  buffer(id: string, access: 'read' | 'write'): string {
    let at = this.buffers.findIndex((b) => b.id === id);
    if (at < 0) at = this.buffers.push({ id, dtype: this.dtypeOf(id), reads: false, writes: false }) - 1;
    const entry = this.buffers[at];
    if (entry) entry[access === 'read' ? 'reads' : 'writes'] = true;
    return `b${at}`;
  }

  /** The step scalar behind a buffer, if it is one. */
  stepScalar(id: string): KernelExpr | undefined {
    if (!this.surroundings.scalars.has(id)) return undefined;
    const register = registerType(this.dtypeOf(id));
    const type = register === 'bool' ? 'u32' : register;
    let at = this.scalars.findIndex((s) => s.id === id);
    if (at < 0) at = this.scalars.push({ id, type }) - 1;
    return { kind: 'scalar', type, width: 1, name: `s${at}` };
  }

  /** A dim as a number: small constants are literal, the rest are parameters bound per dispatch. */
  param(d: Dim): KernelExpr {
    const value = asConstant(d);
    if (value !== undefined && Math.abs(value) <= 4) return int(value);
    let at = this.params.findIndex((p) => p.key === d.key);
    if (at < 0) at = this.params.push(d) - 1;
    return { kind: 'param', type: 'i32', width: 1, name: `p${at}` };
  }

  /** A fresh local name. */
  fresh(prefix = 'v'): string {
    return `${prefix}${this.locals++}`;
  }

  /** A new array of the kernel; its name. */
  array(type: KernelArray['type'], size: number): string {
    const name = `a${this.arrays.length}`;
    this.arrays.push({ name, space: 'workgroup', type, size });
    return name;
  }

  /** Binds `value` to a name unless it is one already. */
  bind(into: Statement[], value: KernelExpr): KernelExpr {
    if (value.kind === 'name' || value.kind === 'const') return value;
    const name = this.fresh();
    into.push({ kind: 'let', name, value });
    return named(name, value.type, value.width);
  }

  /** A variable that starts as `init`. */
  variable(into: Statement[], init: KernelExpr): KernelExpr {
    const name = this.fresh();
    into.push({ kind: 'var', name, init });
    return named(name, init.type, init.width);
  }

  /**
   * A dim over axes as an i32. `axis` gives the value of an axis variable, undefined for dim variables;
   * whatever is free of axes becomes one parameter per factor.
   */
  index(d: Dim, axis: (name: string) => KernelExpr | undefined): KernelExpr {
    const parts = axisParts(d, (name) => axis(name) !== undefined).map(({ factors, scale }) => {
      const product = factors.reduce<KernelExpr>((x, atom) => times(x, this.atom(atom, axis)), int(1));
      return asConstant(scale) === -1 && factors.length > 0
        ? { negative: true, value: product }
        : { negative: false, value: times(product, this.param(scale)) };
    });
    return parts.reduce<KernelExpr>(
      (sum, part) => (part.negative ? minus(sum, part.value) : plus(sum, part.value)),
      int(0),
    );
  }

  private atom(atom: Atom, axis: (name: string) => KernelExpr | undefined): KernelExpr {
    if (atom.kind === 'var') {
      const value = axis(atom.name);
      if (!value) throw new CompilerBug(`axis ${atom.name} has no value here`);
      return value;
    }
    const [a, b] = [this.index(atom.a, axis), smallPower(atom.b) ?? this.index(atom.b, axis)];
    if (atom.kind === 'min' || atom.kind === 'max') {
      return { kind: 'binary', type: 'i32', width: 1, op: atom.kind, a, b };
    }
    if (isNonNegative(atom.a, this.facts)) return atom.kind === 'mod' ? remainder(a, b) : quotient(a, b);
    const floor = quotient(select(less(a, int(0)), plus(minus(a, b), int(1)), a), b);
    return atom.kind === 'mod' ? minus(a, times(b, floor)) : floor;
  }

  /** The finished kernel with its dispatch. */
  finish(nest: Nest, name: string, workgroup: number, grid: Dispatch['grid'], body: readonly Statement[]): Written {
    if (this.buffers.length > maxStorageBindings) {
      throw new CompilerBug(`${name} binds ${this.buffers.length} buffers, and WebGPU grants ${maxStorageBindings}`);
    }
    const kernel: Kernel = {
      name,
      target: 'gpu',
      buffers: this.buffers.map((b, at) => ({ name: `b${at}`, dtype: b.dtype, access: accessOf(b) })),
      params: this.params.map((_, at) => `p${at}`),
      scalars: this.scalars.map((s, at) => ({ name: `s${at}`, type: s.type })),
      arrays: this.arrays,
      workgroup: [workgroup, 1, 1],
      body,
      origin: nest.origin,
    };
    const step: Dispatch = {
      kind: 'dispatch',
      kernel: name,
      buffers: this.buffers.map((b) => b.id),
      params: this.params,
      scalars: this.scalars.map((s) => s.id),
      grid,
    };
    return { kernel, step };
  }
}

// What divides words into elements, and rows into blocks of words: a literal, by which GPUs shift instead of dividing.
function smallPower(d: Dim): KernelExpr | undefined {
  const c = asConstant(d);
  return c !== undefined && [8, 16, 32, 64].includes(c) ? int(c) : undefined;
}

const accessOf = (b: { reads: boolean; writes: boolean }): 'read' | 'write' | 'read_write' =>
  b.reads && b.writes ? 'read_write' : b.writes ? 'write' : 'read';

/** A grid of `workgroups` workgroups, split where one dimension cannot hold them. */
export const linearGrid = (workgroups: Dim): Dispatch['grid'] => [
  min(workgroups, constant(maxGridExtent)),
  ceilDiv(workgroups, constant(maxGridExtent)),
  one,
];

/** The number of this workgroup in a {@link linearGrid}. */
export const workgroupNumber: KernelExpr = plus(named('%wx'), times(named('%wy'), named('%nx')));

/** The number of this invocation in a {@link linearGrid} of workgroups of `size`. */
export const invocationNumber = (size: number): KernelExpr => plus(times(workgroupNumber, int(size)), named('%lx'));
