// Runs a program on the reference interpreter and on its emitted module, and compares. A program states
// in its first line what the dims and integer inputs are, and config that makes it small:
// `// exec: b=3 t=5 y<10 Mlp.hidden=16`.
import { readFileSync } from 'node:fs';
import { evaluateDim } from '../../src/ir/dim.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import type { GraphFunction, GraphModule, ModelInfo, Structure, TensorType, TrainInfo } from '../../src/ir/graph.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { compile, type Lowered, type Target } from '../../src/index.ts';
import { runKey } from '../../src/runtime/threefry.ts';
import { sampleTensor } from './graph-cases.ts';
import { fileHost } from './file-host.ts';

/** A compiled test program. */
export interface Program {
  readonly lowered: Lowered;
  readonly graph: GraphModule;
  readonly js: string;
  readonly dims: Readonly<Record<string, number>>;
  readonly limits: Readonly<Record<string, number>>;
}

/** Compiles a file; a diagnostic is an error of the test. */
export async function compileFile(path: string, targets?: readonly Target[]): Promise<Program> {
  const header = /^\/\/ exec:(.*)$/m.exec(readFileSync(path, 'utf8'))?.[1] ?? '';
  const settings = (pattern: RegExp): Record<string, number> =>
    Object.fromEntries([...header.matchAll(pattern)].map(([, name, value]) => [name, Number(value)]));
  const set = Object.fromEntries(
    [...header.matchAll(/(\w+\.\w+)=(\S+)/g)].map(([, name, value]) => [name, value ?? '']),
  );
  const { js, lowered, diagnostics } = await compile(fileHost, path, { set, ...(targets ? { targets } : {}) });
  if (!js || !lowered)
    throw new Error(`${path}: ${diagnostics.map(({ code, message }) => `${code} ${message}`).join('; ')}`);
  const dims = settings(/(?<![\w.])(\w+)=(\d+)/g);
  return { lowered, graph: lowered.graph, js, dims, limits: settings(/(\w+)<(\d+)/g) };
}

/** A tensor for an argument: small multiples of 1/16, or integers below the limit of its name. */
export function argument(program: Program, name: string, type: TensorType, seed: number): Tensor {
  const shape = type.shape.map((d) => evaluateDim(d, (dim) => program.dims[dim]));
  const sample = sampleTensor(shape, seed, type.dtype);
  if (type.dtype === 'f32' || type.dtype === 'f16') return sample;
  const limit = type.dtype === 'bool' ? 2 : (program.limits[name] ?? 4);
  return { ...sample, data: sample.data.map((x) => Math.abs(Math.round(x * 16)) % limit) };
}

/** The caches of a new session, for the interpreter. */
export const emptyCaches = (program: Pick<Program, 'graph' | 'dims'>, fn: GraphFunction): Record<string, Tensor> =>
  Object.fromEntries(
    fn.inputs
      .filter(({ role }) => role === 'cache')
      .map(({ name, value: { type } }) => {
        const shape = type.shape.map((d) => evaluateDim(d, (dim) => program.dims[dim]));
        return [name, { dtype: type.dtype, shape, data: new Float64Array(shape.reduce((a, n) => a * n, 1)) }];
      }),
  );

/** Function of this name. */
export function functionNamed(graph: GraphModule, name: string): GraphFunction {
  const fn = graph.functions.find((each) => each.name === name);
  if (!fn) throw new Error(`no function ${name}`);
  return fn;
}

const scalar = (dtype: Tensor['dtype'], value: number): Tensor => ({ dtype, shape: [], data: Float64Array.of(value) });

/** The key inputs as the runtime sets them. */
export function keys(seed: number, purpose: number, count: number): Record<string, Tensor> {
  const [k0, k1] = runKey(seed, purpose, count);
  return { 'key.0': scalar('u32', k0), 'key.1': scalar('u32', k1) };
}

type Precision = 'f64' | 'f32';
type Tensors = Record<string, Tensor>;

/** Weights of a model as its initialiser makes them. */
export const initialWeights = (graph: GraphModule, model: ModelInfo, seed: number, precision: Precision): Tensors =>
  interpret(functionNamed(graph, model.init), keys(seed, 0, 0), { precision });

/** One reference run of a training loop: losses and metrics of every step, and the tensors after it. */
export function referenceTraining(
  program: Pick<Program, 'graph' | 'dims'>,
  train: TrainInfo,
  batches: readonly Tensors[],
  seed: number,
  precision: Precision,
): { reports: Tensors[]; state: Tensors } {
  const fn = functionNamed(program.graph, train.step);
  const state: Tensors = {};
  for (const { name, model } of train.models) {
    const info = program.graph.models.find((each) => each.name === model);
    if (!info) throw new Error(`no model ${model}`);
    const prefix = train.models.length > 1 ? `${name}.` : '';
    for (const [path, tensor] of Object.entries(initialWeights(program.graph, info, seed, precision)))
      state[prefix + path] = tensor;
  }
  for (const { name, type, initial } of train.slots) {
    const shape = type.shape.map((d) => evaluateDim(d, () => undefined));
    state[name] = { dtype: type.dtype, shape, data: new Float64Array(shape.reduce((a, n) => a * n, 1)).fill(initial) };
  }
  Object.assign(state, emptyCaches(program, fn));
  for (const option of train.options) state[option.name] = scalar(option.dtype, option.default ?? 1);
  const reports = batches.map((batch, iteration) => {
    const inputs = { ...state, ...batch, ...keys(seed, 1, iteration), iteration: scalar('i32', iteration) };
    const results = interpret(fn, inputs, { precision });
    const updates = fn.results.filter(({ role }) => role === 'update').map(({ name }) => name);
    for (const name of updates) if (results[name]) state[name] = results[name];
    return Object.fromEntries(Object.entries(results).filter(([name]) => !updates.includes(name)));
  });
  return { reports, state };
}

/** The results of an entry in the order in which a module returns its tensors. */
export function leaves(returns: Structure, value: unknown): { result: string; value: unknown }[] {
  if (returns.kind === 'tensor') return [{ result: returns.result, value }];
  return returns.items.flatMap(({ name, item }, at) =>
    leaves(item, (value as Record<string | number, unknown>)[name ?? at]),
  );
}

/**
 * Elements that differ by more than float32 explains: eight times the largest distance between the
 * float64 and the float32 reference in this tensor, and a few units in the last place of its largest value.
 */
export function differences(actual: ArrayLike<number>, exact: Tensor, rounded: Tensor): string[] {
  let [spread, size] = [0, 0];
  exact.data.forEach((value, at) => {
    spread = Math.max(spread, Math.abs(value - (rounded.data[at] ?? value)));
    size = Math.max(size, Math.abs(value));
  });
  const unit = exact.dtype === 'f32' ? 2 ** -24 : exact.dtype === 'f16' ? 2 ** -14 : 0;
  const tolerance = unit === 0 ? 0 : 8 * spread + 32 * size * unit;
  const wrong: string[] = [];
  if (actual.length !== exact.data.length) wrong.push(`${actual.length} elements, not ${exact.data.length}`);
  exact.data.forEach((value, at) => {
    const distance = Math.abs((actual[at] ?? NaN) - value);
    if (!(distance <= tolerance)) wrong.push(`[${at}] ${actual[at]} is not ${value} ± ${tolerance.toExponential(1)}`);
  });
  return wrong.slice(0, 5);
}
