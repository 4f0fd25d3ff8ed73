// The types that every emitted .d.ts shares, pasted into it so that nothing has to be installed. Formatted here, as
// prettier formats them (a test checks it), so that only what is special to a model is formatted when it is compiled.

/** Declarations of tensors, inputs, weights, devices, options, events and errors. */
export const supportTypes = `
export type ElementType = 'f32' | 'i32' | 'u32' | 'bool';
/** The typed array of an element type; bool is bytes 0 and 1. */
export type Data<D extends ElementType> = { f32: Float32Array; i32: Int32Array; u32: Uint32Array; bool: Uint8Array }[D];
/** A dim is a number or the name of one that is known when called. */
export type Sizes<S extends readonly (number | string)[]> = {
  readonly [K in keyof S]: S[K] extends number ? S[K] : number;
};
/** A tensor on a device; it belongs to whoever received it. */
export interface Tensor<D extends ElementType, S extends readonly (number | string)[]> extends Disposable {
  readonly dtype: D;
  readonly shape: Sizes<S>;
  data(): Promise<Data<D>>;
  dispose(): void;
}
export type Nested<E, S extends readonly unknown[]> = S extends readonly [unknown, ...infer Rest]
  ? readonly Nested<E, Rest>[]
  : E;
/** A typed array, { data, shape } where the shape cannot be told from its length, nested arrays, or a tensor. */
export type Input<D extends ElementType, S extends readonly (number | string)[]> =
  | Tensor<D, S>
  | Data<D>
  | { readonly data: Data<D>; readonly shape: readonly number[] }
  | Nested<D extends 'bool' ? boolean : number, S>;
export interface Device {
  readonly kind: 'webgpu' | 'wasm';
  /** How many threads share the work of the CPU. */
  readonly threads: number;
}
export interface RunOptions {
  readonly seed?: number;
  readonly signal?: AbortSignal;
}
export type KeyMap = Readonly<Record<string, string>> | ((key: string) => string | undefined);
export type WeightsSource = string | URL | ArrayBuffer | Uint8Array | Blob;
export interface FitOptions {
  readonly keys?: KeyMap;
  readonly strict?: boolean;
}
export interface LoadOptions extends FitOptions {
  readonly device?: 'auto' | 'webgpu' | 'wasm' | GPUDevice | Device;
  /** On the CPU, where the module was compiled for threads. Default: "auto", the cores, at most 4. */
  readonly threads?: number | 'auto';
  /** safetensors, or "init". */
  readonly weights?: WeightsSource;
  readonly seed?: number;
  readonly signal?: AbortSignal;
  onProgress?(progress: { phase: 'fetch' | 'compile' | 'upload'; done: number; total: number }): void;
}
export interface Weights<P> {
  keys(): (keyof P & string)[];
  get<K extends keyof P>(path: K): Promise<P[K]>;
  set<K extends keyof P>(
    path: K,
    value: P[K] extends Tensor<infer D, infer S> ? Exclude<Input<D, S>, Tensor<D, S>> : never,
  ): void;
  save(): Promise<Uint8Array<ArrayBuffer>>;
  load(source: WeightsSource, options?: FitOptions): Promise<void>;
  hash(): Promise<string>;
}
export type Stream<T> = Iterable<T> | AsyncIterable<T>;
/** Batches; several epochs need an array, or a function that makes the batches anew. */
export type Batches<T> = Stream<T> | (() => Stream<T>);
export interface TrainRunOptions {
  readonly epochs?: number;
  readonly every?: number;
  readonly signal?: AbortSignal;
}
export type TrainEvent<M> =
  | ({ readonly type: 'step' | 'nan'; readonly step: number; readonly epoch: number } & M)
  | { readonly type: 'epoch'; readonly step: number; readonly epoch: number }
  | { readonly type: 'done'; readonly step: number; readonly epochs: number };
/** Every error that this module throws on purpose. */
export class DlmError extends Error {
  readonly code: string;
  readonly entry: string | undefined;
  readonly path: string | undefined;
  readonly expected: string | undefined;
  readonly got: string | undefined;
}
export type TensorInfo = { name: string; dtype: ElementType; shape: (number | string)[] };
export type FunctionInfo = {
  dims: Record<string, { min: number }>;
  inputs: TensorInfo[];
  outputs: TensorInfo[];
  /** Held by a session. */
  caches?: TensorInfo[];
  requires: string[];
};
export type EntryInfo = FunctionInfo & {
  /** Dims that the caller gives as whole numbers. */
  counts?: string[];
  /** The functions of calls with these optional arguments. */
  variants?: ({ given: string[] } & FunctionInfo)[];
};
/** Entries, dims, constraints and parameters as data. */
export const meta: {
  /** The kernels of the GPU and the lines of the program that each computes, where calls can be timed. */
  kernels?: { name: string; from: string[] }[];
  name: string;
  source: string;
  models: Record<
    string,
    {
      parameters: { path: string; dtype: ElementType; shape: number[]; role: 'param' | 'state' }[];
      aliases: Record<string, string>;
      entries: Record<string, EntryInfo>;
    }
  >;
  trains: Record<
    string,
    {
      models: Record<string, string>;
      options: Record<string, number | null>;
      losses: string[];
      metrics: string[];
      step: FunctionInfo;
    }
  >;
};
`;

/** Declarations of timed calls, for modules that were compiled for them. */
export const profileTypes = `
export interface RunOptions {
  /** Called with what this call cost. */
  readonly profile?: (profile: Profile) => void;
}
export interface Profile {
  readonly entry: string;
  readonly device: 'webgpu' | 'wasm';
  /** From the start of the call to its end on the device. */
  readonly ms: number;
  /** The dispatches on a GPU, in order; none on WebAssembly. \`ms\` is there where the GPU has timestamps. */
  readonly kernels: readonly {
    readonly name: string;
    /** Lines of the program that it computes. */
    readonly from: readonly string[];
    readonly workgroups: number;
    readonly ms?: number;
  }[];
}
`;
