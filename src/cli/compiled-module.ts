// Compiles a program in memory and imports the module it becomes; nothing is written to disk.
import { emit, type GraphModule, type Target } from '../index.ts';
import { lowerProgram, type CommandContext } from './command.ts';
import { optimizeAsUsual } from './optimizer.ts';

/** What a training session measured. */
export interface Measures {
  readonly loss?: number;
  readonly losses: Readonly<Record<string, number>>;
  readonly metrics: Readonly<Record<string, unknown>>;
}

/** One event of a training run. */
export interface TrainEvent extends Partial<Measures> {
  readonly type: 'step' | 'epoch' | 'done' | 'nan';
  readonly step: number;
}

/** A tensor that an entry point returned. */
export interface ResultTensor {
  readonly dtype: 'f32' | 'i32' | 'u32' | 'bool';
  readonly shape: readonly number[];
  data(): Promise<Float32Array | Int32Array | Uint32Array | Uint8Array>;
  dispose(): void;
}

/** A loaded model: its weights; entry points are methods. */
export interface LoadedModel {
  readonly device: { readonly kind: Target };
  readonly weights: {
    save(): Promise<Uint8Array>;
    load(bytes: Uint8Array, options?: { strict?: boolean }): Promise<void>;
  };
  /** Opens a session, where the model has caches; disposing the model ends it. */
  session(dims: Readonly<Record<string, number>>): Promise<object>;
  dispose(): void;
}

/** A training session. */
export interface TrainSession {
  readonly iteration: number;
  readonly options: Record<string, number>;
  run(data: Iterable<object>, options: { every: number; signal: AbortSignal }): AsyncIterable<TrainEvent>;
  evaluate(data: Iterable<object>): Promise<Measures>;
  save(): Promise<Uint8Array>;
  restore(bytes: Uint8Array): Promise<void>;
  dispose(): void;
}

/** How to open a model. */
export interface LoadChoice {
  readonly device: 'wasm' | GPUDevice;
  readonly seed: number;
  readonly weights?: Uint8Array;
  onProgress?(progress: { readonly phase: string; readonly done: number; readonly total: number }): void;
}

/** A compiled module that was imported. */
export interface CompiledModule {
  load(model: string, choice: LoadChoice): Promise<LoadedModel>;
  create(
    train: string,
    models: readonly LoadedModel[],
    options: Readonly<Record<string, number>>,
  ): Promise<TrainSession>;
}

/** Compiles for one target and imports the result. */
export async function importProgram(
  cx: CommandContext,
  module: GraphModule,
  target: Target,
  file: string,
): Promise<CompiledModule> {
  const { js } = await emit(lowerProgram(cx, module, [target]), file);
  optimizeAsUsual();
  const exported = (await import(`data:text/javascript;base64,${Buffer.from(js).toString('base64')}`)) as Record<
    string,
    unknown
  >;
  const named = (name: string): ((...args: unknown[]) => Promise<unknown>) => {
    const value = exported[name];
    if (typeof value !== 'function') throw new TypeError(`the compiled module does not export ${name}`);
    return value as (...args: unknown[]) => Promise<unknown>;
  };
  return {
    load: (model, choice) => named(`load${model}`)(choice) as Promise<LoadedModel>,
    create: (train, models, options) => named(`create${train}`)(...models, options) as Promise<TrainSession>,
  };
}
