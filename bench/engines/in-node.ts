// All engines in one Node process, but for PyTorch, which has its own. A peer that cannot be installed or started is an
// engine all the same, which says of every case why it cannot.
import type { Engine } from '../comparison/engine.ts';
import { importedCase } from './compiled.ts';
import { dlmEngine } from './dlm.ts';
import { installPeers } from './installed.ts';
import { missingEngine } from './missing.ts';
import { peersInNode } from './peers-in-node.ts';
import { pytorchEngine } from './pytorch.ts';

async function opened(name: string, open: () => Promise<Engine>): Promise<Engine> {
  try {
    return await open();
  } catch (error) {
    return missingEngine(name, error);
  }
}

/** Ours first, then the peers. `processor` asks those that take their own times for times of the processor. */
export async function enginesInNode(threads: number, processor: boolean): Promise<readonly Engine[]> {
  const failed = installPeers();
  const engines = [dlmEngine('dlm', (one) => importedCase(one, threads), { device: 'wasm', threads })];
  for (const [name, open] of Object.entries(peersInNode))
    engines.push(await opened(name, () => (failed === undefined ? open(threads) : Promise.reject(new Error(failed)))));
  engines.push(await opened('pytorch', () => pytorchEngine('pytorch', threads, processor)));
  return engines;
}
