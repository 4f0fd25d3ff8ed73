// Element types, scalars, results, dims, state, several models and lost devices, on both targets.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { emit, lowerModule } from '../../src/compile.ts';
import { requestTestDevice } from '../support/webgpu.ts';
import { importModule } from './load-module.ts';
import { partsModule } from './parts.ts';

interface Result {
  dtype: string;
  shape: number[];
  data(): Promise<ArrayLike<number>>;
}
interface Parts {
  types(
    flags: unknown,
    ids: unknown,
    words: unknown,
    scale: unknown,
    shift: unknown,
  ): Promise<{ picked: Result; rest: Result[]; total: Result }>;
  shapes(x: unknown, y: unknown): Promise<[Result, Result]>;
  count(x: unknown): Promise<{ before: Result; x: Result }>;
  name: Parts['count'];
  runner: Parts['count'];
  weights: { save(): Promise<Uint8Array>; load(bytes: Uint8Array): Promise<void> };
  dispose(): void;
}
interface Side {
  weights: { get(path: string): Promise<Result>; set(path: string, value: unknown): void };
  dispose(): void;
}
interface Duel {
  step(batch: object): Promise<object>;
  evaluate(data: unknown): Promise<object>;
  save(): Promise<Uint8Array>;
  restore(bytes: Uint8Array): Promise<void>;
  dispose(): void;
}
interface PartsModule {
  loadParts(options: object): Promise<Parts>;
  loadSide(options: object): Promise<Side>;
  createDuel(a: unknown, b: unknown, options?: object): Promise<Duel>;
}

let js = '';
let module: PartsModule;
beforeAll(async () => {
  ({ js } = await emit(lowerModule(partsModule()), 'parts.dlm'));
  module = await importModule<PartsModule>(js, 'parts.dlm.mjs');
});
const found = await requestTestDevice();
afterAll(() => {
  if ('device' in found) found.device.destroy();
});

const values = async (result: Result | undefined): Promise<unknown[]> =>
  result ? [result.dtype, result.shape, ...Array.from(await result.data())] : [];

const targets = [
  { kind: 'wasm', device: 'wasm' as unknown, missing: undefined },
  {
    kind: 'webgpu',
    device: 'device' in found ? found.device : undefined,
    missing: 'missing' in found ? found.missing : undefined,
  },
];

for (const { kind, device, missing } of targets) {
  describe.skipIf(missing !== undefined)(`parts on ${kind}${missing ? ` (${missing})` : ''}`, () => {
    test('bool, i32, u32 and f32 in and out, scalar arguments, named and listed results', async () => {
      const net = await module.loadParts({ device });
      const out = await net.types([true, false, true], [1, 2, -3], Uint32Array.of(0, 1, 0xffffffff), 0.5, 10);
      expect(await values(out.picked)).toEqual(['f32', [3], 5.5, 0, 3.5]);
      expect(await Promise.all(out.rest.map(values))).toEqual([
        ['i32', [3], 11, 12, 7],
        ['u32', [3], 0xffffffff, 0xfffffffe, 0],
        ['bool', [3], 0, 1, 0],
      ]);
      expect(await values(out.total)).toEqual(['f32', [], 9]);
      // A bool tensor may go back in; bytes are bools too.
      const again = await net.types(out.rest[2], Int16Array.of(4, 5, 6), Uint8Array.of(1, 2, 3), 1, -1);
      expect(await values(again.picked)).toEqual(['f32', [3], 0, 4, 0]);
      expect(await values((await net.types(Uint8Array.of(1, 0), [1, 2], [3, 4], 2, 0)).picked)).toEqual([
        'f32',
        [2],
        2,
        0,
      ]);
      for (const [flags, ids, words, scale, shift] of [
        [[1], [1], [1], 1, 1],
        [[true], [1.5], [1], 1, 1],
        [[true], [1], [-1], 1, 1],
        [[true], [1], [1], '1', 1],
        [[true], [1], [1], 1, 2 ** 31],
        [out.picked, [1], [1], 1, 1],
      ]) {
        await expect(net.types(flags, ids, words, scale, shift)).rejects.toMatchObject({
          code: 'E9101',
          entry: 'types',
        });
      }
      net.dispose();
    });

    test('dims: flat arrays solve each other, expressions and requires are checked', async () => {
      const net = await module.loadParts({ device });
      const [rows, sum] = await net.shapes(
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
        Float32Array.of(1, 1, 1, 1, 1),
      );
      expect([await values(rows), await values(sum)]).toEqual([
        ['f32', [2], 6, 15],
        ['f32', [], 5],
      ]);
      const wrong: [unknown, unknown, string, RegExp][] = [
        [[[1], [2]], [1, 2, 3, 4], 'E9101', /y is f32\[4\], expected \[2\*n \+ 1\]/],
        [[[1], [2], [3]], new Float32Array(7), 'E9103', /\(n\) % \(2\) == 0` does not hold for n = 3, m = 1/],
        [new Float32Array(6), new Float32Array(5), 'E9101', /x is 6 values, expected \[n, m\]: pass \{ data, shape \}/],
        [{ data: new Float32Array(6), shape: [2, 2] }, new Float32Array(5), 'E9101', /x is 6 values of shape \[2, 2\]/],
      ];
      for (const [x, y, code, message] of wrong)
        await expect(net.shapes(x, y)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
      expect(
        await values((await net.shapes({ data: new Float32Array(6).fill(1), shape: [2, 3] }, new Float32Array(5)))[0]),
      ).toEqual(['f32', [2], 3, 3]);
      net.dispose();
    });

    test('state is updated in place and saved; an argument may be a result; many dims in one session', async () => {
      const net = await module.loadParts({ device });
      for (let i = 0; i < 40; i++) {
        const out = await net.count(new Float32Array(1 + (i % 20)).fill(i));
        expect([await values(out.before), out.x.shape, (await out.x.data())[0]]).toEqual([
          ['i32', [], 40 + i],
          [1 + (i % 20)],
          i,
        ]);
      }
      // Entries may have any name.
      expect(await values((await net.name([1])).before)).toEqual(['i32', [], 80]);
      expect(await values((await net.runner([1])).before)).toEqual(['i32', [], 81]);
      const other = await module.loadParts({ device });
      await other.weights.load(await net.weights.save());
      expect(await values((await other.count([0])).before)).toEqual(['i32', [], 82]);
      [net, other].forEach((each) => each.dispose());
    });

    test('two models under one train: paths by parameter, updates that read old values', async () => {
      const [a, b] = [await module.loadSide({ device }), await module.loadSide({ device })];
      b.weights.set('w', [5, 7]);
      const duel = await module.createDuel(a, b, { lr: 0.5 });
      const x = [
        [3, 5],
        [5, 9],
      ];
      expect(await duel.step({ x })).toEqual({
        iteration: 1,
        losses: { gap: 45, other: 12 },
        metrics: { each: [3, 6] },
      });
      expect([await values(await a.weights.get('w')), await values(await b.weights.get('w'))]).toEqual([
        ['f32', [2], 2.5, 4],
        ['f32', [2], 1, 1],
      ]);
      expect(await duel.step({ x })).toMatchObject({ losses: { gap: 11.25, other: 2 }, metrics: { each: [1.5, 3] } });
      const saved = await duel.save();
      const [c, d] = [await module.loadSide({ device }), await module.loadSide({ device })];
      const copy = await module.createDuel(c, d, { lr: 0 });
      await copy.restore(saved);
      expect([await values(await c.weights.get('w')), await values(await d.weights.get('w'))]).toEqual([
        ['f32', [2], 3.25, 5.5],
        ['f32', [2], 2.5, 4],
      ]);
      // Weighted by rows: maxima (5, 9) of two rows and (8, 8) of one, minus (3.25, 5.5).
      const report = await copy.evaluate([{ x }, { x: [[8, 8]] }]);
      expect(report).toMatchObject({
        losses: { other: 6.5 },
        metrics: { each: [expect.closeTo(2.75, 5), expect.closeTo(9.5 / 3, 5)] },
      });
      await expect(module.createDuel(a, undefined, { lr: 1 })).rejects.toMatchObject({ code: 'E9101', path: 'b' });
      await expect(module.createDuel(a, b)).rejects.toMatchObject({ code: 'E9109', path: 'lr' });
      [duel, copy, a, b, c, d].forEach((each) => each.dispose());
    });
  });
}

test.skipIf('missing' in found)('a lost GPU rejects calls with E9107, and loading on a new device works', async () => {
  const first = await requestTestDevice();
  if ('missing' in first) return;
  const net = await module.loadParts({ device: first.device });
  await net.count([1]);
  first.device.destroy();
  await first.device.lost;
  await expect(net.count([1])).rejects.toMatchObject({ code: 'E9107' });
  const second = await requestTestDevice();
  if ('missing' in second) return;
  const again = await module.loadParts({ device: second.device });
  expect(await values((await again.count([1])).before)).toEqual(['i32', [], 40]);
  again.dispose();
  second.device.destroy();
});

test('the module runs where code from strings is forbidden', () => {
  expect(js).not.toMatch(/\beval\b|new Function|\bFunction\(/);
  expect(js).not.toMatch(/^import |\brequire\(|\bimport\(|node:/m);
});
