// The Chromium that @sparticuz/chromium carries, unpacked from node_modules once, with the libraries it needs beside it.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { packagedArchive, unpack } from './swiftshader.ts';

/** How to start the packaged Chromium, or the reason why it cannot be started here. */
export type PackagedChromium =
  { readonly executable: string; readonly env: Readonly<Record<string, string>> } | { readonly missing: string };

/** Unpacks the browser on first use (about 200 MB) and finds the environment in which it starts. */
export function packagedChromium(): PackagedChromium {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { missing: `the packaged Chromium is Linux x64 only, this is ${process.platform} ${process.arch}` };
  }
  const [browser, driver] = [packagedArchive('chromium.br'), packagedArchive('swiftshader.tar.br')];
  if (browser === undefined || driver === undefined) return { missing: '@sparticuz/chromium is not installed' };
  const folder = unpack(browser, 'chromium');
  addDriver(folder, unpack(driver, 'swiftshader'));
  const executable = join(folder, 'chromium');
  for (const env of environments()) {
    const version = spawnSync(executable, ['--version'], { env, encoding: 'utf8' });
    if (version.status === 0) return { executable, env };
  }
  return { missing: 'the packaged Chromium does not start: system libraries are missing' };
}

/** Chromium loads its software GPU libraries from its own folder. */
function addDriver(folder: string, driver: string): void {
  for (const name of [
    'libEGL.so',
    'libGLESv2.so',
    'libvk_swiftshader.so',
    'libvulkan.so.1',
    'vk_swiftshader_icd.json',
  ]) {
    if (existsSync(join(folder, name)) || !existsSync(join(driver, name))) continue;
    const partial = join(folder, `${name}.${process.pid}`);
    cpSync(join(driver, name), partial);
    renameSync(partial, join(folder, name));
  }
}

/** The plain environment first, then one with the libraries (nss, nspr, expat) that small systems lack. */
function* environments(): Generator<Record<string, string>> {
  const { LD_LIBRARY_PATH: _ours, VK_ICD_FILENAMES: _driver, ...inherited } = process.env;
  const env = Object.fromEntries(Object.entries(inherited).flatMap(([k, v]) => (v === undefined ? [] : [[k, v]])));
  yield env;
  const libraries = packagedArchive('al2023.tar.br');
  if (libraries !== undefined) yield { ...env, LD_LIBRARY_PATH: join(unpack(libraries, 'al2023'), 'lib') };
}
