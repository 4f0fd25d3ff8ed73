// A Vulkan driver from npm: unpacks the SwiftShader that @sparticuz/chromium carries, so that Dawn runs real WebGPU on
// a machine without a GPU. The loader reads its variables when a process starts: set them in the parent.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

/** Where unpacked archives are kept; goes away with node_modules. */
export const cacheFolder = resolve('node_modules/.cache/dlm-webgpu');

/** The environment in which Dawn finds SwiftShader, or the reason why it cannot. */
export type SwiftShader =
  | { readonly env: { readonly VK_ICD_FILENAMES: string; readonly LD_LIBRARY_PATH: string } }
  | { readonly missing: string };

/** Unpacks SwiftShader on first use and says which variables a process needs to run on it. */
export function swiftshader(): SwiftShader {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { missing: `SwiftShader from npm is Linux x64 only, this is ${process.platform} ${process.arch}` };
  }
  const archive = packagedArchive('swiftshader.tar.br');
  if (archive === undefined) return { missing: '@sparticuz/chromium is not installed' };
  const folder = unpack(archive, 'swiftshader');
  const inherited = process.env['LD_LIBRARY_PATH'];
  return {
    env: {
      VK_ICD_FILENAMES: join(folder, 'vk_swiftshader_icd.json'),
      LD_LIBRARY_PATH: inherited === undefined || inherited === '' ? folder : `${folder}:${inherited}`,
    },
  };
}

/** The path of an archive inside @sparticuz/chromium, if it is installed. */
export function packagedArchive(name: string): string | undefined {
  try {
    const entry = createRequire(resolve('package.json')).resolve('@sparticuz/chromium');
    let folder = dirname(entry);
    while (!existsSync(join(folder, 'bin', name)) && dirname(folder) !== folder) folder = dirname(folder);
    const path = join(folder, 'bin', name);
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Unpacks a .tar.br (or one .br file) below the cache folder, once, and returns the folder. */
export function unpack(archive: string, name: string): string {
  const folder = join(cacheFolder, name);
  if (existsSync(folder)) return folder;
  mkdirSync(cacheFolder, { recursive: true });
  // Two processes may unpack at once: each works in its own folder and the first rename wins.
  const fresh = mkdtempSync(join(cacheFolder, `${name}-`));
  const bytes = brotliDecompressSync(readFileSync(archive));
  if (archive.endsWith('.tar.br')) untar(bytes, fresh);
  else writeFileSync(join(fresh, name), bytes, { mode: 0o755 });
  try {
    renameSync(fresh, folder);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

/** Writes the plain files of a ustar archive; links and other kinds do not occur in the archives used here. */
function untar(tar: Buffer, folder: string): void {
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0;) {
    const name = tar.toString('latin1', at, at + 100).replace(/\0.*$/, '');
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 136), 8);
    const kind = tar.toString('latin1', at + 156, at + 157);
    const path = join(folder, name);
    if (kind === '0' || kind === '\0') {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, tar.subarray(at + 512, at + 512 + size), { mode: 0o755 });
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
}
