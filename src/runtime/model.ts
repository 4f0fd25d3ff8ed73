// Loads a model: device, kernels, weights; gives an object with a method for each entry point.
import { acquireDevice, type Device } from './device.ts';
import { DlmError, need } from './error.ts';
import { ParameterStore, type FitOptions } from './parameters.ts';
import type { ModelSpec, ProgramSpec, Returns } from './program.ts';
import { Runner } from './runner.ts';
import { asyncDisposeSymbol, type Tensor } from './tensor.ts';
import { keyScalars, runKey } from './threefry.ts';
import { Weights } from './weights.ts';

/** Options of `load`. */
export interface LoadOptions extends FitOptions {
  readonly device?: unknown;
  readonly weights?: unknown;
  readonly seed?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { phase: 'fetch' | 'compile' | 'upload'; done: number; total: number }) => void;
}

interface RunOptions {
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

// What users hold is a plain object with the entry points by name, so that a model may name them as it likes.
const loaded = new WeakMap<object, Model>();

/** The model behind what `load` gave; undefined for anything else. */
export const modelOf = (net: object | undefined): Model | undefined => net && loaded.get(net);

/** A loaded model. */
export class Model {
  readonly runner: Runner;
  readonly weights: Weights;
  /** The object that users hold. */
  readonly net: object;
  #calls = 0;
  #disposed = false;

  constructor(
    readonly name: string,
    readonly spec: ModelSpec,
    readonly device: Device,
    readonly seed: number,
    program: ProgramSpec,
  ) {
    const store = new ParameterStore(device.backend, spec.parameters);
    this.runner = new Runner(program, device.backend, (path) => store.memory(path));
    this.weights = new Weights(name, store, spec.aliases ?? {});
    const entries = Object.entries(spec.entries).map(([entry, [fn, returns]]) => {
      return [entry, (...values: unknown[]) => this.#call(entry, fn, returns, values)];
    });
    const dispose = (): void => this.dispose();
    this.net = {
      ...Object.fromEntries(entries),
      device,
      weights: this.weights,
      dispose,
      [asyncDisposeSymbol]: async () => dispose(),
    };
    loaded.set(this.net, this);
  }

  async #call(entry: string, fn: string, returns: Returns, values: readonly unknown[]): Promise<unknown> {
    const count = this.runner.spec(fn).inputs.length;
    const { seed, signal } = (values[count] ?? {}) as RunOptions;
    signal?.throwIfAborted();
    if (this.#disposed) throw new DlmError('E9106', `${entry}: this ${this.name} was disposed`, { entry });
    const call = this.runner.call(fn, entry, values.slice(0, count));
    const key = seed === undefined ? runKey(this.seed, 3, ++this.#calls) : runKey(seed, 3, 0);
    const results = await this.runner.tensors(call, keyScalars(key));
    signal?.throwIfAborted();
    return arrange(returns, results);
  }

  /** Sets all weights to their initial values. */
  async initialize(): Promise<void> {
    await this.runner.values(this.runner.call(this.spec.init, 'init', []), keyScalars(runKey(this.seed, 0, 0)));
  }

  /** Gives memory and device back. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.runner.dispose();
    this.weights.store.dispose();
    this.device.release();
  }
}

function arrange(returns: Returns, results: readonly Tensor[]): unknown {
  if (typeof returns === 'number') return results[returns];
  if (Array.isArray(returns)) return returns.map((item: Returns) => arrange(item, results));
  return Object.fromEntries(Object.entries(returns).map(([name, item]) => [name, arrange(item, results)]));
}

/** Loads the model `name` of a program. @throws DlmError E0801–E0804 */
export async function loadModel(program: ProgramSpec, name: string, options: LoadOptions = {}): Promise<object> {
  const { seed = 0, weights = 'init', strict = true, signal, onProgress } = options;
  const spec = need(program.models[name], name);
  signal?.throwIfAborted();
  const device = await acquireDevice(program, options.device);
  let model: Model | undefined;
  try {
    model = new Model(name, spec, device, seed, program);
    const init = weights === 'init' || !strict;
    const functions = [...Object.values(spec.entries).map(([fn]) => fn), ...(init ? [spec.init] : [])];
    await model.runner.prepare(functions, (done, total) => onProgress?.({ phase: 'compile', done, total }));
    if (init) await model.initialize();
    if (weights !== 'init') {
      onProgress?.({ phase: 'fetch', done: 0, total: 1 });
      await model.weights.load(weights, options);
    }
    onProgress?.({ phase: 'upload', done: 1, total: 1 });
    signal?.throwIfAborted();
    return model.net;
  } catch (error) {
    if (model) model.dispose();
    else device.release();
    throw error;
  }
}
