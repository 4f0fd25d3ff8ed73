// The runtime's small parts by themselves: packing, random numbers, host scalars, checkpoint conversions, base64.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mergeBuffers } from '../../src/codegen/host/gpu-kernels.ts';
import { hostScalarsJs } from '../../src/codegen/host/host-scalars.ts';
import { bytesText, dimJs, Names, template, text } from '../../src/codegen/host/js.ts';
import { Builder, tensorType } from '../../src/ir/builder.ts';
import { add, ceilDiv, floorDiv, max, min, mod, mul, sub, variable, type Dim } from '../../src/ir/dim.ts';
import type { DType } from '../../src/ir/dtype.ts';
import type { GraphFunction, Value } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import type { Kernel, KernelExpr } from '../../src/ir/kernel.ts';
import { packIntervals } from '../../src/runtime/arena.ts';
import { fromText } from '../../src/runtime/decode.ts';
import type { BufferSpec } from '../../src/runtime/program.ts';
import { convertStored, readSafetensors, writeSafetensors } from '../../src/runtime/safetensors.ts';
import { evaluate } from './evaluate.ts';
import { foldPath, pathKeys } from '../../src/runtime/path-keys.ts';
import { bitcast, erf, roundEven, toInteger } from '../../src/runtime/scalars.ts';
import { runKey, threefry } from '../../src/runtime/threefry.ts';

test('packing: what lives together never overlaps, and aligned; nothing is wasted on disjoint lives', () => {
  const buffer = fc
    .tuple(fc.nat(2000), fc.nat(12), fc.nat(12))
    .map(([bytes, a, b]): [0, number, number, number] => [0, bytes, Math.min(a, b), Math.max(a, b)]);
  fc.assert(
    fc.property(fc.array(buffer, { maxLength: 24 }), (buffers) => {
      const { offsets, bytes } = packIntervals(buffers, 0);
      buffers.forEach(([, size, first, last], i) => {
        const at = offsets[i] ?? NaN;
        expect(at % 256 === 0 && at + size <= bytes).toBe(true);
        buffers.slice(0, i).forEach(([, other, from, to], j) => {
          const apart = at + size <= (offsets[j] ?? NaN) || (offsets[j] ?? NaN) + other <= at;
          if (from <= last && first <= to && size > 0 && other > 0) expect(apart).toBe(true);
        });
      });
    }),
  );
  const chain: BufferSpec[] = Array.from({ length: 10 }, (_, i) => [0, 1024, i, i + 1]);
  expect(packIntervals([...chain, 'w', [1, 9000, 0, 9]], 0).bytes).toBe(2048);
});

const hex = (words: readonly number[]): string[] => words.map((word) => word.toString(16));

test('threefry: vectors of the Random123 distribution; runs have keys of their own', () => {
  expect(hex(threefry(0, 0, 0, 0))).toEqual(['6b200159', '99ba4efe']);
  expect(hex(threefry(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff))).toEqual(['1cb996fc', 'bb002be7']);
  expect(hex(threefry(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3))).toEqual(['c4923a9c', '483df7a0']);
  const keys = [0, 1, 2, 3].flatMap((purpose) =>
    [0, 1, 2].map((count) => String(runKey(5, purpose, purpose === 0 ? 0 : count))),
  );
  expect(new Set(keys).size).toBe(10);
  expect(runKey(2 ** 40 + 1, 0, 0)).toEqual([1, 256]);
});

test('scalars: ties to even, saturation, bits, erf', () => {
  expect([0.5, 1.5, 2.5, -0.5, -1.5, 2.4, -2.6].map(roundEven).map((x) => x + 0)).toEqual([0, 2, 2, 0, -2, 2, -3]);
  expect([3.9, -3.9, 1e20, NaN].map((x) => toInteger(x, -2147483648, 2147483647))).toEqual([3, -3, 2147483647, 0]);
  expect([bitcast(1, 'f', 'u'), bitcast(0x40490fdb, 'u', 'f'), bitcast(-1, 'i', 'u')]).toEqual([
    0x3f800000,
    Math.fround(Math.PI),
    0xffffffff,
  ]);
  const known: [number, number][] = [
    [0, 0],
    [0.1, 0.1124629160182849],
    [1, 0.8427007929497149],
    [-2, -0.9953222650189527],
    [3.5, 0.9999992569016276],
    [6, 1],
  ];
  for (const [x, y] of known) expect(erf(x)).toBeCloseTo(y, 14);
});

test('dims as JavaScript have the values of the dims', () => {
  const [n, m] = [variable('n'), variable('class')];
  const dims: [Dim, (n: number, m: number) => number][] = [
    [sub(mul(2, n), m), (a, b) => 2 * a - b],
    [sub(3, mul(n, m)), (a, b) => 3 - a * b],
    [ceilDiv(mul(n, m), 64), (a, b) => Math.ceil((a * b) / 64)],
    [mod(sub(n, m), 7), (a, b) => (((a - b) % 7) + 7) % 7],
    [mul(floorDiv(add(n, 1), m), max(n, min(m, 5))), (a, b) => Math.floor((a + 1) / b) * Math.max(a, Math.min(b, 5))],
  ];
  for (const [dim, value] of dims) {
    const names = new Names();
    const head = [names.of('n'), names.of('class')];
    const compiled = evaluate(
      `((floorDiv) => (${head.join()}) => ${dimJs(dim, names)})((a, b) => Math.floor(a / b))`,
    ) as (a: number, b: number) => number;
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 99 }), (a, b) => {
        expect(compiled(a, b)).toBe(value(a, b));
      }),
    );
  }
});

test('text and templates survive any characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('`', '$', '{', '\\', "'", '"', '\n', '\u2028', 'a') }), (value) => {
      expect(evaluate(text(value))).toBe(value);
      expect(evaluate(template(value))).toBe(value);
    }),
  );
});

// A chain of scalar ops on three inputs, one of each type, with everything made so far as operands.
const steps = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat()), { minLength: 1, maxLength: 12 });
const binaries = {
  f32: ['add', 'sub', 'mul', 'min', 'max', 'lt', 'eq'],
  i32: ['add', 'mul', 'sub', 'div', 'rem', 'xor', 'shl', 'shr', 'le'],
  u32: ['add', 'mul', 'sub', 'rem', 'and', 'or', 'shr', 'ne'],
  bool: ['and', 'or', 'xor'],
} as const;
const unaries = {
  f32: ['neg', 'abs', 'floor', 'ceil', 'round', 'tanh', 'sigmoid', 'erf', 'sign'],
  i32: ['neg', 'abs', 'not'],
  u32: ['not'],
  bool: ['not'],
} as const;

test('host scalars compute what the interpreter computes', () => {
  fc.assert(
    fc.property(
      steps,
      fc.double({ min: -9, max: 9, noNaN: true }),
      fc.integer(),
      fc.integer({ min: 1, max: 999 }),
      (choices, lr, iteration, size) => {
        const b = new Builder();
        const inputs = (['f32', 'i32', 'u32'] as const).map((dtype, at): Value => ({
          name: `in.${at}`,
          type: tensorType(dtype, []),
        }));
        const made: Value[] = [...inputs, b.dimValue(variable('b'))];
        const pick = (at: number, dtype?: DType): Value => {
          const fitting = made.filter((value) => dtype === undefined || value.type.dtype === dtype);
          return fitting[at % fitting.length] ?? inputs[0] ?? b.full('f32', 1);
        };
        for (const [kind, first, second] of choices) {
          const x = pick(first);
          const { dtype } = x.type;
          if (dtype === 'f16') continue;
          if (kind % 5 === 0) made.push(b.unary(unaries[dtype][second % unaries[dtype].length] ?? 'not', x));
          else if (kind % 5 === 1) made.push(b.cast(x, (['f32', 'i32', 'u32', 'bool'] as const)[second % 4] ?? 'f32'));
          else if (kind % 5 === 2)
            made.push(b.select(b.binary('lt', b.cast(x, 'f32'), b.full('f32', 1)), x, pick(second, dtype)));
          else made.push(b.binary(binaries[dtype][kind % binaries[dtype].length] ?? 'and', x, pick(second, dtype)));
        }
        made.push(...b.node('fold_in', [pick(0, 'u32'), pick(1, 'u32'), pick(2, 'u32')]));
        made.push(...b.node('fold_path', [pick(0, 'u32'), pick(1, 'u32')], { path: "h.0's \u00e9" }));
        const region = { params: inputs, nodes: b.nodes };
        const host = made.map((value, at) => ({
          name: `out.${at}`,
          dtype: value.type.dtype,
          region: { ...region, results: [value] },
        }));
        const printed = hostScalarsJs(host, ['b'], new Names());
        const library = { threefry, foldPath, roundEven, erf, toInteger };
        const open = evaluate(`({ ${Object.keys(library).join()} }) => ${printed?.code}`) as (
          given: typeof library,
        ) => (s: object, b: number) => Record<string, number>;
        const run = open(library);
        const given = { 'in.0': lr, 'in.1': iteration, 'in.2': iteration >>> 0 };
        const fn: GraphFunction = {
          name: 'f',
          kind: 'step',
          dims: [{ name: 'b', min: 1 }],
          facts: [],
          nodes: b.nodes,
          host: [],
          inputs: inputs.map((value) => ({ name: value.name ?? '', role: 'option', value })),
          results: host.map(({ name }, at) => ({ name, role: 'output', value: made[at] ?? pick(0) })),
        };
        const tensors = Object.fromEntries(
          inputs.map(({ name = '', type: { dtype } }) => [
            name,
            { dtype, shape: [], data: Float64Array.of(given[name as keyof typeof given]) },
          ]),
        );
        const wanted = interpret(fn, tensors, { dims: { b: size } });
        const got = run(given, size);
        for (const { name } of host) expect(Number(got[name])).toBeCloseTo(wanted[name]?.data[0] ?? NaN, 9);
      },
    ),
  );
});

test('keys of paths are one list where the key is that of the call', () => {
  const b = new Builder();
  const word = (name: string): Value => ({ name, type: tensorType('u32', []) });
  const [k0, k1] = [word('key.0'), word('key.1')];
  const key = [k0, k1];
  const places = ['fc1.weight.0', 'fc1.bias.0', "h's"];
  const words = [...places.flatMap((path) => b.node('fold_path', key, { path })), b.binary('xor', k0, k1)];
  const regionOf = (value: Value) => {
    const nodes = b.nodes.filter(({ outputs }) => outputs.includes(value));
    return { params: key, nodes, results: [value] };
  };
  const host = words.map((value, at) => ({ name: `host.${at}`, dtype: 'u32' as const, region: regionOf(value) }));
  const printed = hostScalarsJs(host, [], new Names());
  expect(printed?.code).toContain("...pathKeys(s, 0, ['fc1.weight.0', 'fc1.bias.0', 'h\\'s'])");
  const run = evaluate(`(pathKeys) => ${printed?.code}`) as (keys: typeof pathKeys) => (s: object) => object;
  const wanted = places.flatMap((path) => foldPath(7, 9, path));
  expect(Object.values(run(pathKeys)({ 'key.0': 7, 'key.1': 9 }))).toEqual([...wanted, 7 ^ 9]);
});

const stored = (dtype: string, bytes: ArrayBuffer) => ({ dtype, shape: [], bytes: new Uint8Array(bytes) });

test('safetensors: what is written is read; foreign dtypes convert, or refuse', () => {
  const file = writeSafetensors(
    [
      ['b', 'bool', [3], Uint8Array.of(1, 0, 1)],
      ['f', 'f32', [2], Float32Array.of(1.5, -2)],
      ['i', 'i32', [], Int32Array.of(-7)],
    ],
    { note: 'é' },
  );
  const { tensors, metadata } = readSafetensors(file, 'test');
  expect(metadata).toEqual({ format: 'pt', note: 'é' });
  const read = (name: string, dtype: 'f32' | 'i32' | 'bool'): unknown => {
    const found = tensors.get(name);
    return found && [found.shape, Array.from(convertStored(found, dtype) ?? [])];
  };
  expect([read('b', 'bool'), read('f', 'f32'), read('i', 'i32'), read('i', 'f32')]).toEqual([
    [[3], [1, 0, 1]],
    [[2], [1.5, -2]],
    [[], [-7]],
    [[], []],
  ]);
  expect(convertStored(stored('F16', Uint16Array.of(0x3e00, 0xc000, 0x0001).buffer), 'f32')).toEqual(
    Float32Array.of(1.5, -2, 2 ** -24),
  );
  expect(convertStored(stored('BF16', Uint16Array.of(0x3fc0).buffer), 'f32')).toEqual(Float32Array.of(1.5));
  expect(convertStored(stored('I8', Int8Array.of(-3, 127).buffer), 'f32')).toEqual(Float32Array.of(-3, 127));
  expect(convertStored(stored('U8', Uint8Array.of(0, 255).buffer), 'f32')).toEqual(Float32Array.of(0, 255));
  expect(convertStored(stored('I16', Int16Array.of(1).buffer), 'f32')).toBeUndefined();
  expect(convertStored(stored('F64', Float64Array.of(0.1).buffer), 'f32')).toEqual(Float32Array.of(0.1));
  expect(convertStored(stored('I64', BigInt64Array.of(-5n).buffer), 'i32')).toEqual(Int32Array.of(-5));
  expect(convertStored(stored('I64', BigInt64Array.of(2n ** 40n).buffer), 'i32')).toBeUndefined();
});

test('safetensors: headers that lie are refused, whatever they hold', () => {
  const entries = [
    'null',
    '3',
    '[]',
    '{}',
    '{"dtype":"F32"}',
    '{"dtype":"F32","shape":[2],"data_offsets":[0,4]}',
    '{"dtype":"X","shape":[1],"data_offsets":[0,4]}',
    '{"dtype":"F32","shape":[4],"data_offsets":[0,16]}',
    '{"dtype":"F32","shape":7,"data_offsets":[0,4]}',
  ];
  for (const header of ['', '[', 'null x', ...entries.map((entry) => `{"w":${entry}}`)]) {
    const file = new Uint8Array(8 + header.length + 8);
    new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
    file.set(new TextEncoder().encode(header), 8);
    expect(() => readSafetensors(file, 'f')).toThrow(/^E0802 cannot read f: /);
  }
});

test('bytes and their text', () => {
  const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => (i * i) >> 5);
  const carried = bytesText(bytes);
  expect(new Set(bytes).size).toBe(256);
  expect(carried).toMatch(/^[ !#-~]*$/);
  expect(fromText(carried)).toEqual(bytes);
});

test('operands in one memory become one binding', () => {
  const f32 = { type: 'f32', width: 1 } as const;
  const index: KernelExpr = { kind: 'const', type: 'i32', width: 1, value: 0 };
  const kernel: Kernel = {
    name: 'k',
    target: 'gpu',
    params: [],
    scalars: [],
    arrays: [],
    workgroup: [64, 1, 1],
    origin: [],
    buffers: [
      { name: 'b0', dtype: 'f32', access: 'read' },
      { name: 'b1', dtype: 'f32', access: 'read' },
      { name: 'b2', dtype: 'f32', access: 'write' },
    ],
    body: [
      {
        kind: 'store',
        buffer: 'b2',
        index,
        value: {
          kind: 'binary',
          ...f32,
          op: 'add',
          a: { kind: 'load', ...f32, buffer: 'b0', index },
          b: { kind: 'load', ...f32, buffer: 'b1', index },
        },
      },
    ],
  };
  const merged = mergeBuffers(kernel, [0, 1, 0]);
  expect(merged.buffers).toEqual([{ name: 'b0', dtype: 'f32', access: 'read_write' }, kernel.buffers[1]]);
  expect(merged.body[0]).toMatchObject({
    kind: 'store',
    buffer: 'b0',
    value: { a: { buffer: 'b0' }, b: { buffer: 'b1' } },
  });
  expect(mergeBuffers(kernel, [0, 1, 2])).toBe(kernel);
});
