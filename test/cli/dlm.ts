// Runs the command line as users do: a process of its own. The CLI is bundled once for all tests of a worker.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

/** What a run left behind. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Lines of standard output as JSON. */
  readonly events: readonly Record<string, unknown>[];
}

/** How to run. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with each chunk of standard output, and a way to send a signal. */
  readonly watch?: (chunk: string, signal: (name: NodeJS.Signals) => void) => void;
}

let bundled: Promise<string> | undefined;

/** The path of the bundled CLI, made on first use. */
export function bundledCli(): Promise<string> {
  bundled ??= bundle();
  return bundled;
}

async function bundle(): Promise<string> {
  mkdirSync('node_modules/.cache', { recursive: true });
  const outdir = mkdtempSync(resolve('node_modules/.cache/dlm-cli-test-'));
  process.on('exit', () => rmSync(outdir, { recursive: true, force: true }));
  await build({
    entryPoints: { cli: 'src/cli/main.ts' },
    outdir,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    define: { __DLM_VERSION__: '"test"' },
    external: ['webgpu'],
    logLevel: 'warning',
  });
  return join(outdir, 'cli.js');
}

/** Runs `dlm` with arguments. */
export async function dlm(args: readonly string[], { cwd, env, watch }: RunOptions = {}): Promise<Ran> {
  const cli = await bundledCli();
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [cli, ...args], { cwd, env: { ...process.env, NO_COLOR: '1', ...env } });
    const texts = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      texts.stdout += chunk;
      watch?.(chunk, (name) => void child.kill(name));
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (texts.stderr += chunk));
    child.on('error', fail);
    child.on('close', (code) => done({ code, ...texts, events: eventsOf(texts.stdout) }));
  });
}

function eventsOf(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** A folder that is removed when the process ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'dlm-test-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
