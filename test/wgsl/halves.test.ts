// Shaders of programs that compute in f16, as they are on devices with f16 and without: WebGPU's own checks of them.
import { expect, test } from 'vitest';
import { printWgsl } from '../../src/codegen/wgsl/print.ts';
import { shaderOn } from '../../src/shader-text.ts';
import { compileFile } from '../support/exec.ts';
import { shaderErrors } from '../support/webgpu.ts';

test.each(['f16', 'f16-mlp', 'tiny-gpt-f16'])('the shaders of %s are valid with f16 and without', async (name) => {
  const { lowered } = await compileFile(`test/exec/programs/${name}.dlm`, ['webgpu']);
  const kernels = lowered.programs.flatMap((program) => program.kernels);
  const own = kernels.filter(({ buffers }) => buffers.some(({ dtype }) => dtype === 'f16'));
  expect(own.length).toBeGreaterThan(0);
  for (const kernel of own) {
    const access = kernel.buffers.map((buffer) => (buffer.access === 'read' ? 'read' : 'read_write'));
    const printed = printWgsl(kernel, access);
    for (const features of [[], ['shader-f16'], ['shader-f16', 'subgroups']]) {
      const code = shaderOn(printed, new Set(features));
      expect(await shaderErrors(code), `${kernel.name} with ${features.join()}\n${code}`).toEqual([]);
    }
  }
});
