// Real GPU devices for tests: Dawn in Node on SwiftShader or on a GPU. The driver's variables are set by
// vitest.config.ts before the workers start.
import { createRequire } from 'node:module';

interface DawnModule {
  create(options: string[]): GPU;
  globals: Record<string, unknown>;
}

/** A device, or the reason why there is none on this machine. */
export type TestDevice =
  { readonly gpu: GPU; readonly adapter: GPUAdapter; readonly device: GPUDevice } | { readonly missing: string };

/**
 * Opens Dawn and puts WebGPU's classes and constants (GPUBufferUsage, …) on globalThis; undefined if not installed.
 * SwiftShader spends seconds unrolling the zero-fill of workgroup memory; our kernels write it before they read it.
 */
export function openDawn(options = ['enable-dawn-features=disable_workgroup_init']): GPU | undefined {
  try {
    const dawn = createRequire(import.meta.url)('webgpu') as DawnModule;
    Object.assign(globalThis, dawn.globals);
    return dawn.create(options);
  } catch {
    return undefined;
  }
}

/**
 * A new device. Destroy it when done: undestroyed devices hold their memory until the process ends.
 * @param descriptor passed to `requestDevice`; without one the device has f16 and subgroups where the adapter does
 */
export async function requestTestDevice(descriptor?: GPUDeviceDescriptor): Promise<TestDevice> {
  const gpu = openDawn();
  if (gpu === undefined) return { missing: 'the npm package webgpu does not load here' };
  const adapter = await gpu.requestAdapter();
  if (adapter === null) return { missing: process.env['DLM_NO_SWIFTSHADER'] ?? 'Dawn found no adapter' };
  const requiredFeatures = (['shader-f16', 'subgroups'] as const).filter((feature) => adapter.features.has(feature));
  return { gpu, adapter, device: sharePipelines(await adapter.requestDevice(descriptor ?? { requiredFeatures })) };
}

// Dawn ends the process where the garbage collector takes a GPU whose devices are still there.
interface Checker {
  readonly gpu: GPU;
  readonly device: GPUDevice;
}
let checker: Promise<Checker> | undefined;

async function openChecker(): Promise<Checker> {
  const gpu = openDawn(['backend=null']);
  const adapter = await gpu?.requestAdapter();
  if (!gpu || !adapter) throw new Error('the npm package webgpu does not load here');
  return { gpu, device: await adapter.requestDevice({ requiredFeatures: ['shader-f16', 'subgroups'] }) };
}

/** What is wrong with a shader on a device that has f16 and subgroups, checks what it is given, and runs nothing. */
export async function shaderErrors(code: string): Promise<string[]> {
  const { device } = await (checker ??= openChecker());
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ code });
  device.createComputePipeline({ layout: 'auto', compute: { module } });
  const error = await device.popErrorScope();
  return error ? [error.message] : [];
}

// SwiftShader takes tens of milliseconds for a pipeline, and programs have many kernels in common.
function sharePipelines(device: GPUDevice): GPUDevice {
  const codes = new WeakMap<GPUShaderModule, string>();
  const pipelines = new Map<string, Promise<GPUComputePipeline>>();
  const original = {
    shader: device.createShaderModule.bind(device),
    pipeline: device.createComputePipelineAsync.bind(device),
  };
  return Object.assign(device, {
    createShaderModule: (given: GPUShaderModuleDescriptor) => {
      const shader = original.shader(given);
      codes.set(shader, given.code);
      return shader;
    },
    createComputePipelineAsync: (given: GPUComputePipelineDescriptor) => {
      const code = codes.get(given.compute.module);
      if (code === undefined || given.layout !== 'auto') return original.pipeline(given);
      const key = `${given.compute.entryPoint ?? ''} ${JSON.stringify(given.compute.constants ?? {})} ${code}`;
      const pipeline = pipelines.get(key) ?? original.pipeline(given);
      pipelines.set(key, pipeline);
      return pipeline;
    },
  });
}
