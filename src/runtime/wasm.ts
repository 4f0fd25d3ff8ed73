// The WASM backend: one memory with a small allocator, one instance per program, one call per run.
import { Arena } from './arena.ts';
import { fromText } from './decode.ts';
import { DlmError, need } from './error.ts';
import type { Backend, Bound, Data, Memory, Named, PlanSpec, ProgramSpec, RunRequest } from './program.ts';

type Run = (table: number, thread: number, threads: number) => void;

interface Instance {
  readonly exports: Readonly<Record<string, Run>>;
  readonly scratch: Memory;
  readonly team: Team | undefined;
}

/** A plan with its memory. */
export interface WasmBound extends Bound {
  readonly plan: PlanSpec;
  readonly run: Run;
  readonly team: Team | undefined;
  places: readonly Memory[];
  readonly record: Memory;
  readonly table: Memory;
  /** Writes the table; `direct` lie in tensors of the caller. */
  readonly link: (direct?: ReadonlyMap<number, Memory>) => void;
  /** Value of {@link Arena.moved} when the table was written; −1 where that was for one run. */
  linked: number;
  /** Some kernel is shared by threads. */
  shared?: boolean;
}

/** Threads that run the plans of one WASM module together, this one among them. */
export interface Team {
  /** Says in the table how many of them share each dispatch. */
  share(bound: WasmBound, table: Int32Array): void;
  run(bound: WasmBound): void;
  close(): void;
}

/** Makes teams. */
export interface Crew {
  /** How many threads a team has. */
  readonly threads: number;
  readonly memory: WebAssembly.Memory;
  /** Declares the memory of a module shared. */
  prepare(code: Uint8Array, limits: number): void;
  form(module: WebAssembly.Module, control: Memory): Team;
}

const page = 65536;

/** Opens the CPU. */
export async function openWasm(_threads?: unknown, crew?: Crew): Promise<Backend> {
  return new WasmBackend(crew);
}

class WasmBackend implements Backend {
  readonly kind = 'wasm';
  readonly target = 'cpu';
  revision = 0;
  readonly #memory: WebAssembly.Memory;
  readonly #instances = new Map<ProgramSpec, Promise<Instance>>();
  readonly #ready = new Map<ProgramSpec, Instance>();
  // Free ranges by address. The first bytes stay unused, so that no address is 0, nor one a little before a buffer below.
  #free: Memory[] = [{ at: 1024, bytes: page - 1024 }];
  readonly #arena = new Arena(this);
  #breath = performance.now();

  constructor(readonly crew?: Crew) {
    this.#memory = crew?.memory ?? new WebAssembly.Memory({ initial: 1 });
  }

  allocate(bytes: number, written = false): Memory {
    const size = Math.ceil(Math.max(bytes, 16) / 64) * 64;
    let at = this.#free.findIndex((range) => range.bytes >= size);
    if (at < 0) at = this.#grow(size);
    const range = this.#free[at] ?? { at: 0, bytes: 0 };
    this.#free.splice(at, 1, ...(range.bytes > size ? [{ at: range.at + size, bytes: range.bytes - size }] : []));
    if (!written) this.#bytes(range.at, size).fill(0);
    return { at: range.at, bytes: size };
  }

  #grow(bytes: number): number {
    const end = this.#memory.buffer.byteLength;
    const pages = Math.ceil(bytes / page);
    try {
      this.#memory.grow(pages);
    } catch {
      const needed = `${end + bytes} bytes`;
      throw new DlmError('E0902', `memory needs ${needed}, more than WebAssembly gives here`, { expected: needed });
    }
    this.free({ at: end, bytes: pages * page });
    return this.#free.findIndex((range) => range.bytes >= bytes);
  }

  free(memory: Memory): void {
    const ranges: Memory[] = [];
    for (const range of [...this.#free, memory].sort((a, b) => a.at - b.at)) {
      const last = ranges.at(-1);
      if (last && last.at + last.bytes === range.at)
        ranges[ranges.length - 1] = { at: last.at, bytes: last.bytes + range.bytes };
      else ranges.push(range);
    }
    this.#free = ranges;
  }

  // Typed arrays over the memory are made per use: growing detaches them.
  #bytes(at: number, bytes: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#memory.buffer, at, bytes);
  }

  // Unlike `slice`, which fills with zeros first.
  #copyOf(at: number, bytes: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes(at, bytes));
  }

  write(to: Memory, data: Data): void {
    this.#bytes(to.at, to.bytes).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  async read(from: readonly Memory[]): Promise<Uint8Array<ArrayBuffer>[]> {
    return from.map((memory) => this.#copyOf(memory.at, memory.bytes));
  }

  async prepare(
    program: ProgramSpec,
    _functions: unknown,
    done?: (ready: number, total: number) => void,
  ): Promise<void> {
    let pending = this.#instances.get(program);
    if (!pending) this.#instances.set(program, (pending = this.#instantiate(program)));
    this.#ready.set(program, await pending);
    done?.(1, 1);
  }

  async #instantiate(program: ProgramSpec): Promise<Instance> {
    const { code, sites, scratch, limits } = need(program.wasm, 'code');
    const plain = fromText(code);
    this.crew?.prepare(plain, limits);
    const relaxed = patchMadds(plain.slice(), sites);
    const { instance, module } = await WebAssembly.instantiate(WebAssembly.validate(relaxed) ? relaxed : plain, {
      env: { memory: this.#memory },
    });
    return {
      exports: instance.exports as Record<string, Run>,
      scratch: this.allocate(scratch * (this.crew?.threads ?? 1)),
      team: this.crew?.form(module, this.allocate(16)),
    };
  }

  bind(program: ProgramSpec, plan: PlanSpec, named: Named): WasmBound {
    const instance = need(this.#ready.get(program), program.name);
    const { team } = instance;
    const run = need(instance.exports[plan.run ?? ''], 'plan');
    const { table: values = [], words = '' } = plan;
    const [table, record] = [this.allocate(values.length * 4), this.allocate(16384)];
    const places = this.#arena.open(plan, named);
    const link: WasmBound['link'] = (direct) => {
      bound.places = places().map((place, index) => direct?.get(index) ?? place);
      const view = new Int32Array(this.#memory.buffer, table.at, values.length);
      values.forEach((value, at) => {
        const word = words[at] ?? '-';
        if ('aem'.includes(word)) view[at] = bound.places[value]?.at ?? 0;
        else
          view[at] =
            word === 'r' ? record.at + 4 * value : word === 's' ? instance.scratch.at : word === 't' ? 1 : value;
      });
      bound.linked = direct?.size ? -1 : this.#arena.moved;
      team?.share(bound, view);
    };
    const dispose = (): void => [table, record].forEach((memory) => this.free(memory));
    const bound: WasmBound = { plan, run, team, places: [], record, table, link, linked: -1, dispose };
    return bound;
  }

  async run(target: Bound, request: RunRequest): Promise<Uint8Array<ArrayBuffer>[]> {
    const bound = target as WasmBound;
    const direct = directPlaces(bound.plan, request);
    if (direct.size > 0 || bound.linked !== this.#arena.moved) bound.link(direct);
    if (bound.plan.prepares) new Int32Array(this.#memory.buffer, bound.table.at)[0] = Number(request.changed);
    const place = (index: number): Memory => bound.places[index] ?? bound.record;
    this.write(bound.record, request.record);
    for (const { to, data, memory } of request.uploads) {
      if (memory) this.#copy(memory, place(to));
      if (data) this.write(place(to), data);
    }
    if (bound.shared) bound.team?.run(bound);
    else bound.run(bound.table.at, 0, 1);
    const { commits = [] } = bound.plan;
    for (let i = 0; i < commits.length; i += 2) this.#copy(place(commits[i] ?? 0), place(commits[i + 1] ?? 0));
    for (const { from, to } of request.keeps) this.#copy(place(from), to);
    return request.reads.map(({ from, bytes }) => this.#copyOf(place(from).at, bytes));
  }

  #copy(from: Memory, to: Memory): void {
    if (from.at === to.at) return;
    new Uint8Array(this.#memory.buffer).copyWithin(to.at, from.at, from.at + Math.min(from.bytes, to.bytes));
  }

  async settle(): Promise<void> {
    if (performance.now() - this.#breath < 30) return;
    await new Promise((resolve) => setTimeout(resolve));
    this.#breath = performance.now();
  }

  close(): void {
    for (const { team } of this.#ready.values()) team?.close();
    this.#instances.clear();
    this.#ready.clear();
  }
}

// Tensors that a run reads or makes where they are: arguments that nothing overwrites, results in memory of their own.
function directPlaces({ buffers }: PlanSpec, { uploads, keeps }: RunRequest): Map<number, Memory> {
  const direct = new Map<number, Memory>();
  for (const { to, memory } of uploads) if (memory && buffers[to]?.[2] === -2) direct.set(to, memory);
  for (const { from, to } of keeps) {
    const buffer = buffers[from];
    if (typeof buffer === 'object' && (buffer[2] ?? -1) >= 0 && to.bytes >= buffer[1]) direct.set(from, to);
  }
  return direct;
}

// Where the engine has relaxed SIMD, `a b mul local.get(c) add` becomes `a b local.get(c) relaxed_madd`. Sites are the
// distances between the multiplications (FD E6 01, made three nops); the addition is FD E4 01.
function patchMadds(bytes: Uint8Array<ArrayBuffer>, sites: readonly number[]): Uint8Array<ArrayBuffer> {
  let site = 0;
  for (const distance of sites) {
    site += distance;
    bytes.set([1, 1, 1], site);
    let add = site + 4;
    while ((bytes[add] ?? 0) > 127) add++;
    bytes.set([0xfd, 0x85, 0x02], add + 1);
  }
  return bytes;
}
