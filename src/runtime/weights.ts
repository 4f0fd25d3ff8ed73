// The weights of a model as its users see them: by path, as safetensors, as a hash.
import { DlmError, wrongInput } from './error.ts';
import { readInput } from './input.ts';
import { fitCheckpoint, type FitOptions, type ParameterStore, type Quantized } from './parameters.ts';
import { readSafetensors, writeSafetensors } from './safetensors.ts';
import { sizeOf, Tensor, toWords } from './tensor.ts';

/** Parameters and states of a model. */
export class Weights {
  constructor(
    readonly model: string,
    readonly store: ParameterStore,
    readonly aliases: Readonly<Record<string, string>>,
    readonly quantized?: Quantized,
  ) {}

  /** Paths of all parameters and states. */
  keys(): string[] {
    return this.store.specs.map(([path]) => path);
  }

  #spec(path: string): (typeof this.store.specs)[number] {
    const own = this.aliases[path] ?? path;
    const spec = this.store.specs.find(([name]) => name === own);
    if (!spec) throw new DlmError('E0801', `\`${this.model}\` has no weight \`${path}\``, { path });
    return spec;
  }

  /** A copy of one weight. */
  async get(path: string): Promise<Tensor> {
    const { backend } = this.store;
    const spec = this.#spec(path);
    const [, dtype, shape] = spec;
    const copy = new Tensor(dtype, shape, backend);
    for (const [, , , data] of await this.store.read([spec])) backend.write(copy.memory, toWords(data));
    return copy;
  }

  /** Replaces one weight by host data of its shape. */
  set(path: string, value: unknown): void {
    const [own, dtype, shape] = this.#spec(path);
    const given = readInput('weights.set', [path, dtype, shape], value, this.store.backend);
    const got = given.shape ? String(given.shape) : '';
    const fits = given.shape ? got === String(shape) : given.length === sizeOf(shape);
    if (!given.data || !fits)
      throw wrongInput('weights.set', path, `${dtype}[${got}]`, `host data [${shape.join(', ')}]`);
    this.store.write([[own, given.data]]);
  }

  /** All weights as a safetensors file. */
  async save(): Promise<Uint8Array<ArrayBuffer>> {
    return writeSafetensors(await this.store.saved(), { model: this.model });
  }

  /** Loads safetensors; all or nothing. @throws DlmError E0801, E0802 */
  async load(source: unknown, options: FitOptions = {}): Promise<void> {
    const name = typeof source === 'string' || source instanceof URL ? String(source) : 'the given bytes';
    const { tensors } = readSafetensors(await readSource(source, name), name);
    const { aliases } = this;
    this.store.write(
      fitCheckpoint(this.model, name, this.store.specs, tensors, { ...options, aliases }, this.quantized),
    );
  }

  /** 64 bits over names and bits of all weights, as 16 hex digits: equal hashes, equal weights. */
  async hash(): Promise<string> {
    let [high, low] = [2166136261, 0x5bd1e995];
    for (const byte of await this.save()) {
      high = Math.imul(high ^ byte, 16777619);
      low = Math.imul(low ^ byte, 0x01000197);
    }
    return [high, low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
  }
}

/** Bytes of a URL, Blob, ArrayBuffer or typed array. @throws DlmError E0802 */
export async function readSource(source: unknown, name: string): Promise<Uint8Array<ArrayBuffer>> {
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (ArrayBuffer.isView(source))
    return new Uint8Array(source.buffer as ArrayBuffer, source.byteOffset, source.byteLength);
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  const response = await fetch(source as string | URL).catch((error: unknown) => ({
    ok: false as const,
    statusText: String(error),
    status: 0,
  }));
  if (!response.ok)
    throw new DlmError('E0802', `cannot read ${name}: ${response.status || ''} ${response.statusText}`, { path: name });
  return new Uint8Array(await response.arrayBuffer());
}
