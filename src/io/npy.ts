// NumPy's files: npy (one array) and npz (a zip of them, stored or deflated).
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
import { decodeElements, elementCount, fileTypeBytes, isShape, type FileTensor, type FileType } from './file-tensor.ts';
import { unreadableFile } from './format-error.ts';

const types: Readonly<Record<string, FileType>> = {
  f8: 'f64',
  f4: 'f32',
  f2: 'f16',
  i8: 'i64',
  u8: 'u64',
  i4: 'i32',
  u4: 'u32',
  i2: 'i16',
  u2: 'u16',
  i1: 'i8',
  u1: 'u8',
  b1: 'bool',
};

/** Reads an npy file; arrays in Fortran order are put into row-major order. @throws FormatError E0802 */
export function parseNpy(bytes: Uint8Array, file: string): FileTensor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || view.getUint32(0) !== 0x934e554d) throw unreadableFile(file, 'it is no npy file');
  const [length, start] = bytes[6] === 1 ? [view.getUint16(8, true), 10] : [view.getUint32(8, true), 12];
  const header = new TextDecoder().decode(bytes.subarray(start, start + length));
  const [, order, kind = ''] = /'descr':\s*'([<>|=])(\w+)'/.exec(header) ?? [];
  const shape = (/'shape':\s*\(([^)]*)\)/.exec(header)?.[1] ?? 'none')
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(Number);
  const type = types[kind];
  if (!type) throw unreadableFile(file, `its elements are ${kind || 'records'}, not numbers`);
  if (order === '>') throw unreadableFile(file, 'its numbers are big-endian');
  if (!isShape(shape)) throw unreadableFile(file, 'it has no shape');
  const end = start + length + elementCount(shape) * fileTypeBytes[type];
  if (end > bytes.length)
    throw unreadableFile(file, `truncated: its data should end at byte ${end} of ${bytes.length}`);
  const data = decodeElements(bytes.subarray(start + length, end), type);
  return { dtype: type, shape, data: /'fortran_order':\s*True/.test(header) ? toRowMajor(data, shape) : data };
}

function toRowMajor(data: ArrayLike<number>, shape: readonly number[]): Float64Array {
  const strides = shape.map((_, axis) => elementCount(shape.slice(0, axis)));
  return Float64Array.from({ length: data.length }, (_, at) => {
    let [rest, from] = [at, 0];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const size = shape[axis] ?? 1;
      from += (rest % size) * (strides[axis] ?? 0);
      rest = Math.floor(rest / size);
    }
    return data[from] ?? NaN;
  });
}

/** Reads an npz file: its arrays by name. @throws FormatError E0802 */
export async function parseNpz(bytes: Uint8Array, file: string): Promise<ReadonlyMap<string, FileTensor>> {
  const tensors = new Map<string, FileTensor>();
  for (const { name, method, data } of zipEntries(bytes, file)) {
    if (!name.endsWith('.npy')) continue;
    if (method !== 0 && method !== 8) throw unreadableFile(file, `${name} is compressed by method ${method}`);
    const content = method === 0 ? data : await inflateRaw(data, name, file);
    tensors.set(name.slice(0, -4), parseNpy(content, `${file}: ${name}`));
  }
  return tensors;
}

interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly data: Uint8Array;
}

// The central directory at the end knows all sizes; local headers may not.
function zipEntries(bytes: Uint8Array, file: string): ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = bytes.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0) throw unreadableFile(file, 'it is no zip file, or truncated');
  let at = view.getUint32(end + 16, true);
  return Array.from({ length: view.getUint16(end + 10, true) }, () => {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== 0x02014b50)
      throw unreadableFile(file, 'its directory is broken');
    const [method, size, nameLength] = [
      view.getUint16(at + 10, true),
      view.getUint32(at + 20, true),
      view.getUint16(at + 28, true),
    ];
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    const local = view.getUint32(at + 42, true);
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (size === 0xffffffff || local + 30 > bytes.length)
      throw unreadableFile(file, `${name} is larger than 4 GiB or lies outside of the file`);
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    if (start + size > bytes.length) throw unreadableFile(file, `truncated: ${name} ends behind the file`);
    return { name, method, data: bytes.subarray(start, start + size) };
  });
}

async function inflateRaw(data: Uint8Array, name: string, file: string): Promise<Uint8Array> {
  const stream = new DecompressionStream('deflate-raw');
  const writer = stream.writable.getWriter();
  const parts: Uint8Array[] = [];
  try {
    const fed = writer.write(new Uint8Array(data)).then(() => writer.close());
    const reader = stream.readable.getReader();
    const read = async (): Promise<void> => {
      for (let part = await reader.read(); !part.done; part = await reader.read()) parts.push(part.value);
    };
    await Promise.all([fed, read()]);
  } catch {
    throw unreadableFile(file, `${name} does not inflate`);
  }
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
}
