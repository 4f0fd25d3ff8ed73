// Scalar expressions of nests: a DAG over loads, index values and the scalar op table.
import type { Dim } from './dim.ts';
import type { DType } from './dtype.ts';

/** Scalar ops shared by Graph (elementwise ops), Nest and Kernel IR. Semantics: docs/ops.md, execution rules in `scalar-semantics.ts`. */
export type UnaryOp =
  | 'neg'
  | 'abs'
  | 'sign'
  | 'recip'
  | 'sqrt'
  | 'rsqrt'
  | 'exp'
  | 'log'
  | 'log1p'
  | 'expm1'
  | 'sin'
  | 'cos'
  | 'tanh'
  | 'sigmoid'
  | 'erf'
  | 'floor'
  | 'ceil'
  | 'round'
  | 'not';
export type BinaryOp =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'pow'
  | 'min'
  | 'max'
  | 'rem'
  | 'lt'
  | 'le'
  | 'eq'
  | 'ne'
  | 'and'
  | 'or'
  | 'xor'
  | 'shl'
  | 'shr';

/** An affine position, or one loaded position (gather), already clamped or guarded by its maker. */
export type Index = Dim | { readonly kind: 'dynamic'; readonly expr: Expr };

/** `lhs >= 0`, or `lhs == 0`; over axes, dims and loop indices. */
export interface Condition {
  readonly kind: '>=0' | '==0';
  readonly lhs: Dim;
}

/**
 * A scalar computed at one point of a nest.
 * Axis variables are `%`-prefixed names inside the dims of `index`, loads and conditions.
 */
export type Expr =
  | { readonly kind: 'const'; readonly dtype: DType; readonly value: number }
  /** An index expression as a number. */
  | { readonly kind: 'index'; readonly dtype: 'i32' | 'u32' | 'f32'; readonly dim: Dim }
  /** Element of a buffer; `indices` has one entry per dim of the buffer. */
  | { readonly kind: 'load'; readonly dtype: DType; readonly buffer: string; readonly indices: readonly Index[] }
  | { readonly kind: 'unary'; readonly dtype: DType; readonly op: UnaryOp; readonly x: Expr }
  | { readonly kind: 'binary'; readonly dtype: DType; readonly op: BinaryOp; readonly a: Expr; readonly b: Expr }
  | {
      readonly kind: 'select';
      readonly dtype: DType;
      readonly cond: Expr;
      readonly then: Expr;
      readonly otherwise: Expr;
    }
  | { readonly kind: 'cast' | 'bitcast'; readonly dtype: DType; readonly x: Expr }
  /** Lazy: `then` is evaluated (and its loads happen) only where all conditions hold. */
  | {
      readonly kind: 'guard';
      readonly dtype: DType;
      readonly conditions: readonly Condition[];
      readonly then: Expr;
      readonly otherwise: Expr;
    }
  /** One word of threefry2x32(key, counter); dtype u32. */
  | {
      readonly kind: 'threefry';
      readonly dtype: 'u32';
      readonly key: readonly [Expr, Expr];
      readonly counter: readonly [Expr, Expr];
      readonly word: 0 | 1;
    }
  /** Result `part` of an earlier reduce stage of the same nest. */
  | { readonly kind: 'reduced'; readonly dtype: DType; readonly stage: string; readonly part: number };
