// Weights of f16 as they lie on a device: pairs in words, the first in the low bits. On the host they are f32. Only
// modules with such weights carry this.
import { need } from './error.ts';
import { ParameterStore, type HostTensor, type StoredSpec } from './parameters.ts';
import type { Data } from './program.ts';
import { halfToFloat, type SavedTensor } from './safetensors.ts';
import { sizeOf } from './tensor.ts';

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

// The bits of the nearest f16, ties to even; what is larger than 65504 becomes that, as in a cast.
function halfOf(x: number): number {
  const size = Math.min(Math.abs(x), 65504);
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  if (Number.isNaN(x)) return 0x7e00;
  if (size < 2 ** -14) return sign | (size * 2 ** 24 + 2 ** 52 - 2 ** 52);
  float[0] = size;
  const word = bits[0] ?? 0;
  return sign | ((word + 0xfff + ((word >>> 13) & 1) - 0x38000000) >>> 13);
}

/** Words of pairs for elements; the half behind an odd last one is 0. */
export function packHalves(data: Data): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(data.length / 2));
  new Uint16Array(words.buffer).set(Uint16Array.from(data, halfOf));
  return words;
}

/** Numbers of f16 by their bits. */
export function unpackHalves(bits: Uint16Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(bits, halfToFloat);
}

const isPacked = ([, , , kind]: StoredSpec): boolean => kind === 'f16';

/** A {@link ParameterStore} some of whose tensors lie so. */
export class PackedStore extends ParameterStore {
  #packed(): ReadonlySet<string> {
    return new Set(this.specs.filter(isPacked).map(([path]) => path));
  }

  override async read(specs = this.specs): Promise<HostTensor[]> {
    const [packed, rest] = [specs.filter(isPacked), specs.filter((spec) => !isPacked(spec))];
    const all = await this.backend.read(packed.map(([path]) => this.memory(path)));
    const floats = packed.map(([path, dtype, shape], at): HostTensor => {
      const { buffer, byteOffset } = need(all[at], path);
      return [path, dtype, shape, unpackHalves(new Uint16Array(buffer, byteOffset, sizeOf(shape)))];
    });
    return floats.concat(await super.read(rest));
  }

  override async saved(): Promise<SavedTensor[]> {
    const packed = this.#packed();
    return (await this.read()).map((tensor) => {
      const [path, , shape, data] = tensor;
      if (!packed.has(path)) return tensor;
      return [path, 'f16', shape, new Uint16Array(packHalves(data).buffer, 0, sizeOf(shape))];
    });
  }

  override write(values: Iterable<readonly [path: string, data: Data]>): void {
    const packed = this.#packed();
    super.write([...values].map(([path, data]) => [path, packed.has(path) ? packHalves(data) : data]));
  }
}

/** Opens a {@link PackedStore}. */
export function packedStore(...given: ConstructorParameters<typeof PackedStore>): ParameterStore {
  return new PackedStore(...given);
}
