// The data that the compiler writes into a module: what its functions take and give, and per target how they run.
// Types only. Sizes are numbers where they are fixed and small functions of the dims where they are not.

import type { Caches } from './caches.ts';
import type { FunctionDescription } from './meta.ts';
import type { Model } from './model.ts';
import type { Call, Runner } from './runner.ts';
import type { ParameterStore } from './parameters.ts';
import type { StoredTensor } from './safetensors.ts';
import type { Tensor } from './tensor.ts';
import type { Arrange } from './trace.ts';
import type { Nested } from './train.ts';

/** Element types at run time. `bool` is one 32-bit word (0 or 1) in device memory. */
export type ElementType = 'f32' | 'i32' | 'u32' | 'bool';

/** One extent: a number, the name of a dim, or the text of an expression and its value for given dims. */
export type Extent = number | string | readonly [text: string, value: (...dims: number[]) => number];

/** A named tensor: name, element type, shape. */
export type TensorSpec = readonly [name: string, dtype: ElementType, shape: readonly Extent[]];

/**
 * Memory of a plan. A string is the memory of that parameter, state or slot; otherwise pool (0 temporaries,
 * 1 arguments and results), bytes, and the first and last step that use it: −1 from before the first, −2 likewise,
 * where no step writes to it. A name with bytes is what was computed from weights, kept with them.
 */
export type BufferSpec =
  string | readonly [name: string, bytes: number] | readonly [pool: 0 | 1, bytes: number, first: number, last: number];

/** Finds memory that outlives runs; with `bytes` it makes what is not there. */
export type Named = (path: string, bytes?: number) => Memory;

/** Buffers are indices into {@link PlanSpec.buffers}. */
export type StepSpec =
  | readonly [
      op: number,
      buffers: readonly number[],
      workgroups: number,
      params?: readonly number[],
      recordWords?: readonly number[],
    ]
  | readonly [op: 'copy', from: number, to: number]
  | readonly [op: 'fill', buffer: number, word: number];

/** How one function runs on one target, for given dims. */
export interface PlanSpec {
  readonly buffers: readonly BufferSpec[];
  /** Buffer of each argument; -1 for those that travel in the step record or are not used. */
  readonly inputs: readonly number[];
  /** Buffer of each result. */
  readonly outputs: readonly number[];
  /** Pairs (from, to) copied after the last step: updates that could not be made in place. */
  readonly commits?: readonly number[];
  /** How many of the first steps run only where weights have changed (GPU); 1 where some do (CPU). */
  readonly prepares?: number;
  /** GPU: the steps. */
  readonly steps?: readonly StepSpec[];
  /** CPU: what each word of the table is (a address of a buffer, e the same of one of which each turn of a loop takes an element, m of one that is copied, p the number itself, r address of a record word, s scratch, t how many threads share a dispatch: the turns of the loop around it, c whether weights have changed: the first). */
  readonly words?: string;
  /** CPU: a number for each word. */
  readonly table?: readonly number[];
  /** CPU: the exported function that runs the plan. */
  readonly run?: string;
}

/** Scalars by name: options, iteration, key halves, scalar arguments. */
export type Scalars = Record<string, number>;

/** One compiled function. */
export interface FunctionSpec {
  readonly dims: readonly string[];
  /** Smallest value of each dim, where one is not 1. */
  readonly mins?: readonly number[];
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Caches that it reads or writes. */
  readonly caches?: readonly TensorSpec[];
  /** What must fit into caches: an argument that is a position, how many are written from there, and the capacity. */
  readonly room?: (...dims: number[]) => readonly (readonly [input: string, size: number, capacity: number])[];
  /** Texts of `requires`, and whether each holds. */
  readonly facts?: readonly string[];
  readonly holds?: (...dims: number[]) => readonly boolean[];
  /** Names in the step record, one 32-bit word each, and a letter for each: f, i or u. */
  readonly record: readonly string[];
  readonly types: string;
  /** Scalars that the host computes before each run. */
  readonly host?: (scalars: Scalars, ...dims: number[]) => Scalars;
  /** It changes weights that other functions prepare. */
  readonly writes?: boolean;
  /** GPU: the kernels it needs, to compile them at load. */
  readonly kernels?: readonly number[];
  readonly gpu?: (...dims: number[]) => PlanSpec;
  readonly cpu?: (...dims: number[]) => PlanSpec;
}

/** What an entry returns: the index of a result, a list, or an object of these. */
export type Returns = number | readonly Returns[] | { readonly [name: string]: Returns };

/** A parameter or state: path, element type, shape, whether it is state. */
export type ParameterSpec = readonly [path: string, dtype: ElementType, shape: readonly number[], role?: 'state'];

/** A quantized weight: its bits, how many elements share a scale, and its shape. */
export type QuantizedSpec = readonly [bits: number, group: number, shape: readonly number[]];

/** A model: its weights and its entry points. */
export interface ModelSpec {
  readonly parameters: readonly ParameterSpec[];
  /** Other checkpoint names of a weight: name -> path. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Weights that are kept as words, by path; their scales are `<path>.scale`. */
  readonly quantized?: Readonly<Record<string, QuantizedSpec>>;
  /** Absent where it was left out. */
  readonly init?: string;
  readonly entries: Readonly<Record<string, EntrySpec>>;
  readonly session?: SessionSpec;
}

/**
 * An entry: its function, the layout of what it returns, the names of what callers pass by position where that
 * is not just the function's inputs, and the functions for calls that give optional arguments or `training`, `trace`.
 */
export type EntrySpec = readonly [
  fn: string,
  returns: Returns,
  names?: readonly string[],
  variants?: readonly (readonly [given: readonly string[], fn: string, returns: Returns])[],
];

/** What sessions hold: the dims that are given when one is made, and the caches over these. */
export interface SessionSpec {
  readonly dims: readonly string[];
  readonly caches: readonly TensorSpec[];
}

/** The function that a call runs, and what it takes. */
export interface ChosenCall {
  readonly fn: string;
  readonly returns: Returns;
  readonly given: readonly unknown[];
  readonly counts: ReadonlyMap<string, number>;
  /** Instead of the usual way to arrange results. */
  readonly arrange?: Arrange | undefined;
}

/** A training loop. */
export interface TrainSpec {
  /** Train parameter and model of each model. */
  readonly models: readonly (readonly [name: string, model: string])[];
  readonly slots: readonly (readonly [name: string, dtype: ElementType, shape: readonly number[], initial: number])[];
  /** Option name -> default, or null where it must be given. */
  readonly options: Readonly<Record<string, number | null>>;
  readonly losses: readonly string[];
  readonly metrics: readonly string[];
  readonly session?: SessionSpec;
  readonly step: string;
  readonly evaluate: string;
  /** From sums over batches to the metrics computed from them. */
  readonly finish?: string;
}

/**
 * A kernel of the GPU: its bindings (r or w with f i u or, for vectors of four, F I U; then p params, s step record),
 * invocations of a workgroup, and the statements of the entry point with what follows it.
 */
export type KernelSpec = readonly [bindings: string, invocations: number, code: string];

/** One dispatch of a timed call. */
export interface KernelReport {
  readonly name: string;
  /** Lines of the program that it computes: `mlp.dlm:14`. */
  readonly from: readonly string[];
  readonly workgroups: number;
  /** Absent where the GPU has no timestamps. */
  readonly ms?: number;
}

/** What a timed call cost. */
export interface Profile {
  readonly entry: string;
  readonly device: 'webgpu' | 'wasm';
  /** From the start of the call to its end on the device. */
  readonly ms: number;
  /** The dispatches on a GPU, in order; on WebAssembly a call is one function. */
  readonly kernels: readonly KernelReport[];
}

/** One compiled module. */
export interface ProgramSpec {
  readonly name: string;
  readonly source: string;
  readonly functions: Readonly<Record<string, FunctionSpec>>;
  readonly models: Readonly<Record<string, ModelSpec>>;
  readonly trains: Readonly<Record<string, TrainSpec>>;
  readonly kernels?: readonly KernelSpec[];
  /** Write, one after the other, what depends in shaders on the features of the device. */
  readonly writers?: readonly ((text: string, features: ReadonlySet<string>) => string)[];
  /** Name of each kernel of the GPU and the lines of the program that it computes, where calls can be timed. */
  readonly kernelNames?: readonly string[];
  /** Text of the WASM module, bytes of scratch memory, places to patch. */
  readonly wasm?: {
    readonly code: string;
    readonly scratch: number;
    readonly sites: readonly number[];
    /** Place of the memory's limits. */
    readonly limits: number;
  };
  /** Opens sessions, where a model has caches. */
  readonly sessions?: {
    /** Whether an entry needs one. */
    has(program: ProgramSpec, entry: EntrySpec): boolean;
    open(model: Model, program: ProgramSpec, options?: Record<string, number>): object;
  };
  /** Makes what makes the caches of a train, where one has caches. */
  readonly trainCaches?: (
    backend: Backend,
    entry: string,
    session: SessionSpec,
    step: FunctionSpec,
    given?: Readonly<Record<string, number | undefined>>,
  ) => () => Caches;
  /** Makes room for weights, where some of them lie as f16. */
  readonly packedStore?: (backend: Backend, specs: readonly ParameterSpec[]) => ParameterStore;
  /** Quantizes what a file has as floats, where weights are quantized. */
  readonly quantize?: (spec: QuantizedSpec, stored: StoredTensor) => readonly [words: Data, scales: Data] | undefined;
  /** Checks what functions require of their dims, where one does. */
  readonly checkFacts?: (entry: string, fn: FunctionSpec, dims: readonly number[]) => void;
  /** Reads the arguments of entries that have names of their own. */
  readonly chooseCall?: (runner: Runner, entry: string, spec: EntrySpec, values: readonly unknown[]) => ChosenCall;
  /** What `meta` says of such entries. */
  readonly describeArguments?: (entry: EntrySpec, describe: (fn: string) => FunctionDescription) => object;
  /** Arranges the results of calls that give intermediate values, where entries can do that. */
  readonly arrangeTraced?: (entry: string, returns: Returns, wanted: unknown) => Arrange;
  /** Runs a call and times it, where entries can do that. */
  readonly runProfiled?: (
    runner: Runner,
    call: Call,
    scalars: Scalars,
    report: (profile: Profile) => void,
  ) => Promise<Tensor[]>;
  /** Metrics of sums over batches, where a train has some. */
  readonly totals?: {
    isTotal(output: TensorSpec | undefined): boolean;
    finish(
      runner: Runner,
      spec: TrainSpec,
      call: Call,
      sums: readonly number[][],
      scalars: Scalars,
    ): Promise<Record<string, Nested>>;
  };
  /** Reads plans, where they are long: these say places from where they stand. */
  readonly readPlan?: (plan: PlanSpec) => PlanSpec;
  /** Opens a device of each kind that was compiled for. */
  readonly open: {
    readonly webgpu?: (device?: GPUDevice) => Promise<Backend>;
    readonly wasm?: (threads?: number | 'auto') => Promise<Backend>;
  };
}

/** A piece of device memory: a range of a GPU buffer, or of the WASM memory. */
export interface Memory {
  readonly at: number;
  readonly bytes: number;
  readonly buffer?: GPUBuffer;
}

/** Typed arrays that carry tensor data. */
export type Data = Float32Array | Int32Array | Uint32Array | Uint8Array;

/** A plan with its memory, ready to run again and again. */
export interface Bound {
  /** {@link Backend.revision} when it last ran. */
  revision?: number;
  dispose(): void;
}

/** What one run does besides the plan's steps. */
export interface RunRequest {
  /** Weights have changed since the last run. */
  readonly changed?: boolean;
  readonly record: Uint32Array<ArrayBuffer>;
  /** Data or device memory for buffer `to` of the plan. */
  readonly uploads: readonly {
    readonly to: number;
    readonly data?: Data | undefined;
    readonly memory?: Memory | undefined;
  }[];
  /** Buffers of the plan to copy into memory of their own. */
  readonly keeps: readonly { readonly from: number; readonly to: Memory }[];
  /** Buffers of the plan to bring back to the host: index and bytes. */
  readonly reads: readonly { readonly from: number; readonly bytes: number }[];
  /** Writes the commands into the encoder instead of `encode`. */
  readonly encode?: (
    encoder: GPUCommandEncoder,
    commands: readonly object[],
    encode: (encoder: GPUCommandEncoder, commands: readonly object[]) => void,
  ) => void;
}

/** What differs between WebGPU and WASM. Everything up to the first await of `run` happens at once and in order. */
export interface Backend {
  readonly kind: 'webgpu' | 'wasm';
  readonly target: 'gpu' | 'cpu';
  readonly gpu?: GPUDevice;
  /** How often weights have changed. */
  revision: number;
  /** How many threads share its work, where that is not one. */
  readonly crew?: { readonly threads: number } | undefined;
  /** Zeroed memory, or any memory where all of it will be `written`. @throws DlmError E0902 when there is none left */
  allocate(bytes: number, written?: boolean): Memory;
  free(memory: Memory): void;
  write(to: Memory, data: Data): void;
  read(from: readonly Memory[]): Promise<Uint8Array<ArrayBuffer>[]>;
  /** Compiles the kernels of `functions`; `done` is called as each is ready. */
  prepare(
    program: ProgramSpec,
    functions: readonly FunctionSpec[],
    done?: (ready: number, total: number) => void,
  ): Promise<void>;
  bind(program: ProgramSpec, plan: PlanSpec, named: Named): Bound;
  run(bound: Bound, request: RunRequest): Promise<Uint8Array<ArrayBuffer>[]>;
  /** Resolves when the device has caught up; lets the page breathe. */
  settle(): Promise<void>;
  close(): void;
}
