// Runs what was elaborated on the reference interpreter, with plain nested arrays in and out.
import { expect } from 'vitest';
import { interpret } from '../../src/ir/interpreter.ts';
import type { GraphFunction, GraphModule } from '../../src/ir/graph.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { autodiff } from '../../src/passes/autodiff.ts';
import { renderTerminal } from '../../src/support/render-terminal.ts';
import { program } from './files.ts';

/** A number or nested numbers. */
export type Nested = number | readonly Nested[];

const shapeOf = (data: Nested): number[] => (typeof data === 'number' ? [] : [data.length, ...shapeOf(data[0] ?? 0)]);
const flat = (data: Nested): number[] => (typeof data === 'number' ? [data] : data.flatMap(flat));

/** A tensor of the interpreter. */
export const tensorFrom = (data: Nested, dtype: Tensor['dtype'] = 'f32'): Tensor => ({
  dtype,
  shape: shapeOf(data),
  data: Float64Array.from(flat(data)),
});

/** The graph of a program without errors, gradients expanded. */
export function graphOf(text: string, set: Readonly<Record<string, string>> = {}): GraphModule {
  const { module, diagnostics } = program(text, set);
  expect(renderTerminal(diagnostics.filter((d) => d.severity === 'error'))).toBe('');
  return autodiff.run(module, { count: () => {} });
}

/** A function of the module by name. */
export function functionNamed(module: GraphModule, name: string): GraphFunction {
  const found = module.functions.find((fn) => fn.name === name);
  if (!found) throw new RangeError(`no function ${name} in ${module.functions.map((fn) => fn.name).join(', ')}`);
  return found;
}

/** Inputs by name; dtypes come from the function. */
export function run(
  module: GraphModule,
  name: string,
  inputs: Readonly<Record<string, Nested>>,
  dims: Readonly<Record<string, number>> = {},
): Record<string, Tensor> {
  const fn = functionNamed(module, name);
  const given = Object.fromEntries(
    fn.inputs.filter((i) => i.name in inputs).map((i) => [i.name, tensorFrom(inputs[i.name] ?? 0, i.value.type.dtype)]),
  );
  return interpret(fn, given, { dims });
}

/** Evaluates an expression over `x` (and `y`), whose types are given. */
export function evaluateText(
  signature: string,
  expression: string,
  inputs: Readonly<Record<string, Nested>>,
  imports = '',
): number[] {
  const module = graphOf(`${imports}\nexport model M() {\n  export fn f(${signature}) = ${expression}\n}\n`);
  const result = run(module, 'M.f', { 'key.0': 1, 'key.1': 2, ...inputs })['result'];
  return [...(result?.data ?? [])];
}
