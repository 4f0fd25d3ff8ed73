// The peers, installed on demand at the versions that bench/package.json and its lockfile pin, in a cache folder of the
// repository's node_modules: what walks over the sources does not meet them there.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const folder = resolve('node_modules', '.cache', 'dlm-peers');
const require = createRequire(resolve(folder, 'package.json'));

interface Manifest {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const manifest = (path: string): Manifest => JSON.parse(readFileSync(path, 'utf8')) as Manifest;

const pinned = (): Readonly<Record<string, string>> => manifest(resolve('bench', 'package.json')).dependencies ?? {};

/** The version of an installed peer, or undefined. */
function installedVersion(name: string): string | undefined {
  try {
    return manifest(resolve(peerFolder(name), 'package.json')).version;
  } catch {
    return undefined;
  }
}

/**
 * Installs the peers unless all are there at their pinned versions. Gives the reason where npm fails; what an earlier
 * run installed is used then, where it is whole.
 */
export function installPeers(): string | undefined {
  if (Object.entries(pinned()).every(([name, version]) => installedVersion(name) === version)) return undefined;
  console.error(`bench: installing the peers into ${folder}`);
  mkdirSync(folder, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) copyFileSync(resolve('bench', file), resolve(folder, file));
  const args = ['ci', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts'];
  const run = spawnSync('npm', args, { encoding: 'utf8' });
  if (run.status === 0) return undefined;
  console.error(`bench: npm ${args.join(' ')} failed:\n${run.stderr}`);
  return 'npm could not install it';
}

/** The folder of all installed packages. */
export const peersFolder = resolve(folder, 'node_modules');

/** Where the files of an installed peer lie. */
export const peerFolder = (name: string): string => resolve(peersFolder, name);

/** Loads a CommonJS peer. */
export const requirePeer = (name: string): unknown => require(name);

/** Loads an ES module of a peer. */
export const importPeer = (name: string, file: string): Promise<unknown> =>
  import(pathToFileURL(resolve(peerFolder(name), file)).href);
