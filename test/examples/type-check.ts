// Type-checks the examples' TypeScript: a copy of the folder with the declarations of every program beside it.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { compileProgram } from '../../scripts/example-modules.ts';

/** What tsc complains about in `examples/`, with the options of this repository. */
export async function exampleTypeErrors(): Promise<string[]> {
  const cache = resolve('node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'dlm-examples-types-'));
  try {
    cpSync('examples', folder, { recursive: true });
    for (const file of readdirSync('examples', { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.dlm')) continue;
      const { dts } = await compileProgram(join('examples', file)).catch(() => ({ dts: '' }));
      writeFileSync(join(folder, `${file}.d.ts`), dts);
    }
    const compilerOptions = { paths: { dlm: [resolve('src/index.ts')], 'dlm/metrics': [resolve('src/metrics.ts')] } };
    const options = { extends: resolve('tsconfig.json'), compilerOptions, include: ['**/*.ts'], exclude: [] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(options));
    return await errorsIn(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const errorsIn = (folder: string): Promise<string[]> =>
  new Promise((done) => {
    execFile(process.execPath, [resolve('node_modules/typescript/bin/tsc'), '-p', folder], (_error, stdout, stderr) =>
      done(`${stdout}${stderr}`.split('\n').filter((line) => line.trim() !== '')),
    );
  });
