// What `@quantize` keeps: which parameters, in how many bytes, how far from what they were, and what it refuses.
import { describe, expect, test } from 'vitest';
import { compile, type FileHost } from '../../src/index.ts';
import { Builder } from '../../src/ir/builder.ts';
import { dim } from '../../src/ir/dim.ts';
import type { GraphFunction } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { dequantize, quantize, type Quantization } from '../../src/elaborate/quantize.ts';
import { quantizeStored } from '../../src/runtime/quantize.ts';
import { sampleTensor } from '../support/graph-cases.ts';

const run = async (source: string): ReturnType<typeof compile> => {
  const host: FileHost = { read: () => source, resolve: (_, path) => path };
  return compile(host, 'm.dlm', { targets: ['wasm'] });
};

const net = (before: string, inside = ''): string => `import { Linear } from "std/nn"
${before}
export model Net() {
  ${inside} let fc = Linear(40, 64)
  param w: [64, 10] = normal()
  export fn forward(x: [b, 40]) -> [b, 10] = fc(x) @ w
}`;

async function stored(source: string): Promise<Record<string, string>> {
  const { lowered, diagnostics } = await run(source);
  if (!lowered) throw new Error(diagnostics.map(({ code, message }) => `${code} ${message}`).join('; '));
  const parameters = lowered.graph.models.flatMap((model) => model.parameters);
  return Object.fromEntries(
    parameters.map(({ path, type }) => [path, `${type.dtype}[${type.shape.map(({ key }) => key).join(', ')}]`]),
  );
}

describe('what is stored', () => {
  const biases = { 'fc.bias': 'f32[64]' };
  test('matrices of a model, in rows of whole groups of four words', async () => {
    expect(await stored(net('@quantize'))).toEqual({
      ...biases,
      'fc.weight': 'u32[64, 12]',
      'fc.weight.scale': 'f32[64, 2]',
      w: 'u32[64, 4]',
      'w.scale': 'f32[64, 1]',
    });
  });
  test('of a member, with a scale for each row', async () => {
    expect(await stored(net('', '@quantize(bits=4, group=64)'))).toEqual({
      ...biases,
      'fc.weight': 'u32[64, 8]',
      'fc.weight.scale': 'f32[64, 1]',
      w: 'f32[64, 10]',
    });
  });
});

test.each([
  ['@quantize(bits=5)', 'E0402', '`bits` of `@quantize` must be 4 or 8, but is 5'],
  ['@quantize(group=48)', 'E0402', '`group` of `@quantize` must be a multiple of 32, but is 48'],
  ['@quantize(8, width=3)', 'E0201', 'unknown argument `width` of attribute `@quantize`'],
])('%s is refused once', async (attribute, code, message) => {
  for (const source of [net(attribute), net('', attribute)]) {
    const { diagnostics } = await run(source);
    expect(diagnostics.map((each) => [each.code, each.message])).toEqual([[code, message]]);
  }
});

test('an update of a quantized layer is refused', async () => {
  const { diagnostics } = await run(`${net('@quantize')}
import { SGD } from "std/optim"
model Plain() {
  param v: [10] = zeros()
  fn forward(x: [b, 10]) -> [b, 10] = x + v
}
export train Fit(net: Net, plain: Plain, other: Net) {
  batch x: f32[b, 40]
  minimize mean(plain(net(x))) of plain using SGD()
  update net = other
}`);
  expect(diagnostics.map(({ code }) => code)).toEqual(['E0710']);
});

const shapes = [
  [3, 32],
  [2, 33],
  [5, 7],
  [4, 3, 3, 3],
  [2, 100],
  [1, 1],
];
const ways = [4, 8].flatMap((bits) => [32, 64, 256].map((group): [4 | 8, number] => [bits === 4 ? 4 : 8, group]));

describe.each(ways)('%s bits, groups of %s', (bits, group) => {
  const quantization: Quantization = {
    bits,
    group,
    span: { source: { name: '', text: '', lineStarts: [] }, start: 0, end: 0 },
  };

  test.each(shapes.map((shape) => [shape]))(
    '%j is half a step away at most, from the file as from the graph',
    (shape) => {
      const b = new Builder();
      const type = { dtype: 'f32' as const, shape: shape.map(dim) };
      const x = { type, name: 'x' };
      const [words, scales] = quantize(b, x, quantization);
      const value = dequantize(b, words, scales, type, quantization);
      const fn: GraphFunction = {
        name: 'f',
        kind: 'entry',
        dims: [],
        facts: [],
        inputs: [{ name: 'x', role: 'argument', value: x }],
        nodes: b.nodes,
        results: Object.entries({ words, scales, value }).map(([name, each]) => ({
          name,
          role: 'output',
          value: each,
        })),
        host: [],
      };
      const given: Tensor = sampleTensor(shape, 5, 'f32');
      const got = interpret(fn, { x: given }, { precision: 'f32' });
      const bytes = new Uint8Array(Float32Array.from(given.data).buffer);
      const file = quantizeStored([bits, group, shape], { dtype: 'F32', shape, bytes });
      expect(file?.map((data) => [...data])).toEqual([
        [...(got['words']?.data ?? [])],
        [...(got['scales']?.data ?? [])],
      ]);
      const row = given.data.length / (shape[0] ?? 1);
      const groups = Math.ceil(row / group);
      given.data.forEach((exact, at) => {
        const scale = got['scales']?.data[Math.floor(at / row) * groups + Math.floor((at % row) / group)] ?? NaN;
        expect(Math.abs((got['value']?.data[at] ?? NaN) - exact)).toBeLessThanOrEqual(
          scale / 2 + Math.abs(exact) * 2 ** -22,
        );
      });
    },
  );
});
