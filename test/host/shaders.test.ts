// Texts of shaders: those for people (`--emit wgsl`) are shaders and say which lines they compute, those of modules suit
// their device.
import { expect, test } from 'vitest';
import { printWgsl } from '../../src/codegen/wgsl/print.ts';
import type { Kernel } from '../../src/ir/kernel.ts';
import { compile, shadersText } from '../../src/index.ts';
import { shaderText } from '../../src/runtime/shader.ts';
import { fileHost } from '../support/file-host.ts';
import { requestTestDevice } from '../support/webgpu.ts';
import { importModule } from '../runtime/load-module.ts';

interface Loads {
  load(options: object): Promise<{ forward(x: object): Promise<{ data(): Promise<Float32Array> }> }>;
}

test('every shader is valid by itself, and names its kernel and the lines it came from', async () => {
  const found = await requestTestDevice();
  if ('missing' in found) throw new Error(found.missing);
  const { lowered } = await compile(fileHost, 'test/exec/programs/modes.dlm', { targets: ['webgpu'] });
  const program = lowered?.programs[0];
  if (!program) throw new Error('not compiled');
  const shaders = shadersText(program).split(/^(?=\/\/ kernel )/m);
  expect(shaders).toHaveLength(program.kernels.length);
  for (const [at, code] of shaders.entries()) {
    expect(code).toMatch(new RegExp(`^// kernel ${program.kernels[at]?.name.replaceAll('.', '\\.')}\n`));
    found.device.pushErrorScope('validation');
    const module = found.device.createShaderModule({ code });
    const layout = 'auto';
    await found.device.createComputePipelineAsync({ layout, compute: { module, entryPoint: 'main' } });
    expect(await found.device.popErrorScope()).toBeNull();
  }
  // Key schedules come from no line.
  const placed = shaders.filter((code) => /^\/\/ {3}\S*modes\.dlm:\d+ {2}\S/m.test(code));
  expect(placed.length).toBeGreaterThan(shaders.length / 2);
  found.device.destroy();
});

test('a pipeline has all bindings of its kernel, also those that nothing reads', async () => {
  const found = await requestTestDevice();
  if ('missing' in found) throw new Error(found.missing);
  const { device } = found;
  const kernel: Kernel = {
    name: 'idle',
    target: 'gpu',
    buffers: ['x', 'y'].map((name) => ({ name, dtype: 'f32', access: 'read' })),
    params: ['n'],
    scalars: [{ name: 'lr', type: 'f32' }],
    arrays: [],
    workgroup: [64, 1, 1],
    body: [],
    origin: [],
  };
  const code = shaderText(printWgsl(kernel, ['read', 'read']));
  const pipeline = device.createComputePipeline({
    layout: 'auto',
    compute: { module: device.createShaderModule({ code }), entryPoint: 'main' },
  });
  const buffer = (usage: number) => ({ buffer: device.createBuffer({ size: 16384, usage }) });
  device.pushErrorScope('validation');
  device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [128, 128, 64, 64].map((usage, binding) => ({ binding, resource: buffer(usage) })),
  });
  expect(await device.popErrorScope()).toBeNull();
  device.destroy();
});

test('a module writes its kernels by what its device offers', async () => {
  const source = 'export model Soft() { export fn forward(x: [b, 100]) -> [b, 100] = softmax(x, axis=-1) }';
  const { js = '' } = await compile({ ...fileHost, read: () => source }, 'soft.dlm', { targets: ['webgpu'] });
  const module = await importModule<Loads>(js, 'soft.dlm.mjs');
  for (const requiredFeatures of [[], ['subgroups']] satisfies GPUFeatureName[][]) {
    const found = await requestTestDevice({ requiredFeatures });
    if ('missing' in found) throw new Error(found.missing);
    const { device } = found;
    const texts: string[] = [];
    const create = device.createShaderModule.bind(device);
    device.createShaderModule = (given) => {
      texts.push(given.code);
      return create(given);
    };
    const net = await module.load({ device });
    const rows = await (await net.forward({ data: new Float32Array(300), shape: [3, 100] })).data();
    expect([...rows].every((x) => Math.abs(x - 0.01) < 1e-6)).toBe(true);
    expect(texts.some((text) => text.includes('subgroupShuffleXor'))).toBe(requiredFeatures.length > 0);
    device.destroy();
  }
});
