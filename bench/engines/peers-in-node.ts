// The peers in a Node process, on WebAssembly; onnxruntime-node is native.
import type { Engine } from '../comparison/engine.ts';
import { importPeer, peerFolder, requirePeer } from './installed.ts';
import { jaxEngine, type Jax } from './jax.ts';
import { onnxEngine, type OnnxRuntime } from './onnxruntime.ts';
import { tfjsEngine, type Tf } from './tfjs.ts';

interface TfInNode extends Tf {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
}

interface TfWasm {
  setWasmPaths(folder: string): void;
  setThreadsCount(count: number): void;
}

async function onnxruntimeWeb(threads: number): Promise<Engine> {
  const ort = (await importPeer('onnxruntime-web', 'dist/ort.node.min.mjs')) as OnnxRuntime;
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = 'error';
  return onnxEngine('onnxruntime-web', ort, {});
}

async function onnxruntimeNode(threads: number): Promise<Engine> {
  const ort = requirePeer('onnxruntime-node') as OnnxRuntime;
  const options = { intraOpNumThreads: threads, interOpNumThreads: 1, logSeverityLevel: 3 };
  return onnxEngine('onnxruntime-node', ort, options, true);
}

async function tfjsWasm(threads: number): Promise<Engine> {
  const tf = requirePeer('@tensorflow/tfjs') as TfInNode;
  const wasm = requirePeer('@tensorflow/tfjs-backend-wasm') as TfWasm;
  wasm.setWasmPaths(`${peerFolder('@tensorflow/tfjs-backend-wasm')}/dist/`);
  wasm.setThreadsCount(threads);
  await tf.setBackend('wasm');
  await tf.ready();
  return tfjsEngine('tfjs-wasm', tf);
}

async function jaxWasm(threads: number): Promise<Engine> {
  if (threads > 1) throw new Error('one thread only in Node');
  return jaxEngine('jax-js', (await importPeer('@jax-js/jax', 'dist/index.js')) as Jax, 'wasm', false);
}

/** Opens one peer. */
export type Opening = (threads: number) => Promise<Engine>;

/** The peers by name. */
export const peersInNode: Readonly<Record<string, Opening>> = {
  'onnxruntime-web': onnxruntimeWeb,
  'tfjs-wasm': tfjsWasm,
  'jax-js': jaxWasm,
  'onnxruntime-node': onnxruntimeNode,
};
