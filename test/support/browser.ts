// A real browser for tests: headless Chromium with WebGPU on SwiftShader, and a small server that shows it a folder.
// Start one per test file and close it; a page gets cross-origin isolation, so WASM threads work in it.
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { packagedChromium } from './chromium.ts';

/** A running browser, or the reason why there is none on this machine. */
export type TestBrowser = { readonly browser: Browser } | { readonly missing: string };

/** Starts Chromium with WebGPU on the software adapter. */
export async function launchBrowser(): Promise<TestBrowser> {
  const found = packagedChromium();
  if ('missing' in found) return found;
  const browser = await chromium.launch({
    executablePath: found.executable,
    env: found.env,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--enable-unsafe-webgpu',
      '--use-webgpu-adapter=swiftshader',
      '--enable-dawn-features=disable_workgroup_init',
    ],
  });
  return { browser };
}

/** A folder served on loopback. */
export interface StaticServer {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  close(): Promise<void>;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.css': 'text/css',
};

/** Serves a folder on a free loopback port. `/` is an empty page, so that a test needs no HTML of its own. */
export async function serveFolder(folder: string): Promise<StaticServer> {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://local').pathname));
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
    response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    const file = join(folder, path);
    const found = statSync(file, { throwIfNoEntry: false });
    response.setHeader(
      'Content-Type',
      types[extname(path)] ?? (path === '/' ? 'text/html' : 'application/octet-stream'),
    );
    if (path === '/') response.end('<!doctype html><title>dlm test</title>');
    else if (found?.isFile() === true) createReadStream(file).pipe(response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the test server has no port');
  return {
    origin: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve, reject) => {
        server.closeAllConnections();
        server.close((error) => (error === undefined ? resolve() : reject(error)));
      }),
  };
}

/** A page on the server's empty document; errors and console messages of the page land in `log`. */
export async function openPage(browser: Browser, server: StaticServer): Promise<{ page: Page; log: string[] }> {
  const page = await browser.newPage();
  const log: string[] = [];
  page.on('console', (message) => log.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => log.push(`uncaught: ${error.message}`));
  await page.goto(server.origin);
  return { page, log };
}
