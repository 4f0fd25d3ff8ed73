// The caches of one session: memory of fixed size, zero at the start, that runs update in place.
import { checkCount } from './arguments.ts';
import { shapeOf } from './dims.ts';
import { DlmError, need } from './error.ts';
import type { Argument } from './input.ts';
import { ParameterStore, type StoredSpec } from './parameters.ts';
import type { Backend, FunctionSpec, Memory, SessionSpec } from './program.ts';
import type { Runner } from './runner.ts';
import { sizeOf } from './tensor.ts';

/** Dims by name. */
export type Sizes = ReadonlyMap<string, number>;

/** Caches, made when all dims of their session are known. */
export class Caches {
  #store: ParameterStore | undefined;
  #sizes: Sizes;

  constructor(
    readonly backend: Backend,
    readonly spec: SessionSpec,
    given: Sizes,
  ) {
    this.#sizes = given;
  }

  /** The dims that hold until the session ends. */
  get sizes(): Sizes {
    return this.#sizes;
  }

  /** The tensors, where they are made already. */
  get store(): ParameterStore | undefined {
    return this.#store;
  }

  /** Whether `path` is one of them. */
  has(path: string): boolean {
    return this.spec.caches.some(([name]) => name === path);
  }

  /** Memory of `path`. @throws DlmError E9106 */
  memory(path: string): Memory {
    return need(this.#store, path).memory(path);
  }

  /** What they are for these dims. */
  specs(sizes: Sizes): StoredSpec[] {
    const dims = this.spec.dims.map((name) => sizes.get(name) ?? NaN);
    return this.spec.caches.map(([path, dtype, extents]) => [path, dtype, shapeOf(extents, this.spec.dims, dims)]);
  }

  /** Makes them for these dims, unless they exist. @throws DlmError E9101 where a dim is missing, E0902 */
  open(entry: string, sizes: Sizes): void {
    if (this.#store) return;
    const all = new Map([...this.#sizes, ...sizes]);
    this.#sizes = new Map(this.spec.dims.map((name) => [name, checkCount(entry, name, all.get(name))]));
    this.#store = new ParameterStore(this.backend, this.specs(this.#sizes));
  }

  /** A dim of a call is the one that the session was made with. @throws DlmError E9102 */
  check(entry: string, dim: string, got: number): void {
    const own = this.#sizes.get(dim);
    if (own === undefined || own === got) return;
    throw new DlmError('E9102', `${entry}: \`${dim}\` is ${got}, but the session was made with ${own}`, {
      entry,
      path: dim,
      expected: String(own),
      got: String(got),
    });
  }

  /** Readies them for a call. @throws DlmError E9104 */
  ready(entry: string, fn: FunctionSpec, args: readonly Argument[], dims: readonly number[]): void {
    checkRoom(entry, fn, args, dims);
    if (fn.caches) this.open(entry, new Map(fn.dims.map((dim, at) => [dim, dims[at] ?? NaN])));
  }

  /** Their dims where they exist: what a saved session holds of them besides their data. */
  get saved(): { dims: Record<string, number> } | undefined {
    return this.#store && { dims: Object.fromEntries(this.#sizes) };
  }

  /** Makes them anew for the dims that were saved, or leaves them to the next call. */
  reopen(entry: string, saved: Readonly<Record<string, number>> | undefined): void {
    this.dispose();
    if (saved) this.open(entry, new Map(Object.entries(saved)));
  }

  /** Runs `use`, then gives their memory and that of `runner` back. */
  async during<T>(runner: Runner, use: (runner: Runner) => Promise<T>): Promise<T> {
    try {
      return await use(runner);
    } finally {
      runner.dispose();
      this.dispose();
    }
  }

  /** Sets them to zero. */
  reset(): void {
    const zeros = this.#store?.specs.map(([path, , shape]) => [path, new Uint32Array(sizeOf(shape))] as const);
    if (zeros) this.#store?.write(zeros);
  }

  /** Gives their memory back. */
  dispose(): void {
    this.#store?.dispose();
    this.#store = undefined;
  }
}

// A cache does not grow: a position that the host knows is checked before anything is written.
function checkRoom(entry: string, fn: FunctionSpec, args: readonly Argument[], dims: readonly number[]): void {
  for (const [input, size, capacity] of fn.room?.(...dims) ?? []) {
    const at = args.find(({ name }) => name === input)?.data?.[0] ?? 0;
    if (at >= 0 && at + size <= capacity) continue;
    const position = String(at < 0 ? at : at + size - 1);
    throw new DlmError('E9104', `${entry}: position ${position} is past the capacity ${capacity} of the cache`, {
      entry,
      path: input,
      expected: `at most ${capacity - 1}`,
      got: position,
    });
  }
}

/**
 * Makes the caches of a training, and of each of its evaluations, for the dims that the caller gave; those that no
 * batch shows must be given. @throws DlmError E9101
 */
export function trainCaches(
  backend: Backend,
  entry: string,
  session: SessionSpec,
  step: FunctionSpec,
  given: Readonly<Record<string, number | undefined>> = {},
): () => Caches {
  const shown = new Set(step.inputs.flatMap(([, , extents]) => extents));
  const fixed = session.dims.filter((name) => given[name] !== undefined || !shown.has(name));
  const sizes = new Map(fixed.map((name) => [name, checkCount(entry, `dims.${name}`, given[name])]));
  return () => new Caches(backend, session, sizes);
}
