// Every program of test/exec/programs on the interpreter, on WASM and on WebGPU: initial weights, every
// entry of every model, and three steps of every training loop.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { interpret } from '../../src/ir/interpreter.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { importModule } from '../runtime/load-module.ts';
import {
  argument,
  compileFile,
  differences,
  emptyCaches,
  functionNamed,
  initialWeights,
  keys,
  leaves,
  referenceTraining,
  type Program,
} from '../support/exec.ts';
import { requestTestDevice } from '../support/webgpu.ts';

interface RunTensor {
  data(): Promise<ArrayLike<number>>;
}
interface LoadedModel {
  readonly weights: { keys(): Iterable<string>; get(path: string): Promise<RunTensor> };
  readonly [entry: string]: unknown;
}
interface Session {
  step(
    batch: Record<string, unknown>,
  ): Promise<{ loss?: number; losses: Record<string, number>; metrics: Record<string, number> }>;
}
type Module = Record<string, (...args: unknown[]) => Promise<unknown>>;

const seed = 7;
const folder = 'test/exec/programs';
const devices: Record<string, unknown> = { wasm: 'wasm' };
let release = (): void => {};

beforeAll(async () => {
  const found = await requestTestDevice();
  if ('missing' in found) throw new Error(`WebGPU is missing: ${found.missing}`);
  devices['webgpu'] = found.device;
  release = () => found.device.destroy();
});
afterAll(() => release());

const hostData = (tensor: Tensor): ArrayLike<number> =>
  tensor.dtype === 'f32' || tensor.dtype === 'f16'
    ? Float32Array.from(tensor.data)
    : tensor.dtype === 'bool'
      ? Uint8Array.from(tensor.data)
      : tensor.dtype === 'u32'
        ? Uint32Array.from(tensor.data)
        : Int32Array.from(tensor.data);

/** An argument as a caller passes it: typed array with its dims, a number for a scalar. */
const hostArgument = (tensor: Tensor): unknown =>
  tensor.shape.length === 0 ? tensor.data[0] : { data: hostData(tensor), shape: tensor.shape };

const readWeight = async (model: LoadedModel, path: string): Promise<ArrayLike<number>> =>
  (await model.weights.get(path)).data();

/** References by name: the interpreter is slow, and says the same to every device. */
class References {
  readonly #known = new Map<string, unknown>();

  of<T>(name: string, compute: () => T): T {
    if (!this.#known.has(name)) this.#known.set(name, compute());
    return this.#known.get(name) as T;
  }
}

async function checkEntries(program: Program, model: LoadedModel, name: string, references: References): Promise<void> {
  const info = program.graph.models.find((each) => each.name === name);
  if (!info) throw new Error(`no model ${name}`);
  const [exact, rounded] = (['f64', 'f32'] as const).map((precision) =>
    references.of(`${name} ${precision}`, () => initialWeights(program.graph, info, seed, precision)),
  );
  for (const [path, tensor] of Object.entries(exact ?? {})) {
    expect(differences(await readWeight(model, path), tensor, rounded?.[path] ?? tensor), `${name} ${path}`).toEqual(
      [],
    );
  }
  const calls = Object.entries(info.entries).flatMap(([entry, base]) =>
    [base, ...Object.keys(program.graph.entries[base]?.variants ?? {})].map((fnName) => ({ entry, base, fnName })),
  );
  for (const { entry, base, fnName } of calls) {
    const fn = functionNamed(program.graph, fnName);
    const args = fn.inputs
      .filter(({ role }) => role === 'argument')
      .map(({ name: arg, value }, at) => ({ arg, tensor: argument(program, arg, value.type, at + 1) }));
    const given = Object.fromEntries(args.map(({ arg, tensor }) => [arg, tensor]));
    const inputs = { ...given, ...emptyCaches(program, fn), ...keys(3, 3, 0) };
    const [wanted, near] = (['f64', 'f32'] as const).map((precision) =>
      references.of(`${fnName} ${precision}`, () =>
        interpret(fn, { ...(precision === 'f64' ? exact : rounded), ...inputs }, { precision, dims: program.dims }),
      ),
    );
    const caches = fn.inputs.some(({ role }) => role === 'cache');
    const open = model['session'] as (dims: object) => Promise<Record<string, unknown>>;
    const call = (caches ? await open(program.dims) : model)[entry] as (...values: unknown[]) => Promise<unknown>;
    const declared =
      program.graph.entries[base]?.arguments ?? args.map(({ arg }) => ({ name: arg, kind: 'tensor', optional: false }));
    const hostValue = (arg: string): unknown => (given[arg] ? hostArgument(given[arg]) : program.dims[arg]);
    const options = Object.fromEntries(
      declared
        .filter(({ name: arg, optional }) => optional && given[arg])
        .map(({ name: arg }) => [arg, hostValue(arg)]),
    );
    const result = await call(...declared.filter(({ optional }) => !optional).map(({ name: arg }) => hostValue(arg)), {
      seed: 3,
      ...options,
    });
    const entryInfo = program.graph.entries[fnName];
    if (!entryInfo) throw new Error(`no entry ${fnName}`);
    for (const { result: output, value } of leaves(entryInfo.returns, result)) {
      const expected = wanted?.[output];
      if (!expected) throw new Error(`the interpreter gives no ${output}`);
      expect(
        differences(await (value as RunTensor).data(), expected, near?.[output] ?? expected),
        `${fnName} ${output}`,
      ).toEqual([]);
    }
  }
}

async function checkTraining(
  program: Program,
  module: Module,
  load: (name: string, shared?: unknown) => Promise<LoadedModel>,
  references: References,
): Promise<void> {
  for (const train of program.graph.trains) {
    const batches = [0, 1, 2].map((step) =>
      Object.fromEntries(
        train.batch.map(({ name, type }, at) => [name, argument(program, name, type, 10 * step + at + 1)]),
      ),
    );
    const [exact, rounded] = (['f64', 'f32'] as const).map((precision) =>
      references.of(`${train.name} ${precision}`, () => referenceTraining(program, train, batches, seed, precision)),
    );
    // Two models of one kind are two sets of weights, on one device.
    const own: LoadedModel[] = [];
    for (const { model } of train.models) own.push(await load(model, own[0]?.['device']));
    const session = (await module[`create${train.name}`]?.(...own, { seed })) as Session;
    for (const [at, batch] of batches.entries()) {
      const report = await session.step(
        Object.fromEntries(Object.entries(batch).map(([name, tensor]) => [name, hostArgument(tensor)])),
      );
      const measured: Record<string, number | undefined> = { ...report.losses, ...report.metrics };
      if (report.loss !== undefined && train.losses[0] !== undefined) measured[train.losses[0]] = report.loss;
      for (const [name, tensor] of Object.entries(exact?.reports[at] ?? {})) {
        expect(
          differences(
            [measured[name] ?? NaN].flat<unknown[], 3>(3).map(Number),
            tensor,
            rounded?.reports[at]?.[name] ?? tensor,
          ),
          `${train.name} ${name}, step ${at}`,
        ).toEqual([]);
      }
    }
    for (const [at, { name, model }] of train.models.entries()) {
      const info = program.graph.models.find((each) => each.name === model);
      const prefix = train.models.length > 1 ? `${name}.` : '';
      const loaded = own[at];
      for (const { path, role } of info?.parameters ?? []) {
        if (role === 'cache') continue;
        const expected = exact?.state[prefix + path];
        if (!expected || !loaded) continue;
        expect(
          differences(await readWeight(loaded, path), expected, rounded?.state[prefix + path] ?? expected),
          `${train.name} ${prefix}${path} after three steps`,
        ).toEqual([]);
      }
    }
  }
}

describe.each(readdirSync(folder).filter((file) => file.endsWith('.dlm')))('%s', (file) => {
  let program: Program;
  let module: Module;
  const references = new References();
  beforeAll(async () => {
    program = await compileFile(join(folder, file));
    module = await importModule<Module>(program.js);
  });

  test.each(['wasm', 'webgpu'])('agrees with the interpreter on %s', async (device) => {
    const load = async (name: string, shared: unknown = devices[device]): Promise<LoadedModel> =>
      (await module[`load${name}`]?.({ device: shared, seed })) as LoadedModel;
    for (const { name } of program.graph.models) await checkEntries(program, await load(name), name, references);
    await checkTraining(program, module, load, references);
  });
});
