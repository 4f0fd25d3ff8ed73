// Threads share the work of the CPU and change no bit of it: programs train with one, two and three threads, every
// kernel of theirs shared, whatever its size.
import { createHash } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { emit } from '../../src/compile.ts';
import type { Tensor } from '../../src/ir/op.ts';
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
  await untilWoken(await open(), batch(0), threads);
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
async function untilWoken(trial: Session, batch: Record<string, unknown>, threads: number): Promise<void> {
  wakes.mockClear();
  if (threads === 1) return;
  while (wakes.mock.calls.length === 0) {
    await trial.step(batch);
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
