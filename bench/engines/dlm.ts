// Ours: runs the module that a case's `.dlm` file was compiled to.
import type { Case } from '../comparison/case.ts';
import type { Engine, Runner } from '../comparison/engine.ts';
import type { CaseData } from '../comparison/random.ts';

interface Tensor {
  data(): Promise<Float32Array>;
  dispose(): void;
}

interface Net {
  forward(...inputs: readonly unknown[]): Promise<Tensor>;
  hold(input: { readonly data: Float32Array | Int32Array; readonly shape: readonly number[] }): Promise<Tensor>;
  readonly weights: { set(path: string, value: unknown): void };
  dispose(): void;
}

interface Fit {
  step(batch: Readonly<Record<string, unknown>>): Promise<{ readonly loss: number }>;
  dispose(): void;
}

/** The exports of a case's compiled module. */
export type CompiledModule = Readonly<Record<string, unknown>>;

async function forwardRunner(one: Case, data: CaseData, net: Net): Promise<Runner> {
  const shapes = Object.values(one.inputs);
  const inputs: Tensor[] = [];
  for (const [at, values] of data.inputs.entries())
    inputs.push(await net.hold({ data: values, shape: shapes[at] ?? [] }));
  return {
    async run() {
      const result = await net.forward(...inputs);
      const values = await result.data();
      result.dispose();
      return values;
    },
    close: () => net.dispose(),
  };
}

async function trainRunner(one: Case, data: CaseData, net: Net, create: unknown): Promise<Runner> {
  const fit = await (create as (net: Net, options: { lr: number }) => Promise<Fit>)(net, { lr: 1e-3 });
  const batch = { x: { data: data.inputs[0], shape: one.inputs['x'] }, y: data.labels };
  return {
    run: async () => new Float32Array([(await fit.step(batch)).loss]),
    close() {
      fit.dispose();
      net.dispose();
    },
  };
}

/** How modules are loaded. */
export interface LoadOptions {
  readonly device: 'wasm' | 'webgpu';
  readonly threads?: number;
}

/** This compiler as an engine. */
export function dlmEngine(
  name: string,
  moduleOf: (one: Case) => Promise<CompiledModule>,
  options: LoadOptions,
): Engine {
  return {
    name,
    async open(one, data) {
      const module = await moduleOf(one);
      const load = module[`load${one.model}`] as (options: LoadOptions) => Promise<Net>;
      const net = await load(options);
      for (const [path, values] of data.weights) net.weights.set(path, { data: values, shape: one.weights[path] });
      return one.train ? trainRunner(one, data, net, module[`create${one.train.name}`]) : forwardRunner(one, data, net);
    },
  };
}
