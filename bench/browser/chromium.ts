// The same comparison in a headless Chromium: on WebGPU, where SwiftShader computes, and on WebAssembly. Times on a
// software GPU say little about a real one; the counts of a steady run carry over.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import { launchBrowser, openPage, serveFolder, type StaticServer } from '../../test/support/browser.ts';
import { cases } from '../comparison/cases.ts';
import type { Case } from '../comparison/case.ts';
import { comparedRow } from '../comparison/compared.ts';
import type { Timing } from '../comparison/rounds.ts';
import { compiledCase } from '../engines/compiled.ts';
import { installPeers, peersFolder } from '../engines/installed.ts';
import type { Row, RunOptions, Workload } from '../workload.ts';
import type { BenchPage, PageSettings } from './page.ts';

const root = resolve('node_modules', '.cache');
const peers = peersFolder.slice(root.length);

declare const dlmBench: BenchPage;

// Scripts that make the global `tf`, by device.
const tfScripts = {
  webgpu: ['@tensorflow/tfjs/dist/tf.min.js', '@tensorflow/tfjs-backend-webgpu/dist/tf-backend-webgpu.min.js'],
  wasm: ['@tensorflow/tfjs/dist/tf.min.js', '@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.min.js'],
} as const;

async function openBench(page: Page, folder: string, settings: PageSettings): Promise<void> {
  const outfile = join(folder, 'page.js');
  await build({ entryPoints: ['bench/browser/page.ts'], outfile, bundle: true, format: 'esm', logLevel: 'warning' });
  await page.addScriptTag({ url: `/${basename(folder)}/page.js`, type: 'module' });
  await page.waitForFunction(() => 'dlmBench' in globalThis);
  // A peer that is not installed is missing in the page too.
  for (const script of tfScripts[settings.device])
    await page.addScriptTag({ url: `${peers}/${script}` }).catch(() => undefined);
  await page.evaluate((given) => dlmBench.open(given), settings);
}

async function compareInPage(
  page: Page,
  folder: string,
  one: Case,
  at: number,
  settings: PageSettings,
  quick: boolean,
) {
  const file = `case-${at}.js`;
  writeFileSync(join(folder, file), await compiledCase(one, settings.device, settings.threads));
  const budget = quick ? 500 : 4000;
  const results: [string, Timing][] = await page.evaluate(
    ([name, path, options]) => dlmBench.compare(name, path, options),
    [one.name, `/${basename(folder)}/${file}`, { budget, quick }] as const,
  );
  return new Map(results);
}

/** The rows of cases in a page of their own. */
async function* compareInChromium(
  chosen: readonly Case[],
  settings: PageSettings,
  { quick }: RunOptions,
): AsyncGenerator<Row> {
  installPeers();
  mkdirSync(root, { recursive: true });
  const started = await launchBrowser();
  if ('missing' in started) {
    yield { name: 'Chromium', value: Number.NaN, unit: 'ms', cannot: started.missing };
    return;
  }
  const folder = mkdtempSync(join(root, 'dlm-bench-'));
  let server: StaticServer | undefined;
  try {
    server = await serveFolder(root);
    const { page } = await openPage(started.browser, server);
    await openBench(page, folder, settings);
    for (const [at, one] of chosen.entries())
      yield comparedRow(one, await compareInPage(page, folder, one, at, settings, quick), 'dlm', new Set(), {
        best: 1,
      });
  } finally {
    await started.browser.close();
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

// Of one run after warming up: what a case may dispatch, and that nothing is made anew.
const mostDispatches: Readonly<Record<string, number>> = { 'MLP training step, batch 64': 14, 'block d 64, seq 32': 7 };

function* countRows({ name, counts }: Row): Generator<Row> {
  if (!counts) return;
  const { dispatches = 0, submits = 0, buffers = 0, 'bind groups': groups = 0 } = counts;
  const most = mostDispatches[name];
  if (most !== undefined) yield atMost(`${name}: dispatches`, dispatches, most);
  // Reading the result of a run forward is a submit and a buffer that are not among these.
  if (name.includes('training')) yield atMost(`${name}: submits`, submits, 1);
  yield atMost(`${name}: made anew`, (name.includes('training') ? buffers : Math.max(0, buffers - 1)) + groups, 0);
}

const atMost = (name: string, value: number, most: number): Row => ({
  name,
  value,
  unit: 'calls',
  goal: `at most ${most}`,
  met: value <= most,
});

async function* withCounts(rows: AsyncIterable<Row>): AsyncGenerator<Row> {
  for await (const row of rows) {
    yield row;
    yield* countRows(row);
  }
}

const onGpu = new Set(['matmul 256', 'MLP forward, batch 64', 'MLP training step, batch 64', 'block d 64, seq 32']);

/** The workload `webgpu`. */
export const webgpu: Workload = {
  name: 'webgpu',
  run: (options) =>
    withCounts(
      compareInChromium(
        cases.filter(({ name }) => (options.only === '' ? onGpu.has(name) : name.includes(options.only))),
        { device: 'webgpu', threads: 1, peers },
        options,
      ),
    ),
};

/** The workload `chromium`: W1–W8 on WebAssembly. */
export const chromium: Workload = {
  name: 'chromium',
  run: (options) =>
    compareInChromium(
      cases.filter(({ name }) => name.includes(options.only)),
      { device: 'wasm', threads: options.threads, peers },
      options,
    ),
};
