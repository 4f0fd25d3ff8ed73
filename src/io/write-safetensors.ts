// Writes safetensors files: an 8-byte header length, a JSON header, little-endian data, 8-byte aligned.
// https://github.com/huggingface/safetensors#format
import { roundToHalf } from '../ir/half.ts';
import { elementCount, fileTypeBytes, type FileTensor, type FileType } from './file-tensor.ts';

/** Tensors by name as a safetensors file. */
export function safetensorsBytes(
  tensors: ReadonlyMap<string, FileTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  // Wide elements first, so that all of them are aligned.
  const order = [...tensors].sort(([, a], [, b]) => fileTypeBytes[b.dtype] - fileTypeBytes[a.dtype]);
  const header: Record<string, object> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  let size = 0;
  for (const [name, { dtype, shape }] of order) {
    const from = size;
    size += elementCount(shape) * fileTypeBytes[dtype];
    header[name] = { dtype: dtype.toUpperCase(), shape, data_offsets: [from, size] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = 8 + Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(start + size).fill(32, 8, start);
  new DataView(file.buffer).setBigUint64(0, BigInt(start - 8), true);
  file.set(text, 8);
  let at = start;
  for (const [, { dtype, data }] of order) {
    const bytes = encodeElements(data, dtype);
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}

/** Numbers as little-endian bytes: floats rounded to the nearest, ties to even. */
export function encodeElements(data: ArrayLike<number>, dtype: FileType): Uint8Array<ArrayBuffer> {
  return new Uint8Array(typedArray(data, dtype).buffer);
}

function typedArray(data: ArrayLike<number>, dtype: FileType): { readonly buffer: ArrayBuffer } {
  switch (dtype) {
    case 'f64':
      return Float64Array.from(data);
    case 'f32':
      return Float32Array.from(data);
    case 'f16':
      return Uint16Array.from(data, halfBits);
    case 'bf16':
      return Uint16Array.from(Float32Array.from(data), brainBits);
    case 'i64':
      return BigInt64Array.from(Array.from(data, (value) => BigInt(Math.trunc(value))));
    case 'u64':
      return BigUint64Array.from(Array.from(data, (value) => BigInt(Math.trunc(value))));
    case 'i32':
      return Int32Array.from(data);
    case 'u32':
      return Uint32Array.from(data);
    case 'i16':
      return Int16Array.from(data);
    case 'u16':
      return Uint16Array.from(data);
    case 'i8':
      return Int8Array.from(data);
    case 'u8':
      return Uint8Array.from(data);
    case 'bool':
      return Uint8Array.from(data, (value) => (value === 0 ? 0 : 1));
  }
}

const words = new Uint32Array(1);
const single = new Float32Array(words.buffer);

// The upper half of an f32; a NaN stays one.
function brainBits(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  single[0] = value;
  const [bits = 0] = words;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

// Infinity where f16 has no such number.
function halfBits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(roundToHalf(value));
  if (Number.isNaN(size)) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | (size * 2 ** 24);
  const exponent = Math.floor(Math.log2(size));
  return sign | ((exponent + 15) << 10) | ((size / 2 ** exponent - 1) * 1024);
}
