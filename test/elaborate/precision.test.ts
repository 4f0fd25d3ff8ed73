// What `float` means under @precision, seen in the digits of results: 0.1 is 0.0999755859375 in f16.
import { describe, expect, test } from 'vitest';
import { compile, type FileHost } from '../../src/index.ts';
import { roundToHalf } from '../../src/ir/half.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import type { Tensor } from '../../src/ir/op.ts';

const run = async (source: string): ReturnType<typeof compile> => {
  const host: FileHost = { read: () => source, resolve: (_, path) => path };
  return compile(host, 'm.dlm', { targets: ['wasm'] });
};

const half = 0.0999755859375;
const single = Math.fround(0.1);
const scalars = (...values: number[]): Tensor => ({
  dtype: 'f32',
  shape: [values.length],
  data: Float64Array.from(values),
});

/** Results of `M.f` for x = [0.1] and weights of 0.1, in f32. */
async function results(source: string): Promise<number[]> {
  const { lowered, diagnostics } = await run(source);
  const fn = lowered?.graph.functions.find(({ name }) => name === 'M.f');
  if (!fn) throw new Error(diagnostics.map(({ code, message }) => `${code} ${message}`).join('; '));
  const inputs = Object.fromEntries(
    fn.inputs.map(({ name, value }) => [name, { ...scalars(0.1), dtype: value.type.dtype }]),
  );
  const given = interpret(fn, inputs, { precision: 'f32' });
  return fn.results.map(({ name }) => given[name]?.data[0] ?? NaN);
}

const model = (attribute: string, body: string, before = ''): string =>
  `import { Linear, LayerNorm } from "std/nn"
type Row = [1]
fn plain(x: [n]) -> [n] = x
@precision(compute=f32) fn wide(x: [n]) = x
layer Inner() {
  param v: [1] = ones()
  fn forward(x: [1]) = x * 1.0
  fn own() = v
}
@precision(compute=f32) layer Exact() {
  fn forward(x: [1]) -> [1] = x
  fn open(x: [1]) = x
}
${attribute}
export model M() {
  param w: [1] = ones()
  param kept: f32[1] = ones()
  let inner = Inner()
  let exact = Exact()
  ${before}
  export fn f(x: [1]) = ${body}
  export fn all() = w + kept + inner.own()
}`;

const f16 = '@precision(compute=f16)';

describe('float', () => {
  test.each([
    ['', 'x', single],
    [f16, 'x', half],
    [f16, 'w', half],
    [f16, 'kept', single],
    [f16, 'plain(x)', half],
    [f16, 'inner(x)', half],
    [f16, 'inner.own()', half],
    [f16, '(fn (y: Row) => y)(x)', half],
    [f16, 'f32(x) * 1.0', half],
    // Where f16 meets f32 the result is f32; both are multiplied by a number that f16 cannot hold.
    [f16, 'x * kept', Math.fround(half * single)],
    [f16, 'plain(x * kept)', roundToHalf(half * single)],
    [f16, 'full([1], 0.1)', half],
    [f16, '[0.1][0] * x', roundToHalf(half * half)],
    // A part that computes in f32 gives what it declares as float to its caller.
    [f16, 'exact(kept)', half],
    [f16, 'exact.open(kept)', single],
    [f16, 'wide(kept)', single],
    // Where one of several is f32, all are; values that are put into a tensor become what it is.
    [f16, 'concat([x, kept])', half],
    [f16, 'concat([kept, x])', single],
    [f16, 'stack([x[0], kept[0]])', half],
    [f16, 'put(kept, x, 0)', half],
    [f16, 'put(x, kept, 0)', half],
    // The carry of a loop is f32 where its start or a step is.
    [f16, 'fold s = x over y in rearrange[n -> n 1](x) along 0 => s * y', roundToHalf(half * half)],
    [f16, 'fold s = x over y in rearrange[n -> n 1](x) along 0 => s * kept', Math.fround(half * single)],
    [f16, 'fold s = kept over y in rearrange[n -> n 1](x) along 0 => y * 1.0', half],
    [f16, 'grad(fn (y: [1]) => sum(y * x), kept)', half],
    ['@precision(params=f16)', 'w', half],
    ['@precision(params=f16)', 'x', single],
    ['', 'f16(x) * 1.0', half],
  ])('%s: %s', async (attribute, body, value) => {
    expect(await results(model(attribute, body))).toEqual([value]);
  });

  test('losses and norms in f16 code are computed in f32', async () => {
    const source = `${f16}
export model M() {
  export fn f(x: [n]) -> ([], [n]) requires n >= 1 = (mean(x), softmax(x))
}`;
    const { lowered } = await run(source);
    const fn = lowered?.graph.functions.find(({ name }) => name === 'M.f');
    const exp = fn?.nodes.find(({ op }) => op === 'exp');
    expect(exp?.outputs[0]?.type.dtype).toBe('f32');
  });
});

test('parameters lie as params says, states too', async () => {
  const source = `@precision(compute=f16, params=f16)
export model M() {
  param w: [2] = ones()
  state s: [2] = zeros()
  state t: f32[2] = zeros()
  export fn f(x: [2]) -> [2] {
    update s = s + x
    update t = t + f32(x)
    x * w
  }
}`;
  const { lowered, diagnostics } = await run(source);
  expect(diagnostics).toEqual([]);
  expect(lowered?.graph.models[0]?.parameters.map(({ type }) => type.dtype)).toEqual(['f16', 'f16', 'f32']);
  const fn = lowered?.graph.functions.find(({ name }) => name === 'M.f');
  expect(fn?.results.filter(({ role }) => role === 'update').map(({ value }) => value.type.dtype)).toEqual([
    'f16',
    'f32',
  ]);
  expect(fn?.results.filter(({ role }) => role === 'output').map(({ value }) => value.type.dtype)).toEqual(['f32']);
});

test('rows of a table are taken before they are narrowed', async () => {
  const source = `import { Embedding } from "std/nn"
${f16}
export model M() {
  let table = Embedding(1000, 4)
  export fn f(i: i32[b]) -> [b, 4] = table(i)
}`;
  const fn = (await run(source)).lowered?.graph.functions.find(({ name }) => name === 'M.f');
  expect(fn?.nodes.map(({ op, outputs }) => [op, outputs[0]?.type.dtype])).toEqual([
    ['gather', 'f32'],
    ['cast', 'f16'],
    ['cast', 'f32'],
  ]);
});

test('an f32 is not narrowed to an f16 that is written out', async () => {
  const { diagnostics } = await run('fn half(x: f16[n]) -> f16[n] = x\nexport fn f(x: f32[n]) = half(x)');
  expect(diagnostics.map(({ code }) => code)).toEqual(['E0402']);
});

test.each(['accum=f16', 'compute=i32', 'params=bool'])('%s is refused', async (part) => {
  const { diagnostics } = await run(`@precision(${part}) export model M() { export fn f(x: [n]) = x }`);
  expect(diagnostics.map(({ code }) => code)).toEqual(['E0413']);
});

describe('the loss of f16', () => {
  const source = (of: string, option: string): string => `import { SGD } from "std/optim"
${of}
export model M() {
  param w: [2] = ones()
  export fn f(x: [2]) -> [] = sum(x * w)
}
export train Fit(net: M) {
  batch x: [2]
  minimize net.f(x) of net using SGD(lr=0.1)${option}
}`;
  const slots = async (of: string, option: string): Promise<unknown> =>
    (await run(source(of, option))).lowered?.graph.trains[0]?.slots.map(({ name, initial }) => [name, initial]);
  const dynamic = [
    ['loss_scale', 65536],
    ['good_steps', 0],
  ];
  test.each([
    ['', '', []],
    [f16, '', dynamic],
    [f16, ' with { loss_scale=8.0 }', []],
    [
      '',
      ' with { loss_scale=dynamic(64.0, 10) }',
      [
        ['loss_scale', 64],
        ['good_steps', 0],
      ],
    ],
  ])('%s%s has its slots', async (of, option, expected) => {
    const found = (await slots(of, option)) as [string, number][];
    expect(found.filter(([name]) => !name.includes(':'))).toEqual(expected);
  });
  test.each(['loss_scale=dynamic(0.0)', 'loss_scale=dynamic(2.0, 0)', 'loss_scale=(1.0, 2)', 'loss_scale=true'])(
    '%s is refused',
    async (option) => {
      const { diagnostics } = await run(source('', ` with { ${option} }`));
      expect(diagnostics.map(({ code }) => code)).toEqual(['E0402']);
    },
  );
});
