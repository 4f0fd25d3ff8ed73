// A process that ends with its first result of the MLP, from one engine: `first-result.mjs <engine> [<our module>]`.
// Weights are zeros, so that making them up costs nothing. Prints its peak memory in KiB.
import { pathToFileURL } from 'node:url';
import { cases } from '../comparison/cases.ts';
import type { Engine } from '../comparison/engine.ts';
import type { CaseData } from '../comparison/random.ts';
import { dlmEngine, type CompiledModule } from '../engines/dlm.ts';
import { peersInNode } from '../engines/peers-in-node.ts';
import { peakMemory } from './peak-memory.ts';

const [name = 'dlm', module = ''] = process.argv.slice(2);
const one = cases.find((one) => one.name === 'MLP forward, batch 64');
if (!one) throw new Error('the case is gone');

const zeros = (shape: readonly number[]): Float32Array => new Float32Array(shape.reduce((a, b) => a * b, 1));
const data: CaseData = {
  inputs: Object.values(one.inputs).map(zeros),
  weights: new Map(Object.entries(one.weights).map(([path, shape]) => [path, zeros(shape)])),
  labels: new Int32Array(0),
};

async function engine(): Promise<Engine> {
  const peer = peersInNode[name];
  if (peer) return peer(1);
  const load = async (): Promise<CompiledModule> => (await import(pathToFileURL(module).href)) as CompiledModule;
  return dlmEngine('dlm', load, { device: 'wasm' });
}

const runner = await (await engine()).open(one, data);
const result = await runner.run();
if (result.length !== 640) throw new Error(`a result of ${result.length} values`);
console.log(peakMemory());
process.exit();
