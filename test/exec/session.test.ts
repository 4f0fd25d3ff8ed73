// Sessions: decoding with caches equals the uncached forward pass, and caches are a session's own.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile } from '../../src/index.ts';
import { importModule } from '../runtime/load-module.ts';
import { compileFile } from '../support/exec.ts';
import { requestTestDevice } from '../support/webgpu.ts';

interface RunTensor {
  readonly shape: readonly number[];
  data(): Promise<Float32Array>;
  dispose(): void;
}
interface Chat {
  pos: number;
  readonly dims: { b: number; cap: number };
  decode(ids: number[][], pos: number, options?: object): Promise<RunTensor>;
  stream(options: object): AsyncIterable<number>;
  reset(): void;
  dispose(): void;
}
interface Gpt {
  forward(ids: number[][], options?: object): Promise<RunTensor>;
  session(options: object): Promise<Chat>;
  dispose(): void;
}
interface GptModule {
  load(options: object): Promise<Gpt>;
  meta: { models: Record<string, { entries: Record<string, { caches?: { name: string; shape: unknown[] }[] }> }> };
}

const vocab = 11;
const devices: Record<string, unknown> = { wasm: 'wasm' };
let module: GptModule;
let release = (): void => {};

beforeAll(async () => {
  module = await importModule<GptModule>((await compileFile('test/exec/programs/tiny-gpt.dlm')).js);
  const found = await requestTestDevice();
  if ('missing' in found) throw new Error(`WebGPU is missing: ${found.missing}`);
  devices['webgpu'] = found.device;
  release = () => found.device.destroy();
});
afterAll(() => release());

const greedy = (logits: ArrayLike<number>): number => {
  let best = 0;
  for (let id = 1; id < vocab; id++) if ((logits[id] ?? 0) > (logits[best] ?? 0)) best = id;
  return best;
};

const next = async (logits: RunTensor): Promise<number> => greedy(await logits.data());

/** Logits of the last position of the uncached forward pass. */
async function lastLogits(net: Gpt, ids: readonly number[]): Promise<number[]> {
  const all = await (await net.forward([[...ids]])).data();
  return Array.from(all.subarray((ids.length - 1) * vocab));
}

function expectClose(actual: ArrayLike<number>, wanted: readonly number[]): void {
  const size = Math.max(...wanted.map(Math.abs));
  const distance = Math.max(...wanted.map((x, at) => Math.abs(x - (actual[at] ?? NaN))));
  expect(distance).toBeLessThanOrEqual(1e-5 * size);
}

test('meta describes the caches of an entry', () => {
  const { decode, forward } = module.meta.models['TinyGpt']?.entries ?? {};
  expect(decode?.caches?.[0]).toEqual({ name: 'h.0.attn.keys', dtype: 'f32', shape: ['b', 2, 'cap', 4] });
  expect(forward?.caches).toBeUndefined();
});

describe.each(['wasm', 'webgpu'])('on %s', (device) => {
  let net: Gpt;
  beforeAll(async () => {
    net = await module.load({ device: devices[device], seed: 5 });
  });
  afterAll(() => net.dispose());

  test('prefill and decode equal the uncached forward pass, with the same greedy tokens', async () => {
    const ids = [3, 1, 4, 1];
    const chat = await net.session({ b: 1, cap: 12 });
    let logits = await (await chat.decode([ids], chat.pos)).data();
    chat.pos += ids.length;
    while (ids.length < 12) {
      const wanted = await lastLogits(net, ids);
      expectClose(logits, wanted);
      expect(greedy(logits)).toBe(greedy(wanted));
      ids.push(greedy(logits));
      logits = await (await chat.decode([ids.slice(-1)], chat.pos++)).data();
    }
    expectClose(logits, await lastLogits(net, ids));
    expect(chat.pos).toBe(12);
    chat.dispose();
  });

  test('a stream gives the same tokens, ends at max and at its last token', async () => {
    const chat = await net.session({ b: 1, cap: 12 });
    const run = async (options: object): Promise<number[]> => {
      chat.reset();
      expect(chat.pos).toBe(0);
      const logits = await chat.decode([[2, 7]], 0);
      chat.pos = 2;
      const step = (id: number): unknown => chat.decode([[id]], chat.pos++);
      const ids: number[] = [];
      for await (const id of chat.stream({ logits, step, next, ...options })) ids.push(id);
      expect((await logits.data()).length).toBe(vocab);
      return ids;
    };
    const ids = await run({ max: 6 });
    expect(ids).toHaveLength(6);
    const text = [2, 7];
    for (const id of ids) {
      expect(id).toBe(greedy(await lastLogits(net, text)));
      text.push(id);
    }
    const last = ids[3];
    expect(await run({ max: 6, until: last })).toEqual(ids.slice(0, ids.indexOf(last ?? -1)));
    expect(await run({ max: 6, until: (id: number) => id === ids[0] })).toEqual([]);
    chat.dispose();
  });

  test('sessions have caches of their own and share the weights', async () => {
    const [a, b] = [await net.session({ b: 1, cap: 6 }), await net.session({ b: 1, cap: 9 })];
    await a.decode([[1, 2]], 0);
    await b.decode([[5, 6]], 0);
    expectClose(await (await a.decode([[3]], 2)).data(), await lastLogits(net, [1, 2, 3]));
    expectClose(await (await b.decode([[3]], 2)).data(), await lastLogits(net, [5, 6, 3]));
    expect(b.dims).toEqual({ b: 1, cap: 9 });
    a.dispose();
    expectClose(await (await b.decode([[4]], 3)).data(), await lastLogits(net, [5, 6, 3, 4]));
    await expect(a.decode([[1]], 3)).rejects.toMatchObject({ code: 'E9106' });
    b.dispose();
  });

  test('dims and capacity are checked before anything is written', async () => {
    const chat = await net.session({ b: 1, cap: 4 });
    await chat.decode([[1, 2, 3]], 0);
    await expect(chat.decode([[1], [2]], 3)).rejects.toMatchObject({ code: 'E9102', path: 'b', got: '2' });
    await expect(chat.decode([[1, 2]], 3)).rejects.toMatchObject({ code: 'E9104', path: 'pos' });
    await expect(chat.decode([[1]], -1)).rejects.toMatchObject({ code: 'E9104' });
    await expect(chat.decode([[1, 1, 1, 1, 1]], 0)).rejects.toMatchObject({ code: 'E9103' });
    expectClose(await (await chat.decode([[4]], 3)).data(), await lastLogits(net, [1, 2, 3, 4]));
    await expect(net.session({ b: 1 })).rejects.toMatchObject({ code: 'E9101', path: 'cap' });
    await expect(net.session({ b: 1.5, cap: 2 })).rejects.toMatchObject({ code: 'E9101', path: 'b' });
    chat.dispose();
  });

  test('an optional argument chooses its own function', async () => {
    const ids = [[3, 1, 4, 1]];
    const plain = await (await net.forward(ids)).data();
    const all = await (await net.forward(ids, { keep: [[true, true, true, true]] })).data();
    expectClose(all, Array.from(plain));
    const masked = await (await net.forward(ids, { keep: [[true, false, true, true]] })).data();
    expect(masked.subarray(0, vocab)).toEqual(all.subarray(0, vocab));
    expect(masked.subarray(3 * vocab)).not.toEqual(all.subarray(3 * vocab));
    await expect(net.forward(ids, { keep: [[true]] })).rejects.toMatchObject({ code: 'E9101', path: 'keep' });
  });

  test('the end of the model ends its sessions', async () => {
    const own = await module.load({ device: devices[device], seed: 1 });
    const chat = await own.session({ b: 1, cap: 4 });
    own.dispose();
    await expect(chat.decode([[1]], 0)).rejects.toMatchObject({ code: 'E9106' });
    chat.dispose();
  });
});

test('an update under a condition is not refused for want of room', async () => {
  const text = `export model Last(d: int = 2) {
  cache past: [b, cap, d]
  export fn push(x: [b, 1, d], pos: i32[]) -> [b, cap, d] {
    update past = put(past, x, at=pos, axis=1) when pos < cap
    past
  }
}
`;
  const files = {
    read: (path: string) => (path === 'm.dlm' ? text : undefined),
    resolve: (_: string, to: string) => to,
  };
  const { js } = await compile(files, 'm.dlm', { targets: ['wasm'] });
  const net = await (await importModule<GptModule>(js ?? '')).load({ device: 'wasm' });
  const session = (await net.session({ b: 1, cap: 2 })) as unknown as {
    push(x: number[][][], pos: number): Promise<RunTensor>;
  };
  await session.push([[[1, 2]]], 0);
  await session.push([[[3, 4]]], 1);
  expect(Array.from(await (await session.push([[[5, 6]]], 2)).data())).toEqual([1, 2, 3, 4]);
  net.dispose();
});
