// All engines in one Node process. A peer that cannot be installed or started is an engine all the same, which says of
// every case why it cannot.
import type { Engine } from '../comparison/engine.ts';
import { importedCase } from './compiled.ts';
import { dlmEngine } from './dlm.ts';
import { installPeers } from './installed.ts';
import { missingEngine } from './missing.ts';
import { peersInNode } from './peers-in-node.ts';

/** Ours first, then the peers. */
export async function enginesInNode(threads: number): Promise<readonly Engine[]> {
  const ours = dlmEngine('dlm', (one) => importedCase(one, threads), { device: 'wasm', threads });
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
