// How an op's `lower` describes its nests: pull style, one expression per output element.
//   lower: (k, [x]) => [k.map((i) => k.unary('tanh', x.at(i)))]
import { add, asConstant, dim as toDim, mul, product, variable, zero, type Dim, type DimLike } from './dim.ts';
import type { DType } from './dtype.ts';
import type { Expr, Index, UnaryOp, BinaryOp, Condition } from './expr.ts';
import type { TensorType } from './graph.ts';
import type { Axis, Monoid, Nest, OpaqueNest } from './nest.ts';
import type { Span } from '../support/source.ts';

/** An input as seen by `lower`: its type and its element at an index. */
export interface Operand {
  readonly type: TensorType;
  /** The buffer that holds just this; absent for views. */
  readonly buffer?: string;
  at(indices: readonly Index[]): Expr;
}

/** A tensor in memory of its own. */
export interface Held extends Operand {
  readonly buffer: string;
}

const compares = new Set<BinaryOp>(['lt', 'le', 'eq', 'ne']);

/** Builds the nests of one node. Output buffers and fresh axis names come from the driver. */
export class LowerContext {
  constructor(
    readonly outputs: readonly { readonly buffer: string; readonly type: TensorType }[],
    private readonly freshAxis: () => string,
    private readonly name: string,
    private readonly origin: readonly Span[],
    private readonly allocate: (type: TensorType) => Held = () => {
      throw new RangeError(`${name} may not allocate`);
    },
  ) {}

  /** Memory for the length of the function, beside the outputs. */
  temporary(type: TensorType): Held {
    return this.allocate(type);
  }

  /** Output `at` as memory. */
  output(at = 0): Held {
    const output = this.outputs[at];
    if (!output) throw new RangeError(`${this.name} has no output ${at}`);
    const { buffer, type } = output;
    return { ...output, at: (indices) => ({ kind: 'load', dtype: type.dtype, buffer, indices }) };
  }

  /** to[i] = value(i), over the shape of `to`. */
  mapTo(to: Held, value: (i: readonly Dim[]) => Expr): Nest {
    const axes = this.axes(to.type.shape);
    const i = axes.map((axis) => variable(axis.name));
    return this.nest(axes, [
      { kind: 'store', axes: [], buffer: to.buffer, indices: i, value: value(i), combine: 'set' },
    ]);
  }

  /** `x` in memory, and the nests that put it there where it is a view. */
  held(x: Operand): { readonly held: Held; readonly nests: readonly Nest[] } {
    const { buffer } = x;
    if (buffer !== undefined) return { held: { ...x, buffer }, nests: [] };
    const held = this.temporary(x.type);
    return { held, nests: [this.mapTo(held, (i) => x.at(i))] };
  }

  /** The node as it is, down to the schedule; its op must evaluate it from these operands. */
  opaque(reads: readonly Held[], writes: readonly Held[], attrs: OpaqueNest['attrs']): OpaqueNest {
    const ids = (list: readonly Held[]): string[] => list.map(({ buffer }) => buffer);
    const { name, origin } = this;
    return { kind: 'opaque', name, op: name, reads: ids(reads), writes: ids(writes), attrs, origin };
  }

  /** Type of output `at`. */
  type(at = 0): TensorType {
    const output = this.outputs[at];
    if (!output) throw new RangeError(`${this.name} has no output ${at}`);
    return output.type;
  }

  /** New axes over `extents`. */
  axes(extents: readonly DimLike[]): Axis[] {
    return extents.map((extent) => ({ name: this.freshAxis(), extent: toDim(extent) }));
  }

  /** out[i] = value(i), over the shape of output `at`. */
  map(value: (i: readonly Dim[]) => Expr, at = 0): Nest {
    return this.mapTo(this.output(at), value);
  }

  /**
   * out[i] = finish(i, monoid over r of arg(i, r)); `finish` defaults to the first part of the result.
   * With several finishers, one per output.
   */
  reduce(
    extents: readonly DimLike[],
    monoid: Monoid,
    args: (i: readonly Dim[], r: readonly Dim[]) => readonly Expr[],
    finish: readonly ((i: readonly Dim[], parts: readonly Expr[]) => Expr)[] = [(_, parts) => first(parts)],
  ): Nest {
    const axes = this.axes(this.type().shape);
    const inner = this.axes(extents);
    const i = axes.map((axis) => variable(axis.name));
    const values = args(
      i,
      inner.map((axis) => variable(axis.name)),
    );
    const id = `r${inner[0]?.name ?? this.freshAxis()}`;
    const dtypes = values.map((value) => (value.dtype === 'f16' ? 'f32' : value.dtype));
    const parts = dtypes.map((dtype, part): Expr => ({ kind: 'reduced', dtype, stage: id, part }));
    return this.nest(axes, [
      { kind: 'reduce', id, axes: inner, monoid, args: values, dtypes },
      ...finish.map((f, at) => this.store(i, this.cast(this.type(at).dtype, f(i, parts)), at)),
    ]);
  }

  nest(axes: readonly Axis[], stages: Nest['stages']): Nest {
    return { kind: 'nest', name: this.name, axes, stages, origin: this.origin };
  }

  store(
    indices: readonly Index[],
    value: Expr,
    at = 0,
    combine: 'set' | 'add' | 'max' | 'min' = 'set',
  ): Nest['stages'][number] {
    const output = this.outputs[at];
    if (!output) throw new RangeError(`${this.name} has no output ${at}`);
    return { kind: 'store', axes: [], buffer: output.buffer, indices, value, combine };
  }

  constant(dtype: DType, value: number): Expr {
    return { kind: 'const', dtype, value };
  }

  /** The value of an index expression. */
  index(dim: DimLike, dtype: 'i32' | 'u32' | 'f32' = 'i32'): Expr {
    const d = toDim(dim);
    const c = asConstant(d);
    return c === undefined ? { kind: 'index', dtype, dim: d } : this.constant(dtype, c);
  }

  unary(op: UnaryOp, x: Expr): Expr {
    return { kind: 'unary', dtype: x.dtype, op, x };
  }

  binary(op: BinaryOp, a: Expr, b: Expr): Expr {
    return { kind: 'binary', dtype: compares.has(op) ? 'bool' : a.dtype, op, a, b };
  }

  select(cond: Expr, then: Expr, otherwise: Expr): Expr {
    return { kind: 'select', dtype: then.dtype, cond, then, otherwise };
  }

  cast(dtype: DType, x: Expr): Expr {
    return x.dtype === dtype ? x : { kind: 'cast', dtype, x };
  }

  bitcast(dtype: DType, x: Expr): Expr {
    return x.dtype === dtype ? x : { kind: 'bitcast', dtype, x };
  }

  guard(conditions: readonly Condition[], then: Expr, otherwise: Expr): Expr {
    return conditions.length === 0 ? then : { kind: 'guard', dtype: then.dtype, conditions, then, otherwise };
  }

  threefry(key: readonly [Expr, Expr], counter: readonly [Expr, Expr], word: 0 | 1): Expr {
    return { kind: 'threefry', dtype: 'u32', key, counter, word };
  }
}

function first(parts: readonly Expr[]): Expr {
  const [part] = parts;
  if (!part) throw new RangeError('a reduction without parts');
  return part;
}

/** Row-major position of `indices` in a tensor of shape `shape`, in elements. */
export const rowMajor = (indices: readonly Dim[], shape: readonly Dim[]): Dim =>
  indices.reduce((sum, index, axis) => add(sum, mul(index, product(shape.slice(axis + 1)))), zero);
