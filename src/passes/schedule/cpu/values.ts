// Expressions of a flat nest as kernel values: one point, or four along the vector axis. A value that
// does not vary along that axis stays scalar; loads are contiguous, splatted or gathered.
import {
  add,
  asConstant,
  constant as constantDim,
  substitute,
  variable,
  variables,
  zero,
  type Dim,
} from '../../../ir/dim.ts';
import { evaluateBinary, isComparison } from '../../../ir/scalar-semantics.ts';
import type { Expr, Index } from '../../../ir/expr.ts';
import type { KernelExpr, ScalarType } from '../../../ir/kernel.ts';
import { structureKey } from '../../../ir/kernel-key.ts';
import type { StoreStage } from '../flatten.ts';
import { linearIn } from '../linear.ts';
import type { DimValues } from './dim-values.ts';
import type { Environment } from './environment.ts';
import { constant, i32, plus, registerType, type Atom, type KernelWriter } from './kernel-writer.ts';
import { emitThreefry } from './threefry.ts';

type Of<K extends Expr['kind']> = Extract<Expr, { kind: K }>;
const laneNumbers = [0, 1, 2, 3] as const;

/** A flat index: an affine position plus a loaded one. */
interface Position {
  readonly affine: Dim;
  readonly dynamic: Expr | undefined;
}

/** Splits summands that are plain index values off a loaded position. */
function positionOf(index: Index): Position {
  if (!('kind' in index)) return { affine: index, dynamic: undefined };
  return splitExpr(index.expr);
}

function splitExpr(e: Expr): Position {
  if (e.kind === 'index' && e.dtype === 'i32') return { affine: e.dim, dynamic: undefined };
  if (e.kind === 'const') return { affine: constantDim(e.value), dynamic: undefined };
  if (e.kind !== 'binary' || e.op !== 'add') return { affine: zero, dynamic: e };
  const [a, b] = [splitExpr(e.a), splitExpr(e.b)];
  const affine = add(a.affine, b.affine);
  if (!a.dynamic || !b.dynamic) return { affine, dynamic: a.dynamic ?? b.dynamic };
  return { affine, dynamic: { ...e, a: a.dynamic, b: b.dynamic } };
}

/** Evaluates expressions into a kernel. Loads of `written` buffers are never moved or shared. */
export class Values {
  constructor(
    readonly writer: KernelWriter,
    readonly dims: DimValues,
    private readonly written: ReadonlySet<string>,
  ) {}

  /** The value of `e`; its width is 4 only where it varies along the vector axis. */
  value(e: Expr, env: Environment): Atom {
    const known = this.writer.known(env, e);
    if (known) return known;
    const atom = this.compute(e, env);
    this.writer.remember(env, e, atom);
    return atom;
  }

  /** `atom` in four lanes. */
  widen(atom: Atom): Atom {
    if (atom.width === 4) return atom;
    if (atom.kind === 'const') return { ...atom, width: 4 };
    return this.writer.let({ kind: 'splat', type: atom.type, width: 4, x: atom });
  }

  /** Makes operands equally wide. */
  align<const T extends readonly Atom[]>(atoms: T): { readonly [K in keyof T]: Atom } {
    const wide = atoms.some((atom) => atom.width === 4);
    return (wide ? atoms.map((atom) => this.widen(atom)) : atoms) as { readonly [K in keyof T]: Atom };
  }

  /** Stores `value` at the point, or the four points, of `env`. */
  store(buffer: string, index: Index, value: Atom, env: Environment): void {
    const name = this.writer.buffer(buffer, 'write');
    const put = (at: KernelExpr, item: KernelExpr): void =>
      this.writer.push({ kind: 'store', buffer: name, index: at, value: item });
    if (env.vector === undefined) return put(this.position(index, env), value);
    const wide = this.widen(value);
    if (this.strideAlong(index, env) === 1) return put(this.position(index, env), wide);
    for (const lane of laneNumbers) {
      put(this.position(index, this.inLane(env, lane)), { kind: 'lane', type: wide.type, width: 1, x: wide, lane });
    }
  }

  /** Stores four values at every other element, and four others between them. */
  storeInterleaved(buffer: string, index: Index, values: readonly [Atom, Atom], env: Environment): void {
    const name = this.writer.buffer(buffer, 'write');
    const [a, b] = [this.widen(values[0]), this.widen(values[1])];
    const at = this.position(index, env);
    const put = (from: KernelExpr, lanes: readonly [number, number, number, number]): void =>
      this.writer.push({
        kind: 'store',
        buffer: name,
        index: from,
        value: { kind: 'shuffle', type: a.type, width: 4, a, b, lanes },
      });
    put(at, [0, 4, 1, 5]);
    put(plus(at, 4), [2, 6, 3, 7]);
  }

  /** Computes the values of all stores of a flat nest, then stores them. */
  storeAll(stores: readonly StoreStage[], env: Environment): void {
    const ready = stores.map((store) => ({ store, value: this.value(store.value, env) }));
    for (const { store, value } of ready) {
      const [index] = store.indices;
      if (index !== undefined) this.store(store.buffer, index, value, env);
    }
  }

  /** The element number that `index` means at a single point (lane 0); a constant summand comes last. */
  position(index: Index, env: Environment): KernelExpr {
    const { affine, dynamic } = positionOf(index);
    const scalar = env.vector === undefined || !dynamic ? env : this.inLane(env, 0);
    const { rest, constant: offset } = this.dims.sumOf(affine, env);
    const a = dynamic ? this.dims.combine('add', this.value(dynamic, scalar), rest) : rest;
    return plus(a, offset);
  }

  /** Elements between neighbours along the vector axis: a constant, or undefined for anything else. */
  strideAlong(index: Index, env: Environment): number | undefined {
    const { affine, dynamic } = positionOf(index);
    if (env.vector === undefined) return 0;
    if (dynamic && this.value(dynamic, env).width === 4) return undefined;
    const linear = linearIn(affine, env.vector);
    return linear && asConstant(linear.coefficient);
  }

  private compute(e: Expr, env: Environment): Atom {
    switch (e.kind) {
      case 'const':
        return constant(registerType(e.dtype), e.value);
      case 'index':
        return this.index(e, env);
      case 'load':
        return this.load(e, env);
      case 'unary': {
        const x = this.value(e.x, env);
        return this.writer.let({ kind: 'unary', type: registerType(e.dtype), width: x.width, op: e.op, x });
      }
      case 'binary': {
        const [a, b] = this.align([this.value(e.a, env), this.value(e.b, env)]);
        const type = isComparison(e.op) ? 'bool' : registerType(e.dtype);
        if ((e.op === 'shl' || e.op === 'shr') && b.kind === 'const' && b.value === 0) return a;
        if (type !== 'f32' && a.kind === 'const' && b.kind === 'const')
          return { ...a, type, value: evaluateBinary(e.op, e.dtype, a.value, b.value) };
        return this.writer.let({ kind: 'binary', type, width: a.width, op: e.op, a, b });
      }
      case 'select': {
        const [cond, then, otherwise] = this.align([
          this.value(e.cond, env),
          this.value(e.then, env),
          this.value(e.otherwise, env),
        ]);
        return this.writer.let({ kind: 'select', type: then.type, width: then.width, cond, then, otherwise });
      }
      case 'cast':
        return this.convert(this.value(e.x, env), registerType(e.dtype));
      case 'bitcast': {
        const x = this.value(e.x, env);
        return this.writer.let({ kind: 'bitcast', type: registerType(e.dtype), width: x.width, x });
      }
      case 'guard':
        return this.guard(e, env);
      case 'threefry':
        return this.threefry(e, env);
      case 'reduced': {
        const atom = env.reduced.get(`${e.stage}:${e.part}`);
        if (!atom) throw new RangeError(`${e.stage} is read before it is reduced`);
        return atom;
      }
    }
  }

  private index({ dim, dtype }: Of<'index'>, env: Environment): Atom {
    const known = asConstant(dim);
    if (known !== undefined) return constant(registerType(dtype), known);
    return this.convert(this.indexValue(dim, env), dtype);
  }

  private convert(x: Atom, type: ScalarType): Atom {
    return x.type === type ? x : this.writer.let({ kind: 'cast', type, width: x.width, x });
  }

  /** The environment of one lane: a single point. */
  private inLane(env: Environment, lane: 0 | 1 | 2 | 3): Environment {
    const { vector } = env;
    const base = vector === undefined ? undefined : env.axes.get(vector);
    if (vector === undefined || !base) return env;
    const lanes =
      this.laneEnvironments.get(env) ??
      laneNumbers.map((at): Environment => ({
        axes: new Map([...env.axes, [vector, this.dims.combine('add', base, i32(at))]]),
        vector: undefined,
        reduced: new Map([...env.reduced].map(([key, atom]) => [key, this.lane(atom, at)])),
      }));
    this.laneEnvironments.set(env, lanes);
    return lanes[lane] ?? env;
  }

  private readonly laneEnvironments = new WeakMap<Environment, Environment[]>();

  private lane(atom: Atom, lane: 0 | 1 | 2 | 3): Atom {
    return atom.width === 1 ? atom : this.writer.let({ kind: 'lane', type: atom.type, width: 1, x: atom, lane });
  }

  /** A vector from one scalar evaluation per lane. */
  private perLane(env: Environment, scalar: (env: Environment) => Atom): Atom {
    const [a, b, c, d] = laneNumbers.map((lane) => scalar(this.inLane(env, lane)));
    if (!a || !b || !c || !d) throw new RangeError('a vector has four lanes');
    return this.writer.let({ kind: 'vector', type: a.type, width: 4, lanes: [a, b, c, d] });
  }

  private indexValue(d: Dim, env: Environment): Atom {
    if (env.vector === undefined || !variables(d).has(env.vector)) return this.dims.value(d, env);
    const linear = linearIn(d, env.vector);
    if (!linear) return this.perLane(env, (lane) => this.dims.value(d, lane));
    const stride = this.dims.value(linear.coefficient, env);
    const steps: KernelExpr = { kind: 'vector', type: 'i32', width: 4, lanes: [i32(0), i32(1), i32(2), i32(3)] };
    const offsets =
      asConstant(linear.coefficient) === 1
        ? steps
        : this.writer.let({ kind: 'binary', type: 'i32', width: 4, op: 'mul', a: this.widen(stride), b: steps });
    return this.writer.let({
      kind: 'binary',
      type: 'i32',
      width: 4,
      op: 'add',
      a: this.widen(this.dims.value(d, env)),
      b: offsets,
    });
  }

  private load(e: Of<'load'>, env: Environment): Atom {
    const [index = zero] = e.indices;
    const type = this.writer.typeOf(e.buffer);
    const buffer = this.writer.buffer(e.buffer, 'read');
    const mayMove = !this.written.has(e.buffer);
    const read = (at: KernelExpr, width: 1 | 4): KernelExpr => ({ kind: 'load', type, width, buffer, index: at });
    if (env.vector === undefined) return this.writer.load(read(this.position(index, env), 1), mayMove);
    const stride = this.strideAlong(index, env);
    if (stride === 0) return this.writer.load(read(this.position(index, env), 1), mayMove);
    if (stride === 1) return this.writer.load(read(this.position(index, env), 4), mayMove);
    if (stride === 2) return this.everyOther(e, this.position(index, env), read, mayMove);
    const [a, b, c, d] = laneNumbers.map((lane) => read(this.position(index, this.inLane(env, lane)), 1));
    if (!a || !b || !c || !d) throw new RangeError('a vector has four lanes');
    return this.writer.load({ kind: 'vector', type, width: 4, lanes: [a, b, c, d] }, mayMove);
  }

  // Elements at, at + 2, at + 4 and at + 6, from two loads that read nothing beyond them.
  private everyOther(
    e: Of<'load'>,
    at: KernelExpr,
    read: (at: KernelExpr, width: 4) => KernelExpr,
    mayMove: boolean,
  ): Atom {
    const type = this.writer.typeOf(e.buffer);
    const [a, b] = [read(at, 4), read(plus(at, 3), 4)];
    return this.writer.load({ kind: 'shuffle', type, width: 4, a, b, lanes: [0, 2, 5, 7] }, mayMove);
  }

  // Conditions that vary along the vector axis: all lanes inside, all outside by one linear condition,
  // or lane by lane at the border.
  private guard(e: Of<'guard'>, env: Environment): Atom {
    const { vector } = env;
    const varying = vector === undefined ? [] : e.conditions.filter(({ lhs }) => variables(lhs).has(vector));
    if (vector === undefined || varying.length === 0)
      return this.branch(e, env, this.dims.conditions(e.conditions, env));
    const border = (): Atom => this.perLane(env, (lane) => this.value(e, lane));
    const monotone = varying.every(({ kind, lhs }) => kind === '>=0' && linearIn(lhs, vector) !== undefined);
    if (!monotone) return border();
    const shifted = (lhs: Dim): Dim =>
      substitute(lhs, (name) => (name === vector ? add(variable(name), 3) : undefined));
    const last = e.conditions.map((condition) => ({ ...condition, lhs: shifted(condition.lhs) }));
    const result = this.writer.variable({ ...this.zero(e.dtype), width: 4 });
    const assign = (value: () => Atom) => (): void => this.writer.assign(result, this.widen(value()));
    const none = e.conditions.map(({ kind, lhs }) => this.nowhere(kind, lhs, shifted(lhs), env));
    const outside = none.reduce((a, b) => this.writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'or', a, b }));
    const inside = this.dims.conditions([...e.conditions, ...last], env);
    this.writer.if(
      inside,
      assign(() => this.value(e.then, env)),
      () =>
        this.writer.if(
          outside,
          assign(() => this.value(e.otherwise, env)),
          assign(border),
        ),
    );
    return result;
  }

  // A condition that fails in the first and in the last lane, and so (being linear) in all.
  private nowhere(kind: '>=0' | '==0', first: Dim, last: Dim, env: Environment): Atom {
    const not = (lhs: Dim): Atom => {
      const holds = this.dims.conditions([{ kind, lhs }], env);
      return this.writer.let({ kind: 'unary', type: 'bool', width: 1, op: 'not', x: holds });
    };
    const [a, b] = [not(first), not(last)];
    return a === b ? a : this.writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'and', a, b });
  }

  private zero(dtype: Expr['dtype']): ReturnType<typeof constant> {
    return constant(registerType(dtype), 0);
  }

  // One decision for all lanes. The width of the result is known only after both sides were built.
  private branch(e: Of<'guard'>, env: Environment, cond: Atom): Atom {
    const wide = env.vector !== undefined;
    const result = this.writer.variable({ ...this.zero(e.dtype), width: wide ? 4 : 1 });
    const assign = (side: Expr) => (): void => {
      const value = this.value(side, env);
      this.writer.assign(result, wide ? this.widen(value) : value);
    };
    this.writer.if(cond, assign(e.then), assign(e.otherwise));
    return result;
  }

  private threefry(e: Of<'threefry'>, env: Environment): Atom {
    const words = [e.key[0], e.key[1], e.counter[0], e.counter[1]].map((word) => this.value(word, env));
    const [key0, key1, counter0, counter1] = words;
    if (!key0 || !key1 || !counter0 || !counter1) throw new RangeError('threefry takes four words');
    const call = structureKey(words);
    const word = (at: 0 | 1): Atom | undefined => this.writer.remembered(`threefry ${at} ${call}`);
    if (!word(e.word)) {
      emitThreefry(this, [key0, key1], [counter0, counter1]).forEach((atom, at) =>
        this.writer.keep(`threefry ${at} ${call}`, atom),
      );
    }
    return word(e.word) ?? key0;
  }
}
