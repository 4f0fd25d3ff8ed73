// CSV, safetensors and NumPy files: what they hold, and what is said of those that are broken.
import { deflateRawSync } from 'node:zlib';
import { expect, test } from 'vitest';
import fc from 'fast-check';
import { parseCsv } from '../../src/io/csv.ts';
import { parseNpy, parseNpz } from '../../src/io/npy.ts';
import { parseSafetensors, withSafetensorsMetadata } from '../../src/io/safetensors.ts';

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return error instanceof Error ? error.message : 'thrown';
  }
  return 'no error';
};

test('CSV: quotes, CRLF, byte order mark, semicolons, line numbers', () => {
  expect(parseCsv('a,b\n1,2\n3,4\n', 't.csv')).toEqual({
    header: ['a', 'b'],
    rows: [
      ['1', '2'],
      ['3', '4'],
    ],
    lines: [2, 3],
  });
  expect(parseCsv('\uFEFFa,"b ""c"""\r\n"x\ny",2\r\n\r\n5,6', 't.csv')).toEqual({
    header: ['a', 'b "c"'],
    rows: [
      ['x\ny', '2'],
      ['5', '6'],
    ],
    lines: [2, 5],
  });
  expect(parseCsv('a;b\n1,5;2', 't.csv').rows).toEqual([['1,5', '2']]);
  expect(parseCsv('a\n1\n2', 't.csv').rows).toEqual([['1'], ['2']]);
  expect(parseCsv('a,b\n,', 't.csv').rows).toEqual([['', '']]);
});

test('CSV that is broken', () => {
  expect(codeOf(() => parseCsv('', 't.csv'))).toBe('E0806 t.csv has no examples');
  expect(codeOf(() => parseCsv('a,b\n1,2\n3\n', 't.csv'))).toBe(
    'E0802 cannot read t.csv: line 3 has 1 cells, the header 2',
  );
  expect(codeOf(() => parseCsv('a,b\n"1,2\n', 't.csv'))).toBe(
    'E0802 cannot read t.csv: the quote on line 2 is not closed',
  );
  expect(codeOf(() => parseCsv('a,b\n"1"x,2\n', 't.csv'))).toBe(
    'E0802 cannot read t.csv: line 2: text after a closing quote',
  );
  expect(codeOf(() => parseCsv('a,a\n1,2\n', 't.csv'))).toContain('`a` occurs twice');
});

const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;

test('CSV: any cells come back', () => {
  const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', ';', ' ', '1') });
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 5 }), (rows) => {
      const text = ['x,y', ...rows.map((row) => row.map(quote).join(','))].join('\n');
      expect(parseCsv(text, 't.csv').rows).toEqual(rows);
    }),
  );
});

function safetensors(header: object, data: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const file = new Uint8Array(8 + text.length + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  file.set(data, 8 + text.length);
  return file;
}

const read = (bytes: Uint8Array): object =>
  Object.fromEntries(
    [...parseSafetensors(bytes, 'w').tensors].map(([name, { dtype, shape, data: values }]) => [
      name,
      [dtype, shape, ...Array.from(values)],
    ]),
  );

test('safetensors: all dtypes as numbers, metadata added without touching tensors', () => {
  const data = new Uint8Array([
    ...new Uint8Array(Float32Array.of(1.5, -2).buffer),
    ...new Uint8Array(BigInt64Array.of(-7n).buffer),
    0x00,
    0x3e,
    0xc0,
    0x3f,
    1,
  ]);
  const file = safetensors(
    {
      __metadata__: { made: 'here' },
      f: { dtype: 'F32', shape: [2], data_offsets: [0, 8] },
      i: { dtype: 'I64', shape: [], data_offsets: [8, 16] },
      h: { dtype: 'F16', shape: [1], data_offsets: [16, 18] },
      b: { dtype: 'BF16', shape: [1], data_offsets: [18, 20] },
      t: { dtype: 'BOOL', shape: [1, 1], data_offsets: [20, 21] },
    },
    data,
  );
  const expected = {
    f: ['f32', [2], 1.5, -2],
    i: ['i64', [], -7],
    h: ['f16', [1], 1.5],
    b: ['bf16', [1], 1.5],
    t: ['bool', [1, 1], 1],
  };
  expect(read(file)).toEqual(expected);
  const more = withSafetensorsMetadata(file, { classes: '["ä"]' });
  expect(read(more)).toEqual(expected);
  expect(parseSafetensors(more, 'w').metadata).toEqual({ made: 'here', classes: '["ä"]' });
});

test('safetensors: every truncation is an error, and so is a header that lies', () => {
  const file = safetensors({ w: { dtype: 'F32', shape: [3], data_offsets: [0, 12] } }, new Uint8Array(12));
  for (let size = 0; size < file.length; size++)
    expect(codeOf(() => parseSafetensors(file.slice(0, size), 'w'))).toMatch(/^E0802/);
  const lying = (entry: object): string =>
    codeOf(() => parseSafetensors(safetensors({ w: entry }, new Uint8Array(12)), 'w'));
  expect(lying({ dtype: 'F32', shape: [4], data_offsets: [0, 12] })).toContain('not those of its shape');
  expect(lying({ dtype: 'C64', shape: [1], data_offsets: [0, 8] })).toContain('unknown dtype C64');
  expect(lying({ dtype: 'F32', shape: [-3], data_offsets: [0, 12] })).toContain('no shape');
  expect(lying({ dtype: 'F32', shape: [3], data_offsets: [-12, 0] })).toContain('no shape or place');
});

function npy(descr: string, shape: string, data: Uint8Array, fortran = 'False'): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }`.padEnd(117) + '\n';
  const bytes = new Uint8Array(10 + header.length + data.length);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  bytes.set(new TextEncoder().encode(header), 10);
  bytes.set(data, 10 + header.length);
  return bytes;
}

const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

test('npy: shapes, dtypes, Fortran order, errors', () => {
  expect(parseNpy(npy('<f4', '(2, 3)', floats(1, 2, 3, 4, 5, 6)), 'a')).toMatchObject({ dtype: 'f32', shape: [2, 3] });
  expect(Array.from(parseNpy(npy('<f4', '(2, 3)', floats(1, 4, 2, 5, 3, 6), 'True'), 'a').data)).toEqual([
    1, 2, 3, 4, 5, 6,
  ]);
  expect(parseNpy(npy('|b1', '(2,)', Uint8Array.of(1, 0)), 'a')).toMatchObject({ dtype: 'bool', shape: [2] });
  expect(parseNpy(npy('<f4', '()', floats(7)), 'a')).toMatchObject({ shape: [], data: Float32Array.of(7) });
  expect(codeOf(() => parseNpy(npy('>f4', '(1,)', floats(1)), 'a'))).toContain('big-endian');
  expect(codeOf(() => parseNpy(npy('<U4', '(1,)', floats(1)), 'a'))).toContain('U4, not numbers');
  expect(codeOf(() => parseNpy(npy('<f4', '(2,)', floats(1)), 'a'))).toContain('truncated');
  expect(codeOf(() => parseNpy(Uint8Array.of(1, 2, 3), 'a'))).toContain('no npy file');
});

const short = (value: number): number[] => [value & 255, value >> 8];
const long = (value: number): number[] => [...short(value & 65535), ...short(value >>> 16)];

function zip(entries: readonly [name: string, data: Uint8Array, method: 0 | 8][]): Uint8Array {
  const parts: number[] = [];
  const directory: number[] = [];
  for (const [name, data, method] of entries) {
    const packed = method === 8 ? new Uint8Array(deflateRawSync(data)) : data;
    const bytes = [...new TextEncoder().encode(name)];
    const middle = [
      ...short(20),
      ...short(0),
      ...short(method),
      ...long(0),
      ...long(0),
      ...long(packed.length),
      ...long(data.length),
      ...short(bytes.length),
    ];
    directory.push(
      ...long(0x02014b50),
      ...short(20),
      ...middle,
      ...short(0),
      ...short(0),
      ...short(0),
      ...short(0),
      ...long(0),
      ...long(parts.length),
      ...bytes,
    );
    parts.push(...long(0x04034b50), ...middle, ...short(0), ...bytes, ...packed);
  }
  const end = [
    ...long(0x06054b50),
    0,
    0,
    0,
    0,
    ...short(entries.length),
    ...short(entries.length),
    ...long(directory.length),
    ...long(parts.length),
    0,
    0,
  ];
  return Uint8Array.from([...parts, ...directory, ...end]);
}

test('npz: stored and deflated arrays; a broken archive', async () => {
  const file = zip([
    ['x.npy', npy('<f4', '(2,)', floats(1, 2)), 8],
    ['y.npy', npy('<i4', '(1,)', new Uint8Array(Int32Array.of(9).buffer)), 0],
    ['note.txt', floats(0), 0],
  ]);
  const read = await parseNpz(file, 'd.npz');
  expect([...read].map(([name, { data }]) => [name, ...Array.from(data)])).toEqual([
    ['x', 1, 2],
    ['y', 9],
  ]);
  for (const size of [0, 10, file.length - 30, file.length - 1])
    await expect(parseNpz(file.slice(0, size), 'd.npz')).rejects.toThrow(/^E0802/);
  const broken = file.slice();
  broken.fill(255, 35, 60);
  await expect(parseNpz(broken, 'd.npz')).rejects.toThrow('x.npy does not inflate');
});
