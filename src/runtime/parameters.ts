// The tensors that outlive a run: parameters, states and optimizer slots, each in its own device memory.
import { DlmError } from './error.ts';
import type { Backend, Data, ElementType, Memory, ProgramSpec, QuantizedSpec } from './program.ts';
import { convertStored, type SavedTensor, type StoredTensor } from './safetensors.ts';
import { fromBytes, sizeOf, toWords } from './tensor.ts';

/** Path, element type and shape of a stored tensor, then what kind of weight it is; more may follow. */
export type StoredSpec = readonly [path: string, dtype: ElementType, shape: readonly number[], ...rest: unknown[]];

/** Tensor data by path. */
export type Values = Map<string, Data>;

/** A tensor in host memory. */
export type HostTensor = readonly [path: string, dtype: ElementType, shape: readonly number[], data: Data];

/** A set of named tensors on one device. */
export class ParameterStore {
  readonly #memory = new Map<string, Memory>();

  constructor(
    readonly backend: Backend,
    readonly specs: readonly StoredSpec[],
  ) {
    for (const [path, , shape, kind] of specs)
      this.#memory.set(path, backend.allocate(sizeOf(shape) * (kind === 'f16' ? 2 : 4)));
  }

  /** Memory of `path`, made with `bytes` where it is not there. @throws DlmError E9106 */
  memory(path: string, bytes?: number): Memory {
    const memory = this.#memory.get(path) ?? (bytes && this.backend.allocate(bytes, true));
    if (!memory) throw new DlmError('E9106', `there is no \`${path}\`, or its model was disposed`, { path });
    this.#memory.set(path, memory);
    return memory;
  }

  /** Copies everything, or these, to the host. */
  async read(specs = this.specs): Promise<HostTensor[]> {
    const all = await this.backend.read(specs.map(([path]) => this.memory(path)));
    return specs.map(([path, dtype, shape], at) => {
      return [path, dtype, shape, fromBytes(all[at] ?? new Uint8Array(0), dtype, shape)] as const;
    });
  }

  /** Everything as a file has it. */
  saved(): Promise<readonly SavedTensor[]> {
    return this.read();
  }

  /** Writes values that were checked before. */
  write(values: Iterable<readonly [path: string, data: Data]>): void {
    this.backend.revision++;
    for (const [path, data] of values) this.backend.write(this.memory(path), toWords(data));
  }

  /** Gives the memory back. */
  dispose(): void {
    for (const memory of this.#memory.values()) this.backend.free(memory);
    this.#memory.clear();
  }
}

/** How a file is fitted to a model. */
export interface FitOptions {
  /** False: missing parameters keep their value, further tensors of the file are ignored. */
  readonly strict?: boolean | undefined;
  /** Other checkpoint names of a path. */
  readonly aliases?: Readonly<Record<string, string>> | undefined;
  /** Name in the file -> our name, or undefined to leave the tensor out. */
  readonly keys?: Readonly<Record<string, string>> | ((key: string) => string | undefined) | undefined;
}

/** The quantized weights of a model by path, and what makes words and scales of floats. */
export interface Quantized {
  readonly specs: Readonly<Record<string, QuantizedSpec>>;
  readonly quantize: NonNullable<ProgramSpec['quantize']>;
}

/** Fits a file to `specs`; nothing is written. @throws DlmError E0801 with a table of everything that does not fit */
export function fitCheckpoint(
  what: string,
  file: string,
  specs: readonly StoredSpec[],
  tensors: ReadonlyMap<string, StoredTensor>,
  { strict = true, aliases = {}, keys }: FitOptions = {},
  quantized?: Quantized,
): Values {
  const rename = typeof keys === 'function' ? keys : (key: string) => keys?.[key] ?? key;
  const values: Values = new Map();
  const rows: string[][] = [];
  const known = new Map(specs.map((spec) => [spec[0], spec]));
  for (const [key, stored] of tensors) {
    const name = rename(key);
    const spec = name === undefined ? undefined : known.get(aliases[name] ?? name);
    const text = `file ${stored.dtype.toLowerCase()}[${stored.shape.join(', ')}]`;
    if (!spec) {
      if (strict && name !== undefined) rows.push([key, text, 'not in the model']);
      continue;
    }
    const [path, dtype, shape] = spec;
    const data = sameShape(stored.shape, shape) ? convertStored(stored, dtype) : undefined;
    const kept = quantized?.specs[path];
    const [words, scales] = (!data && kept && quantized.quantize(kept, stored)) || [data];
    const made = new Map(Object.entries({ [path]: words, [`${path}.scale`]: scales }).filter(isMade));
    if (made.size === 0)
      rows.push([
        key,
        text,
        `model ${kept ? 'f32' : dtype}[${(kept?.[2] ?? shape).join(', ')}]`,
        transposed(stored.shape, kept?.[2] ?? shape) ? 'looks transposed' : '',
      ]);
    else if ([...made].some(([name, data]) => differ(values.get(name), data)))
      rows.push([key, text, `model: alias of ${path}, not equal`]);
    else for (const [name, value] of made) values.set(name, value);
  }
  const seen = new Set([...values.keys(), ...rows.map(([key = '']) => rename(key))]);
  const missing = specs.filter(([path]) => strict && !seen.has(path));
  for (const [path, dtype, shape] of missing) rows.push([path, 'missing', `model ${dtype}[${shape.join(', ')}]`]);
  if (rows.length === 0) return values;
  const help = missing.length === 0 ? '' : '\n  = help: `strict: false` leaves missing keys at their initial value';
  throw new DlmError('E0801', `checkpoint does not fit \`${what}\` (${file})\n${table(rows)}${help}`, {
    path: rows[0]?.[0] ?? '',
    entry: what,
  });
}

const isMade = (entry: readonly [string, Data | undefined]): entry is [string, Data] => entry[1] !== undefined;
const differ = (before: Data | undefined, data: Data): boolean =>
  before !== undefined && !data.every((value, at) => value === before[at]);
const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, axis) => size === b[axis]);
const transposed = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === 2 && sameShape([...a].reverse(), b);

function table(rows: readonly string[][]): string {
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `   |  ${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('   ')
          .trimEnd()}`,
    )
    .join('\n');
}
