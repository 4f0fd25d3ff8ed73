// Ours: the model's `.dlm` file compiled by the sources of this repository for WebAssembly, and its module imported.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compile, type FileHost } from '../../src/index.ts';
import type { Case } from '../comparison/case.ts';
import type { Engine, Runner } from '../comparison/engine.ts';
import type { CaseData } from '../comparison/random.ts';

interface Tensor {
  data(): Promise<Float32Array>;
  dispose(): void;
}

interface Net {
  forward(...inputs: readonly unknown[]): Promise<Tensor>;
  hold(input: { readonly data: Float32Array; readonly shape: readonly number[] }): Promise<Tensor>;
  readonly weights: { set(path: string, value: unknown): void };
  dispose(): void;
}

interface Fit {
  step(batch: Readonly<Record<string, unknown>>): Promise<{ readonly loss: number }>;
  dispose(): void;
}

/** Models import only the standard library. */
const files: FileHost = {
  read: (path) => readFileSync(path, 'utf8'),
  resolve: (_from, specifier) => specifier,
};

/** The exports of a case's module. */
async function moduleOf({ source, set = {} }: Case): Promise<Readonly<Record<string, unknown>>> {
  const path = join('bench', 'models', source);
  const { js, diagnostics } = await compile(files, path, { set, targets: ['wasm'] });
  if (js === undefined) throw new Error(`${path} does not compile: ${diagnostics.map(({ code }) => code).join(', ')}`);
  const folder = mkdtempSync(join(tmpdir(), 'dlm-bench-'));
  const file = join(folder, 'model.mjs');
  try {
    writeFileSync(file, js);
    return (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

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

/** This compiler as an engine. */
export const dlm: Engine = {
  name: 'dlm',
  async open(one, data) {
    const module = await moduleOf(one);
    const load = module[`load${one.model}`] as (options: { device: string }) => Promise<Net>;
    const net = await load({ device: 'wasm' });
    for (const [path, values] of data.weights) net.weights.set(path, { data: values, shape: one.weights[path] });
    return one.train ? trainRunner(one, data, net, module[`create${one.train.name}`]) : forwardRunner(one, data, net);
  },
};
