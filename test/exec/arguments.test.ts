// Arguments of entries that are not positional tensors: whole numbers that bind dims, defaults, optional tensors.
import { beforeAll, expect, test } from 'vitest';
import * as fc from 'fast-check';
import { dimsArbitrary, type EntryMeta } from '../../src/testing.ts';
import { check } from '../../src/index.ts';
import { importModule } from '../runtime/load-module.ts';
import { compileFile } from '../support/exec.ts';

interface RunTensor {
  readonly shape: readonly number[];
  data(): Promise<Float32Array>;
}
interface Net {
  sample(count: number, options?: object): Promise<RunTensor>;
  roll(x: number[][], steps: number): Promise<RunTensor>;
  scale(x: number[], options?: object): Promise<RunTensor>;
}

interface EntryInfo extends EntryMeta {
  readonly counts: readonly string[];
  readonly variants: readonly (EntryMeta & { readonly given: readonly string[] })[];
}
interface NetModule {
  readonly meta: {
    readonly models: Readonly<Record<string, { readonly entries: Readonly<Record<string, EntryInfo>> }>>;
  };
  load(options: object): Promise<Net>;
}

let net: Net;
let entries: Readonly<Record<string, EntryInfo>> = {};
beforeAll(async () => {
  const { js } = await compileFile('test/exec/programs/arguments.dlm', ['wasm']);
  const module = await importModule<NetModule>(js);
  entries = module.meta.models['Arguments']?.entries ?? {};
  net = await module.load({ device: 'wasm', seed: 3 });
});

test('meta tells whole numbers and the forms of calls, from which dims can be drawn', () => {
  const { sample, roll, scale } = entries;
  expect([sample?.counts, roll?.counts, scale?.counts]).toEqual([['count'], ['steps'], []]);
  expect(scale?.variants.map(({ given, inputs }) => [given, inputs.map(({ name }) => name)])).toEqual(
    expect.arrayContaining([
      [['shift'], ['x', 'shift']],
      [
        ['by', 'keep'],
        ['x', 'by', 'keep'],
      ],
    ]),
  );
  expect(scale?.variants).toHaveLength(7);
  for (const entry of [roll, scale, ...(scale?.variants ?? [])]) {
    if (!entry) throw new Error('no entry');
    fc.assert(
      fc.property(dimsArbitrary(entry), (dims) => Object.keys(entry.dims).every((name) => (dims[name] ?? 0) >= 1)),
      { numRuns: 10 },
    );
  }
});

test('a whole number is a dim of the call', async () => {
  const rows = await net.sample(5, { seed: 1 });
  expect(rows.shape).toEqual([5, 3]);
  const fewer = await net.sample(2, { seed: 1 });
  expect(fewer.shape).toEqual([2, 3]);
  const once = await net.roll([[1, 2, 3]], 1);
  const twice = await net.roll([Array.from(await once.data())], 1);
  expect(await (await net.roll([[1, 2, 3]], 2)).data()).toEqual(await twice.data());
  for (const wrong of [0, -1, 2.5, '3', undefined])
    await expect(net.sample(wrong as number)).rejects.toMatchObject({ code: 'E9101', path: 'count', entry: 'sample' });
});

const values = async (options?: object): Promise<number[]> =>
  Array.from(await (await net.scale([1, 2, 3], options)).data());

test('options have their defaults until they are given, in any combination', async () => {
  expect(await values()).toEqual([2, 4, 6]);
  expect(await values({ by: 3 })).toEqual([3, 6, 9]);
  expect(await values({ shift: [1, 0, 1] })).toEqual([3, 4, 7]);
  expect(await values({ keep: [true, false, true], by: 1 })).toEqual([1, 0, 3]);
  expect(await values({ seed: 1, keep: [false, true, true], shift: [1, 1, 1], by: -1 })).toEqual([0, -1, -2]);
  await expect(values({ shift: [1] })).rejects.toMatchObject({ code: 'E9101', path: 'shift' });
});

const diagnose = (signature: string): string[] => {
  const text = `export model M(n: int = 2) {\n  param w: [n] = zeros()\n  export fn f(${signature}) -> [n] = x + w\n}\n`;
  const files = {
    read: (path: string) => (path === 'm.dlm' ? text : undefined),
    resolve: (_: string, to: string) => to,
  };
  return check(files, 'm.dlm').diagnostics.map(({ code, message }) => `${code} ${message}`);
};

const optional = (names: string[]): string => ['x: [n]', ...names.map((name) => `${name}: [n]? = none`)].join(', ');

test('entries refuse more than three options, and options named like those of every call', () => {
  expect(diagnose(optional(['a', 'b', 'c']))).toEqual([]);
  expect(diagnose(optional(['a', 'b', 'c', 'e']))).toEqual([expect.stringMatching(/^E0901 .*4 optional arguments/)]);
  expect(diagnose(optional(['seed']))).toEqual([expect.stringMatching(/^E0901 .*`seed` already/)]);
});
