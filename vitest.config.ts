// Tests run in two forked workers that share module state per worker; the workers inherit the variables of a software
// Vulkan driver, so that WebGPU tests run on any Linux machine. A GPU of the machine is used with DLM_GPU=native.
import { defineConfig } from 'vitest/config';
import { CountReporter } from './test/support/count-reporter.ts';
import { swiftshader } from './test/support/swiftshader.ts';

if (process.env['DLM_GPU'] !== 'native') {
  const found = swiftshader();
  if ('env' in found) Object.assign(process.env, found.env);
  else process.env['DLM_NO_SWIFTSHADER'] = found.missing;
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/property-settings.ts'],
    globalSetup: ['test/support/generate-tables.ts'],
    reporters: ['default', new CountReporter()],
    pool: 'forks',
    maxWorkers: 2,
    isolate: false,
    // Only what hangs: a busy machine is no fault.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    passWithNoTests: false,
  },
  define: { __DLM_VERSION__: JSON.stringify('test') },
});
