// Emits scalar expressions as Kernel IR at one place of a kernel: which axes have which values there,
// which axis runs over four lanes, and which statement list receives the bindings. Values are shared
// by structure and moved out of loops that they do not depend on, never out of a guard.
import { add, one, variables, type Dim } from '../../../ir/dim.ts';
import type { Condition, Expr, Index } from '../../../ir/expr.ts';
import type { KernelExpr, Statement, Width } from '../../../ir/kernel.ts';
import { CompilerBug } from '../../../support/diagnostic.ts';
import {
  all,
  binary,
  cast,
  int,
  isLeaf,
  laneNumbers,
  laneOf,
  literal,
  named,
  plus,
  registerType,
  select,
  splat,
  times,
  unary,
  vectorFrom,
  widen,
} from './expressions.ts';
import { type Entry, type ExprTable, reducedName } from './expr-table.ts';
import { constantStride, isMultiple, linearIn, startsAligned, strideInLanes } from '../linear.ts';
import { emitThreefry } from './threefry.ts';
import type { KernelWriter } from './writer.ts';

/** What one scope adds to its parent. */
export interface Definitions {
  readonly axes?: ReadonlyMap<string, KernelExpr>;
  /** The axis among `axes` whose value is the first of four. */
  readonly vector?: string;
}

const maxInlineDepth = 8;

/** True when lanes 0…3 of a vector along `axis` lie at four aligned neighbouring elements of index `d`. */
export const isVectorAccess = (d: Dim, axis: string, writer: KernelWriter): boolean =>
  startsAligned(d, axis, writer.facts);

/** True when `d` is the same in the four lanes of an aligned vector along `axis`. */
export const isUniformAccess = (d: Dim, axis: string, writer: KernelWriter): boolean =>
  strideInLanes(d, axis, writer.facts) === 0;

/** True when a condition has one answer for the four lanes of an aligned vector along `axis`. */
export function isUniformCondition({ kind, lhs }: Condition, axis: string, writer: KernelWriter): boolean {
  if (!variables(lhs).has(axis)) return true;
  const rest = linearIn(lhs, axis)?.rest;
  if (kind !== '>=0' || rest === undefined) return false;
  const stride = constantStride(lhs, axis);
  return (
    (stride === 1 && isMultiple(rest, 4, writer.facts)) ||
    (stride === -1 && isMultiple(add(rest, one), 4, writer.facts))
  );
}

// The terms of a sum of positions.
function* addends(e: Expr): Generator<Expr> {
  if (e.kind !== 'binary' || e.op !== 'add') return yield e;
  yield* addends(e.a);
  yield* addends(e.b);
}

const isAlignedRow = (e: Expr, writer: KernelWriter): boolean =>
  e.kind === 'binary' && e.op === 'mul' && e.b.kind === 'index' && isMultiple(e.b.dim, 4, writer.facts);

/** True when a loaded position plus an affine one moves through four aligned neighbours along `axis`: rows of a table. */
export function isVectorPosition(position: Expr, axis: string, table: Needs, writer: KernelWriter): boolean {
  const parts = [...addends(position)];
  const moving = parts.filter((part) => table(part).has(axis));
  const [affine] = moving;
  return (
    moving.length === 1 &&
    affine?.kind === 'index' &&
    isVectorAccess(affine.dim, axis, writer) &&
    parts.every((part) => part === affine || isAlignedRow(part, writer))
  );
}

/** The names that an expression needs. */
export type Needs = (e: Expr) => ReadonlySet<string>;

/** A place in a kernel. */
export class Scope {
  private readonly cache = new Map<string, KernelExpr>();
  private readonly reducedValues = new Map<string, readonly KernelExpr[]>();

  private constructor(
    readonly writer: KernelWriter,
    readonly table: ExprTable,
    readonly into: Statement[],
    private readonly defines: Definitions,
    private readonly parent: Scope | undefined,
    private readonly guarded: boolean,
  ) {}

  /** The outermost scope of a kernel. */
  static root(writer: KernelWriter, table: ExprTable, into: Statement[], defines: Definitions = {}): Scope {
    return new Scope(writer, table, into, defines, undefined, false);
  }

  /** A scope inside this one; `into` is the list of a nested block, or this scope's own list. */
  child(defines: Definitions, into: Statement[] = this.into, guarded = false): Scope {
    return new Scope(this.writer, this.table, into, defines, this, guarded);
  }

  /** Gives the results of a reduce stage to what follows in this scope. */
  setReduced(stage: string, values: readonly KernelExpr[]): void {
    this.reducedValues.set(stage, values);
  }

  /** `expr` here; four lanes wide exactly when it depends on the vector axis. */
  emit(expr: Expr): KernelExpr {
    const entry = this.table.entry(expr);
    const known = this.find(entry.id, entry.needs);
    if (known) return known;
    const home = this.isStepScalar(expr) ? this.root() : this.home(entry.needs);
    const value = home.build(expr, entry);
    const keep = expr.kind === 'load' || entry.uses > 1 || home !== this || entry.depth % maxInlineDepth === 0;
    return keep || isLeaf(value) ? home.keep(entry.id, value) : value;
  }

  /** `d` here as a scalar; along the vector axis, at its first lane. */
  emitDim(d: Dim): KernelExpr {
    const needs = variables(d);
    const key = `dim ${d.key}`;
    const known = this.find(key, needs);
    if (known) return known;
    const home = this.home(needs);
    const value = this.writer.index(d, (name) => this.axis(name)?.value);
    return this.table.usesOf(d) > 1 || (home !== this && !isLeaf(value)) ? home.keep(key, value) : value;
  }

  /** True when something that needs these names is four lanes wide here. */
  isVector(needs: Iterable<string>): boolean {
    for (const name of needs) {
      if (this.axis(name)?.vector) return true;
      if (this.reduced(name)?.some((value) => value.width === 4)) return true;
    }
    return false;
  }

  /** Width of `expr` here. */
  widthOf(expr: Expr): Width {
    return this.isVector(this.table.entry(expr).needs) ? 4 : 1;
  }

  /** The vector axis here, if any. */
  vectorAxis(): string | undefined {
    const name = this.nearestVector();
    return name !== undefined && this.axis(name)?.vector ? name : undefined;
  }

  /** The scope of lane `lane` of the vector axis, writing to the same list. */
  laneScope(lane: 0 | 1 | 2 | 3): Scope {
    const name = this.vectorAxis();
    const base = name === undefined ? undefined : this.axis(name)?.value;
    if (name === undefined || !base) return this;
    const scope = this.child({ axes: new Map([[name, plus(base, int(lane))]]) });
    for (const [stage, values] of this.vectorResults())
      scope.setReduced(
        stage,
        values.map((v) => laneOf(v, lane)),
      );
    return scope;
  }

  /** Statements that store `value` at `index`. */
  store(buffer: string, index: Dim, value: KernelExpr): void {
    const name = this.writer.buffer(buffer, 'write');
    const axis = this.vectorAxis();
    const push = (at: KernelExpr, x: KernelExpr): void =>
      void this.into.push({ kind: 'store', buffer: name, index: at, value: x });
    if (axis === undefined || !variables(index).has(axis)) return push(this.emitDim(index), laneOf(value, 0));
    if (isVectorAccess(index, axis, this.writer)) return push(this.emitDim(index), splat(value));
    const bound = this.writer.bind(this.into, value);
    for (const lane of laneNumbers) push(this.laneScope(lane).emitDim(index), laneOf(bound, lane));
  }

  private nearestVector(): string | undefined {
    return this.defines.vector ?? this.parent?.nearestVector();
  }

  private *vectorResults(): Generator<[string, readonly KernelExpr[]]> {
    for (const [stage, values] of this.reducedValues) if (values.some((v) => v.width === 4)) yield [stage, values];
    if (this.parent) yield* this.parent.vectorResults();
  }

  private axis(name: string): { readonly value: KernelExpr; readonly vector: boolean } | undefined {
    const value = this.defines.axes?.get(name);
    return value ? { value, vector: this.defines.vector === name } : this.parent?.axis(name);
  }

  private reduced(name: string): readonly KernelExpr[] | undefined {
    for (const [stage, values] of this.reducedValues) if (reducedName(stage) === name) return values;
    return this.parent?.reduced(name);
  }

  private hasOneOf(needs: ReadonlySet<string>): boolean {
    for (const name of this.defines.axes?.keys() ?? []) if (needs.has(name)) return true;
    for (const stage of this.reducedValues.keys()) if (needs.has(reducedName(stage))) return true;
    return false;
  }

  private find(id: string, needs: ReadonlySet<string>): KernelExpr | undefined {
    const value = this.cache.get(id);
    return value ?? (this.hasOneOf(needs) ? undefined : this.parent?.find(id, needs));
  }

  // The outermost scope where everything that is needed exists.
  private home(needs: ReadonlySet<string>): Scope {
    const { parent } = this;
    return !parent || this.guarded || this.hasOneOf(needs) ? this : parent.home(needs);
  }

  private root(): Scope {
    return this.parent?.root() ?? this;
  }

  // Words of the step record are the same everywhere: read once, even where guards ask for them.
  private isStepScalar(expr: Expr): boolean {
    return expr.kind === 'load' && this.writer.surroundings.scalars.has(expr.buffer);
  }

  private keep(id: string, value: KernelExpr): KernelExpr {
    const bound = isLeaf(value) ? value : this.writer.bind(this.into, value);
    this.cache.set(id, bound);
    return bound;
  }

  private build(expr: Expr, entry: Entry): KernelExpr {
    const type = registerType(expr.dtype);
    switch (expr.kind) {
      case 'const':
        return literal(type, expr.value);
      case 'index':
        return cast(type, this.indexValue(expr.dim));
      case 'load':
        return this.load(expr);
      case 'unary':
        return unary(expr.op, this.emit(expr.x));
      case 'binary':
        return binary(expr.op, this.emit(expr.a), this.emit(expr.b));
      case 'select':
        return select(this.emit(expr.cond), this.emit(expr.then), this.emit(expr.otherwise));
      case 'cast':
        return cast(type, this.emit(expr.x));
      case 'bitcast': {
        const x = this.emit(expr.x);
        return x.type === type ? x : { kind: 'bitcast', type, width: x.width, x };
      }
      case 'guard':
        return this.guard(expr, entry);
      case 'threefry':
        return this.threefry(expr);
      case 'reduced':
        return this.reducedPart(expr.stage, expr.part);
    }
  }

  private reducedPart(stage: string, part: number): KernelExpr {
    const value = this.reduced(reducedName(stage))?.[part];
    if (!value) throw new CompilerBug(`part ${part} of stage ${stage} is read before it is reduced`);
    return value;
  }

  private indexValue(d: Dim): KernelExpr {
    const axis = this.vectorAxis();
    if (axis === undefined || !variables(d).has(axis)) return this.emitDim(d);
    if (isUniformAccess(d, axis, this.writer)) return splat(this.emitDim(d));
    const linear = linearIn(d, axis);
    if (!linear) return vectorFrom((lane) => this.laneScope(lane).emitDim(d));
    const [base, step] = [this.writer.bind(this.into, this.emitDim(d)), this.emitDim(linear.coefficient)];
    return vectorFrom((lane) => plus(base, times(step, int(lane))));
  }

  private load(expr: Extract<Expr, { kind: 'load' }>): KernelExpr {
    const type = registerType(expr.dtype);
    const scalar = this.writer.stepScalar(expr.buffer);
    if (scalar) return type === 'bool' ? binary('ne', scalar, literal('u32', 0)) : scalar;
    const buffer = this.writer.buffer(expr.buffer, 'read');
    const read = (index: KernelExpr, width: Width = 1): KernelExpr => ({ kind: 'load', type, width, buffer, index });
    const [index] = expr.indices;
    if (!index) throw new CompilerBug(`a load of ${expr.buffer} has no index`);
    return 'kind' in index ? this.loadDynamic(index, read) : this.loadAffine(index, read);
  }

  private loadAffine(index: Dim, read: (index: KernelExpr, width?: Width) => KernelExpr): KernelExpr {
    const axis = this.vectorAxis();
    if (axis === undefined || !variables(index).has(axis)) return read(this.emitDim(index));
    if (isVectorAccess(index, axis, this.writer)) return read(this.emitDim(index), 4);
    if (isUniformAccess(index, axis, this.writer)) return splat(read(this.emitDim(index)));
    return vectorFrom((lane) => read(this.laneScope(lane).emitDim(index)));
  }

  private loadDynamic(
    index: Extract<Index, { kind: 'dynamic' }>,
    read: (index: KernelExpr, width?: Width) => KernelExpr,
  ): KernelExpr {
    const axis = this.vectorAxis();
    const needs: Needs = (e) => this.table.entry(e).needs;
    if (axis !== undefined && isVectorPosition(index.expr, axis, needs, this.writer)) {
      return read(this.laneScope(0).emit(index.expr), 4);
    }
    const position = this.emit(index.expr);
    if (position.width === 1) return read(position);
    const bound = this.writer.bind(this.into, position);
    return vectorFrom((lane) => read(laneOf(bound, lane)));
  }

  private condition({ kind, lhs }: Condition): KernelExpr {
    return binary(kind === '>=0' ? 'le' : 'eq', int(0), this.emitDim(lhs));
  }

  private guard(expr: Extract<Expr, { kind: 'guard' }>, entry: Entry): KernelExpr {
    const axis = this.vectorAxis();
    if (axis !== undefined && !expr.conditions.every((c) => isUniformCondition(c, axis, this.writer))) {
      return vectorFrom((lane) => this.writer.bind(this.into, this.laneScope(lane).emit(expr)));
    }
    const cond = all(expr.conditions.map((c) => this.condition(c)));
    if (!cond) return this.emit(expr.then);
    if (!entry.costly) return select(cond, this.emit(expr.then), this.emit(expr.otherwise));
    return this.lazily(cond, expr);
  }

  private lazily(cond: KernelExpr, expr: Extract<Expr, { kind: 'guard' }>): KernelExpr {
    const width: Width = this.widthOf(expr.then) === 4 || this.widthOf(expr.otherwise) === 4 ? 4 : 1;
    const simple = expr.otherwise.kind === 'const';
    const type = registerType(expr.dtype);
    const init = simple ? this.emit(expr.otherwise) : literal(type, 0);
    const result = this.writer.variable(this.into, widen(init, width));
    if (result.kind !== 'name') throw new CompilerBug('a variable without a name');
    const { name } = result;
    const branch = (value: Expr): Statement[] => {
      const body: Statement[] = [];
      const x = widen(this.child({}, body, true).emit(value), width);
      return [...body, { kind: 'assign', name, value: x }];
    };
    this.into.push({ kind: 'if', cond, then: branch(expr.then), otherwise: simple ? [] : branch(expr.otherwise) });
    return named(name, type, width);
  }

  private threefry(expr: Extract<Expr, { kind: 'threefry' }>): KernelExpr {
    const parts = [...expr.key, ...expr.counter];
    const ids = parts.map((part) => this.table.entry(part).id).join(' ');
    const needs = new Set(parts.flatMap((part) => [...this.table.entry(part).needs]));
    const known = this.find(`threefry ${expr.word} ${ids}`, needs);
    if (known) return known;
    const value = (part: Expr): KernelExpr => this.writer.bind(this.into, this.emit(part));
    const words = emitThreefry(
      this.writer,
      this.into,
      [value(expr.key[0]), value(expr.key[1])],
      [value(expr.counter[0]), value(expr.counter[1])],
    );
    words.forEach((w, at) => this.cache.set(`threefry ${at} ${ids}`, w));
    return words[expr.word];
  }
}
