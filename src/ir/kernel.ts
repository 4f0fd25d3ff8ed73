// Kernel IR: structured statements over typed scalars and 4-lane vectors, one kernel per target.
// WGSL and WASM are printers of this form and know nothing of ops. Indices count elements.
import type { Span } from '../support/source.ts';
import type { DType } from './dtype.ts';
import type { BinaryOp, UnaryOp } from './expr.ts';

/** Types in registers. f16 is widened to f32 on load and narrowed on store. */
export type ScalarType = 'f32' | 'i32' | 'u32' | 'bool';

/** Lanes: a scalar, or a vec4 / v128. */
export type Width = 1 | 4;

export type KernelExpr =
  | { readonly kind: 'const'; readonly type: ScalarType; readonly width: Width; readonly value: number }
  /** A `let`, `var` or loop variable; also the built-ins listed at {@link Kernel}. */
  | { readonly kind: 'name'; readonly type: ScalarType; readonly width: Width; readonly name: string }
  /** An i32 parameter of the kernel: an extent, stride or offset, bound per dispatch. */
  | { readonly kind: 'param'; readonly type: 'i32'; readonly width: 1; readonly name: string }
  /** A word of the step record. */
  | { readonly kind: 'scalar'; readonly type: 'f32' | 'i32' | 'u32'; readonly width: 1; readonly name: string }
  /** Width 4 loads elements index … index+3. */
  | {
      readonly kind: 'load';
      readonly type: ScalarType;
      readonly width: Width;
      readonly buffer: string;
      readonly index: KernelExpr;
      /** The 16 bits of an f16 as an i32 of the same sign: what the printer of WebAssembly makes of a load. */
      readonly half?: true;
    }
  /** Reads a workgroup or private array. */
  | {
      readonly kind: 'load-array';
      readonly type: ScalarType;
      readonly width: Width;
      readonly array: string;
      readonly index: KernelExpr;
    }
  | {
      readonly kind: 'unary';
      readonly type: ScalarType;
      readonly width: Width;
      readonly op: UnaryOp;
      readonly x: KernelExpr;
    }
  /** Comparisons give bool of the operands' width. */
  | {
      readonly kind: 'binary';
      readonly type: ScalarType;
      readonly width: Width;
      readonly op: BinaryOp;
      readonly a: KernelExpr;
      readonly b: KernelExpr;
    }
  /** a·b + c on floats; may be fused where the device fuses (relaxed SIMD, WGSL fma). */
  | {
      readonly kind: 'madd';
      readonly type: 'f32';
      readonly width: Width;
      readonly a: KernelExpr;
      readonly b: KernelExpr;
      readonly c: KernelExpr;
    }
  | {
      readonly kind: 'select';
      readonly type: ScalarType;
      readonly width: Width;
      readonly cond: KernelExpr;
      readonly then: KernelExpr;
      readonly otherwise: KernelExpr;
    }
  | { readonly kind: 'cast' | 'bitcast'; readonly type: ScalarType; readonly width: Width; readonly x: KernelExpr }
  /** All four lanes = x. */
  | { readonly kind: 'splat'; readonly type: ScalarType; readonly width: 4; readonly x: KernelExpr }
  /** Lane `lane` of a vector. */
  | {
      readonly kind: 'lane';
      readonly type: ScalarType;
      readonly width: 1;
      readonly x: KernelExpr;
      readonly lane: 0 | 1 | 2 | 3;
    }
  /** Four lanes of two vectors: 0–3 are those of `a`, 4–7 those of `b`. */
  | {
      readonly kind: 'shuffle';
      readonly type: ScalarType;
      readonly width: 4;
      readonly a: KernelExpr;
      readonly b: KernelExpr;
      readonly lanes: readonly [number, number, number, number];
    }
  /** A vector from four scalars. */
  | {
      readonly kind: 'vector';
      readonly type: ScalarType;
      readonly width: 4;
      readonly lanes: readonly [KernelExpr, KernelExpr, KernelExpr, KernelExpr];
    };

export type Statement =
  | { readonly kind: 'let'; readonly name: string; readonly value: KernelExpr }
  | { readonly kind: 'var'; readonly name: string; readonly init: KernelExpr }
  | { readonly kind: 'assign'; readonly name: string; readonly value: KernelExpr }
  /** Stores `value` (its width decides) at element `index`. */
  | {
      readonly kind: 'store';
      readonly buffer: string;
      readonly index: KernelExpr;
      readonly value: KernelExpr;
      /** The low 16 bits, as in a load. */
      readonly half?: true;
    }
  | { readonly kind: 'store-array'; readonly array: string; readonly index: KernelExpr; readonly value: KernelExpr }
  /** from ≤ name < to by step; all i32. */
  | {
      readonly kind: 'for';
      readonly name: string;
      readonly from: KernelExpr;
      readonly to: KernelExpr;
      readonly step: number;
      readonly body: readonly Statement[];
    }
  | {
      readonly kind: 'if';
      readonly cond: KernelExpr;
      readonly then: readonly Statement[];
      readonly otherwise: readonly Statement[];
    }
  /** GPU only: all invocations of the workgroup meet. */
  | { readonly kind: 'barrier' }
  /**
   * GPU only, where all invocations of the workgroup come by, once: the variable of each becomes what the variables of
   * its team hold together. A team is `team` invocations in a row, a power of two. The array, with an element for each
   * invocation of the workgroup, serves this statement alone. What the variables were computed from has been read then;
   * what was stored to other memory is not waited for.
   */
  | {
      readonly kind: 'combine';
      readonly name: string;
      readonly op: CombineOp;
      readonly team: number;
      readonly array: string;
    };

/** What teams of invocations combine by: the order does not matter, but for the rounding of floats. */
export type CombineOp = (typeof combineOps)[number];

/** Every {@link CombineOp}. */
export const combineOps = ['add', 'mul', 'min', 'max', 'and', 'or'] as const satisfies readonly BinaryOp[];

/** Memory inside a kernel. `workgroup` is shared by the invocations of a workgroup (GPU). On the CPU `private` is scratch memory of the thread (packed panels). */
export interface KernelArray {
  readonly name: string;
  readonly space: 'workgroup' | 'private';
  /** f16 on a GPU only: f32 in registers, and in memory too where the device has no f16; stored four at a time. */
  readonly type: 'f32' | 'f16' | 'i32' | 'u32';
  /** Elements. */
  readonly size: number;
}

export interface KernelBuffer {
  readonly name: string;
  readonly dtype: DType;
  readonly access: 'read' | 'write' | 'read_write';
}

/**
 * One kernel. Built-in i32 names —
 * GPU: `%wx %wy %wz` workgroup id, `%lx %ly %lz` local id, `%nx %ny %nz` number of workgroups.
 * CPU: `%begin %end`, this thread's share of the dispatch's `extent`.
 */
export interface Kernel {
  readonly name: string;
  readonly target: 'gpu' | 'cpu';
  readonly buffers: readonly KernelBuffer[];
  readonly params: readonly string[];
  readonly scalars: readonly { readonly name: string; readonly type: 'f32' | 'i32' | 'u32' }[];
  readonly arrays: readonly KernelArray[];
  /** GPU: invocations per workgroup. */
  readonly workgroup: readonly [number, number, number];
  readonly body: readonly Statement[];
  readonly origin: readonly Span[];
}
