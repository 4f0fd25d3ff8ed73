// The package as a new user gets it: packed, installed into an empty folder, used on a program and a table of their own.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'dlm-pack-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function exec(command: string, args: readonly string[], cwd: string): Ran {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  return { code: status, stdout, stderr };
}

const dlm = (...args: string[]): Ran => exec(join(folder, 'node_modules/.bin/dlm'), args, folder);

/** Rebuilds dist/ when a source is newer, so that what is packed is what is tested. */
function freshDist(): void {
  const newest = readdirSync('src', { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((latest, entry) => Math.max(latest, statSync(join(entry.parentPath, entry.name)).mtimeMs), 0);
  if (existsSync('dist/cli.js') && statSync('dist/cli.js').mtimeMs > newest) return;
  const built = exec(process.execPath, ['scripts/run.mjs', 'scripts/build.ts'], '.');
  expect(built.code, built.stderr).toBe(0);
}

const program = `import { Linear } from "std/nn"
import { SGD } from "std/optim"

/// A plane through points.
export model Plane(inputs: int = 2) {
  let fc = Linear(inputs, 1)
  export fn forward(x: [b, inputs]) -> [b] = reshape(fc(x), [b])
}

export train FitPlane(net: Plane, lr: f32[] = 0.1) {
  batch x: f32[b, net.inputs], y: f32[b]
  let error = net(x) - y
  minimize mean(error * error) using SGD(lr=lr)
}
`;

/** y = 2u - 3v + 0.5 on a grid. */
function table(): string {
  const rows = Array.from({ length: 100 }, (_, at) => [(at % 10) / 5 - 1, Math.floor(at / 10) / 5 - 1] as const);
  return ['u,v,height', ...rows.map(([u, v]) => `${u},${v},${2 * u - 3 * v + 0.5}`)].join('\n');
}

beforeAll(() => {
  freshDist();
  const packed = exec('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], '.');
  expect(packed.code, packed.stderr).toBe(0);
  const [{ filename }] = JSON.parse(packed.stdout) as [{ filename: string }];
  writeFileSync(join(folder, 'package.json'), '{ "name": "mine", "private": true, "type": "module" }');
  // Offline: the package needs nothing from a registry.
  const installed = exec('npm', ['install', '--offline', '--no-audit', '--no-fund', `./${filename}`], folder);
  expect(installed.code, installed.stderr).toBe(0);
  mkdirSync(join(folder, 'models'));
  writeFileSync(join(folder, 'models/plane.dlm'), program);
  writeFileSync(join(folder, 'points.csv'), table());
}, 120_000);

describe('the installed package', () => {
  test('brings no dependencies', () => {
    const names = readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'));
    expect(names).toEqual(['dlm']);
  });

  test('trains and runs a program of its user', () => {
    const data = ['--data', 'points.csv', '--map', 'x=u,v', '--device', 'wasm'];
    const trained = dlm(
      'train',
      'models/plane.dlm',
      ...data,
      '--map',
      'y=height',
      '--epochs',
      '60',
      '--valid',
      '0.1',
      '--save',
      'plane.safetensors',
      '--json',
    );
    expect(trained).toMatchObject({ code: 0, stderr: '' });
    const done = JSON.parse(trained.stdout.trim().split('\n').at(-1) ?? '') as { loss: number };
    expect(done.loss).toBeLessThan(1e-6);
    const ran = dlm('run', 'models/plane.dlm', ...data, '--weights', 'plane.safetensors', '--json');
    const { result } = JSON.parse(ran.stdout) as { result: number[] };
    // The first point is (-1, -1): -2 + 3 + 0.5.
    expect(result[0]).toBeCloseTo(1.5, 2);
  });

  test('compiles a module that runs with nothing installed', () => {
    expect(dlm('compile', 'models/plane.dlm', '-o', 'out').code).toBe(0);
    writeFileSync(
      join(folder, 'use.mjs'),
      `import { load } from './out/plane.dlm.js';
       const net = await load({ device: 'wasm', seed: 1 });
       const y = await net.forward([[1, 2], [3, 4]]);
       console.log(JSON.stringify({ shape: y.shape, finite: (await y.data()).every(Number.isFinite) }));`,
    );
    const used = exec(process.execPath, ['use.mjs'], folder);
    expect(used).toMatchObject({ code: 0, stdout: '{"shape":[2],"finite":true}\n' });
  });

  test('is a library with types', () => {
    writeFileSync(
      join(folder, 'check.ts'),
      `import { check, type Diagnostic } from 'dlm';
       const files = { read: (path: string) => (path === 'a.dlm' ? 'export model {' : undefined), resolve: (_from: string, to: string) => to };
       const found: readonly Diagnostic[] = check(files, 'a.dlm').diagnostics;
       console.log(found.map((diagnostic) => diagnostic.code).join());`,
    );
    const tsc = join(process.cwd(), 'node_modules/typescript/bin/tsc');
    const options = [
      '--strict',
      '--noEmit',
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--skipLibCheck',
      '--types',
      '',
    ];
    const checked = exec(process.execPath, [tsc, ...options, 'check.ts'], folder);
    expect(checked.stdout).toBe('');
    writeFileSync(
      join(folder, 'check.mjs'),
      readFileSync(join(folder, 'check.ts'), 'utf8').replaceAll(
        /, type Diagnostic|: string|: readonly Diagnostic\[\]/g,
        '',
      ),
    );
    expect(exec(process.execPath, ['check.mjs'], folder)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^E01\d\d/) as string,
    });
  });
});
