// A page of a real Chromium, under a content security policy without eval, loads the emitted MLP, predicts and trains
// on WebGPU and on WASM; the numbers are those of Node.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { emit, lowerModule } from '../../src/compile.ts';
import { launchBrowser, openPage, serveFolder, type StaticServer, type TestBrowser } from '../support/browser.ts';
import { importModule } from './load-module.ts';
import { mlpModule } from './mlp.ts';

/** What `train` below gives. */
interface Report {
  readonly kind: string;
  readonly losses: number[];
  readonly logits: number[];
  readonly evaluated: number;
  readonly sameAgain: boolean;
  readonly error: string;
}

// Runs in the page and in Node.
const trainText = `
export async function train(module, device) {
  const wave = (size, speed) => Float32Array.from({ length: size }, (_, at) => Math.sin(speed * (at + 1) ** 2));
  const batch = { x: wave(35, 1.3), y: wave(21, 0.7) };
  const run = async () => {
    const net = await module.load({ device, seed: 4 });
    const fit = await module.createFitMlp(net, { seed: 9, lr: 0.02 });
    const losses = [];
    for await (const event of fit.run(Array.from({ length: 20 }, () => batch))) if (event.type === 'step') losses.push(event.loss);
    const { logits } = await net.predict(batch.x);
    const report = {
      kind: net.device.kind, losses, logits: [...(await logits.data())], evaluated: (await fit.evaluate([batch])).loss,
      hash: await net.weights.hash(), error: await net.predict([[1]]).catch((error) => error.code),
    };
    fit.dispose();
    net.dispose();
    return report;
  };
  const [first, second] = [await run(), await run()];
  return { ...first, sameAgain: first.hash === second.hash };
}`;

const folder = mkdtempSync(join(tmpdir(), 'dlm-browser-'));
let found: TestBrowser;
let server: StaticServer;
let node: Report;
beforeAll(async () => {
  const { js } = await emit(lowerModule(mlpModule()), 'mlp.dlm');
  const policy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";
  writeFileSync(
    join(folder, 'page.html'),
    `<!doctype html><meta http-equiv="Content-Security-Policy" content="${policy}">`,
  );
  writeFileSync(join(folder, 'mlp.dlm.js'), js);
  writeFileSync(join(folder, 'train.js'), trainText);
  const here = await importModule<{ train(module: object, device: string): Promise<Report> }>(trainText, 'train.mjs');
  node = await here.train(await importModule<object>(js, 'mlp.dlm.mjs'), 'wasm');
  [found, server] = await Promise.all([launchBrowser(), serveFolder(folder)]);
});
afterAll(async () => {
  if ('browser' in found) await found.browser.close();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

for (const [choice, kind] of [
  ['wasm', 'wasm'],
  ['webgpu', 'webgpu'],
  // The GPU of the tests is one in software.
  ['auto', process.env['DLM_GPU'] === 'native' ? 'webgpu' : 'wasm'],
] as const) {
  test(`predicts and trains in Chromium with device ${choice}, with the numbers of Node`, async ({ skip }) => {
    if ('missing' in found) return skip(found.missing);
    const { page, log } = await openPage(found.browser, server);
    await page.goto(`${server.origin}/page.html`);
    const script = `Promise.all([import('/mlp.dlm.js'), import('/train.js')]).then(([module, { train }]) => train(module, '${choice}'))`;
    const report = await page.evaluate<Report>(script);
    expect(report).toMatchObject({ kind, sameAgain: true, error: 'E9101' });
    expect(report.losses).toHaveLength(20);
    report.losses.forEach((loss, at) => expect(loss).toBeCloseTo(node.losses[at] ?? NaN, 4));
    report.logits.forEach((logit, at) => expect(logit).toBeCloseTo(node.logits[at] ?? NaN, 4));
    expect(report.evaluated).toBeCloseTo(node.evaluated, 4);
    expect(report.losses.at(-1)).toBeLessThan(report.losses[0] ?? 0);
    expect(log).toEqual([]);
    await page.close();
  });
}
