// The lockfile works for a clean `npm ci` on every platform: it names each platform's binary package (an install on a
// machine whose registry lacks some of them silently leaves those out) and no registry's address; versions are exact.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface LockedPackage {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  readonly packages: Readonly<Record<string, LockedPackage>>;
};

/** Optional dependencies that no entry of the lockfile provides. */
function unlockedOptionals(packages: Readonly<Record<string, LockedPackage>>): string[] {
  const names = new Set(Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 13)));
  return Object.values(packages)
    .flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
    .filter((name) => !names.has(name));
}

test('every optional dependency is locked', () => {
  expect(Object.keys(lock.packages).length).toBeGreaterThan(50);
  expect(unlockedOptionals(lock.packages)).toEqual([]);
  const planted = { 'node_modules/a': { optionalDependencies: { '@a/win32-x64': '1.0.0' } } };
  expect(unlockedOptionals(planted)).toEqual(['@a/win32-x64']);
});

test('no registry address is locked', () => {
  expect(Object.values(lock.packages).filter((entry) => entry.resolved !== undefined)).toEqual([]);
});

test('direct dependencies are pinned exactly', () => {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
    readonly dependencies?: Readonly<Record<string, string>>;
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  const ranges = Object.values({ ...manifest.dependencies, ...manifest.devDependencies });
  expect(ranges.filter((range) => !/^\d+\.\d+\.\d+$/.test(range))).toEqual([]);
});
