// Threads share the work of the CPU and change no bit of it: programs train with one, two and three threads, every
// kernel of theirs shared, whatever its size.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { emit } from '../../src/compile.ts';
import { compile } from '../../src/index.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { launchBrowser, openPage, serveFolder } from '../support/browser.ts';
import { argument, compileFile, type Program } from '../support/exec.ts';
import { importModule } from './load-module.ts';

interface Net {
  readonly device: { readonly threads: number };
  readonly weights: { save(): Promise<Uint8Array>; load(from: Uint8Array): Promise<void> };
  dispose(): void;
}
interface Session {
  step(batch: Record<string, unknown>): Promise<{ loss: number }>;
}
type Module = Record<string, (...args: unknown[]) => Promise<unknown>>;

/** The module with threads, for which no kernel is too small. */
async function threaded({ lowered }: Pick<Program, 'lowered'>): Promise<string> {
  const { js } = await emit(lowered, 'test.dlm', { threads: true });
  expect(js).toContain('const grain = 65536;');
  return js.replace('const grain = 65536;', 'const grain = 1;');
}

const hostArgument = ({ dtype, data, shape }: Tensor): unknown =>
  shape.length === 0 ? data[0] : { data: dtype === 'i32' ? Int32Array.from(data) : Float32Array.from(data), shape };

const wakes = vi.spyOn(Atomics, 'notify');

/** Losses of three steps of a train, and the weights after them; by workers if there are to be any. */
async function trained(program: Program, module: Module, threads: number): Promise<readonly unknown[]> {
  const [train] = program.graph.trains;
  const [model, ...more] = train?.models ?? [];
  if (!train || !model || more.length > 0) throw new Error('not one model');
  const net = (await module[`load${model.model}`]?.({ device: 'wasm', threads, seed: 5 })) as Net;
  expect(net.device.threads).toBe(threads);
  const batch = (step: number): Record<string, unknown> =>
    Object.fromEntries(
      train.batch.map(({ name, type }, at) => [name, hostArgument(argument(program, name, type, 10 * step + at + 1))]),
    );
  const open = async (): Promise<Session> => (await module[`create${train.name}`]?.(net, { seed: 5 })) as Session;
  const first = await net.weights.save();
  const trial = await open();
  await untilWoken(threads, () => trial.step(batch(0)));
  await net.weights.load(first);
  const session = await open();
  const losses: unknown[] = [];
  for (const step of [0, 1, 2]) losses.push((await session.step(batch(step))).loss);
  const saved = createHash('sha256')
    .update(await net.weights.save())
    .digest('hex');
  net.dispose();
  return [...losses, saved];
}

// Workers join when they have started; until then this thread works alone.
async function untilWoken(threads: number, call: () => Promise<unknown>): Promise<void> {
  wakes.mockClear();
  if (threads === 1) return;
  while (wakes.mock.calls.length === 0) {
    await call();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test.each(['mlp', 'lstm', 'gru', 'resnet-block', 'dropout', 'ctc', 'remat', 'seq2seq', 'transformer-xl'])(
  '%s trains to the same bits with one, two and three threads',
  async (name) => {
    const program = await compileFile(`test/exec/programs/${name}.dlm`, ['wasm']);
    const module = await importModule<Module>(await threaded(program));
    const alone = await trained(program, module, 1);
    expect(await trained(program, module, 2)).toEqual(alone);
    expect(await trained(program, module, 3)).toEqual(alone);
  },
);

const source = `import { Linear } from "std/nn"
export model Net() {
  let fc = Linear(64, 48)
  export fn forward(x: [b, 64]) -> [b, 48] = relu(fc(x))
}`;

async function netModule(): Promise<string> {
  const files = {
    read: (path: string) => (path === 'net.dlm' ? source : undefined),
    resolve: (_: string, to: string) => to,
  };
  const { lowered } = await compile(files, 'net.dlm', { targets: ['wasm'] });
  if (!lowered) throw new Error('does not compile');
  return threaded({ lowered });
}

const rowsOf = (rows: number): Float32Array => Float32Array.from({ length: rows * 64 }, (_, at) => Math.sin(at));

test('memory that grows is seen by the workers', async () => {
  const module = await importModule<Module>(await netModule());
  const results = [];
  for (const threads of [1, 2]) {
    const net = (await module['load']?.({ device: 'wasm', threads, seed: 1 })) as Net & {
      forward(x: unknown): Promise<{ data(): Promise<Float32Array> }>;
    };
    await untilWoken(threads, () => net.forward(rowsOf(4)));
    // Megabytes, where there was one page.
    results.push(Buffer.from((await (await net.forward(rowsOf(10_000))).data()).buffer));
    net.dispose();
  }
  expect(results.map(({ length }) => length)).toEqual([1_920_000, 1_920_000]);
  expect(results[1]?.equals(results[0] ?? Buffer.of())).toBe(true);
});

test('without shared memory there is one thread, and a note where more were asked for', async ({ onTestFinished }) => {
  const note = vi.spyOn(console, 'info').mockImplementation(() => {});
  vi.stubGlobal('SharedArrayBuffer', undefined);
  onTestFinished(() => {
    vi.unstubAllGlobals();
    note.mockRestore();
  });
  const module = await importModule<Module>(await netModule());
  const silent = (await module['load']?.({ device: 'wasm' })) as Net;
  expect([silent.device.threads, note.mock.calls.length]).toEqual([1, 0]);
  const asked = (await module['load']?.({ device: 'wasm', threads: 2 })) as Net;
  expect(asked.device.threads).toBe(1);
  expect(note.mock.calls[0]?.[0]).toContain('dlm: one thread: ');
  silent.dispose();
  asked.dispose();
});

test('a program in Node ends while workers wait for work', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dlm-threads-'));
  writeFileSync(join(folder, 'net.mjs'), await netModule());
  const main = `import { load } from './net.mjs';
    const net = await load({ device: 'wasm', threads: 3 });
    const { notify } = Atomics;
    let woken = false;
    Atomics.notify = (...given) => ((woken = true), notify(...given));
    while (!woken) {
      await net.forward(new Float32Array(256));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    console.log(net.device.threads);`;
  writeFileSync(join(folder, 'main.mjs'), main);
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'main.mjs')], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  rmSync(folder, { recursive: true });
  expect([status, stdout, stderr]).toEqual([0, '3\n', '']);
});

test('modules have threads where a model has a million parameters, or where they are asked for', async () => {
  const files = (n: number) => ({
    read: (path: string) => (path === 'net.dlm' ? source.replaceAll('64', String(n)) : undefined),
    resolve: (_: string, to: string) => to,
  });
  const has = async (n: number, threads?: boolean): Promise<boolean> => {
    const options = threads === undefined ? {} : { threads };
    return (
      (await compile(files(n), 'net.dlm', { targets: ['wasm'], ...options })).js?.includes('worker_threads') ?? false
    );
  };
  expect([await has(64), await has(64, true), await has(30_000), await has(30_000, false)]).toEqual([
    false,
    true,
    true,
    false,
  ]);
});

test('workers help the thread of a page, which never sleeps', async ({ skip }) => {
  const found = await launchBrowser();
  if ('missing' in found) return skip(found.missing);
  const folder = mkdtempSync(join(tmpdir(), 'dlm-threads-'));
  writeFileSync(join(folder, 'net.js'), await netModule());
  const server = await serveFolder(folder);
  try {
    const { page, log } = await openPage(found.browser, server);
    const script = `import('/net.js').then(async ({ load }) => {
      const { notify } = Atomics;
      let woken = 0;
      Atomics.notify = (...given) => (woken++, notify(...given));
      const results = [];
      for (const threads of [1, 3]) {
        const net = await load({ device: 'wasm', threads, seed: 1 });
        const x = Float32Array.from({ length: 640 }, (_, at) => Math.sin(at));
        do {
          results.push([net.device.threads, String(await (await net.forward(x)).data())]);
          await new Promise((resolve) => setTimeout(resolve, 5));
        } while (threads > 1 && woken < 3);
        net.dispose();
      }
      return [results[0], results.at(-1)];
    })`;
    const [alone, helped] = await page.evaluate<[number, string][]>(script);
    expect([alone?.[0], helped?.[0], log]).toEqual([1, 3, []]);
    expect(helped?.[1]).toBe(alone?.[1]);
  } finally {
    await found.browser.close();
    await server.close();
    rmSync(folder, { recursive: true });
  }
});
