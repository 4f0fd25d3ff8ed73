// Writes NumPy's npy format, version 1.0: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
import type { Result } from './result-file.ts';

const kinds = { f32: '<f4', i32: '<i4', u32: '<u4', bool: '|b1' } as const;

/** One tensor as an .npy file. */
export function npyBytes({ dtype, shape, data }: Result): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${kinds[dtype]}', 'fortran_order': False, 'shape': (${sizes}), }`;
  // The data starts at a multiple of 64 bytes; magic, version and length take 10, the line break 1.
  const header = `${text}${' '.repeat((64 - ((text.length + 11) % 64)) % 64)}\n`;
  const head = Buffer.alloc(10);
  head.write('\u0093NUMPY\u0001\0', 'latin1');
  head.writeUInt16LE(header.length, 8);
  const elements =
    dtype === 'f32'
      ? Float32Array.from(data)
      : dtype === 'i32'
        ? Int32Array.from(data)
        : dtype === 'u32'
          ? Uint32Array.from(data)
          : Uint8Array.from(data);
  return Buffer.concat([head, Buffer.from(header, 'latin1'), Buffer.from(elements.buffer)]);
}
