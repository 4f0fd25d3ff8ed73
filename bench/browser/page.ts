// What runs in the page: the engines on WebGPU, or on WebAssembly with any number of threads, and the rounds. Bundled
// and started by browser/chromium.ts, which serves the peers' files and our modules.
import { cases } from '../comparison/cases.ts';
import type { Case } from '../comparison/case.ts';
import type { Engine } from '../comparison/engine.ts';
import { compareOn, type Timing } from '../comparison/rounds.ts';
import { dlmEngine, type CompiledModule } from '../engines/dlm.ts';
import { jaxEngine, type Jax } from '../engines/jax.ts';
import { missingEngine } from '../engines/missing.ts';
import { onnxEngine, type OnnxRuntime } from '../engines/onnxruntime.ts';
import { tfjsEngine, type Tf } from '../engines/tfjs.ts';
import { countWebgpu } from './webgpu-counts.ts';

/** Where a page computes. */
export interface PageSettings {
  readonly device: 'webgpu' | 'wasm';
  readonly threads: number;
  /** Path of the peers' packages on the server. */
  readonly peers: string;
}

/** What Node calls in the page. */
export interface BenchPage {
  open(settings: PageSettings): Promise<void>;
  compare(name: string, module: string, options: { budget: number; quick: boolean }): Promise<[string, Timing][]>;
}

interface TfInPage extends Tf {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  readonly wasm?: { setWasmPaths(folder: string): void; setThreadsCount(count: number): void };
}

async function onnxruntime({ device, threads, peers }: PageSettings): Promise<Engine> {
  const folder = `${location.origin}${peers}/onnxruntime-web/dist/`;
  const ort = (await import(
    `${folder}${device === 'webgpu' ? 'ort.webgpu.min.mjs' : 'ort.wasm.min.mjs'}`
  )) as OnnxRuntime;
  ort.env.wasm.wasmPaths = folder;
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = 'error';
  return onnxEngine('onnxruntime-web', ort, { executionProviders: [device] });
}

async function tfjs({ device, threads, peers }: PageSettings): Promise<Engine> {
  // The scripts that make the global `tf` are in the page already.
  const { tf } = globalThis as unknown as { readonly tf: TfInPage };
  tf.wasm?.setWasmPaths(`${location.origin}${peers}/@tensorflow/tfjs-backend-wasm/dist/`);
  tf.wasm?.setThreadsCount(threads);
  if (!(await tf.setBackend(device))) throw new Error(`no backend ${device}`);
  await tf.ready();
  return tfjsEngine(`tfjs-${device}`, tf);
}

async function jax({ device, threads, peers }: PageSettings): Promise<Engine> {
  const workers = device === 'webgpu' || threads > 1;
  // It looks for workers when it is imported.
  if (!workers) Reflect.deleteProperty(globalThis, 'Worker');
  const library = (await import(`${location.origin}${peers}/@jax-js/jax/dist/index.js`)) as Jax;
  return jaxEngine('jax-js', library, device, workers);
}

const count = countWebgpu();
let engines: readonly Engine[] = [];
let modulePath = '';
let counts = false;

const page: BenchPage = {
  async open(settings) {
    const { device, threads } = settings;
    const moduleOf = async (_one: Case): Promise<CompiledModule> =>
      (await import(`${location.origin}${modulePath}`)) as CompiledModule;
    const opened: Engine[] = [dlmEngine('dlm', moduleOf, { device, threads })];
    for (const [name, open] of Object.entries({
      'onnxruntime-web': onnxruntime,
      [`tfjs-${device}`]: tfjs,
      'jax-js': jax,
    }))
      opened.push(await open(settings).catch((error: unknown) => missingEngine(name, error)));
    engines = opened;
    counts = device === 'webgpu';
  },
  async compare(name, module, options) {
    const one = cases.find((one) => one.name === name);
    if (!one) throw new Error(`no case ${name}`);
    modulePath = module;
    return [...(await compareOn(one, engines, { ...options, ...(counts ? { count } : {}) }))];
  },
};

Object.assign(globalThis, { dlmBench: page });
