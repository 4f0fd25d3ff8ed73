// Runs tsc on a user's file beside an emitted .d.ts.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** Line numbers (from 1, in the user's text) and codes of the errors that tsc reports; the module is './line.dlm.js'. */
export async function typeErrors(dts: string, user: string): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'dlm-types-'));
  try {
    await writeFile(join(folder, 'line.dlm.d.ts'), dts);
    await writeFile(join(folder, 'line.dlm.js'), '');
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await writeFile(join(folder, 'user.ts'), user);
    const options = [
      '--noEmit',
      '--strict',
      '--target',
      'es2022',
      '--module',
      'nodenext',
      '--lib',
      'es2022,dom,esnext.disposable',
      '--types',
      '',
    ];
    const tsc = resolve('node_modules/typescript/bin/tsc');
    const output = await new Promise<string>((done) => {
      execFile(process.execPath, [tsc, ...options, 'user.ts'], { cwd: folder }, (_error, stdout, stderr) =>
        done(stdout + stderr),
      );
    });
    return output
      .split('\n')
      .filter((line) => /^\S+\(\d+,\d+\): error/.test(line))
      .map((line) => line.replace(/^(\S+)\((\d+),\d+\): error (\w+):.*/, '$1:$2 $3'));
  } finally {
    await rm(folder, { recursive: true });
  }
}
