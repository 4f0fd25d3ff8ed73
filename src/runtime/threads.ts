// Threads beside the caller's: workers on the memory of the CPU. They wait on a word of it for the number of the next
// run, run the same plan as the caller and meet it between kernels, so a run sends no message and allocates nothing.
import type { Backend, Memory } from './program.ts';
import { openWasm, type Crew, type Team, type WasmBound } from './wasm.ts';

// Kernels whose buffers have less than this for each thread are not worth sharing, in bytes.
const grain = 65536;

/** What both kinds of workers are for us. */
interface Started {
  /** Ends it. */
  terminate(): unknown;
}

/** Starts a worker with `source` and `data`; calls `fail` when it could not. */
type Start = (source: string, data: object, fail: () => void) => Started;

// Words at `control`: the number of the run, how many workers have started, which plan, its table.
const source = `
const work = ({ module, memory, control, thread, threads }) => {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const words = new Int32Array(memory.buffer, control, 4);
  Atomics.add(words, 1, 1);
  for (let run = 0; ; run = (run + 1) | 0) {
    for (let i = 0; i < 2000 && Atomics.load(words, 0) === run; i++);
    while (Atomics.load(words, 0) === run) Atomics.wait(words, 0, run);
    exports['run_' + words[2]](words[3], thread, threads);
  }
};
if (typeof require === 'function') work(require('node:worker_threads').workerData);
else onmessage = ({ data }) => work(data);
`;

/** Opens the CPU with `choice` threads; with one where more cannot be had here, and says why if they were asked for. */
export async function openThreads(choice: number | 'auto' = 'auto'): Promise<Backend> {
  const count = choice === 'auto' ? Math.min(cores(), 4) : choice;
  if (!(count > 1)) return openWasm();
  try {
    return await openWasm(count, crewOf(count));
  } catch (error) {
    if (choice !== 'auto') console.info(`dlm: one thread: ${(error as Error).message}`);
    return openWasm();
  }
}

// Node's modules, where this is Node.
const builtin = (name: string): Record<string, unknown> | undefined =>
  (
    globalThis as { process?: { getBuiltinModule?: (name: string) => Record<string, unknown> } }
  ).process?.getBuiltinModule?.(name);

const cores = (): number => {
  const parallelism = builtin('node:os')?.['availableParallelism'] as (() => number) | undefined;
  return parallelism?.() ?? navigator.hardwareConcurrency;
};

function crewOf(threads: number): Crew {
  const start = starter();
  const memory = sharedMemory();
  // `awake` of codegen/wasm/barrier.ts.
  new Int32Array(memory.buffer)[80] = maySleep() ? 0 : 1;
  const crew = {
    threads,
    memory,
    prepare(code: Uint8Array, limits: number): void {
      // Shared, at most 4 GiB, in the place of a zero in four bytes.
      code.set([3, 0, 128, 128, 4], limits);
    },
    form(module: WebAssembly.Module, { at: control }: Memory): Team {
      const hire = (thread: number): Started =>
        start(source, { module, memory, control, thread, threads }, () => (crew.threads = 1));
      return new Workers(crew, new Int32Array(memory.buffer, control, 4), () =>
        Array.from({ length: threads - 1 }, (_, at) => hire(at + 1)),
      );
    },
  };
  return crew;
}

class Workers implements Team {
  #workers: readonly Started[] | undefined;

  constructor(
    readonly crew: { readonly threads: number },
    readonly words: Int32Array,
    readonly hire: () => readonly Started[],
  ) {}

  // Kernels of little work are left to one thread. Until all workers wait for work, all are: sharing changes no result.
  share(bound: WasmBound, table: Int32Array): void {
    const { words = '', table: values = [] } = bound.plan;
    const { threads } = this.crew;
    let [bytes, perTurn] = [0, 0];
    bound.shared = false;
    values.forEach((value, at) => {
      if (words[at] === 'a') bytes += bound.places[value]?.bytes ?? 0;
      if (words[at] === 'e') perTurn += bound.places[value]?.bytes ?? 0;
      if (words[at] !== 't') return;
      const share = Math.min(threads, Math.floor((bytes + perTurn / value) / grain));
      table[at] = share > 1 && this.#areReady() ? share : 1;
      if (table[at] > 1) bound.shared = true;
      else if (share > 1) bound.linked = -1;
      bytes = perTurn = 0;
    });
  }

  #areReady(): boolean {
    this.#workers ??= this.hire();
    return Atomics.load(this.words, 1) === this.#workers.length;
  }

  run({ plan, run, table: { at } }: WasmBound): void {
    this.words[2] = Number(plan.run?.slice(4));
    this.words[3] = at;
    Atomics.add(this.words, 0, 1);
    Atomics.notify(this.words, 0);
    run(at, 0, this.crew.threads);
  }

  close(): void {
    for (const worker of this.#workers ?? []) worker.terminate();
  }
}

// The thread of a page may not.
function maySleep(): boolean {
  const word = new Int32Array(new SharedArrayBuffer(4));
  try {
    return Atomics.wait(word, 0, 1) === 'not-equal';
  } catch {
    return false;
  }
}

// Some browsers refuse to set aside the address space of 4 GiB.
function sharedMemory(): WebAssembly.Memory {
  for (let maximum = 65536; ; maximum /= 4) {
    try {
      return new WebAssembly.Memory({ initial: 1, maximum, shared: true });
    } catch (error) {
      if (maximum < 4096) throw error;
    }
  }
}

interface NodeWorker extends Started {
  unref(): void;
  on(event: 'error', listener: () => void): void;
}

function starter(): Start {
  const node = builtin('node:worker_threads')?.['Worker'] as
    (new (source: string, options: object) => NodeWorker) | undefined;
  if (node)
    return (text, workerData, fail) => {
      const worker = new node(text, { eval: true, workerData, execArgv: [] });
      worker.on('error', fail);
      worker.unref();
      return worker;
    };
  if (!globalThis.crossOriginIsolated) throw new Error('the page is not cross-origin isolated');
  // Service workers have none.
  if (!globalThis.Worker) throw new Error('there are no workers here');
  return (text, data, fail) => {
    const worker = new Worker(URL.createObjectURL(new Blob([text], { type: 'text/javascript' })));
    worker.addEventListener('error', fail);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker is no window
    worker.postMessage(data);
    return worker;
  };
}
