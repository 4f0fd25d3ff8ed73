// Tests run in two forked workers that share module state per worker; the workers inherit the variables of a software
// Vulkan driver, so that WebGPU tests run on any Linux machine. A GPU of the machine is used with DLM_GPU=native.
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { CountReporter } from './test/support/count-reporter.ts';
import { swiftshader } from './test/support/swiftshader.ts';

if (process.env['DLM_GPU'] !== 'native') {
  const found = swiftshader();
  if ('env' in found) Object.assign(process.env, found.env);
  else process.env['DLM_NO_SWIFTSHADER'] = found.missing;
}

// Minutes each: begun last, one of them would run on while the other worker has nothing left to do.
const slowest = ['examples.test.ts', 'exec.test.ts', 'parity.test.ts'];
class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number =>
      slowest.findIndex((name) => moduleId.endsWith(`/${name}`));
    const sorted = await super.sort(files);
    const first = sorted.filter((file) => rank(file) >= 0).toSorted((a, b) => rank(a) - rank(b));
    return [...first, ...sorted.filter((file) => rank(file) < 0)];
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: SlowestFirst },
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/property-settings.ts', 'test/support/optimize-late.ts'],
    globalSetup: ['test/support/generate-tables.ts'],
    reporters: ['default', new CountReporter()],
    pool: 'forks',
    maxWorkers: 2,
    isolate: false,
    // Much is made and soon let go of: collecting the young less often copies less.
    execArgv: ['--min-semi-space-size=32', '--max-semi-space-size=64'],
    // Only what hangs: a busy machine is no fault.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    passWithNoTests: false,
  },
  define: { __DLM_VERSION__: JSON.stringify('test') },
});
