// `dlm init`, `dlm weights` and `dlm compile --with`, as users run them one after the other.
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseSafetensors } from '../../src/io/safetensors.ts';
import { encodeElements, safetensorsBytes } from '../../src/io/write-safetensors.ts';
import { decodeElements, type FileTensor, type FileType } from '../../src/io/file-tensor.ts';
import { dlm, temporaryFolder, type Ran } from './dlm.ts';

const folder = temporaryFolder();
const run = (...args: string[]): Promise<Ran> => dlm(args, { cwd: folder });

describe('a new project', () => {
  beforeAll(async () => {
    const made = await run('init');
    expect(made).toMatchObject({ code: 0, stdout: '' });
    expect(made.stderr).toContain('next: dlm train model.dlm --data data.csv --map x=a,b --map y=label');
  });

  test('is formatted, trains to a good model, compiles, and its host program runs', async () => {
    expect(await run('fmt', '--check', 'model.dlm')).toMatchObject({ code: 0 });
    const trained = await run(
      ...'train model.dlm --data data.csv --map x=a,b --map y=label --device wasm'.split(' '),
      ...'--save model.safetensors --valid 0.2 --epochs 40 --json'.split(' '),
    );
    expect(trained.events.at(-1)).toMatchObject({ event: 'done', on: 'valid' });
    expect((trained.events.at(-1) as { metrics: { accuracy: number } }).metrics.accuracy).toBeGreaterThan(0.9);
    expect(await run('compile', 'model.dlm', '--with', 'trace')).toMatchObject({ code: 0 });
    const host = await promisify(execFile)(process.execPath, ['main.mjs'], { cwd: folder });
    expect(host.stdout).toBe('[ 0, 1 ]\n');
    expect(readFileSync(join(folder, 'model.dlm.d.ts'), 'utf8')).toContain('trace: true | readonly string[]');
    expect(await run('compile', 'model.dlm', '--with', 'speed')).toMatchObject({ code: 2 });
  });

  test('overwrites nothing', async () => {
    const again = await run('init', '--json');
    expect(again.code).toBe(1);
    expect(JSON.stringify(again.events)).toContain('E0810');
  });
});

const tensor = (dtype: FileType, shape: number[], ...data: number[]): FileTensor => ({ dtype, shape, data });
const write = (name: string, tensors: Record<string, FileTensor>, metadata = {}): void =>
  writeFileSync(join(folder, name), safetensorsBytes(new Map(Object.entries(tensors)), metadata));

describe('weights', () => {
  beforeAll(() => {
    const a = tensor('f32', [2, 2], 1, 2, 3, 4.0004);
    write(
      'a.safetensors',
      { 'fc1.weight': a, 'fc1.bias': tensor('f32', [1], 0.1), ids: tensor('i64', [2], 7, -3) },
      { by: 'me' },
    );
    write('b.safetensors', {
      'fc1.weight': tensor('f32', [2, 2], 1, 2.5, 3, 4.0004),
      ids: tensor('i64', [1], 7),
      more: a,
    });
  });

  test('ls shows types, statistics and metadata', async () => {
    const { stdout, stderr, code } = await run('weights', 'ls', 'a.safetensors');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^fc1\.weight +f32\[2, 2\] +2\.500 +1\.118 +1\.000 +4\.000$/m);
    expect(stdout).toMatch(/^by: me$/m);
    expect(stderr).toBe('3 tensors, 7 elements, 36 bytes\n');
    const { events } = await run('weights', 'ls', 'a.safetensors', '--json');
    expect(events.find(({ name }) => name === 'ids')).toMatchObject({ dtype: 'i64', shape: [2], min: -3, max: 7 });
    expect(events.at(-1)).toMatchObject({ event: 'done', tensors: 3, elements: 7, metadata: { by: 'me' } });
  });

  test('diff says what differs, and by how much', async () => {
    expect(await run('weights', 'diff', 'a.safetensors', 'a.safetensors')).toMatchObject({ code: 0, stdout: '' });
    const { events, code } = await run('weights', 'diff', 'a.safetensors', 'b.safetensors', '--json');
    expect(code).toBe(1);
    expect(events.map(({ name, kind }) => [name, kind])).toEqual(
      expect.arrayContaining([
        ['fc1.weight', 'values'],
        ['fc1.bias', 'missing'],
        ['ids', 'type'],
        ['more', 'missing'],
      ]),
    );
    expect(events.find(({ kind }) => kind === 'values')).toMatchObject({ count: 1, of: 4, largest: 0.5 });
    const near = await run('weights', 'diff', 'a.safetensors', 'b.safetensors', '--tolerance', '0.5', '--json');
    expect(near.events.some(({ kind }) => kind === 'values')).toBe(false);
  });

  test('convert renames, and rounds to other floats', async () => {
    const ran = await run(
      'weights',
      'convert',
      'a.safetensors',
      'c.safetensors',
      '--dtype',
      'bf16',
      '--rename',
      'fc1.*=layers.0.*',
    );
    expect(ran.code).toBe(0);
    const { tensors, metadata } = parseSafetensors(new Uint8Array(readFileSync(join(folder, 'c.safetensors'))), 'c');
    expect([...tensors.keys()].sort()).toEqual(['ids', 'layers.0.bias', 'layers.0.weight']);
    expect(tensors.get('layers.0.weight')).toMatchObject({ dtype: 'bf16', data: Float32Array.of(1, 2, 3, 4) });
    expect(Array.from(tensors.get('ids')?.data ?? [])).toEqual([7, -3]);
    expect(metadata).toEqual({ by: 'me' });
  });

  test.each([
    ['no such file', ['ls', 'none.safetensors'], 1],
    ['another format', ['ls', 'data.csv'], 2],
    ['no such action', ['move', 'a.safetensors', 'b.safetensors'], 2],
    ['one file to compare', ['diff', 'a.safetensors'], 2],
    ['a name that is taken', ['convert', 'a.safetensors', 'c.safetensors', '--rename', 'ids=fc1.bias'], 2],
    ['a name that is not there', ['convert', 'a.safetensors', 'c.safetensors', '--rename', 'fc9.*=x'], 2],
  ])('%s is an error', async (_, args, code) => {
    expect(await run('weights', ...args)).toMatchObject({ code });
  });
});

test('every bit pattern of f16 and bf16 is written as it was read', () => {
  const bits = Uint16Array.from({ length: 65536 }, (_, at) => at);
  for (const dtype of ['f16', 'bf16'] as const) {
    const values = Array.from(decodeElements(new Uint8Array(bits.buffer), dtype));
    const back = new Uint16Array(encodeElements(values, dtype).buffer);
    const wrong = values.flatMap((value, at) => (Number.isNaN(value) || back[at] === at ? [] : [at]));
    expect(wrong).toEqual([]);
  }
  expect([...new Uint16Array(encodeElements([65519, 65520, 2049, 2051, 1 + 2 ** -11], 'f16').buffer)]).toEqual([
    0x7bff, 0x7c00, 0x6800, 0x6802, 0x3c00,
  ]);
});
