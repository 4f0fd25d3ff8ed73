// PyTorch on the CPU: a case's program, written down as steps, runs in a Python process (pytorch.py), which keeps weights
// and inputs and takes the times itself.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { join } from 'node:path';
import type { Case, Ops } from '../comparison/case.ts';
import type { Engine } from '../comparison/engine.ts';
import type { CaseData } from '../comparison/random.ts';

type Values = Float32Array | Int32Array;

/** What the process answers. */
interface Answer {
  readonly cannot?: string;
  readonly ms?: number;
  /** Of the data that follows. */
  readonly bytes: number;
}

/** A Python process that answers one question after the other. Messages are as pytorch.py says. */
class Python {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(command: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.#process = spawn(command, args, { env: { ...process.env, ...env } });
    this.#chunks = this.#process.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.#process.stderr.resume();
    // That it has ended is seen where an answer does not come.
    for (const end of [this.#process, this.#process.stdin]) end.on('error', () => undefined);
  }

  async #take(count: number): Promise<Buffer> {
    const parts = [this.#rest];
    for (let length = this.#rest.length; length < count;) {
      const { value, done } = await this.#chunks.next();
      if (done === true) throw new Error('its process has ended');
      parts.push(value);
      length += value.length;
    }
    const all = Buffer.concat(parts);
    this.#rest = all.subarray(count);
    return all.subarray(0, count);
  }

  /** The next answer. @throws Error saying what cannot be */
  async answer(): Promise<{ readonly ms: number; readonly data: Uint8Array }> {
    const length = (await this.#take(4)).readUInt32LE();
    const { cannot, ms = 0, bytes } = JSON.parse((await this.#take(length)).toString()) as Answer;
    const data = await this.#take(bytes);
    if (cannot !== undefined) throw new Error(cannot);
    return { ms, data };
  }

  ask(question: object, arrays: readonly Values[] = []): ReturnType<Python['answer']> {
    const bytes = arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const text = Buffer.from(JSON.stringify({ ...question, bytes }));
    const head = Buffer.alloc(4);
    head.writeUInt32LE(text.length);
    const data = arrays.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength));
    for (const part of [head, text, ...data]) this.#process.stdin.write(part);
    return this.answer();
  }
}

/** An array that the process keeps, by name. */
interface Stored {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Values;
  readonly trained: boolean;
}

type Step = readonly [to: string, op: string, operands: readonly (string | number)[], options: object];

/** Ops that write down what is computed; a value is a name, of a step or of what is stored. */
function written(one: Case, steps: Step[], constants: Stored[]): Ops<string> {
  const step = (op: string, operands: readonly (string | number)[], options: object = {}): string => {
    const to = `step ${steps.length}`;
    steps.push([to, op, operands, options]);
    return to;
  };
  const parts = (path: string, ...names: readonly string[]): string[] => names.map((name) => `${path}.${name}`);
  return {
    table: (path) => `${path}.weight`,
    constant(values, shape) {
      const name = `constant ${constants.length}`;
      constants.push({ name, shape, values, trained: false });
      return name;
    },
    matmul: (a, b) => step('matmul', [a, b]),
    linear: (x, path, activation) => step('linear', [x, ...parts(path, 'weight', 'bias')], { activation }),
    conv(x, path, options) {
      const names = one.weights[`${path}.bias`] ? ['weight', 'bias'] : ['weight'];
      return step('conv', [x, ...parts(path, ...names)], options);
    },
    batchNorm: (x, path) => step('batchNorm', [x, ...parts(path, 'running_mean', 'running_var', 'weight', 'bias')]),
    maxPool: (x, size, { stride = size, padding = 0 }) => step('maxPool', [x], { size, stride, padding }),
    meanOfPixels: (x) => step('meanOfPixels', [x]),
    flatten: (x) => step('flatten', [x]),
    embedding: (ids, path) => step('embedding', [ids, `${path}.weight`]),
    lstm: (x, path) => step('lstm', [x, ...parts(path, 'weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0')]),
    last: (x) => step('last', [x]),
    layerNorm: (x, path) => step('layerNorm', [x, ...parts(path, 'weight', 'bias')]),
    softmax: (x) => step('softmax', [x]),
    add: (a, b) => step('add', [a, b]),
    mul: (a, b) => step('mul', [a, b]),
    relu: (x) => step('relu', [x]),
    tanh: (x) => step('tanh', [x]),
    sigmoid: (x) => step('sigmoid', [x]),
    gelu: (x) => step('gelu', [x]),
    reshape: (x, shape) => step('reshape', [x], { shape }),
    transpose: (x, order) => step('transpose', [x], { order }),
    split(x, count) {
      const all = step('split', [x], { parts: count });
      return Array.from({ length: count }, (_, index) => step('part', [all], { index }));
    },
  };
}

/** The question that opens a case, and the arrays that go with it. */
function opening(one: Case, data: CaseData): readonly [question: object, arrays: readonly Values[]] {
  const steps: Step[] = [];
  const constants: Stored[] = [];
  const output = one.program(written(one, steps, constants), Object.keys(one.inputs));
  const given = Object.entries(one.inputs).flatMap(([name, shape], at): Stored[] => {
    const values = data.inputs[at];
    return values ? [{ name, shape, values, trained: false }] : [];
  });
  const weights = [...data.weights].map(([name, values]): Stored => ({
    name,
    shape: one.weights[name] ?? [],
    values,
    trained: one.train !== undefined && !name.includes('.running_'),
  }));
  const labels = { name: 'labels', shape: [data.labels.length], values: data.labels, trained: false };
  const stored = [...given, ...weights, ...constants, labels];
  const arrays = stored.map(({ values, ...rest }) => ({
    ...rest,
    type: values instanceof Int32Array ? 'int32' : 'float32',
  }));
  const question = { steps, output, arrays, images: one.images === true, train: one.train !== undefined };
  return [question, stored.map(({ values }) => values)];
}

// @throws Error saying what each of the commands lacks
async function started(threads: number, clock: string): Promise<Python> {
  const args = [join('bench', 'engines', 'pytorch.py'), String(threads), clock];
  const env = {
    OMP_NUM_THREADS: String(threads),
    OPENBLAS_NUM_THREADS: String(threads),
    // glibc keeps the memory of the run before: to have it anew from the system costs a CNN a quarter of its step.
    MALLOC_MMAP_MAX_: '0',
    MALLOC_TRIM_THRESHOLD_: String(2 ** 32),
  };
  const reasons: string[] = [];
  for (const command of ['python3', '/usr/bin/python3']) {
    const python = new Python(command, args, env);
    try {
      await python.answer();
      return python;
    } catch (error) {
      reasons.push(`${command}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(reasons.join('; '));
}

/** PyTorch as an engine; `processor` takes times of the processor, not of the clock. @throws Error where it is not */
export async function pytorchEngine(name: string, threads: number, processor: boolean): Promise<Engine> {
  const python = await started(threads, processor ? 'process_time' : 'perf_counter');
  return {
    name,
    native: true,
    async open(one, data) {
      await python.ask(...opening(one, data));
      let spent = 0;
      return {
        async run() {
          const { ms, data } = await python.ask({});
          spent += ms;
          return new Float32Array(Uint8Array.from(data).buffer);
        },
        clock: () => spent,
        // The next case takes its place.
        close: () => undefined,
      };
    },
  };
}
