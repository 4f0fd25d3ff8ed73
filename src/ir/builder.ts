// Builds graph nodes: infers result types through the op registry and keeps the node list.
import { dim as toDim, type Dim, type DimLike } from './dim.ts';
import { Facts } from './dim-solver.ts';
import { isFloat, type DType } from './dtype.ts';
import type { BinaryOp, UnaryOp } from './expr.ts';
import type { Attrs, Node, Region, TensorType, Value } from './graph.ts';
import { nearestHalf } from './half.ts';
import { opNamed } from './ops/registry.ts';
import type { Span } from '../support/source.ts';

/** Appends nodes to a region under construction. Operands of elementwise ops must have equal shapes. */
export class Builder {
  readonly nodes: Node[] = [];
  /** Spans given to the nodes built next. */
  origin: readonly Span[] = [];
  /** The call that the nodes built next belong to, where its inner values are computed again in the backward pass. */
  remat: string | undefined;

  constructor(readonly facts: Facts = new Facts()) {}

  /** Any op; returns all its results. @throws ShapeError */
  node(op: string, inputs: readonly Value[], attrs: Attrs = {}, regions: readonly Region[] = []): readonly Value[] {
    const types = opNamed(op).infer(
      inputs.map((input) => input.type),
      attrs,
      this.facts,
      regions,
    );
    const outputs = types.map((type): Value => ({ type }));
    const marked = this.remat === undefined ? attrs : { ...attrs, remat: this.remat };
    this.nodes.push({ op, inputs, attrs: marked, outputs, regions, origin: this.origin });
    return outputs;
  }

  /** Result `at` of an op. @throws ShapeError */
  op(op: string, inputs: readonly Value[], attrs: Attrs = {}, at = 0): Value {
    const output = this.node(op, inputs, attrs)[at];
    if (!output) throw new RangeError(`${op} has no result ${at}`);
    return output;
  }

  unary(op: UnaryOp, x: Value): Value {
    return this.op(op, [x]);
  }
  binary(op: BinaryOp, a: Value, b: Value): Value {
    return this.op(op, [a, b]);
  }
  neg(x: Value): Value {
    return this.unary('neg', x);
  }
  add(a: Value, b: Value): Value {
    return this.binary('add', a, b);
  }
  sub(a: Value, b: Value): Value {
    return this.binary('sub', a, b);
  }
  mul(a: Value, b: Value): Value {
    return this.binary('mul', a, b);
  }
  div(a: Value, b: Value): Value {
    return this.binary('div', a, b);
  }
  select(cond: Value, then: Value, otherwise: Value): Value {
    return this.op('select', [cond, then, otherwise]);
  }
  cast(x: Value, dtype: DType): Value {
    return x.type.dtype === dtype ? x : this.op('cast', [x], { dtype });
  }

  /** A scalar constant broadcast to `shape`. */
  full(dtype: DType, value: number, shape: readonly DimLike[] = []): Value {
    const near = dtype === 'f16' ? nearestHalf(value) : value;
    const scalar = this.op('constant', [], { dtype, value: near });
    return shape.length === 0 ? scalar : this.broadcast(scalar, [], shape);
  }

  /** A constant of the type of `x`. */
  like(x: Value, value: number): Value {
    return this.full(x.type.dtype, value, x.type.shape);
  }
  zero(x: Value): Value {
    return this.like(x, 0);
  }
  one(x: Value): Value {
    return this.like(x, 1);
  }

  /** Result has `shape`; axis i of `x` becomes axis axes[i], which it fills or (extent 1) repeats along. */
  broadcast(x: Value, axes: readonly number[], shape: readonly DimLike[]): Value {
    return this.op('broadcast', [x], { axes, shape: shape.map(toDim) });
  }

  reshape(x: Value, shape: readonly DimLike[]): Value {
    return this.op('reshape', [x], { shape: shape.map(toDim) });
  }
  permute(x: Value, order: readonly number[]): Value {
    return this.op('permute', [x], { order });
  }

  /** Reduces `axes` away (no keepdims). */
  reduce(kind: 'sum' | 'max' | 'min' | 'prod', x: Value, axes: readonly number[]): Value {
    return axes.length === 0 ? x : this.op('reduce', [x], { kind, axes });
  }

  /**
   * Contracts a's axes with b's: result axes are batch, then a's free axes, then b's free axes.
   * batch and contract are pairs [axis of a, axis of b].
   */
  dot(
    a: Value,
    b: Value,
    batch: readonly (readonly [number, number])[],
    contract: readonly (readonly [number, number])[],
  ): Value {
    return this.op('dot', [a, b], { batch, contract });
  }

  /** The size of a dim as an i32 scalar. */
  dimValue(d: Dim): Value {
    return this.op('dim', [], { dim: d });
  }

  /** A float scalar or tensor as it is; integers and bool become f32. */
  toFloat(x: Value): Value {
    return isFloat(x.type.dtype) ? x : this.cast(x, 'f32');
  }
}

/** Type of a tensor, from plain numbers or dims. */
export const tensorType = (dtype: DType, shape: readonly DimLike[]): TensorType => ({ dtype, shape: shape.map(toDim) });
