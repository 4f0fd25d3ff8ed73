// Layers, losses, optimizers and schedules of the standard library against PyTorch, on WASM and WebGPU:
// outputs, gradients of inputs and of every parameter, buffers. DLM_PARITY=conv runs one family.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requestTestDevice } from '../support/webgpu.ts';
import { checkCase, compileCase, type CompiledCase } from './check.ts';
import { casesOf, families } from './fixture.ts';

const devices: Record<string, unknown> = { wasm: 'wasm' };
let release = (): void => {};

beforeAll(async () => {
  const found = await requestTestDevice();
  if ('missing' in found) throw new Error(`WebGPU is missing: ${found.missing}`);
  devices['webgpu'] = found.device;
  release = () => found.device.destroy();
});
afterAll(() => release());

const chosen = process.env['DLM_PARITY']?.split(',') ?? families;

describe.each(chosen)('%s', (family) => {
  const compiled = new Map<string, Promise<CompiledCase>>();
  describe.each(casesOf(family).map((one) => [one.name, one] as const))('%s', (name, one) => {
    for (const device of ['wasm', 'webgpu']) {
      test(`equals PyTorch on ${device}`, async () => {
        const program = compiled.get(name) ?? compileCase(one);
        compiled.set(name, program);
        expect((await checkCase(await program, devices[device])).slice(0, 6).join('\n')).toBe('');
      });
    }
  });
});
