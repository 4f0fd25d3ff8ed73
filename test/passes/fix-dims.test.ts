// Dims with a size: the same results as with dims that are bound later, and schedules for that size.
import { expect, test } from 'vitest';
import { check, lowerModule } from '../../src/index.ts';
import { verifyGraph } from '../../src/ir/graph-verify.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import type { GraphModule } from '../../src/ir/graph.ts';
import { argument, emptyCaches, functionNamed } from '../support/exec.ts';
import { fileHost } from '../support/file-host.ts';
import { sampleTensor } from '../support/graph-cases.ts';
import { evaluateDim } from '../../src/ir/dim.ts';

const checked = (program: string, dims: Readonly<Record<string, number>>): GraphModule => {
  const { module, diagnostics } = check(fileHost, `test/exec/programs/${program}.dlm`, { dims });
  if (!module) throw new Error(diagnostics.map(({ message }) => message).join('; '));
  return module;
};

// A convolution, a loop over an axis, caches.
test.each<[program: string, fn: string, dims: Record<string, number>]>([
  ['resnet-block', 'Net.forward', { b: 2, h: 6, w: 5 }],
  ['lstm', 'Tagger.forward', { b: 2, t: 3 }],
  ['tiny-gpt', 'TinyGpt.decode', { b: 1, t: 4, cap: 12 }],
])('%s computes the same', (program, name, dims) => {
  const [open, fixed] = [checked(program, {}), checked(program, dims)];
  expect(verifyGraph(fixed)).toEqual([]);
  const fn = functionNamed(open, name);
  const given = Object.fromEntries(
    fn.inputs.map(({ name: input, role, value: { type } }, seed) => {
      const shape = type.shape.map((d) => evaluateDim(d, (dim) => dims[dim]));
      const settings = { graph: open, lowered: undefined as never, js: '', dims, limits: {} };
      return [
        input,
        role === 'argument' ? argument(settings, input, type, seed) : sampleTensor(shape, seed, type.dtype),
      ];
    }),
  );
  const inputs = { ...given, ...emptyCaches({ graph: open, dims }, fn) };
  const want = interpret(fn, inputs);
  expect(interpret(functionNamed(fixed, name), inputs)).toEqual(want);
  expect(functionNamed(fixed, name).dims.filter((d) => d.name in dims)).toEqual([]);
});

const conv = `import { Conv2d } from "std/nn"
export model Net() {
  let conv = Conv2d(16, 16, 3, padding=1)
  export fn forward(x: [b, 16, n, n]) -> [b, 16, n, n] = conv(x)
}
`;

test('schedules are those of the size', () => {
  const files = { ...fileHost, read: (path: string) => (path === 'conv.dlm' ? conv : fileHost.read(path)) };
  const scratch = (dims: Record<string, number>): string[] => {
    const { module } = check(files, 'conv.dlm', { dims });
    const [program] = module ? lowerModule(module, ['wasm']).programs : [];
    return (program?.kernels ?? []).flatMap(({ arrays }) => arrays.map(({ name }) => name));
  };
  expect(scratch({})).not.toContain('squares');
  expect(scratch({ n: 16 })).toContain('squares');
});
