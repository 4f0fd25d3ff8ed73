// Teams of invocations that combine what they have: the kernel interpreter, the device without and with its subgroups,
// and with subgroups of all sizes that WebGPU allows, which an exchange through memory plays.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { interpretKernel } from '../../src/ir/kernel-interpreter.ts';
import { parseKernel, printKernel } from '../../src/ir/kernel-text.ts';
import { combineOps, type CombineOp, type Kernel, type KernelExpr } from '../../src/ir/kernel.ts';
import { requestTestDevice, type TestDevice } from '../support/webgpu.ts';
import { wgslOf } from './run-on-device.ts';

let found: TestDevice;
beforeAll(async () => {
  found = await requestTestDevice();
});
afterAll(() => {
  if ('device' in found) found.device.destroy();
});

const groups = 2;

type Type = 'f32' | 'i32' | 'u32';

/** b1[n] = the elements of b0 of the team of n, combined. */
function kernelOf(op: CombineOp, type: Type, workgroup: number, team: number): Kernel {
  const name = (of: string): KernelExpr => ({ kind: 'name', type: 'i32', width: 1, name: of });
  const binary = (binaryOp: 'add' | 'mul', a: KernelExpr, b: KernelExpr): KernelExpr => ({
    kind: 'binary',
    type: 'i32',
    width: 1,
    op: binaryOp,
    a,
    b,
  });
  const size: KernelExpr = { kind: 'const', type: 'i32', width: 1, value: workgroup };
  const at = binary('add', binary('mul', name('%wx'), size), name('%lx'));
  return {
    name: 'teams',
    target: 'gpu',
    buffers: [
      { name: 'b0', dtype: type, access: 'read' },
      { name: 'b1', dtype: type, access: 'write' },
    ],
    params: [],
    scalars: [],
    arrays: [{ name: 'a0', space: 'workgroup', type, size: workgroup }],
    workgroup: [workgroup, 1, 1],
    body: [
      { kind: 'var', name: 'x', init: { kind: 'load', type, width: 1, buffer: 'b0', index: at } },
      { kind: 'combine', name: 'x', op, team, array: 'a0' },
      { kind: 'store', buffer: 'b1', index: at, value: { kind: 'name', type, width: 1, name: 'x' } },
    ],
    origin: [],
  };
}

const memory = { f32: Float32Array, i32: Int32Array, u32: Uint32Array } as const;

// Numbers whose combinations are exact in every order.
const sampleOf = (op: CombineOp, type: Type, size: number): number[] =>
  Array.from({ length: size }, (_, n) => {
    const x = (n * 29 + 7) % 31;
    if (type === 'f32') return op === 'mul' ? ([1, -1, 2, 0.5, -0.5, -2][x % 6] ?? 1) : (x - 15) / 8;
    return op === 'and' ? 0xffff & ~(1 << (x % 16)) : type === 'i32' ? x - 15 : x;
  });

function interpreted(kernel: Kernel, type: Type, x: readonly number[]): number[] {
  const buffers = [memory[type].from(x), new memory[type](x.length)];
  interpretKernel(kernel, { buffers, params: [], scalars: [], grid: [groups, 1, 1] });
  return [...(buffers[1] ?? [])];
}

async function computed(device: GPUDevice, code: string, type: Type, x: readonly number[]): Promise<number[]> {
  const module = device.createShaderModule({ code });
  const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute: { module } });
  const size = x.length * 4;
  const [from, to] = [128 | 8, 128 | 4].map((usage) => device.createBuffer({ size, usage }));
  const back = device.createBuffer({ size, usage: 1 | 8 });
  if (!from || !to) throw new Error('no buffers');
  device.queue.writeBuffer(from, 0, memory[type].from(x));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const entries = [from, to].map((buffer, binding) => ({ binding, resource: { buffer } }));
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(groups);
  pass.end();
  encoder.copyBufferToBuffer(to, 0, back, 0, size);
  device.queue.submit([encoder.finish()]);
  await back.mapAsync(1);
  const result = [...new memory[type](back.getMappedRange().slice(0))];
  for (const buffer of [from, to, back]) buffer.destroy();
  return result;
}

const subgroups: ReadonlySet<string> = new Set(['subgroups']);

// Subgroups of `size`, whose order is not that of the invocations; what they exchange lies in memory for a while.
const played = (code: string, type: Type, workgroup: number, size: number): string =>
  code
    .replace('enable subgroups;', `const Z=${size}u;var<private>T:u32;var<workgroup>lanes:array<${type},${workgroup}>;`)
    .replace(',@builtin(subgroup_size)Z:u32,@builtin(subgroup_invocation_id)T:u32', '')
    .replace('let W=', `T=(lid.x*5+3)%${Math.min(size, workgroup)};first=lid.x/Z*Z;let W=`)
    .replaceAll('subgroupShuffleXor', 'exchange')
    .concat(
      `var<private>first:u32;fn exchange(x:${type},bits:u32)->${type}{
workgroupBarrier();lanes[first+T]=x;workgroupBarrier();return lanes[first+(T^bits)];}`,
    );

const cases = (['f32', 'i32', 'u32'] as const).flatMap((type) =>
  combineOps.flatMap((op) => (type === 'f32' && (op === 'and' || op === 'or') ? [] : [[op, type] as const])),
);

test.for(cases)('%s of %s, in teams smaller, as large and larger than subgroups', async ([op, type], { skip }) => {
  if ('missing' in found) return skip(found.missing);
  const { device } = found;
  for (const workgroup of [64, 256])
    for (const team of [4, 8, 16, 32, 64, 256].filter((size) => size <= workgroup)) {
      const kernel = kernelOf(op, type, workgroup, team);
      expect(parseKernel(printKernel(kernel))).toEqual(kernel);
      const x = sampleOf(op, type, groups * workgroup);
      const expected = interpreted(kernel, type, x);
      const check = async (what: string, code: string): Promise<void> =>
        expect(await computed(device, code, type, x), `${team} of ${workgroup}, ${what}`).toEqual(expected);
      await check('in memory', wgslOf(kernel));
      if (device.features.has('subgroups')) await check('subgroups', wgslOf(kernel, subgroups));
      // The operation does not matter for how they meet.
      for (const size of op === 'add' ? [4, 8, 16, 32, 64, 128] : [])
        await check(`subgroups of ${size}`, played(wgslOf(kernel, subgroups), type, workgroup, size));
    }
});
