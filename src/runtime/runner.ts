// Runs compiled functions: binds dims, keeps the plans of recent dims, fills the step record, collects results.
import type { Caches } from './caches.ts';
import { bindDims, shapeOf } from './dims.ts';
import { need, wrongInput } from './error.ts';
import { readInput, type Argument } from './input.ts';
import type {
  Backend,
  Bound,
  Data,
  FunctionSpec,
  Memory,
  Named,
  PlanSpec,
  ProgramSpec,
  RunRequest,
  Scalars,
} from './program.ts';
import { fromBytes, sizeOf, Tensor } from './tensor.ts';

interface Kept {
  readonly plan: PlanSpec;
  readonly bound: Bound;
  readonly dims: readonly number[];
  /** Shapes of the results. */
  readonly shapes: readonly (readonly number[])[];
}

/** A function that was asked to run: everything checked, nothing started. */
export interface Call extends Kept {
  readonly entry: string;
  readonly fn: FunctionSpec;
  readonly args: readonly Argument[];
}

/** Dims of a call that no argument's shape gives. */
export interface CallSizes {
  readonly counts?: ReadonlyMap<string, number> | undefined;
  readonly caches?: Caches | undefined;
}

const keptBindings = 16;

/** Runs functions of one program on one device over one set of persistent memory. */
export class Runner {
  readonly #kept = new Map<string, Kept>();

  constructor(
    readonly program: ProgramSpec,
    readonly backend: Backend,
    readonly named: Named,
  ) {}

  /** The function `name`. */
  spec(name: string): FunctionSpec {
    return need(this.program.functions[name], name);
  }

  /** Compiles kernels. */
  prepare(names: readonly string[], done?: (ready: number, total: number) => void): Promise<void> {
    const functions = names.map((name) => this.spec(name));
    return this.backend.prepare(this.program, functions, done);
  }

  /** Checks the arguments of a call and readies its plan. @throws DlmError E9101–E9104, E0807 */
  call(name: string, entry: string, values: readonly unknown[], { counts, caches }: CallSizes = {}): Call {
    const fn = this.spec(name);
    const args = fn.inputs.map((input, at) => readInput(entry, input, values[at], this.backend));
    const dims = bindDims(entry, fn, args, counts, caches);
    this.program.checkFacts?.(entry, fn, dims);
    caches?.ready(entry, fn, args, dims);
    const key = `${name} ${dims.join()}`;
    const kept = this.#kept.get(key) ?? this.#bind(fn, dims);
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    const [oldest] = this.#kept;
    if (this.#kept.size > keptBindings && oldest) {
      oldest[1].bound.dispose();
      this.#kept.delete(oldest[0]);
    }
    return { entry, fn, args, ...kept };
  }

  #bind(fn: FunctionSpec, dims: readonly number[]): Kept {
    const printed = need(fn[this.backend.target], this.backend.target)(...dims);
    const plan = this.program.readPlan?.(printed) ?? printed;
    const shapes = fn.outputs.map(([, , extents]) => shapeOf(extents, fn.dims, dims));
    return { plan, bound: this.backend.bind(this.program, plan, this.named), dims, shapes };
  }

  #run({ fn, bound }: Call, given: RunRequest): Promise<Uint8Array<ArrayBuffer>[]> {
    const { backend } = this;
    if (fn.writes) backend.revision++;
    const changed = bound.revision !== backend.revision;
    bound.revision = backend.revision;
    return backend.run(bound, { ...given, changed });
  }

  /** Runs a call; its results become tensors that the caller owns. */
  async tensors(call: Call, scalars: Scalars, more: Partial<RunRequest> = {}): Promise<Tensor[]> {
    const made = call.fn.outputs.map(([, dtype], at) => new Tensor(dtype, call.shapes[at] ?? [], this.backend));
    const keeps = made.map(({ memory }, at) => ({ from: call.plan.outputs[at] ?? 0, to: memory }));
    await this.#run(call, request(call, scalars, { ...more, keeps }));
    return made;
  }

  /** Runs a call and brings its results to the host; with `read` false it only starts it. */
  async values(call: Call, scalars: Scalars, read = true): Promise<Data[]> {
    const { shapes, plan, fn } = call;
    const reads = read ? shapes.map((shape, at) => ({ from: plan.outputs[at] ?? 0, bytes: sizeOf(shape) * 4 })) : [];
    const results = await this.#run(call, request(call, scalars, { reads }));
    return results.map((bytes, at) => fromBytes(bytes, fn.outputs[at]?.[1] ?? 'f32', shapes[at] ?? []));
  }

  /** Gives the plans' memory back. */
  dispose(): void {
    for (const { bound } of this.#kept.values()) bound.dispose();
    this.#kept.clear();
  }
}

function request({ entry, fn, args, plan, dims }: Call, given: Scalars, rest: Partial<RunRequest>): RunRequest {
  const scalars = { ...given };
  const uploads: { to: number; data?: Data | undefined; memory?: Memory | undefined }[] = [];
  args.forEach(({ name, dtype, data, memory }, at) => {
    const to = plan.inputs[at] ?? -1;
    if (to >= 0) uploads.push({ to, data, memory });
    else if (data) scalars[name] = data[0] ?? 0;
    else throw wrongInput(entry, name, 'a tensor', `a number (${dtype})`);
  });
  return { keeps: [], reads: [], ...rest, uploads, record: stepRecord(fn, scalars, dims) };
}

/** The words that kernels read scalars from. */
export function stepRecord(fn: FunctionSpec, scalars: Scalars, dims: readonly number[]): Uint32Array<ArrayBuffer> {
  const all: Scalars = { ...scalars, ...fn.host?.(scalars, ...dims) };
  const words = new Uint32Array(fn.record.length);
  const views = { f: new Float32Array(words.buffer), i: new Int32Array(words.buffer), u: words };
  fn.record.forEach((name, at) => (views[fn.types[at] as keyof typeof views][at] = all[name] ?? 0));
  return words;
}
