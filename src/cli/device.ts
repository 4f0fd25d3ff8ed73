// Which device a command runs on: a real GPU where there is one (Node reaches it through the optional package
// `webgpu`), WebAssembly otherwise.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messages } from '../index.ts';
import type { Console } from './console.ts';
import { Failure } from './failure.ts';
import type { Flags } from './flags.ts';

/** A device to load models on. Keep `gpu` alive as long as the device is used. */
export type ChosenDevice =
  | { readonly target: 'wasm'; readonly device: 'wasm'; readonly name: string; close(): void }
  | { readonly target: 'webgpu'; readonly device: GPUDevice; readonly gpu: GPU; readonly name: string; close(): void };

/** The device of `--device auto|webgpu|wasm`. @throws Failure E0804 where webgpu was asked for and there is none */
export async function chooseDevice(console: Console, flags: Flags): Promise<ChosenDevice> {
  const choice = flags.choice('device', ['auto', 'webgpu', 'wasm']);
  if (choice === 'wasm') return wasm;
  const found = choice === 'webgpu' || mayHaveGpu() ? await openGpu(choice === 'webgpu') : 'this machine shows no GPU';
  if (typeof found !== 'string') return found;
  if (choice === 'webgpu') {
    const helps = [{ text: '`--device wasm` runs on the CPU' }];
    throw new Failure(messages.E0804(null, { target: 'webgpu', reason: found }, { helps }));
  }
  if (flags.on('verbose')) console.note(`running on WebAssembly: ${found}`);
  return wasm;
}

const wasm: ChosenDevice = { target: 'wasm', device: 'wasm', name: 'WebAssembly', close: () => {} };

// Dawn complains on the terminal where there is no Vulkan at all, so nobody is asked who cannot have a GPU.
function mayHaveGpu(): boolean {
  if (process.platform !== 'linux') return true;
  const nodes = ['/dev/dri', '/dev/nvidia0', '/dev/dxg', '/dev/mali0', '/dev/kgsl-3d0'];
  return (
    process.env['VK_ICD_FILENAMES'] !== undefined ||
    process.env['VK_DRIVER_FILES'] !== undefined ||
    nodes.some((path) => existsSync(path))
  );
}

// A software driver is for tests: it is slower than WebAssembly, so only those who ask for it get it.
async function openGpu(acceptSoftware: boolean): Promise<ChosenDevice | string> {
  const gpu = await gpuOfProcess();
  if (typeof gpu === 'string') return gpu;
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return 'no GPU adapter was found';
  const isSoftware =
    adapter.info.isFallbackAdapter ||
    /swiftshader|llvmpipe/i.test(`${adapter.info.architecture} ${adapter.info.description}`);
  if (isSoftware && !acceptSoftware) return 'the only GPU is a software one';
  const features = (['shader-f16', 'subgroups', 'timestamp-query'] as GPUFeatureName[]).filter((name) =>
    adapter.features.has(name),
  );
  const { maxBufferSize, maxStorageBufferBindingSize, maxComputeWorkgroupStorageSize } = adapter.limits;
  const device = await adapter.requestDevice({
    requiredFeatures: features,
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize, maxComputeWorkgroupStorageSize },
  });
  return { target: 'webgpu', device, gpu, name: adapterName(adapter.info), close: () => device.destroy() };
}

async function gpuOfProcess(): Promise<GPU | string> {
  const own = (globalThis.navigator as Navigator | undefined)?.gpu;
  if (own !== undefined) return own;
  try {
    const dawn = await importDawn();
    Object.assign(globalThis, dawn.globals);
    // Kernels write workgroup memory before they read it; zeroing it costs software drivers seconds per pipeline.
    return dawn.create(['enable-dawn-features=disable_workgroup_init']);
  } catch {
    return 'Node has no WebGPU of its own, and the package `webgpu` is not installed (npm install webgpu)';
  }
}

interface Dawn {
  create(options: string[]): GPU;
  readonly globals: object;
}

// Beside this package, or in the project that it is run for.
async function importDawn(): Promise<Dawn> {
  const packageName = 'webgpu';
  try {
    return (await import(packageName)) as Dawn;
  } catch {
    const path = createRequire(resolve('package.json')).resolve(packageName);
    return (await import(pathToFileURL(path).href)) as Dawn;
  }
}

const adapterName = ({ description, device, vendor }: GPUAdapterInfo): string =>
  description || device || vendor || 'WebGPU';
