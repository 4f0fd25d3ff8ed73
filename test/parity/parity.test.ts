// Layers, losses, optimizers and schedules of the standard library against PyTorch, on WASM and WebGPU:
// outputs, gradients of inputs and of every parameter, buffers. DLM_PARITY=conv runs one family.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requestTestDevice } from '../support/webgpu.ts';
import { checkCase, compileCase, type CompiledCase } from './check.ts';
import { casesOf, families, type ParityCase } from './fixture.ts';

const devices: Record<string, unknown> = { wasm: 'wasm' };
let release = (): void => {};

beforeAll(async () => {
  // Other suites have a device with subgroups.
  const found = await requestTestDevice({});
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

describe('what is planted is found', () => {
  const wrong = async (one: ParityCase): Promise<string> =>
    (await checkCase(await compileCase(one), 'wasm')).slice(0, 3).join('\n');
  const named = (family: string, name: string): ParityCase => {
    const found = casesOf(family).find((one) => one.name === name);
    if (!found) throw new Error(`${family} has no case ${name}`);
    return found;
  };

  test('one gradient that is off by 1 in 1,000', async () => {
    const one = named('dense', 'Embedding');
    if (one.kind !== 'layer') throw new Error('no layer');
    const off = Object.entries(one.gradients).map(([path, x]) => {
      const data = x.data.map((v, at) => (at === x.data.findIndex((g) => g !== 0) ? v * 1.001 : v));
      return [path, { ...x, data }] as const;
    });
    expect(await wrong({ ...one, gradients: Object.fromEntries(off) })).toMatch(/^gradient of m\.weight/);
  });

  test('a distribution that is narrower by a twentieth', async () => {
    const one = named('init', 'kaiming_normal()');
    if (one.kind !== 'initialiser') throw new Error('no initialiser');
    expect(await wrong({ ...one, initialiser: 'kaiming_normal(a=0.33)' })).toContain('below the quantile');
  });
});
