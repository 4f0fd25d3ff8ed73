// Loads a model: device, kernels, weights; gives an object with a method for each entry point.
import { acquireDevice, type Device } from './device.ts';
import { entryFunctions, entryMethods } from './entries.ts';
import { DlmError, need } from './error.ts';
import { ParameterStore, type FitOptions } from './parameters.ts';
import type { ModelSpec, ProgramSpec } from './program.ts';
import { Runner } from './runner.ts';
import { asyncDisposeSymbol } from './tensor.ts';
import { keyScalars, runKey } from './threefry.ts';
import { Weights } from './weights.ts';

/** Options of `load`. */
export interface LoadOptions extends FitOptions {
  readonly device?: unknown;
  readonly threads?: number | 'auto';
  readonly weights?: unknown;
  readonly seed?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { phase: 'fetch' | 'compile' | 'upload'; done: number; total: number }) => void;
}

// What users hold is a plain object with the entry points by name, so that a model may name them as it likes.
const loaded = new WeakMap<object, Model>();

/** The model behind what `load` gave; undefined for anything else. */
export const modelOf = (net: object | undefined): Model | undefined => net && loaded.get(net);

/** A loaded model. */
export class Model {
  readonly runner: Runner;
  readonly weights: Weights;
  /** What ends each open session. */
  readonly sessions = new Set<() => void>();
  /** The object that users hold. */
  readonly net: Record<PropertyKey, unknown>;
  #calls = 0;
  #disposed = false;

  constructor(
    readonly name: string,
    readonly spec: ModelSpec,
    readonly device: Device,
    readonly seed: number,
    program: ProgramSpec,
  ) {
    const { backend } = device;
    const store = program.packedStore?.(backend, spec.parameters) ?? new ParameterStore(backend, spec.parameters);
    this.runner = new Runner(program, device.backend, (path, bytes) => store.memory(path, bytes));
    const { quantize } = program;
    const quantized = spec.quantized && quantize && { specs: spec.quantized, quantize };
    this.weights = new Weights(name, store, spec.aliases ?? {}, quantized);
    const { sessions } = program;
    const entries = Object.entries(spec.entries).filter(([, entry]) => !sessions?.has(program, entry));
    const dispose = (): void => this.dispose();
    const session = { session: async (given?: Record<string, number>) => sessions?.open(this, program, given) };
    this.net = {
      ...entryMethods(this, entries),
      ...(spec.session ? session : {}),
      device,
      weights: this.weights,
      dispose,
      [asyncDisposeSymbol]: async () => dispose(),
    };
    loaded.set(this.net, this);
  }

  /** @throws DlmError E9106 after dispose */
  check(entry: string): void {
    if (this.#disposed) throw new DlmError('E9106', `${entry}: this ${this.name} was disposed`, { entry });
  }

  /** The random key of the next call without a seed. */
  nextKey(): readonly [number, number] {
    return runKey(this.seed, 3, ++this.#calls);
  }

  /** Sets all weights to their initial values. */
  async initialize(init: string): Promise<void> {
    await this.runner.values(this.runner.call(init, 'init', []), keyScalars(runKey(this.seed, 0, 0)));
  }

  /** Gives memory and device back. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const dispose of this.sessions) dispose();
    this.runner.dispose();
    this.weights.store.dispose();
    this.device.release();
  }
}

/** Loads the model `name` of a program. @throws DlmError E0801–E0804 */
export async function openModel(program: ProgramSpec, name: string, options: LoadOptions = {}): Promise<object> {
  const { seed = 0, weights = 'init', strict = true, signal, onProgress } = options;
  const spec = need(program.models[name], name);
  signal?.throwIfAborted();
  const device = await acquireDevice(program, options.device, options.threads);
  let model: Model | undefined;
  try {
    model = new Model(name, spec, device, seed, program);
    const init = weights === 'init' || !strict ? initOf(spec, name) : undefined;
    const functions = [...entryFunctions(spec.entries), ...(init === undefined ? [] : [init])];
    await model.runner.prepare(functions, (done, total) => onProgress?.({ phase: 'compile', done, total }));
    if (init !== undefined) await model.initialize(init);
    if (weights !== 'init') {
      onProgress?.({ phase: 'fetch', done: 0, total: 1 });
      await model.weights.load(weights, options);
    }
    onProgress?.({ phase: 'upload', done: 1, total: 1 });
    signal?.throwIfAborted();
    const { net } = model;
    net['reload'] = (more?: LoadOptions): Promise<object> => {
      model?.dispose();
      return openModel(program, name, { ...options, ...more });
    };
    return net;
  } catch (error) {
    if (model) model.dispose();
    else device.release();
    throw error;
  }
}

function initOf({ init }: ModelSpec, model: string): string {
  if (init === undefined)
    throw new DlmError('E0811', `\`${model}\` was compiled without initial weights: pass \`weights\`, all of them`);
  return init;
}
