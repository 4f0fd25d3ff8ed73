// Runs one parity case on one device and says what differs from PyTorch.
import { compile, type FileHost } from '../../src/index.ts';
import { renderTerminal } from '../../src/support/render-terminal.ts';
import { writeSafetensors } from '../../src/runtime/safetensors.ts';
import { importModule } from '../runtime/load-module.ts';
import {
  initialiserProgram,
  layerProgram,
  optimizerProgram,
  scheduleProgram,
  type InitialiserCase,
  type LayerCase,
  type OptimizerCase,
  type Packed,
  type ParityCase,
  type ScheduleCase,
} from './fixture.ts';

interface RunTensor {
  data(): Promise<ArrayLike<number>>;
}
interface Loaded {
  readonly weights: {
    load(bytes: Uint8Array, options?: { strict?: boolean }): Promise<void>;
    get(path: string): Promise<RunTensor>;
  };
  forward(...args: unknown[]): Promise<unknown>;
}
interface Session {
  step(batch: Readonly<Record<string, unknown>>): Promise<unknown>;
}
type Module = Record<string, (...args: unknown[]) => Promise<unknown>>;

/** A compiled case. */
export interface CompiledCase {
  readonly case: ParityCase;
  readonly module: Module;
}

function programOf(one: ParityCase): string {
  if (one.kind === 'layer') return layerProgram(one);
  if (one.kind === 'optimizer') return optimizerProgram(one);
  return one.kind === 'schedule' ? scheduleProgram(one) : initialiserProgram(one);
}

/** Compiles a case. @throws Error with the diagnostics */
export async function compileCase(one: ParityCase): Promise<CompiledCase> {
  const text = programOf(one);
  const host: FileHost = { read: (path) => (path === 'case.dlm' ? text : undefined), resolve: (_, to) => to };
  const { js, diagnostics } = await compile(host, 'case.dlm', {});
  if (!js) throw new Error(renderTerminal(diagnostics));
  return { case: one, module: await importModule<Module>(js) };
}

const arrays = { f32: Float32Array, i32: Int32Array, bool: Uint32Array } as const;
const hostData = ({ dtype, shape, data }: Packed): unknown => ({
  data: dtype === 'bool' ? Uint8Array.from(data) : arrays[dtype].from(data),
  shape,
});

const safetensors = (tensors: Readonly<Record<string, Packed>>): Uint8Array =>
  writeSafetensors(
    Object.entries(tensors).map(
      ([name, { dtype, shape, data }]) => [name, dtype, shape, arrays[dtype].from(data)] as const,
    ),
  );

/** Relative distance that parity allows, and the part of the largest element that rounding may cost. */
export const tolerance = { relative: 5e-5, ofLargest: 2e-6 } as const;

/** Elements that are farther from PyTorch's than the tolerance; `slack` adds what reading a difference costs. */
function apart(what: string, got: ArrayLike<number>, wanted: readonly number[], slack = 0): string[] {
  if (got.length !== wanted.length) return [`${what}: ${got.length} elements, not ${wanted.length}`];
  const largest = wanted.reduce((top, v) => Math.max(top, Math.abs(v)), 0);
  return wanted.flatMap((v, at) => {
    const allowed = tolerance.relative * Math.abs(v) + tolerance.ofLargest * largest + slack;
    return Math.abs((got[at] ?? NaN) - v) <= allowed
      ? []
      : [`${what}[${at}]: ${got[at]} is not ${v} ± ${allowed.toExponential(1)}`];
  });
}

const read = async (model: Loaded, path: string): Promise<ArrayLike<number>> => (await model.weights.get(path)).data();
const one32 = 2 ** -23;

async function load(module: Module, device: unknown, tensors: Readonly<Record<string, Packed>>): Promise<Loaded> {
  const model = (await module['load']?.({ device, seed: 0 })) as Loaded;
  await model.weights.load(safetensors(tensors), { strict: true });
  return model;
}

async function checkLayer(one: LayerCase, module: Module, device: unknown): Promise<string[]> {
  const outs = Object.fromEntries(
    one.outputs.map(({ shape, data }, at) => [`out${at}`, { dtype: 'f32', shape, data: data.map(() => 0) } as const]),
  );
  const before: Record<string, Packed> = { ...one.inputs, ...one.weights, ...outs };
  const model = await load(module, device, before);
  const wrong: string[] = [];
  const args = Object.fromEntries(Object.entries(one.args).map(([name, x]) => [name, hostData(x)]));
  if (one.mode === 'eval') {
    const result = (await model.forward(...Object.values(args))) as Record<string, RunTensor>;
    for (const [at, { data }] of one.outputs.entries())
      wrong.push(...apart(`forward ${at}`, (await result[`y${at}`]?.data()) ?? [], data));
  }
  const session = (await module['createFit']?.(model, { seed: 0, dims: one.dims })) as Session;
  const cotangents = Object.fromEntries(one.cotangents.map((w, at) => [`w${at}`, hostData(w)]));
  await session.step({ ...args, ...cotangents });
  for (const [at, { data }] of one.outputs.entries())
    wrong.push(...apart(`output ${at}`, await read(model, `out${at}`), data));
  for (const [path, { data }] of Object.entries(one.buffers))
    wrong.push(...apart(`buffer ${path}`, await read(model, path), data));
  // Where terms cancel to zero, what is left is the rounding of terms of the size of other gradients.
  const largest = Object.values(one.gradients).reduce(
    (top, { data }) => data.reduce((m, v) => Math.max(m, Math.abs(v)), top),
    0,
  );
  for (const [path, { data }] of Object.entries(one.gradients)) {
    const [start, after] = [before[path]?.data ?? [], await read(model, path)];
    const slack = one32 * (start.reduce((top, v) => Math.max(top, Math.abs(v)), 0) + 4 * largest);
    wrong.push(
      ...apart(
        `gradient of ${path}`,
        start.map((v, i) => Math.fround(v) - (after[i] ?? NaN)),
        data,
        slack,
      ),
    );
  }
  return wrong;
}

async function checkOptimizer(one: OptimizerCase, module: Module, device: unknown): Promise<string[]> {
  const named = (tensors: readonly Packed[], names: readonly string[]): Record<string, Packed> =>
    Object.fromEntries(tensors.map((x, at) => [names[at] ?? '', x]));
  const model = await load(module, device, named(one.weights, ['u', 'v']));
  const session = (await module['createFit']?.(model, { seed: 0 })) as Session;
  const batch = { ...named(one.targets, ['tu', 'tv']), ...named(one.scales, ['su', 'sv']) };
  const given = Object.fromEntries(Object.entries(batch).map(([name, x]) => [name, hostData(x)]));
  const wrong: string[] = [];
  for (const [step, wanted] of one.steps.entries()) {
    await session.step(given);
    for (const [at, { data }] of wanted.entries())
      wrong.push(...apart(`weight ${at} after step ${step + 1}`, await read(model, ['u', 'v'][at] ?? ''), data));
  }
  return wrong;
}

async function checkSchedule(one: ScheduleCase, module: Module, device: unknown): Promise<string[]> {
  const model = (await module['load']?.({ device, seed: 0 })) as Loaded;
  const rates: number[] = [];
  for (let t = 0; t < one.rates.length; t++)
    rates.push((await ((await model.forward(t)) as RunTensor).data())[0] ?? NaN);
  return apart('rate', rates, one.rates);
}

/** Products of rows with rows, or of columns with columns where those are fewer. */
function gramOf(w: ArrayLike<number>, rows: number, columns: number): number[] {
  const [n, m] = rows <= columns ? [rows, columns] : [columns, rows];
  const at = (i: number, k: number): number => w[rows <= columns ? i * columns + k : k * columns + i] ?? NaN;
  const product = (i: number, j: number): number =>
    Array.from({ length: m }, (_, k) => at(i, k) * at(j, k)).reduce((a, b) => a + b, 0);
  return Array.from({ length: n * n }, (_, ij) => product(Math.floor(ij / n), ij % n));
}

/** Parts of the draws below PyTorch's quantiles that are off by more than five standard deviations. */
function misplaced(one: InitialiserCase, w: readonly number[]): string[] {
  const [low, high] = [one.lowest ?? NaN, one.largest ?? NaN];
  const span = high - low;
  // PyTorch has drawn more, so its range is as wide but for its own chance.
  const outside = w.filter((v) => !(v > low - 0.1 * span && v < high + 0.1 * span)).length;
  const wrong = outside === 0 ? [] : [`${outside} elements outside of [${low}, ${high}]`];
  for (const [k, p] of (one.places ?? []).entries()) {
    const below = w.filter((v) => v < (one.quantiles?.[k] ?? NaN)).length / w.length;
    const deviation = Math.sqrt(p * (1 - p) * (1 / w.length + 1 / (one.samples ?? NaN)));
    if (!(Math.abs(below - p) < 5 * deviation)) wrong.push(`${below} of the draws are below the quantile ${p}`);
  }
  return wrong;
}

async function checkInitialiser(one: InitialiserCase, module: Module, device: unknown): Promise<string[]> {
  const model = (await module['load']?.({ device, seed: 3 })) as Loaded;
  const w = Array.from(await read(model, 'w'));
  if (one.values) return apart('element', w, one.values);
  const [rows = 1, ...rest] = one.shape;
  const columns = rest.reduce((a, b) => a * b, 1);
  if (one.gram) return apart('product', gramOf(w, rows, columns), one.gram, 1e-5);
  return misplaced(one, w);
}

/** What differs from PyTorch on this device. */
export function checkCase({ case: one, module }: CompiledCase, device: unknown): Promise<string[]> {
  if (one.kind === 'layer') return checkLayer(one, module, device);
  if (one.kind === 'initialiser') return checkInitialiser(one, module, device);
  return one.kind === 'optimizer' ? checkOptimizer(one, module, device) : checkSchedule(one, module, device);
}
