// What a primitive op is: one object that says everything about it. The registry, docs/ops.md and
// the property suite are derived from these; see ops/tanh in ops/scalar.ts for the smallest one.
import type * as FastCheck from 'fast-check';
import type { Builder } from './builder.ts';
import type { Dim } from './dim.ts';
import type { Facts } from './dim-solver.ts';
import type { Attrs, TensorType, Value, Region } from './graph.ts';
import type { LowerContext, Operand } from './lower.ts';
import type { Nest, OpaqueNest } from './nest.ts';

/** A concrete tensor in the reference interpreter: row-major, float64 storage for every dtype. */
export interface Tensor {
  readonly dtype: TensorType['dtype'];
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** Why an op refuses its operands; elaboration turns it into a diagnostic. */
export class ShapeError extends Error {
  constructor(
    /** 'rank' | 'dtype' | 'shape' (refuted) | 'unknown' (cannot prove) | 'attribute' | 'bounds'. */
    readonly reason: 'rank' | 'dtype' | 'shape' | 'unknown' | 'attribute' | 'bounds',
    message: string,
    /** The two dims that do not agree, where there are two. */
    readonly dims?: readonly [Dim, Dim],
  ) {
    super(message);
  }
}

/** Everything a gradient rule may use: operands, results, attributes and cotangents of the results. */
export interface VjpContext {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attrs: Attrs;
  /** One per output; null where no gradient arrives. */
  readonly cotangents: readonly (Value | null)[];
  readonly regions: readonly Region[];
  /** Whether input i needs a gradient: rules may skip the others. */
  readonly needs: readonly boolean[];
}

/** Services of the interpreter that an op's evaluation may use. */
export interface EvaluateContext {
  readonly dims: (dim: Dim) => number;
  /** Rounds one result the way this run of the interpreter computes (float64, or float32). */
  readonly round: (value: number) => number;
  /** Interprets a region of the node with the given arguments. */
  readonly region: (region: Region, args: readonly Tensor[]) => readonly Tensor[];
  readonly regions: readonly Region[];
  /** The declared result types: shapes of iota, broadcast and the like. */
  readonly types: readonly TensorType[];
}

/** A random valid use of an op. */
export interface OpCase {
  readonly inputs: readonly Tensor[];
  readonly attrs: Attrs;
  /** For ops with regions; their values come from the params alone. */
  readonly regions?: readonly Region[];
}

/** Rough work of one execution, as formulas in the dims. */
export interface OpCost {
  readonly flops: Dim;
}

/** A primitive op. */
export interface OpDefinition {
  readonly name: string;
  readonly doc: string;
  /** Attribute name -> what it is, for the documentation and the verifier. */
  readonly attrs?: Readonly<Record<string, string>>;
  /** Result types. @throws ShapeError */
  infer(inputs: readonly TensorType[], attrs: Attrs, facts: Facts, regions?: readonly Region[]): readonly TensorType[];
  /**
   * Cotangents of the inputs (null: none), or `vjp: null` for an op with no gradient.
   * 'region': the pass autodiff differentiates the op's region (scan).
   */
  readonly vjp: null | 'region' | ((b: Builder, cx: VjpContext) => readonly (Value | null)[]);
  /**
   * The nests that compute the results; see lower.ts. Null only for ops that never reach lowering.
   * 'region': the pass lower-to-nests makes a loop of the op's region (scan).
   */
  readonly lower:
    null | 'region' | ((k: LowerContext, inputs: readonly Operand[], attrs: Attrs) => readonly (Nest | OpaqueNest)[]);
  evaluate(inputs: readonly Tensor[], attrs: Attrs, cx: EvaluateContext): readonly Tensor[];
  cost?(inputs: readonly TensorType[], outputs: readonly TensorType[], attrs: Attrs): OpCost;
  /** True for ops that simplify, cse and dce must not merge or drop. */
  readonly opaque?: boolean;
  /** Named local rewrites run by the pass `simplify`: return replacement results, or null. */
  readonly rewrites?: Readonly<Record<string, (b: Builder, cx: RewriteContext) => readonly Value[] | null>>;
  /** Random valid cases. fast-check is passed in, never imported at run time. */
  arbitrary(fc: typeof FastCheck): FastCheck.Arbitrary<OpCase>;
}

/** What a rewrite may look at: the node, and the node that produced a value. */
export interface RewriteContext {
  readonly inputs: readonly Value[];
  readonly attrs: Attrs;
  readonly outputs: readonly Value[];
  readonly producer: (
    value: Value,
  ) => { op: string; inputs: readonly Value[]; attrs: Attrs; outputs: readonly Value[] } | undefined;
  readonly facts: Facts;
}

/** Declares an op; exists so that object literals are checked and one search finds every op. */
export const defineOp = (definition: OpDefinition): OpDefinition => definition;
