// A real Chromium has WebGPU here: a page imports a served module, whose shader adds two vectors.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser, openPage, serveFolder, type StaticServer, type TestBrowser } from '../support/browser.ts';

const moduleText = `
export async function addInShader(n) {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) return { adapter: false };
  const device = await adapter.requestDevice();
  const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module: device.createShaderModule({ code:
    '@group(0) @binding(0) var<storage, read_write> x: array<f32>;' +
    '@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {' +
    '  if (id.x < arrayLength(&x)) { x[id.x] += 0.5 * f32(id.x); } }' }) } });
  const x = device.createBuffer({ size: 4 * n, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
  const out = device.createBuffer({ size: 4 * n, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(x, 0, new Float32Array(n).fill(1));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries: [{ binding: 0, resource: { buffer: x } }] }));
  pass.dispatchWorkgroups(Math.ceil(n / 64));
  pass.end();
  encoder.copyBufferToBuffer(x, 0, out, 0, 4 * n);
  device.queue.submit([encoder.finish()]);
  await out.mapAsync(GPUMapMode.READ);
  const sum = [...new Float32Array(out.getMappedRange())];
  device.destroy();
  return { adapter: true, isolated: crossOriginIsolated, sum };
}`;

describe('WebGPU in Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dlm-browser-'));
  let found: TestBrowser;
  let server: StaticServer;
  beforeAll(async () => {
    writeFileSync(join(folder, 'add.js'), moduleText);
    [found, server] = await Promise.all([launchBrowser(), serveFolder(folder)]);
  });
  afterAll(async () => {
    if ('browser' in found) await found.browser.close();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('adds two vectors in a page', async ({ skip }) => {
    if ('missing' in found) return skip(found.missing);
    const { page, log } = await openPage(found.browser, server);
    const result: unknown = await page.evaluate(`import('/add.js').then((module) => module.addInShader(100))`);
    expect(result).toEqual({ adapter: true, isolated: true, sum: Array.from({ length: 100 }, (_, i) => 1 + i / 2) });
    expect(log).toEqual([]);
  });
});
