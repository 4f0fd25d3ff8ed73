// What is compared: a model in `.dlm`, and the same computation over the few ops that every engine offers in its own
// best form. Weights and inputs are named and shaped here and equal for all engines.

/** How a window moves. Padding is on both sides of both axes. */
export interface Window {
  readonly stride?: number;
  readonly padding?: number;
}

/** What a convolution is beside its weights, which say its channels and its kernel. */
export interface ConvOptions extends Window {
  readonly activation?: 'relu';
  /** Each channel by itself. */
  readonly depthwise?: boolean;
}

/** An array of an engine: an ONNX value name, a tfjs tensor, a jax array. */
export interface Ops<T> {
  /** `path.weight`, a table whose rows are not looked up. */
  table(path: string): T;
  /** A constant of the model. */
  constant(data: Float32Array, shape: readonly number[]): T;
  matmul(a: T, b: T): T;
  /** x · `path.weight`ᵀ + `path.bias`, then perhaps relu. */
  linear(x: T, path: string, activation?: 'relu'): T;
  /** With `path.weight` and, where there is one, `path.bias`. */
  conv(x: T, path: string, options: ConvOptions): T;
  /** By running statistics, eps 1e-5. */
  batchNorm(x: T, path: string): T;
  /** Of an image that has no negative values. */
  maxPool(x: T, size: number, window: Window): T;
  /** [b, c, h, w] to [b, c]. */
  meanOfPixels(x: T): T;
  /** [b, c, h, w] to [b, c · h · w]. Channels may come last: see {@link Case.flattened}. */
  flatten(x: T): T;
  /** Rows [b, t, d] of `path.weight` that the ids [b, t] name. */
  embedding(ids: T, path: string): T;
  /** All hidden states [b, t, h] of a layer with torch's `_l0` names under `path`, from zeros. */
  lstm(x: T, path: string): T;
  /** The last of the steps of [b, t, h]. */
  last(x: T): T;
  /** Over the last axis, eps 1e-5, with `path.weight` and `path.bias`. */
  layerNorm(x: T, path: string): T;
  /** Along the last axis. */
  softmax(x: T): T;
  add(a: T, b: T | number): T;
  mul(a: T, b: T | number): T;
  relu(x: T): T;
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
  /** The inputs are ids below this. */
  readonly ids?: number;
  readonly weights: Readonly<Record<string, readonly number[]>>;
  /** Matrices that are read by row, which no engine stores transposed. */
  readonly tables?: readonly string[];
  readonly program: Program;
  /** A training step instead of `forward`: a `train` of the file over x and labels y below `classes`; Adam, rate 1e-3. */
  readonly train?: { readonly name: string; readonly classes: number };
  /** Inputs, and an output of rank 4, are images [b, c, h, w]; an engine may keep them channels last. */
  readonly images?: boolean;
  /** Dense layers over flattened images [c, h, w], by path: an engine with channels last stores their columns so. */
  readonly flattened?: Readonly<Record<string, readonly [number, number, number]>>;
  /** What the time of the best peer over ours should be at least; 1 unless said, 3 for training steps. */
  readonly goal?: number;
  /** The same of PyTorch, for a training step on one thread: 0.5 unless said, and 0.25 without relaxed SIMD. */
  readonly pytorch?: number;
  /** Engines that take seconds: left out of a quick run. */
  readonly slow?: readonly string[];
}
