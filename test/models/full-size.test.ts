// Networks at their published sizes with random weights, on WebAssembly: a forward pass takes the memory that the summary
// predicts, and more layers take no more kernels.
import { afterEach, expect, test } from 'vitest';
import { compile, summarize, type FileHost } from '../../src/index.ts';
import { importModule } from '../runtime/load-module.ts';

interface Net {
  forward(x: object): Promise<Disposable & { data(): Promise<Float32Array> }>;
  dispose(): void;
}
interface NetModule {
  load(options: object): Promise<Net>;
}

const entries = {
  ResNet50: 'forward(x: [b, 3, h, w]) -> [b, 1000]',
  Gpt2: 'forward(x: i32[b, t]) -> [b, t, 50257] requires t <= 1024',
};
type Name = keyof typeof entries;

async function compiled(model: Name, config = '') {
  const text = `import { ${model} } from "std/models"
export model Whole() {
  let net = ${model}(${config})
  export fn ${entries[model]} = net(x)
}
`;
  const host: FileHost = { read: (path) => (path === 'whole.dlm' ? text : undefined), resolve: (_, to) => to };
  const { js, lowered, diagnostics } = await compile(host, 'whole.dlm', { targets: ['wasm'] });
  const program = lowered?.programs.find(({ target }) => target === 'cpu');
  if (js === undefined || !program) throw new Error(diagnostics.map(({ message }) => message).join('; '));
  return { js, graph: lowered?.graph, program };
}

const Memory = WebAssembly.Memory;
const memories: WebAssembly.Memory[] = [];
afterEach(() => {
  WebAssembly.Memory = Memory;
  memories.length = 0;
});

/** Keeps every memory that is made. */
function watchMemories(): void {
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      super(descriptor);
      memories.push(this);
    }
  };
}

const image = { data: Float32Array.from({ length: 3 * 224 * 224 }, (_, at) => Math.sin(at)), shape: [1, 3, 224, 224] };
const text = { data: Int32Array.from({ length: 32 }, (_, at) => 1571 * at), shape: [1, 32] };

test.each<{ model: Name; input: object; dims: Record<string, number>; shape: number }>([
  { model: 'ResNet50', input: image, dims: { b: 1, h: 224, w: 224 }, shape: 1000 },
  { model: 'Gpt2', input: text, dims: { b: 1, t: 32 }, shape: 32 * 50257 },
])('$model runs in the memory that is predicted', async ({ model, input, dims, shape }) => {
  const { js, graph, program } = await compiled(model);
  if (!graph) throw new Error('no graph');
  const { functions } = summarize(graph, program, dims);
  const predicted = functions.find(({ name }) => name.endsWith('.forward'))?.peak.value ?? NaN;
  watchMemories();
  const net = await (await importModule<NetModule>(js)).load({ device: 'wasm', seed: 1, threads: 1 });
  using found = await net.forward(input);
  const values = await found.data();
  expect(values.length).toBe(shape);
  expect(values.every(Number.isFinite)).toBe(true);
  const taken = memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
  net.dispose();
  expect(taken).toBeGreaterThan(0.95 * predicted);
  expect(taken).toBeLessThan(1.1 * predicted);
});

test.each<[Name, (depth: number) => string]>([
  ['Gpt2', (depth) => `depth=${depth}`],
  ['ResNet50', (depth) => `layers=[${Array(4).fill(depth).join(', ')}]`],
])('%s has as many kernels at twice the depth', async (model, config) => {
  const kernels = async (depth: number): Promise<number> =>
    (await compiled(model, config(depth))).program.kernels.length;
  expect(await kernels(6)).toBe(await kernels(3));
});
