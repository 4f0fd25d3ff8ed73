// Short builders of nest functions for tests, and tensors of small exact numbers to run them on.
import { dim, variable, type Dim, type DimLike } from '../../src/ir/dim.ts';
import type { DType } from '../../src/ir/dtype.ts';
import type { BinaryOp, Expr, Index, UnaryOp } from '../../src/ir/expr.ts';
import type { InputRole } from '../../src/ir/graph.ts';
import { monoidNamed, type Axis, type Monoid, type Nest, type NestFunction, type Stage } from '../../src/ir/nest.ts';
import type { Tensor } from '../../src/ir/op.ts';

/** An axis named `%name`. */
export const axis = (name: string, extent: DimLike): Axis => ({ name: `%${name}`, extent: dim(extent) });
/** The variable of an axis. */
export const at = (a: Axis): Dim => variable(a.name);
export const n = variable;
export const num = (value: number, dtype: DType = 'f32'): Expr => ({ kind: 'const', dtype, value });
export const load = (buffer: string, indices: readonly Index[], dtype: DType = 'f32'): Expr => ({
  kind: 'load',
  dtype,
  buffer,
  indices,
});
export const un = (op: UnaryOp, x: Expr): Expr => ({ kind: 'unary', dtype: x.dtype, op, x });
export const bin = (op: BinaryOp, a: Expr, b: Expr): Expr => ({
  kind: 'binary',
  dtype: ['lt', 'le', 'eq', 'ne'].includes(op) ? 'bool' : a.dtype,
  op,
  a,
  b,
});
export const position = (d: Dim, dtype: 'i32' | 'u32' | 'f32' = 'i32'): Expr => ({ kind: 'index', dtype, dim: d });
export const dynamic = (expr: Expr): Index => ({ kind: 'dynamic', expr });
export const cast = (dtype: DType, x: Expr): Expr => ({ kind: 'cast', dtype, x });
export const result = (stage: string, part = 0, dtype: DType = 'f32'): Expr => ({
  kind: 'reduced',
  dtype,
  stage,
  part,
});

export const store = (
  buffer: string,
  indices: readonly Index[],
  value: Expr,
  axes: readonly Axis[] = [],
  combine: 'set' | 'add' | 'max' | 'min' = 'set',
): Stage => ({ kind: 'store', axes, buffer, indices, value, combine });
export const reduce = (id: string, axes: readonly Axis[], name: Monoid['name'], args: readonly Expr[]): Stage => {
  return { kind: 'reduce', id, axes, monoid: monoidNamed(name), args, dtypes: args.map((arg) => arg.dtype) };
};
export const nest = (axes: readonly Axis[], ...stages: readonly Stage[]): Nest => ({
  kind: 'nest',
  name: 'k',
  axes,
  stages,
  origin: [],
});

interface Signature {
  readonly [name: string]: { readonly dtype?: DType; readonly shape: readonly DimLike[]; readonly role?: InputRole };
}

/** A function of nests over named buffers; `dims` are its variables, ≥ 1. */
export function nestFunction(
  inputs: Signature,
  outputs: Signature,
  body: readonly Nest[],
  dims: readonly string[] = [],
  temporaries: Signature = {},
): NestFunction {
  const buffers = Object.entries({ ...inputs, ...outputs, ...temporaries }).map(([id, { dtype = 'f32', shape }]) => ({
    id,
    type: { dtype, shape: shape.map(dim) },
  }));
  return {
    name: 'f',
    kind: 'entry',
    dims: dims.map((name) => ({ name, min: 1 })),
    facts: [],
    inputs: Object.entries(inputs).map(([name, { role = 'argument' }]) => ({ name, role, buffer: name })),
    results: Object.keys(outputs).map((name) => ({ name, role: 'output' as const, buffer: name })),
    buffers,
    body,
    host: [],
  };
}

/** A tensor of multiples of 1/8 in [−4, 4) (or small integers), the same for the same seed. */
export function tensor(shape: readonly number[], seed = 1, dtype: DType = 'f32', span = 64): Tensor {
  const data = new Float64Array(shape.reduce((a, b) => a * b, 1));
  let state = (seed * 2654435761) >>> 0;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const step = (state >>> 8) % span;
    data[i] =
      dtype === 'f32' ? (step - span / 2) / 8 : dtype === 'bool' ? step % 2 : dtype === 'u32' ? step : step - span / 2;
  }
  return { dtype, shape, data };
}
