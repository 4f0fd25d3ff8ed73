// WebGPU in Node works at all: two vectors are added by a shader and read back.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requestTestDevice, type TestDevice } from '../support/webgpu.ts';

const shader = /* wgsl */ `
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> sum: array<f32>;
@compute @workgroup_size(64) fn add(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < arrayLength(&sum)) { sum[id.x] = a[id.x] + b[id.x]; }
}`;

async function addOnDevice(device: GPUDevice, a: Float32Array, b: Float32Array): Promise<Float32Array> {
  const upload = (data: Float32Array) => {
    const buffer = device.createBuffer({
      size: data.byteLength,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
    });
    device.queue.writeBuffer(buffer, 0, data.buffer, data.byteOffset, data.byteLength);
    return buffer;
  };
  const size = a.byteLength;
  const sum = device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
  const result = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const pipeline = await device.createComputePipelineAsync({
    layout: 'auto',
    compute: { module: device.createShaderModule({ code: shader }), entryPoint: 'add' },
  });
  const entries = [upload(a), upload(b), sum].map((buffer, binding) => ({ binding, resource: { buffer } }));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(Math.ceil(a.length / 64));
  pass.end();
  encoder.copyBufferToBuffer(sum, 0, result, 0, size);
  device.queue.submit([encoder.finish()]);
  await result.mapAsync(GPUMapMode.READ);
  return new Float32Array(result.getMappedRange().slice(0));
}

describe('WebGPU in Node', () => {
  let found: TestDevice;
  beforeAll(async () => {
    found = await requestTestDevice();
  });
  afterAll(() => {
    if ('device' in found) found.device.destroy();
  });

  test('adds two vectors', async ({ skip }) => {
    if ('missing' in found) return skip(found.missing);
    const a = Float32Array.from({ length: 1000 }, (_, i) => i / 8);
    const b = Float32Array.from({ length: 1000 }, (_, i) => 1000 - i / 4);
    const sum = await addOnDevice(found.device, a, b);
    expect(sum).toEqual(a.map((x, i) => x + (b[i] ?? Number.NaN)));
  });
});
