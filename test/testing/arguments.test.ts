// dlm/testing on entries with whole numbers, optional arguments and caches: drawn, run, and held against a module.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { check, compile } from '../../src/index.ts';
import {
  checkTypes,
  entryOf,
  hostArguments,
  inputsArbitrary,
  run,
  shapeOf,
  updates,
  type Entry,
} from '../../src/testing.ts';
import { memoryHost } from '../elaborate/files.ts';
import { runs } from '../support/property-settings.ts';

const text = `export model M(d: int = 2) {
  param w: [d] = normal(0.5)
  cache past: [b, cap, d]
  export fn noise(count: int) -> [count, d] requires count % 2 == 0 = normal([count, d]) * w
  export fn tile(x: [b, d], n: int, keep: bool[b, n]? = none, by: f32[] = 2.0) -> [b, n, d] {
    let all = for i < b, k < n, j < d => by * x[i, j]
    if keep != none { for i < b, k < n, j < d => if keep[i, k] { all[i, k, j] } else { 0.0 } } else { all }
  }
  export fn extend(x: [b, t, d], pos: i32[]) -> [b, cap, d] {
    update past = put(past, x * w, at=pos, axis=1)
    past
  }
}
`;

const { module, diagnostics } = check(memoryHost({ 'm.dlm': text }), 'm.dlm');
if (!module) throw new Error(diagnostics.map(({ code, message }) => `${code} ${message}`).join('; '));
const entry = (name: string, ...given: string[]): Entry => entryOf(module, name, given);
const below = { pos: 1 };

const calls = [
  ['M.noise', []],
  ['M.tile', []],
  ['M.tile', ['keep']],
  ['M.tile', ['by', 'keep']],
  ['M.extend', []],
] as const;

test.each(calls)('%s with %j has the inferred types', (name, given) => {
  const of = entry(name, ...given);
  fc.assert(
    fc.property(inputsArbitrary(of, { below, size: 4 }), ({ dims, inputs }) => {
      expect(checkTypes(of, inputs, { dims })).toEqual([]);
      const { result } = run(of, inputs, { dims });
      expect({ result: { dtype: result?.dtype, shape: result?.shape } }).toEqual(shapeOf(of, dims));
      expect(given.every((each) => each in inputs)).toBe(true);
    }),
    { numRuns: runs(15) },
  );
});

test('whole numbers obey what the entry requires', () => {
  fc.assert(fc.property(inputsArbitrary(entry('M.noise')), ({ dims }) => (dims['count'] ?? 1) % 2 === 0));
});

test('optional arguments that there are not are named with those that are', () => {
  expect(() => entry('M.tile', 'x')).toThrow('it has keep, by, keep and by');
  expect(() => entry('M.noise', 'keep')).toThrow('it has none');
});

describe('a compiled module', () => {
  interface Net {
    tile(...given: unknown[]): Promise<{ data(): Promise<Float32Array> }>;
    session(dims: object): Promise<{ extend: Net['tile']; dispose(): void }>;
    dispose(): void;
  }
  const opened = async (): Promise<Net> => {
    const { js } = await compile(memoryHost({ 'm.dlm': text }), 'm.dlm', { targets: ['wasm'] });
    const { load } = (await import(`data:text/javascript,${encodeURIComponent(js ?? '')}`)) as {
      load: (options: object) => Promise<Net>;
    };
    return load({ device: 'wasm', seed: 7 });
  };

  test.each(calls.slice(1, 4))('%s with %j gives the same', async (name, given) => {
    const net = await opened();
    const of = entry(name, ...given);
    await fc.assert(
      fc.asyncProperty(inputsArbitrary(of, { size: 4 }), async (drawn) => {
        const exact = run(of, drawn.inputs, { seed: 7, dims: drawn.dims })['result'];
        const got = await (await net.tile(...hostArguments(of, drawn))).data();
        expect(Array.from(got)).toEqual(Array.from(exact?.data ?? [], Math.fround));
      }),
      { numRuns: runs(8) },
    );
    net.dispose();
  });

  test('goes on in a session as runs do with their updates', async () => {
    const net = await opened();
    const of = entry('M.extend');
    let continued = 0;
    const two = fc.tuple(inputsArbitrary(of, { below, size: 4 }), fc.nat({ max: 1 }));
    await fc.assert(
      fc.asyncProperty(two, async ([{ dims, inputs }, pos]) => {
        const session = await net.session(dims);
        const later = { ...inputs, pos: { dtype: 'i32' as const, shape: [], data: Float64Array.of(pos) } };
        const room = (dims['cap'] ?? 0) - (dims['t'] ?? 0) >= pos;
        await session.extend(...hostArguments(of, { dims, inputs }));
        const caches = updates(of, inputs, { seed: 7, dims });
        expect(Object.keys(caches)).toEqual(['past']);
        if (room) {
          continued++;
          const got = await (await session.extend(...hostArguments(of, { dims, inputs: later }))).data();
          const exact = run(of, later, { seed: 7, dims, weights: caches })['result'];
          expect(got).toHaveLength(exact?.data.length ?? -1);
          exact?.data.forEach((value, at) => expect(got[at]).toBeCloseTo(value, 5));
        }
        session.dispose();
      }),
      { numRuns: runs(16) },
    );
    expect(continued).toBeGreaterThan(0);
    net.dispose();
  });
});
