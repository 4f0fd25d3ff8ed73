// Training sessions: steps on the device, an event stream, evaluation, and saving so that a resumed run is the same
// run, bit for bit.
import type { Caches } from './caches.ts';
import { shapeOf } from './dims.ts';
import { DlmError, need, wrongInput } from './error.ts';
import { modelOf, type Model } from './model.ts';
import { fitCheckpoint, ParameterStore, type StoredSpec } from './parameters.ts';
import type { Backend, ProgramSpec, Scalars, TrainSpec } from './program.ts';
import { Runner, type Call } from './runner.ts';
import { readSafetensors, writeSafetensors } from './safetensors.ts';
import { arrays, asyncDisposeSymbol, sizeOf } from './tensor.ts';
import { keyScalars, runKey } from './threefry.ts';
import { readSource } from './weights.ts';

type Batch = Readonly<Record<string, unknown>>;
type Stream = Iterable<Batch> | AsyncIterable<Batch>;
/** A number, or nested arrays of them. */
export type Nested = number | Nested[];

/** What a step measured. `loss` where there is one. */
interface Measures {
  readonly loss?: number;
  readonly losses: Record<string, number>;
  readonly metrics: Record<string, Nested>;
}

type TrainOptions = Readonly<Record<string, unknown>> & {
  readonly seed?: number;
  readonly dims?: Record<string, number | undefined>;
};

interface RunOptions {
  readonly epochs?: number;
  readonly every?: number;
  readonly signal?: AbortSignal;
}

/** What a session starts with: options, seed, and what makes its caches. */
interface TrainStart {
  readonly options: Scalars;
  readonly seed: number;
  readonly openCaches: (() => Caches) | undefined;
}

/** A training session over the weights of its models. */
export class Train {
  /** Options of the train declaration; the next step sees what is assigned. */
  readonly options: Scalars;
  readonly #runner: Runner;
  // The session of the training; a session of its own for each evaluation.
  readonly #caches: Caches | undefined;
  readonly #slots: ParameterStore;
  #iteration = 0;
  #seed: number;
  readonly #program: ProgramSpec;
  readonly #openCaches: (() => Caches) | undefined;
  #disposed = false;

  constructor(
    readonly name: string,
    readonly spec: TrainSpec,
    readonly models: readonly Model[],
    readonly backend: Backend,
    program: ProgramSpec,
    { options, seed, openCaches }: TrainStart,
  ) {
    this.options = options;
    this.#seed = seed;
    this.#slots = new ParameterStore(backend, spec.slots);
    this.#program = program;
    this.#openCaches = openCaches;
    this.#caches = openCaches?.();
    this.#runner = this.#openRunner(this.#caches);
    const slots = spec.slots.map(([path, dtype, shape, initial]) => {
      return [path, new arrays[dtype](sizeOf(shape)).fill(initial)] as const;
    });
    this.#slots.write(slots);
  }

  #openRunner(caches: Caches | undefined): Runner {
    return new Runner(this.#program, this.backend, (path) => {
      if (caches?.has(path)) return caches.memory(path);
      const [store, own] = this.#place(path);
      return store.memory(own);
    });
  }

  /** Completed steps. */
  get iteration(): number {
    return this.#iteration;
  }

  // Paths of several models carry the name of the train's parameter in front.
  #prefix(at: number): string {
    return this.models.length > 1 ? `${this.spec.models[at]?.[0]}.` : '';
  }

  #place(path: string): [ParameterStore, string] {
    if (this.spec.slots.some(([name]) => name === path)) return [this.#slots, path];
    const at = this.models.findIndex((_, index) => path.startsWith(this.#prefix(index)));
    const model = need(this.models[at], path);
    return [model.weights.store, path.slice(this.#prefix(at).length)];
  }

  /** Compiles the kernels of the session. */
  prepare(): Promise<void> {
    const { step, evaluate, finish = [] } = this.spec;
    return this.#runner.prepare([step, evaluate].concat(finish));
  }

  #call(kind: 'step' | 'evaluate', batch: Batch, runner = this.#runner, caches = this.#caches): Call {
    if (this.#disposed) throw new DlmError('E9106', `${kind}: this ${this.name} was disposed`, { entry: kind });
    const fn = this.spec[kind];
    const values = runner.spec(fn).inputs.map(([name]) => batch[name]);
    return runner.call(fn, `${this.name}.${kind}`, values, { caches });
  }

  #scalars(purpose: number, count: number): Scalars {
    return { ...this.options, iteration: this.#iteration, ...keyScalars(runKey(this.#seed, purpose, count)) };
  }

  // Starts one step at once; the batch is copied before this returns a promise.
  async #advance(batch: Batch, read: boolean): Promise<(Measures & { iteration: number }) | undefined> {
    const call = this.#call('step', batch);
    const scalars = this.#scalars(1, this.#iteration);
    const iteration = ++this.#iteration;
    const values = await this.#runner.values(call, scalars, read);
    return read ? { iteration, ...this.#measures(call, values) } : undefined;
  }

  // Values of losses and metrics by name; numbers, or nested arrays.
  #measures({ fn, shapes }: Call, values: readonly ArrayLike<number>[]): Measures {
    const pick = (names: readonly string[]): Record<string, Nested> =>
      Object.fromEntries(
        names.map((name) => {
          const at = fn.outputs.findIndex(([output]) => output === name);
          return [name, nest(Array.from(values[at] ?? []), shapes[at] ?? [])];
        }),
      );
    const losses = pick(this.spec.losses) as Record<string, number>;
    const [loss = NaN, ...more] = Object.values(losses);
    return { ...(more.length > 0 ? { losses } : { loss, losses: {} }), metrics: pick(this.spec.metrics) };
  }

  /** One training step. @throws DlmError E9101 before anything has changed */
  async step(batch: Batch): Promise<Measures & { iteration: number }> {
    return need(await this.#advance(batch, true), 'report');
  }

  /** Zeroes the caches of the session. */
  reset(): void {
    this.#caches?.reset();
  }

  /** Trains over `data`; measures are read back every `every` steps. */
  async *run(
    data: Stream | (() => Stream),
    { epochs = 1, every = 1, signal }: RunOptions = {},
  ): AsyncGenerator<unknown, void> {
    let count = 0;
    for (let epoch = 1; epoch <= epochs; epoch++) {
      const before = count;
      this.reset();
      for await (const batch of typeof data === 'function' ? data() : data) {
        signal?.throwIfAborted();
        const report = await this.#advance(batch, ++count % every === 0);
        if (this.backend.kind === 'wasm' || (!report && count % 16 === 0)) await this.backend.settle();
        if (!report) continue;
        const { iteration: step, ...measures } = report;
        const losses = [measures.loss ?? 0, ...Object.values(measures.losses)];
        yield { type: losses.every(Number.isFinite) ? 'step' : 'nan', step, epoch, ...measures };
      }
      if (count === before)
        throw new DlmError('E0806', `${this.name}: epoch ${epoch} has no batches: pass an array or a function`);
      yield { type: 'epoch', step: this.#iteration, epoch };
    }
    yield { type: 'done', step: this.#iteration, epochs };
  }

  /** Losses and metrics over `data` without training, weighted by the first dim of each batch. */
  async evaluate(data: Stream | (() => Stream)): Promise<Measures> {
    const caches = this.#openCaches?.();
    const use = (runner: Runner): Promise<Measures> => this.#evaluate(data, runner, caches);
    return caches ? caches.during(this.#openRunner(caches), use) : use(this.#runner);
  }

  async #evaluate(data: Stream | (() => Stream), runner: Runner, caches?: Caches): Promise<Measures> {
    let [total, count]: [number, number] = [0, 0];
    const sums: number[][] = [];
    const { totals } = this.#program;
    let last: Call | undefined;
    for await (const batch of typeof data === 'function' ? data() : data) {
      last = this.#call('evaluate', batch, runner, caches);
      const values = await runner.values(last, this.#scalars(2, count++));
      const [{ extents } = { extents: [] }] = last.args;
      const weight = shapeOf(extents, last.fn.dims, last.dims)[0] ?? 1;
      const { outputs } = last.fn;
      values.forEach((value, at) => {
        const share = totals?.isTotal(outputs[at]) ? 1 : weight;
        sums[at] = Array.from(value, (x, i) => x * share + (sums[at]?.[i] ?? 0));
      });
      total += weight;
      await this.backend.settle();
    }
    if (!last) throw new DlmError('E0806', `${this.name}.evaluate: no batches`);
    const measures = this.#measures(
      last,
      sums.map((sum) => sum.map((x) => x / total)),
    );
    const more = await totals?.finish(runner, this.spec, last, sums, this.#scalars(2, 0));
    return { ...measures, metrics: { ...measures.metrics, ...more } };
  }

  // Every tensor of the session: weights of the models, then slots, then caches that exist.
  #stores(): [string, ParameterStore][] {
    const caches = this.#caches?.store;
    return [
      ...this.models.map((model, at): [string, ParameterStore] => [this.#prefix(at), model.weights.store]),
      ['', this.#slots],
      ...(caches ? [['', caches] satisfies [string, ParameterStore]] : []),
    ];
  }

  /** Weights, slots, options, iteration and seed as a safetensors file. */
  async save(): Promise<Uint8Array<ArrayBuffer>> {
    const { options } = this;
    const state = { train: this.name, iteration: this.#iteration, seed: this.#seed, options };
    const dlm = JSON.stringify({ ...state, ...this.#caches?.saved });
    const parts = this.#stores().map(async ([prefix, store]) =>
      (await store.read()).map(([path, ...rest]) => [prefix + path, ...rest] as const),
    );
    return writeSafetensors((await Promise.all(parts)).flat(), { dlm });
  }

  /** Continues from what `save` gave; all or nothing. @throws DlmError E0801, E0802 */
  async restore(source: unknown): Promise<void> {
    const name = 'the saved session';
    const { tensors, metadata } = readSafetensors(await readSource(source, name), name);
    const saved = JSON.parse(metadata['dlm'] ?? '{}') as {
      train?: string;
      iteration?: number;
      seed?: number;
      options?: Scalars;
      dims?: Record<string, number>;
    };
    if (saved.train !== this.name) {
      const got = saved.train ?? 'weights only';
      throw new DlmError('E0801', `checkpoint does not fit \`${this.name}\` (${name}): it holds ${got}`, {
        expected: this.name,
        got,
      });
    }
    const caches = this.#caches;
    const specs = this.#stores().flatMap(([prefix, store]) =>
      store === caches?.store
        ? []
        : store.specs.map(([path, dtype, shape]): StoredSpec => [prefix + path, dtype, shape]),
    );
    const held = saved.dims ? caches?.specs(new Map(Object.entries(saved.dims))) : undefined;
    const values = fitCheckpoint(this.name, name, [...specs, ...(held ?? [])], tensors);
    // Plans know where the caches lie.
    if (caches) this.#runner.dispose();
    caches?.reopen(`${this.name}.restore`, saved.dims);
    for (const [prefix, store] of this.#stores()) {
      store.write(store.specs.map(([path]) => [path, need(values.get(prefix + path), path)] as const));
    }
    Object.assign(this.options, saved.options);
    this.#iteration = saved.iteration ?? 0;
    this.#seed = saved.seed ?? 0;
  }

  /** Gives the session's memory back; the models stay. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#runner.dispose();
    this.#slots.dispose();
    this.#caches?.dispose();
  }

  async [asyncDisposeSymbol](): Promise<void> {
    this.dispose();
  }
}

/** The elements of a shape as nested arrays. */
export function nest(data: readonly number[], [size, ...rest]: readonly number[]): Nested {
  if (size === undefined) return data[0] ?? NaN;
  const each = data.length / size;
  return Array.from({ length: size }, (_, at) => nest(data.slice(at * each, (at + 1) * each), rest));
}

/** Opens a training session. `given` holds options of the train, `seed`, and `dims` of its caches. @throws DlmError E9101, E9109 */
export async function openTrain(
  program: ProgramSpec,
  name: string,
  nets: readonly (object | undefined)[],
  given: TrainOptions = {},
): Promise<Train> {
  const spec = need(program.trains[name], name);
  const { seed = 0, dims, ...chosen } = given;
  const backend = modelOf(nets[0])?.device.backend;
  const models = spec.models.map(([parameter, wanted], at) => {
    const model = modelOf(nets[at]);
    if (model?.name === wanted && model.device.backend === backend) return model;
    throw wrongInput(`create${name}`, parameter, model?.name ?? 'nothing', `${wanted}, on one device with the others`);
  });
  const options: Scalars = {};
  for (const option of Object.keys({ ...spec.options, ...chosen })) {
    const value = chosen[option] ?? spec.options[option];
    if (option in spec.options && typeof value === 'number') options[option] = value;
    else
      throw new DlmError(
        'E9109',
        `create${name}: ${option in spec.options ? `option \`${option}\` must be given` : `there is no option \`${option}\``}`,
        { entry: name, path: option },
      );
  }
  const step = need(program.functions[spec.step], spec.step);
  const { session } = spec;
  const openCaches = session && program.trainCaches?.(need(backend, 'model'), `create${name}`, session, step, dims);
  const start = { options, seed, openCaches };
  const train = new Train(name, spec, models, need(backend, 'model'), program, start);
  try {
    await train.prepare();
    return train;
  } catch (error) {
    train.dispose();
    throw error;
  }
}
