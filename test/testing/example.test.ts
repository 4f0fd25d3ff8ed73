// examples/testing as a user runs it, by Node's own test runner, on the packages as they are in src/; and its planted
// bug taken away, which the example must notice.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';

const example = 'examples/testing';
mkdirSync('node_modules/.cache', { recursive: true });
const folder = mkdtempSync(resolve('node_modules/.cache/dlm-example-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function bundled(name: string, change: (text: string) => string): Promise<string> {
  const outfile = join(folder, name);
  await build({
    stdin: {
      contents: change(readFileSync(join(example, 'causal-mean.test.mjs'), 'utf8')),
      resolveDir: example,
      loader: 'js',
    },
    alias: { dlm: resolve('src/index.ts'), 'dlm/testing': resolve('src/testing.ts') },
    external: ['fast-check'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'warning',
  });
  return outfile;
}

const node = (file: string): { code: number | null; stdout: string } => {
  const { status, stdout } = spawnSync(process.execPath, ['--test-reporter=tap', '--test', file], { encoding: 'utf8' });
  return { code: status, stdout };
};

beforeAll(() => copyFileSync(join(example, 'causal-mean.dlm'), join(folder, 'causal-mean.dlm')));

test('passes as it stands', async () => {
  const { code, stdout } = node(await bundled('example.test.mjs', (text) => text));
  expect(code, stdout).toBe(0);
  expect(stdout).toContain('# pass 4');
});

test('fails where the bug is not planted, or is in the layer itself', async () => {
  const fixed = node(await bundled('fixed.test.mjs', (text) => text.replace('j - k + 1]', 'j - k]')));
  expect(fixed.stdout).toContain('# fail 1');
  const broken = node(
    await bundled('broken.test.mjs', (text) => text.replace("'utf8')", "'utf8').replace('j - k]', 'j - k + 1]')")),
  );
  expect(broken.stdout).toMatch(/not ok \d+ - the layer is causal/);
});
