// safetensors files: an 8-byte header length, a JSON header, little-endian data.
// https://github.com/huggingface/safetensors#format
import { decodeElements, elementCount, fileTypeBytes, isShape, type FileTensor, type FileType } from './file-tensor.ts';
import { unreadableFile } from './format-error.ts';

/** A file that was read: tensors by name, and the free text beside them. */
export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, FileTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

const types: Readonly<Record<string, FileType>> = {
  F64: 'f64',
  F32: 'f32',
  F16: 'f16',
  BF16: 'bf16',
  I64: 'i64',
  U64: 'u64',
  I32: 'i32',
  U32: 'u32',
  I16: 'i16',
  U16: 'u16',
  I8: 'i8',
  U8: 'u8',
  BOOL: 'bool',
};

/** Reads a safetensors file. @throws FormatError E0802 */
export function parseSafetensors(bytes: Uint8Array, file: string): SafetensorsFile {
  const { header, start } = readHeader(bytes, file);
  const { __metadata__: metadata = {}, ...entries } = header;
  const tensors = Object.entries(entries).map(
    ([name, entry]) => [name, readTensor(bytes.subarray(start), name, entry, file)] as const,
  );
  const texts = Object.entries(metadata ?? {}).filter((item): item is [string, string] => typeof item[1] === 'string');
  return { tensors: new Map(tensors), metadata: Object.fromEntries(texts) };
}

function readHeader(bytes: Uint8Array, file: string): { header: Record<string, object>; start: number } {
  if (bytes.length < 8) throw unreadableFile(file, `${bytes.length} bytes are no safetensors file`);
  const start = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (start > bytes.length) throw unreadableFile(file, 'its header is truncated, or it is no safetensors file');
  const header = parseJson(new TextDecoder().decode(bytes.subarray(8, start)));
  if (typeof header !== 'object' || header === null) throw unreadableFile(file, 'its header is no JSON object');
  return { header: header as Record<string, object>, start };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readTensor(
  data: Uint8Array,
  name: string,
  entry: { dtype?: unknown; shape?: unknown; data_offsets?: unknown },
  file: string,
): FileTensor {
  const { dtype, shape, data_offsets: offsets } = entry;
  const type = types[String(dtype)];
  if (!type) throw unreadableFile(file, `\`${name}\` has the unknown dtype ${String(dtype)}`);
  if (!isShape(shape) || !isShape(offsets)) throw unreadableFile(file, `\`${name}\` has no shape or place`);
  const [from = 0, to = 0] = offsets;
  if (to > data.length)
    throw unreadableFile(file, `truncated: \`${name}\` ends ${to - data.length} bytes behind the end of the file`);
  if (to - from !== elementCount(shape) * fileTypeBytes[type])
    throw unreadableFile(file, `\`${name}\` has ${to - from} bytes, not those of its shape`);
  return { dtype: type, shape, data: decodeElements(data.subarray(from, to), type) };
}

/** The same file with more metadata; the tensors are not touched. @throws FormatError E0802 */
export function withSafetensorsMetadata(
  bytes: Uint8Array,
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const { header, start } = readHeader(bytes, 'safetensors');
  const text = new TextEncoder().encode(
    JSON.stringify({ ...header, __metadata__: { ...header['__metadata__'], ...metadata } }),
  );
  const length = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + length + bytes.length - start).fill(32, 8, 8 + length);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.set(text, 8);
  file.set(bytes.subarray(start), 8 + length);
  return file;
}
