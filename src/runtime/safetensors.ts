// The safetensors format: an 8-byte header length, a JSON header, raw little-endian data.
// https://github.com/huggingface/safetensors#format
import { DlmError } from './error.ts';
import type { Data, ElementType } from './program.ts';
import { arrays } from './tensor.ts';

/** A tensor of a file. `dtype` is the file's name of it. */
export interface StoredTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A file that was read. */
export interface StoredFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

const width: Readonly<Record<string, number>> = {
  F64: 8,
  I64: 8,
  U64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};
const fileType: Readonly<Record<ElementType | 'f16', string>> = {
  f32: 'F32',
  f16: 'F16',
  i32: 'I32',
  u32: 'U32',
  bool: 'BOOL',
};

/** A tensor for a file; f16 by its bits. */
export type SavedTensor = readonly [
  name: string,
  dtype: ElementType | 'f16',
  shape: readonly number[],
  data: Data | Uint16Array,
];

/** Reads a file; every offset is checked before anything is returned. @throws DlmError E0802 */
export function readSafetensors(file: Uint8Array<ArrayBuffer>, name: string): StoredFile {
  const bad = (reason: string): DlmError =>
    new DlmError('E0802', `cannot read ${name}: ${reason}`, { path: name, got: reason });
  if (file.length < 8) throw bad(`${file.length} bytes are no safetensors file`);
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const start = 8 + length;
  if (start > file.length) throw bad('the header is truncated or this is no safetensors file');
  let header: Record<string, { dtype: string; shape: number[]; data_offsets?: number[] } | null> | null;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(file.subarray(8, start)));
  } catch {
    throw bad('its header is not JSON');
  }
  const tensors = new Map<string, StoredTensor>();
  let metadata = {};
  for (const [key, entry] of Object.entries(header ?? {})) {
    if (key === '__metadata__') {
      metadata = entry ?? {};
      continue;
    }
    const { dtype, shape, data_offsets: [from = NaN, to = NaN] = [] } = entry ?? { dtype: '', shape: [] };
    const bytes = (width[dtype] ?? NaN) * (Array.isArray(shape) ? shape.reduce((a, b) => a * b, 1) : NaN);
    if (!(from >= 0 && to - from === bytes)) throw bad(`\`${key}\` has a place that does not fit its dtype and shape`);
    if (start + to > file.length) throw bad(`truncated: \`${key}\` ends at byte ${start + to} of ${file.length}`);
    tensors.set(key, { dtype, shape, bytes: file.slice(start + from, start + to) });
  }
  return { tensors, metadata };
}

/** Writes a file. Tensors of small elements come last, so that the others stay aligned. */
export function writeSafetensors(
  tensors: readonly SavedTensor[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const ordered = [...tensors].sort((a, b) => b[3].BYTES_PER_ELEMENT - a[3].BYTES_PER_ELEMENT);
  const header: Record<string, unknown> = { __metadata__: { format: 'pt', ...metadata } };
  let end = 0;
  for (const [name, dtype, shape, data] of ordered) {
    header[name] = { dtype: fileType[dtype], shape, data_offsets: [end, (end += data.byteLength)] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = 8 + Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(start + end).fill(32, 8, start);
  new DataView(file.buffer).setBigUint64(0, BigInt(start - 8), true);
  file.set(text, 8);
  let at = start;
  for (const [, , , data] of ordered) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return file;
}

/** Elements of a stored tensor as `dtype`; undefined where that would lose more than float precision. */
export function convertStored({ dtype, bytes }: StoredTensor, wanted: ElementType): Data | undefined {
  const { buffer } = bytes;
  if (dtype === fileType[wanted]) return wanted === 'bool' ? bytes : new arrays[wanted](buffer);
  if (wanted === 'f32') {
    if (dtype === 'F64') return Float32Array.from(new Float64Array(buffer));
    if (dtype === 'BF16')
      return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16).buffer);
    if (dtype === 'F16') return Float32Array.from(new Uint16Array(buffer), halfToFloat);
    if (dtype === 'I8') return Float32Array.from(new Int8Array(buffer));
    return dtype === 'U8' ? Float32Array.from(bytes) : undefined;
  }
  if (wanted === 'i32' && dtype === 'I64') {
    const values = [...new BigInt64Array(buffer)].map(Number);
    return values.every((value) => value === (value | 0)) ? Int32Array.from(values) : undefined;
  }
  return undefined;
}

/** The number that 16 bits of f16 mean. */
export function halfToFloat(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : (sign * fraction) / 2 ** 24;
}
