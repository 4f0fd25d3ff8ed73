// Results of a compiled module: a tensor that stays on its device until its data is asked for.
import { DlmError } from './error.ts';
import type { Backend, Data, ElementType, Memory } from './program.ts';

/** Engines without explicit resource management (`using`) lack these symbols. */
export const disposeSymbol: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');
export const asyncDisposeSymbol: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');

/** Number of elements of a shape. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** What holds elements as the device does. */
export const arrays = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint32Array };

/** The first elements of device bytes, as many as `shape` has; bool becomes bytes 0 and 1. */
export function fromBytes(bytes: Uint8Array<ArrayBuffer>, dtype: ElementType, shape: readonly number[]): Data {
  const data = new arrays[dtype](bytes.buffer, bytes.byteOffset, sizeOf(shape));
  return dtype === 'bool' ? Uint8Array.from(data) : data;
}

/** What lies on a device for elements: bool takes a word. */
export const toWords = (data: Data): Data => (data instanceof Uint8Array ? Uint32Array.from(data) : data);

/** A tensor on a device, owned by the caller. */
export class Tensor {
  #memory: Memory | undefined;

  constructor(
    readonly dtype: ElementType,
    readonly shape: readonly number[],
    readonly backend: Backend,
  ) {
    this.#memory = backend.allocate(sizeOf(shape) * 4, true);
  }

  /** Where it lies. @throws DlmError E9106 after dispose */
  get memory(): Memory {
    if (!this.#memory) throw new DlmError('E9106', 'this tensor was disposed');
    return this.#memory;
  }

  /** Its elements, row-major, in host memory. */
  async data(): Promise<Data> {
    const [bytes = new Uint8Array(0)] = await this.backend.read([this.memory]);
    return fromBytes(bytes, this.dtype, this.shape);
  }

  /** Gives its memory back. */
  dispose(): void {
    if (this.#memory) this.backend.free(this.#memory);
    this.#memory = undefined;
  }

  [disposeSymbol](): void {
    this.dispose();
  }
}
