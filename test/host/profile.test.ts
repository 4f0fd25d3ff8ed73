// Timed calls, and the loss of a GPU: pending calls reject, `reload` opens another device that models share again.
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { importModule } from '../runtime/load-module.ts';
import { compile } from '../../src/index.ts';
import { fileHost } from '../support/file-host.ts';
import { openDawn, requestTestDevice } from '../support/webgpu.ts';
import { typeErrors } from '../types/type-errors.ts';

interface Kernel {
  readonly name: string;
  readonly from: readonly string[];
  readonly workgroups: number;
  readonly ms?: number;
}
interface Profile {
  readonly entry: string;
  readonly device: string;
  readonly ms: number;
  readonly kernels: readonly Kernel[];
}
interface Tensor {
  data(): Promise<ArrayLike<number>>;
}
interface Mlp {
  readonly device: { readonly kind: string; readonly backend: { readonly gpu?: GPUDevice } };
  forward(x: unknown, options?: object): Promise<Tensor>;
  reload(options?: object): Promise<Mlp>;
  readonly weights: { hash(): Promise<string> };
  dispose(): void;
}
interface MlpModule {
  readonly meta: { readonly kernels?: readonly Kernel[] };
  load(options?: object): Promise<Mlp>;
}

const set = { 'Mlp.inputs': '24', 'Mlp.hidden': '16' };
const x = { data: Float32Array.from({ length: 5 * 24 }, (_, at) => Math.sin(at)), shape: [5, 24] };
let module: MlpModule;
let dts = '';
beforeAll(async () => {
  const compiled = await compile(fileHost, 'test/exec/programs/mlp.dlm', { profile: true, set });
  module = await importModule<MlpModule>(compiled.js ?? '');
  dts = compiled.dts ?? '';
});
afterEach(() => void vi.unstubAllGlobals());

const profiled = async (net: Mlp): Promise<[Profile, number[]]> => {
  const reports: Profile[] = [];
  const y = await net.forward(x, { profile: (report: Profile) => void reports.push(report) });
  const [report] = reports;
  if (!report || reports.length > 1) throw new Error(`${reports.length} reports`);
  return [report, Array.from(await y.data())];
};

describe('profile', () => {
  test('times every kernel where the GPU has timestamps, and changes no result', async () => {
    const found = await requestTestDevice({ requiredFeatures: ['timestamp-query'] });
    if ('missing' in found) throw new Error(found.missing);
    const net = await module.load({ device: found.device, seed: 2 });
    const [report, y] = await profiled(net);
    expect(report).toMatchObject({ entry: 'forward', device: 'webgpu' });
    expect(report.kernels.length).toBeGreaterThanOrEqual(2);
    for (const { name, from, workgroups, ms } of report.kernels) {
      expect(name).toMatch(/^[\w.]+$/);
      expect(from.some((place) => /(^|\/)mlp\.dlm:1\d$/.test(place))).toBe(true);
      expect(workgroups).toBeGreaterThan(0);
      expect(ms).toBeGreaterThanOrEqual(0);
    }
    expect(report.kernels.reduce((sum, { ms = NaN }) => sum + ms, 0)).toBeLessThan(report.ms * 1.5 + 5);
    expect(y).toEqual(Array.from(await (await net.forward(x)).data()));
    net.dispose();
    found.device.destroy();
  });

  test('names the kernels of other GPUs, and times whole calls on WebAssembly', async () => {
    const found = await requestTestDevice();
    if ('missing' in found) throw new Error(found.missing);
    const net = await module.load({ device: found.device });
    const [{ kernels }] = await profiled(net);
    expect(kernels.length).toBeGreaterThanOrEqual(2);
    expect(kernels.every(({ ms }) => ms === undefined)).toBe(true);
    net.dispose();
    found.device.destroy();
    const cpu = await module.load({ device: 'wasm' });
    const [report] = await profiled(cpu);
    expect(report).toMatchObject({ device: 'wasm', kernels: [], ms: expect.any(Number) as number });
    cpu.dispose();
  });

  test('meta has the same names and places', async () => {
    expect(module.meta.kernels?.length).toBeGreaterThan(4);
    for (const { name, from } of module.meta.kernels ?? []) {
      expect(name).toMatch(/^[\w.]+$/);
      for (const place of from) expect(place).toMatch(/^(mlp\.dlm|std\/[\w./-]+):\d+$/);
    }
  });

  test('is declared, only where it is compiled in', async () => {
    const user = `import { load, type Profile } from './line.dlm.js';
const all: Profile[] = [];
await (await load()).forward(new Float32Array(24), { seed: 1, profile: (each) => void all.push(each) });
all[0]?.kernels[0]?.ms?.toFixed();
`;
    expect(await typeErrors(dts, user)).toEqual([]);
    const plain = await compile(fileHost, 'test/exec/programs/mlp.dlm', { set });
    expect(await typeErrors(plain.dts ?? '', user)).toContain('user.ts:1 TS2305');
    expect(plain.js).not.toContain('createQuerySet');
  });
});

describe('a GPU that is lost', () => {
  test('rejects calls that are running', async () => {
    const found = await requestTestDevice();
    if ('missing' in found) throw new Error(found.missing);
    const net = await module.load({ device: found.device });
    const y = await net.forward(x);
    const [reading, hashing] = [y.data(), net.weights.hash()];
    found.device.destroy();
    await expect(reading).rejects.toMatchObject({ code: 'E9107' });
    await expect(hashing).rejects.toMatchObject({ code: 'E9107' });
    await expect(net.forward(x)).rejects.toMatchObject({ code: 'E9107' });
  });

  test('is replaced by reload, for all models that shared it', async () => {
    vi.stubGlobal('navigator', { gpu: openDawn() });
    const [a, b] = await Promise.all([module.load({ device: 'webgpu', seed: 3 }), module.load({ device: 'webgpu' })]);
    expect(a.device).toBe(b.device);
    const hash = await a.weights.hash();
    a.device.backend.gpu?.destroy();
    await a.device.backend.gpu?.lost;
    const again = await a.reload();
    const other = await b.reload({ seed: 3 });
    expect(again.device.kind).toBe('webgpu');
    expect(again.device).not.toBe(a.device);
    expect(other.device).toBe(again.device);
    expect([await again.weights.hash(), await other.weights.hash()]).toEqual([hash, hash]);
    await expect(a.forward(x)).rejects.toMatchObject({ code: 'E9106' });
    again.dispose();
    other.dispose();
  });
});
