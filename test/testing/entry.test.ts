// dlm/testing on small programs: dims obey what entries require, arguments fit, inferred types hold in runs, and
// what a compiled module says of an entry is enough to draw dims for it.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { check, compile, type GraphModule } from '../../src/index.ts';
import {
  checkTypes,
  dimsArbitrary,
  entryOf,
  hostInput,
  initialWeights,
  inputsArbitrary,
  run,
  shapeOf,
  type Entry,
  type EntryMeta,
} from '../../src/testing.ts';
import { holds } from '../../src/testing/entry-dims.ts';
import { constraintText, parseConstraint } from '../../src/testing/constraints.ts';
import { memoryHost } from '../elaborate/files.ts';
import { runs } from '../support/property-settings.ts';

const text = `import { Linear } from "std/nn"
export model M(width: int = 3) {
  let fc = Linear(4, width)
  export fn forward(x: [b, t, 4]) -> [b, t, width] requires t >= 3, t <= 9 = fc(x)
  export fn heads(x: [b, d], ids: i32[b]) -> [b, 2, d / 2] requires d % 2 == 0 =
    rearrange[p (q r) -> p q r](x, q=2) + f32(ids)[0]
  export fn pair(x: [n], y: [m]) -> (both: [n + m], first: [n]) requires m == 2 * n = (both=concat([x, y]), first=x + fc.bias[0])
}
`;

const moduleFrom = (source: string): GraphModule => {
  const { module, diagnostics } = check(memoryHost({ 'm.dlm': source }), 'm.dlm');
  if (!module) throw new Error(diagnostics.map(({ code, message }) => `${code} ${message}`).join('; '));
  return module;
};
const module = moduleFrom(text);
const entry = (name: string): Entry => entryOf(module, name);

const obeys = (meta: EntryMeta, dims: Readonly<Record<string, number>>): boolean =>
  meta.requires.every((each) => holds(parseConstraint(each), dims)) &&
  Object.entries(meta.dims).every(([name, { min }]) => (dims[name] ?? 0) >= min);

const meta = (dims: readonly string[], requires: readonly string[]): EntryMeta => ({
  dims: Object.fromEntries(dims.map((name) => [name, { min: 1 }])),
  inputs: [],
  outputs: [],
  requires,
});

describe('dims', () => {
  test.each(['M.forward', 'M.heads', 'M.pair'])('of %s satisfy what it requires, and vary', (name) => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(dimsArbitrary(entry(name)), (dims) => {
        seen.add(JSON.stringify(dims));
        return obeys(entry(name), dims);
      }),
    );
    expect(seen.size).toBeGreaterThan(5);
  });

  const systems: readonly EntryMeta[] = [
    meta(['h'], ['(h) % (64) == 0', 'h - 128 >= 0']),
    meta(['n', 'm', 'k'], ['k - n*m == 0', 'n - m - 2 >= 0']),
    meta(['a', 'b', 'c'], ['a + b + c - 40 == 0', 'a - b - 10 >= 0', '(c) % (3) == 0']),
    meta(['h', 'k'], ['(h + 2*k) % (5) == 0', 'floor_div(h - 1, 2) - k >= 0']),
    meta(['n', 'm'], ['(n) % (m) == 0', 'm - 3 >= 0']),
    meta(['t'], ['t <= 1']),
  ];

  test.each(systems.map((each) => [each.requires.join(', '), each] as const))('%s', (_, each) => {
    fc.assert(
      fc.property(dimsArbitrary(each), (dims) => obeys(each, dims)),
      { numRuns: runs(30) },
    );
  });

  test('shrink to the smallest that still fail', () => {
    const failed = fc.check(fc.property(dimsArbitrary(systems[0] ?? entry('M.pair')), ({ h = 0 }) => h < 300));
    expect(failed.counterexample).toEqual([{ h: 320 }]);
  });

  test('stay within limits, and say so where there are none', () => {
    fc.assert(
      fc.property(dimsArbitrary(entry('M.forward'), { limits: { t: 4, b: [2, 2] } }), (dims) => {
        expect([3, 4]).toContain(dims['t']);
        expect(dims['b']).toBe(2);
      }),
    );
    expect(() => dimsArbitrary(entry('M.forward'), { limits: { t: 2 } })).toThrow('no small dims satisfy');
    expect(() => dimsArbitrary(entry('M.forward'), { limits: { s: 2 } })).toThrow('no dim s');
    expect(() => dimsArbitrary(meta(['n'], ['(2*n + 1) % (2) == 0']))).toThrow('no small dims');
  });

  test('a fault of the search would be seen: ignoring a requirement breaks it', () => {
    const [system] = systems.slice(1);
    const lax = meta(['n', 'm', 'k'], ['k - n*m == 0']);
    expect(
      fc.check(fc.property(dimsArbitrary(lax), (dims) => system !== undefined && obeys(system, dims))).failed,
    ).toBe(true);
  });
});

test('constraints print as modules print them and read back', async () => {
  const { js } = await compile(memoryHost({ 'm.dlm': text }), 'm.dlm', { targets: ['wasm'] });
  const { meta } = (await import(`data:text/javascript,${encodeURIComponent(js ?? '')}`)) as {
    meta: { models: { M: { entries: Record<string, EntryMeta> } } };
  };
  for (const [name, described] of Object.entries(meta.models.M.entries)) {
    const { dims, inputs, outputs, requires } = entry(`M.${name}`);
    expect(described).toEqual({ dims, inputs, outputs, requires });
    for (const each of requires) expect(constraintText(parseConstraint(each))).toBe(each);
    fc.assert(
      fc.property(dimsArbitrary(described), (drawn) => obeys(described, drawn)),
      { numRuns: runs(20) },
    );
  }
  expect(() => parseConstraint('t > 3')).toThrow(RangeError);
});

describe('runs', () => {
  test.each(['M.forward', 'M.heads', 'M.pair'])('of %s have the inferred types', (name) => {
    const of = entry(name);
    fc.assert(
      fc.property(inputsArbitrary(of, { below: { ids: 3 } }), ({ dims, inputs }) => {
        expect(checkTypes(of, inputs)).toEqual([]);
        const outputs = run(of, inputs);
        const actual = Object.entries(outputs).map(([result, { dtype, shape }]) => [result, { dtype, shape }]);
        expect(Object.fromEntries(actual)).toEqual(shapeOf(of, dims));
        expect(Math.max(0, ...(inputs['ids']?.data ?? []))).toBeLessThan(3);
      }),
      { numRuns: runs(30) },
    );
  });

  test('a type that is wrong is found', () => {
    const of = entry('M.forward');
    const [last] = of.fn.nodes.slice(-1);
    const [output] = last?.outputs ?? [];
    if (!last || !output) throw new Error('the entry has nodes');
    const wrong = { ...output, type: { ...output.type, shape: output.type.shape.slice(1) } };
    const fn = { ...of.fn, nodes: [...of.fn.nodes.slice(0, -1), { ...last, outputs: [wrong] }] };
    const result = fc.check(
      fc.property(inputsArbitrary(of), ({ inputs }) => checkTypes({ ...of, fn }, inputs).length === 0),
    );
    expect(result.failed).toBe(true);
    expect(result.counterexample?.[0].dims).toEqual({ b: 1, t: 3 });
  });

  test('agree with a compiled module of the same seed', async () => {
    const { js } = await compile(memoryHost({ 'm.dlm': text }), 'm.dlm', { targets: ['wasm'] });
    const { load } = (await import(`data:text/javascript,${encodeURIComponent(js ?? '')}`)) as {
      load: (options: object) => Promise<{
        forward: (x: object) => Promise<{ data: () => Promise<Float32Array> }>;
        [Symbol.asyncDispose](): Promise<void>;
      }>;
    };
    const net = await load({ device: 'wasm', seed: 7 });
    const of = entry('M.forward');
    await fc.assert(
      fc.asyncProperty(inputsArbitrary(of), async ({ inputs }) => {
        const { x } = inputs;
        if (!x) throw new Error('forward takes x');
        const exact = run(of, inputs, { seed: 7 })['result'];
        const got = await (await net.forward(hostInput(x))).data();
        expect(got).toHaveLength(exact?.data.length ?? -1);
        exact?.data.forEach((value, at) => expect(got[at]).toBeCloseTo(value, 4));
      }),
      { numRuns: runs(10) },
    );
    await net[Symbol.asyncDispose]();
    const bias = initialWeights(of, 8)['fc.bias'];
    expect(bias?.data).not.toEqual(initialWeights(of, 7)['fc.bias']?.data);
  });
});

test('an entry that is not there is named with those that are', () => {
  expect(() => entryOf(module, 'M.nothing')).toThrow('M.forward, M.heads, M.pair');
});
