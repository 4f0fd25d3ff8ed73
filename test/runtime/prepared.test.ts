// What depends on weights alone is computed in the first call, for every binding of the dims, and again where weights
// have changed: by a set, a file, a step of training.
import { afterAll, describe, expect, test } from 'vitest';
import type { TargetProgram } from '../../src/ir/plan.ts';
import { compile } from '../../src/index.ts';
import { compileFile } from '../support/exec.ts';
import { fileHost } from '../support/file-host.ts';
import { requestTestDevice } from '../support/webgpu.ts';
import { importModule } from './load-module.ts';

interface Result {
  data(): Promise<Float32Array>;
}
interface Net {
  forward(x: unknown, options?: object): Promise<Result>;
  weights: {
    get(path: string): Promise<Result>;
    set(path: string, value: unknown): void;
    save(): Promise<Uint8Array>;
    load(bytes: Uint8Array): Promise<void>;
  };
  dispose(): void;
}
interface Module {
  load(options: object): Promise<Net>;
  createFit(net: Net): Promise<{ step(batch: object): Promise<object>; dispose(): void }>;
}

const { js, lowered } = await compileFile('test/exec/programs/prepared.dlm');
const module = await importModule<Module>(js, 'prepared.dlm.mjs');
const found = await requestTestDevice();
afterAll(() => {
  if ('device' in found) found.device.destroy();
});

const wave = (shape: readonly number[], step: number): { data: Float32Array; shape: readonly number[] } => ({
  data: Float32Array.from({ length: shape.reduce((a, n) => a * n, 1) }, (_, at) => Math.sin(at * step)),
  shape,
});
const input = (n: number): object => wave([n, 16, 8, 8], 0.37);

const prepares = ({ plans }: TargetProgram): [string, number][] =>
  plans.map(({ name, steps: [first] }) => [name, first?.kind === 'prepare' ? first.body.length : 0]);

test('only entries prepare: the norm on both targets, combinations and panels on the CPU', () => {
  const [gpu, cpu] = lowered.programs.map((program) => prepares(program).filter(([, count]) => count > 0));
  expect(gpu).toEqual([['Net.forward', 1]]);
  expect(cpu).toEqual([['Net.forward', 3]]);
});

const chat = `import { Conv2d } from "std/nn"
export model Chat() {
  let conv = Conv2d(16, 16, 3, padding=1)
  cache seen: [16] = zeros()
  export fn step(x: [n, 16, 8, 8]) -> [n, 16] {
    update seen = seen + mean(x, axis=[0, 2, 3])
    mean(conv(x), axis=[2, 3]) + seen
  }
}
`;

test('what changes caches alone leaves alone what was prepared', async () => {
  const files = { ...fileHost, read: (path: string) => (path === 'chat.dlm' ? chat : fileHost.read(path)) };
  const made = await compile(files, 'chat.dlm', { targets: ['wasm'] });
  expect(made.lowered?.programs.flatMap(prepares)).toContainEqual(['Chat.step', 1]);
  expect(made.js?.match(/writes: true/g)).toHaveLength(1);
});

test.skipIf('missing' in found)('a timed call reports what it ran', async () => {
  if ('missing' in found) return;
  const timed = await compile(fileHost, 'test/exec/programs/prepared.dlm', { profile: true, targets: ['webgpu'] });
  const net = await (await importModule<Module>(timed.js ?? '')).load({ device: found.device });
  const reports: { readonly kernels: readonly { readonly name: string }[] }[] = [];
  const profile = (report: (typeof reports)[number]): void => void reports.push(report);
  for (let call = 0; call < 2; call++) await net.forward(input(2), { profile });
  const [first = [], second = []] = reports.map(({ kernels }) => kernels.map(({ name }) => name));
  expect(second).toEqual(first.slice(1));
  net.dispose();
});

describe.each([
  { kind: 'wasm', device: 'wasm' as unknown, missing: undefined },
  'device' in found
    ? { kind: 'webgpu', device: found.device as unknown, missing: undefined }
    : { kind: 'webgpu', device: undefined, missing: found.missing },
])('on $kind', ({ device, missing }) => {
  const forward = async (net: Net, n: number): Promise<number[]> => [...(await (await net.forward(input(n))).data())];

  // As a model that has seen nothing but these weights computes it.
  const afresh = async (net: Net, n: number): Promise<number[]> => {
    const other = await module.load({ device, weights: await net.weights.save() });
    const result = await forward(other, n);
    other.dispose();
    return result;
  };

  test.skipIf(missing !== undefined)('every change of weights is seen', async () => {
    const net = await module.load({ device, seed: 3 });
    const before = await forward(net, 2);
    expect(await forward(net, 2)).toEqual(before);
    expect((await forward(net, 3)).slice(0, 2 * 2732)).toEqual(before);
    const saved = await net.weights.save();

    net.weights.set('normed.v', wave([12, 16], 0.71));
    const set = await forward(net, 2);
    expect(set).not.toEqual(before);
    expect(set).toEqual(await afresh(net, 2));
    expect((await forward(net, 3)).slice(0, 2 * 2732)).toEqual(set);

    await net.weights.load(saved);
    expect(await forward(net, 2)).toEqual(before);

    const fit = await module.createFit(net);
    await fit.step({ x: input(2), y: wave([2, 2732], 0.9) });
    const trained = await forward(net, 2);
    expect(trained).not.toEqual(before);
    expect(trained).toEqual(await afresh(net, 2));
    fit.dispose();
    net.dispose();
  });

  test.skipIf(missing !== undefined)('models of one program on one device keep theirs apart', async () => {
    const [a, b] = [await module.load({ device, seed: 1 }), await module.load({ device, seed: 2 })];
    const [first, second] = [await forward(a, 2), await forward(b, 2)];
    expect(second).not.toEqual(first);
    expect(await forward(a, 2)).toEqual(first);
    expect(await forward(b, 2)).toEqual(second);
    a.dispose();
    b.dispose();
  });
});
