// A tensor as a data file holds it: numbers of any width, row-major. 64-bit integers are exact up to 2^53.

/** Element types that files hold. */
export type FileType =
  'f64' | 'f32' | 'f16' | 'bf16' | 'i64' | 'u64' | 'i32' | 'u32' | 'i16' | 'u16' | 'i8' | 'u8' | 'bool';

/** One tensor of a file. */
export interface FileTensor {
  readonly dtype: FileType;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** Bytes of one element. */
export const fileTypeBytes: Readonly<Record<FileType, number>> = {
  f64: 8,
  i64: 8,
  u64: 8,
  f32: 4,
  i32: 4,
  u32: 4,
  f16: 2,
  bf16: 2,
  i16: 2,
  u16: 2,
  i8: 1,
  u8: 1,
  bool: 1,
};

/** Little-endian bytes as numbers. The bytes are copied, so that they may lie at any offset. */
export function decodeElements(bytes: Uint8Array, dtype: FileType): ArrayLike<number> {
  const { buffer } = new Uint8Array(bytes);
  switch (dtype) {
    case 'f64':
      return new Float64Array(buffer);
    case 'f32':
      return new Float32Array(buffer);
    case 'i32':
      return new Int32Array(buffer);
    case 'u32':
      return new Uint32Array(buffer);
    case 'i16':
      return new Int16Array(buffer);
    case 'u16':
      return new Uint16Array(buffer);
    case 'i8':
      return new Int8Array(buffer);
    case 'u8':
    case 'bool':
      return new Uint8Array(buffer);
    case 'i64':
      return Float64Array.from(new BigInt64Array(buffer), Number);
    case 'u64':
      return Float64Array.from(new BigUint64Array(buffer), Number);
    case 'bf16':
      return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16).buffer);
    case 'f16':
      return Float32Array.from(new Uint16Array(buffer), halfToNumber);
  }
}

function halfToNumber(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : (sign * fraction) / 2 ** 24;
}

/** Number of elements of a shape. */
export const elementCount = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** True for a list of sizes. */
export const isShape = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((size) => Number.isInteger(size) && size >= 0);
