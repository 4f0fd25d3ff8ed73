// All engines in one Node process, on WebAssembly; onnxruntime-node is native. A peer that cannot be installed or
// started is an engine all the same, which says of every case why it cannot.
import type { Engine } from '../comparison/engine.ts';
import { importedCase } from './compiled.ts';
import { dlmEngine } from './dlm.ts';
import { importPeer, installPeers, peerFolder, requirePeer } from './installed.ts';
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
  return jaxEngine('jax-js', (await importPeer('@jax-js/jax', 'dist/index.js')) as Jax, 'wasm');
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

/** An engine that gives the same reason for every case. */
export function missingEngine(name: string, reason: unknown): Engine {
  const [text] = (reason instanceof Error ? reason.message : String(reason)).split('\n');
  return { name, open: () => Promise.reject(new Error(`missing: ${text ?? ''}`)) };
}

/** Ours first, then the peers. */
export async function enginesInNode(threads: number): Promise<readonly Engine[]> {
  const ours = dlmEngine('dlm', importedCase, { device: 'wasm', ...(threads > 1 ? { threads } : {}) });
  const failed = installPeers();
  const peers: Engine[] = [];
  for (const [name, open] of Object.entries(peersInNode)) {
    try {
      if (failed !== undefined) throw new Error(failed);
      peers.push(await open(threads));
    } catch (error) {
      peers.push(missingEngine(name, error));
    }
  }
  return [ours, ...peers];
}
