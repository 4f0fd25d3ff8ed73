// Nest IR: index-mapped loop nests. A nest visits every point of `axes` (in any order, in parallel)
// and runs its stages in order at each: reductions into scalars, then stores. One op lowers to one
// nest; fusion merges nests, so a row softmax is one nest of three stages over the same inner axis.
import type { Span } from '../support/source.ts';
import type { Dim } from './dim.ts';
import type { DType } from './dtype.ts';
import type { Expr, Index } from './expr.ts';
import type {
  DimVariable,
  Fact,
  FunctionInput,
  FunctionResult,
  GraphFunction,
  HostScalar,
  TensorType,
} from './graph.ts';

/** A loop: `name` is `%`-prefixed and unique in its nest, running over 0 ≤ i < extent. */
export interface Axis {
  readonly name: string;
  readonly extent: Dim;
}

/**
 * How a reduction combines. argmax/argmin carry (value, index as i32), lowest index on ties. softmax takes (score, 1,
 * value) and carries (largest score, Σ e^(score − largest), Σ value · e^(score − largest)): what is carried for an
 * earlier largest score is rescaled.
 */
export type Monoid =
  | { readonly name: 'sum' | 'prod' | 'max' | 'min' | 'and' | 'or'; readonly arity: 1 }
  | { readonly name: 'argmax' | 'argmin'; readonly arity: 2 }
  | { readonly name: 'softmax'; readonly arity: 3 };

/** The monoid of this name. */
export function monoidNamed(name: Monoid['name']): Monoid {
  if (name === 'softmax') return { name, arity: 3 };
  return name === 'argmax' || name === 'argmin' ? { name, arity: 2 } : { name, arity: 1 };
}

/**
 * One step at each point of a nest. A reduction whose args name axes of a later stage is done anew at each point of them
 * (the score of a query and a key, inside of the softmax over keys).
 */
export type Stage =
  | {
      readonly kind: 'reduce';
      readonly id: string;
      readonly axes: readonly Axis[];
      readonly monoid: Monoid;
      /** One per part of the monoid, evaluated at each point of `axes`. */
      readonly args: readonly Expr[];
      /** Accumulator dtype per part: f32 for floats. */
      readonly dtypes: readonly DType[];
    }
  | {
      readonly kind: 'store';
      /** Inner loops of a row kernel; empty for plain nests. */
      readonly axes: readonly Axis[];
      readonly buffer: string;
      readonly indices: readonly Index[];
      readonly value: Expr;
      /**
       * `set`: affine, and injective along the axes that the indices name; along others the value is the same. The
       * others scatter: dynamic indices, in order of the axes.
       */
      readonly combine: 'set' | 'add' | 'max' | 'min';
    };

/** A loop nest. */
export interface Nest {
  readonly kind: 'nest';
  readonly name: string;
  readonly axes: readonly Axis[];
  readonly stages: readonly Stage[];
  readonly origin: readonly Span[];
}

/** A node that stays whole down to Kernel IR: sort, topk. */
export interface OpaqueNest {
  readonly kind: 'opaque';
  readonly name: string;
  readonly op: string;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly attrs: Readonly<Record<string, number | string | boolean | Dim>>;
  readonly origin: readonly Span[];
}

/** A run-time loop around nests: `index` (a `%t` variable) counts 0 ≤ t < count. */
export interface LoopNest {
  readonly kind: 'loop';
  readonly index: string;
  readonly count: Dim;
  readonly reverse: boolean;
  readonly body: readonly NestStep[];
  readonly origin: readonly Span[];
}

export type NestStep = Nest | OpaqueNest | LoopNest;

/** A tensor in memory at this level. Inputs and results name theirs; the rest is temporary. */
export interface Buffer {
  readonly id: string;
  readonly type: TensorType;
}

/** A function after lowering. Inputs and results refer to buffers by id. */
export interface NestFunction {
  readonly name: string;
  readonly kind: GraphFunction['kind'];
  readonly dims: readonly DimVariable[];
  readonly facts: readonly Fact[];
  readonly inputs: readonly (Omit<FunctionInput, 'value'> & { readonly buffer: string })[];
  readonly results: readonly (Omit<FunctionResult, 'value'> & { readonly buffer: string })[];
  readonly buffers: readonly Buffer[];
  readonly body: readonly NestStep[];
  readonly host: readonly HostScalar[];
}

export interface NestModule {
  readonly name: string;
  readonly functions: readonly NestFunction[];
}

/** Buffers that are not memory but words of the step record: scalar inputs that the host sets. */
export const stepScalars = (fn: NestFunction): ReadonlySet<string> =>
  new Set(
    fn.inputs.filter(({ role }) => ['option', 'iteration', 'key', 'step'].includes(role)).map(({ buffer }) => buffer),
  );
