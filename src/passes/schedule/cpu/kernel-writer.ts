// Builds the statements of one CPU kernel. Every operation becomes a `let` in the outermost open block
// in which its operands are known, once per structure: loop-invariant code leaves its loops by itself.
import { asConstant, type Dim } from '../../../ir/dim.ts';
import type { DType } from '../../../ir/dtype.ts';
import type {
  Kernel,
  KernelArray,
  KernelBuffer,
  KernelExpr,
  ScalarType,
  Statement,
  Width,
} from '../../../ir/kernel.ts';
import { structureKey } from '../../../ir/kernel-key.ts';
import { kernelOperands } from '../../../ir/kernel-rewrite.ts';
import type { Expr } from '../../../ir/expr.ts';
import type { Environment } from './environment.ts';

/** An expression that is free to repeat: a constant, a param or a name. */
export type Atom = Extract<KernelExpr, { kind: 'const' | 'name' | 'param' }>;

const isAtom = (e: KernelExpr): e is Atom => e.kind === 'const' || e.kind === 'name' || e.kind === 'param';

/** rest + constant */
export interface Sum {
  readonly rest: Atom;
  readonly constant: number;
}

interface Block {
  readonly statements: Statement[];
  readonly memo: Map<string, Atom>;
  readonly values: Map<Environment, Map<Expr, Atom>>;
}

/** The register type of a dtype. */
export const registerType = (dtype: DType): ScalarType => (dtype === 'f16' ? 'f32' : dtype);

export const constant = (type: ScalarType, value: number, width: Width = 1): Extract<Atom, { kind: 'const' }> => ({
  kind: 'const',
  type,
  width,
  value,
});
export const i32 = (value: number): Extract<Atom, { kind: 'const' }> => constant('i32', value);

/** index + offset, with one constant at the end. */
export function plus(index: KernelExpr, offset: number): KernelExpr {
  if (offset === 0) return index;
  if (index.kind === 'const') return i32(index.value + offset);
  if (index.kind === 'binary' && index.op === 'add' && index.b.kind === 'const')
    return plus(index.a, index.b.value + offset);
  return { kind: 'binary', type: 'i32', width: 1, op: 'add', a: index, b: i32(offset) };
}

/** Elements of a scratch array from `index` on. */
export const inArray = (array: string, index: KernelExpr, width: Width): KernelExpr => ({
  kind: 'load-array',
  type: 'f32',
  width,
  array,
  index,
});

/** Statements, names and bindings of a kernel under construction. */
export class KernelWriter {
  readonly arrays: KernelArray[] = [];
  private readonly blocks: Block[] = [{ statements: [], memo: new Map(), values: new Map() }];
  private readonly depths = new Map<string, number>([
    ['%begin', 0],
    ['%end', 0],
  ]);
  private readonly params = new Map<string, { readonly name: string; readonly dim: Dim }>();
  private readonly buffers = new Map<string, { name: string; dtype: DType; reads: boolean; writes: boolean }>();
  private readonly sums = new Map<string, Sum>();
  private count = 0;
  private floor = 0;

  readonly begin: Atom = { kind: 'name', type: 'i32', width: 1, name: '%begin' };
  readonly end: Atom = { kind: 'name', type: 'i32', width: 1, name: '%end' };

  constructor(private readonly dtypeOf: (buffer: string) => DType) {}

  /** How many blocks are open. */
  get depth(): number {
    return this.blocks.length - 1;
  }

  /** The outermost block in which `e` may be computed. */
  depthOf(e: KernelExpr): number {
    if (e.kind === 'name') return this.depths.get(e.name) ?? this.depth;
    return kernelOperands(e).reduce((deepest, x) => Math.max(deepest, this.depthOf(x)), 0);
  }

  /** A constant literal or a param: a dim that no axis takes part in. Small constants stay literal. */
  dim(d: Dim): Atom {
    const c = asConstant(d);
    if (c !== undefined && Math.abs(c) <= 4) return i32(c);
    let param = this.params.get(d.key);
    if (!param) this.params.set(d.key, (param = { name: `p${this.params.size}`, dim: d }));
    return { kind: 'param', type: 'i32', width: 1, name: param.name };
  }

  /** The value of `e`, computed once where its operands are known. */
  let(e: KernelExpr, outermost = 0): Atom {
    if (isAtom(e)) return e;
    const at = Math.max(this.depthOf(e), outermost);
    const key = structureKey(e);
    for (let depth = at; depth <= this.depth; depth++) {
      const known = this.blocks[depth]?.memo.get(key);
      if (known) return known;
    }
    const atom = this.name(e.type, e.width, at);
    this.block(at).statements.push({ kind: 'let', name: atom.name, value: e });
    this.block(at).memo.set(key, atom);
    if (e.kind === 'binary' && e.op === 'add' && e.type === 'i32' && isAtom(e.a) && e.b.kind === 'const')
      this.sums.set(atom.name, { rest: e.a, constant: e.b.value });
    return atom;
  }

  /** An i32 as what was computed and a constant that was added to it. */
  withoutConstant(atom: Atom): Sum {
    if (atom.kind === 'const') return { rest: i32(0), constant: atom.value };
    return (atom.kind === 'name' ? this.sums.get(atom.name) : undefined) ?? { rest: atom, constant: 0 };
  }

  /** As {@link let}, for values that read memory or variables: stays in the current guard, or block. */
  load(e: KernelExpr, mayMove: boolean): Atom {
    if (mayMove) return this.let(e, this.floor);
    const atom = this.name(e.type, e.width, this.depth);
    this.push({ kind: 'let', name: atom.name, value: e });
    return atom;
  }

  /** The value kept under `key`, while the block that it was kept in is open. */
  remembered(key: string): Atom | undefined {
    for (const block of this.blocks) {
      const atom = block.memo.get(key);
      if (atom) return atom;
    }
    return undefined;
  }

  /** Keeps `atom` under `key` until the current block ends. */
  keep(key: string, atom: Atom): void {
    this.block(this.depth).memo.set(key, atom);
  }

  /** A mutable variable of the current block. */
  variable(init: Atom): Extract<Atom, { kind: 'name' }> {
    const atom = this.name(init.type, init.width, this.depth);
    this.push({ kind: 'var', name: atom.name, init });
    return atom;
  }

  assign(variable: Atom, value: KernelExpr): void {
    if (variable.kind !== 'name') throw new RangeError('only variables can be assigned');
    this.push({ kind: 'assign', name: variable.name, value });
  }

  push(statement: Statement): void {
    this.block(this.depth).statements.push(statement);
  }

  /** for (i = from; i < to; i += step) body(i) */
  for(from: Atom, to: Atom, step: number, body: (i: Atom) => void): void {
    const name = `i${this.count++}`;
    const statements = this.inBlock(() => {
      this.depths.set(name, this.depth);
      body({ kind: 'name', type: 'i32', width: 1, name });
    });
    if (statements.length > 0) this.push({ kind: 'for', name, from, to, step, body: statements });
  }

  /** if (cond) then() else otherwise(); loads inside stay inside. */
  if(cond: Atom, then: () => void, otherwise: () => void = () => undefined): void {
    const before = this.floor;
    this.floor = this.depth + 1;
    const statement = { kind: 'if' as const, cond, then: this.inBlock(then), otherwise: this.inBlock(otherwise) };
    this.floor = before;
    this.push(statement);
  }

  /** The canonical name of a buffer. */
  buffer(id: string, use: 'read' | 'write'): string {
    let buffer = this.buffers.get(id);
    if (!buffer) {
      buffer = { name: `b${this.buffers.size}`, dtype: this.dtypeOf(id), reads: false, writes: false };
      this.buffers.set(id, buffer);
    }
    buffer[use === 'read' ? 'reads' : 'writes'] = true;
    return buffer.name;
  }

  /** Type of a buffer's elements in registers. */
  typeOf(id: string): ScalarType {
    return registerType(this.dtypeOf(id));
  }

  /** Private scratch memory of f32 elements. */
  array(name: string, size: number): string {
    this.arrays.push({ name, space: 'private', type: 'f32', size });
    return name;
  }

  /** The value already computed for `expr` in this environment, while its block is open. */
  known(env: Environment, expr: Expr): Atom | undefined {
    for (const block of this.blocks) {
      const atom = block.values.get(env)?.get(expr);
      if (atom) return atom;
    }
    return undefined;
  }

  /** Remembers the value of `expr`; one that was computed inside a guard is forgotten after it. */
  remember(env: Environment, expr: Expr, atom: Atom): void {
    const { values } = this.block(this.depthOf(atom));
    let inEnvironment = values.get(env);
    if (!inEnvironment) values.set(env, (inEnvironment = new Map<Expr, Atom>()));
    inEnvironment.set(expr, atom);
  }

  /** The finished kernel, its buffer ids and the values of its params. */
  finish(name: string, origin: Kernel['origin']): { kernel: Kernel; buffers: string[]; params: Dim[] } {
    const buffers = [...this.buffers.values()].map(({ name: buffer, dtype, reads, writes }): KernelBuffer => ({
      name: buffer,
      dtype,
      access: writes ? (reads ? 'read_write' : 'write') : 'read',
    }));
    const params = [...this.params.values()];
    const kernel: Kernel = {
      name,
      target: 'cpu',
      buffers,
      params: params.map((param) => param.name),
      scalars: [],
      arrays: this.arrays,
      workgroup: [1, 1, 1],
      body: this.block(0).statements,
      origin,
    };
    return { kernel, buffers: [...this.buffers.keys()], params: params.map((param) => param.dim) };
  }

  private name(type: ScalarType, width: Width, depth: number): Extract<Atom, { kind: 'name' }> {
    const name = `v${this.count++}`;
    this.depths.set(name, depth);
    return { kind: 'name', type, width, name };
  }

  private block(depth: number): Block {
    const block = this.blocks[depth];
    if (!block) throw new RangeError(`no open block at depth ${depth}`);
    return block;
  }

  private inBlock(body: () => void): Statement[] {
    const statements: Statement[] = [];
    this.blocks.push({ statements, memo: new Map(), values: new Map() });
    body();
    this.blocks.pop();
    return statements;
  }
}
