// Scatters whose updates read more tensors than a kernel binds, once ids and order of sorted updates join them.
import { expect, test } from 'vitest';
import { compile } from '../../src/index.ts';
import { fileHost } from '../support/file-host.ts';

test('updates of a scatter go to a temporary first', { timeout: 60_000 }, async () => {
  const { js, diagnostics } = await compile(fileHost, 'test/exec/programs/ctc.dlm', { targets: ['webgpu'] });
  expect(diagnostics).toEqual([]);
  expect(js).toBeDefined();
});
