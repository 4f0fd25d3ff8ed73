// What is compared: a model in `.dlm`, and the same computation over the few ops that every engine offers in its own
// best form. Weights and inputs are named and shaped here and equal for all engines.

/** An array of an engine: an ONNX value name, a tfjs tensor, a jax array. */
export interface Ops<T> {
  /** A weight as it is stored: row-major, PyTorch's layout. */
  weight(path: string): T;
  /** A constant of the model. */
  constant(data: Float32Array, shape: readonly number[]): T;
  matmul(a: T, b: T): T;
  /** x · `path.weight`ᵀ + `path.bias`, then perhaps relu. */
  linear(x: T, path: string, activation?: 'relu'): T;
  /** 3×3, padding 1, with `path.weight` and `path.bias`. */
  conv(x: T, path: string): T;
  /** All hidden states [b, t, h] of a layer with torch's `_l0` names under `path`, from zeros. */
  lstm(x: T, path: string): T;
  /** Over the last axis, eps 1e-5, with `path.weight` and `path.bias`. */
  layerNorm(x: T, path: string): T;
  /** Along the last axis. */
  softmax(x: T): T;
  add(a: T, b: T | number): T;
  mul(a: T, b: T | number): T;
  tanh(x: T): T;
  sigmoid(x: T): T;
  /** With erf. */
  gelu(x: T): T;
  reshape(x: T, shape: readonly number[]): T;
  transpose(x: T, order: readonly number[]): T;
  /** Equal parts of the last axis. */
  split(x: T, parts: number): readonly T[];
}

/** The computation of a case over any engine's arrays. */
export type Program = <T>(ops: Ops<T>, inputs: readonly T[]) => T;

/** One comparison. */
export interface Case {
  /** The workload that it belongs to, such as `W1`. */
  readonly workload: string;
  readonly name: string;
  /** A file of `bench/models`, its model, and values of the model's config. */
  readonly source: string;
  readonly model: string;
  readonly set?: Readonly<Record<string, string>>;
  /** Shapes of the inputs of `forward`, in order. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly weights: Readonly<Record<string, readonly number[]>>;
  readonly program: Program;
  /** A training step instead of `forward`: a `train` of the file over x and labels y below `classes`; Adam, rate 1e-3. */
  readonly train?: { readonly name: string; readonly classes: number };
  /** Inputs and output are images [b, c, h, w]; an engine may keep them channels last. */
  readonly images?: boolean;
}
