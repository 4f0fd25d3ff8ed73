// Training in f16 on each target: an overflow in the gradients skips the update and halves the scale, good steps
// double it, and the scale is saved with the session.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile, type FileHost } from '../../src/index.ts';
import { importModule } from '../runtime/load-module.ts';
import { requestTestDevice } from '../support/webgpu.ts';

const source = `import { Linear } from "std/nn"
import { SGD } from "std/optim"

@precision(compute=f16)
export model Net(d: int = 4) {
  let fc1 = Linear(d, 8)
  let fc2 = Linear(8, 2)
  export fn forward(x: [b, d]) -> [b, 2] = x |> fc1 |> tanh |> fc2
}

export train Fit(net: Net) {
  batch x: [b, 4], y: i32[b]
  minimize cross_entropy(net(x), y) of net using SGD(lr=0.125) with { loss_scale=dynamic(1048576.0, 3) }
}

export train Fixed(net: Net) {
  batch x: [b, 4], y: i32[b]
  minimize cross_entropy(net(x), y) of net using SGD(lr=0.125) with { loss_scale=1e9 }
}

export train Usual(net: Net) {
  batch x: [b, 4], y: i32[b]
  minimize cross_entropy(net(x), y) of net using SGD(lr=0.125)
}
`;

interface Session {
  step(batch: object): Promise<{ loss: number }>;
  save(): Promise<Uint8Array>;
  restore(file: Uint8Array): Promise<void>;
}
interface Net {
  readonly weights: { hash(): Promise<string> };
}
type Module = Record<string, (...args: unknown[]) => Promise<unknown>>;

const devices: Record<string, unknown> = { wasm: 'wasm' };
let module: Module;
let release = (): void => {};

beforeAll(async () => {
  const found = await requestTestDevice();
  if ('missing' in found) throw new Error(`WebGPU is missing: ${found.missing}`);
  devices['webgpu'] = found.device;
  release = () => found.device.destroy();
  const host: FileHost = { read: () => source, resolve: (_, path) => path };
  const { js, diagnostics } = await compile(host, 'net.dlm', {});
  if (!js) throw new Error(diagnostics.map(({ message }) => message).join('; '));
  module = await importModule<Module>(js);
});
afterAll(() => release());

const batch = { x: { data: Float32Array.from({ length: 8 }, (_, i) => (i % 5) - 2), shape: [2, 4] }, y: [0, 1] };

/** A scalar of a saved session. */
function saved(file: Uint8Array, name: string): number {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  const key = Object.keys(header).find(
    (each) => each === name || each.endsWith(`/${name}`) || each.endsWith(`:${name}`),
  );
  const entry = header[key ?? name];
  const at = file.byteOffset + 8 + length + entry.data_offsets[0];
  const view = new DataView(file.buffer, at, 4);
  return entry.dtype === 'I32' ? view.getInt32(0, true) : view.getFloat32(0, true);
}

describe.each(['wasm', 'webgpu'])('on %s', (device) => {
  const start = async (train: string): Promise<{ net: Net; fit: Session }> => {
    const net = (await module['loadNet']?.({ device: devices[device], seed: 1 })) as Net;
    return { net, fit: (await module[`create${train}`]?.(net, { seed: 1 })) as Session };
  };

  test('an overflow skips the update and halves the scale', async () => {
    const { net, fit } = await start('Fit');
    const scales: number[] = [];
    const hashes = [await net.weights.hash()];
    for (let step = 0; step < 12; step++) {
      expect((await fit.step(batch)).loss).toBeLessThan(3);
      hashes.push(await net.weights.hash());
      scales.push(saved(await fit.save(), 'loss_scale'));
    }
    const first = scales.findIndex((scale, at) => at > 0 && scale === scales[at - 1]);
    expect(first).toBeGreaterThan(1);
    let scale = 1048576;
    for (let at = 0; at < scales.length; at++) {
      const moved = hashes[at + 1] !== hashes[at];
      expect(moved).toBe((scales[at] ?? 0) >= scale);
      scale = scales[at] ?? 0;
    }
    expect(scales.some((each, at) => each === 2 * (scales[at - 1] ?? 0))).toBe(true);
  });

  test('the scale goes with the session', async () => {
    const { fit } = await start('Fit');
    for (let step = 0; step < 2; step++) await fit.step(batch);
    const file = await fit.save();
    const other = await start('Fit');
    await other.fit.restore(file);
    expect(saved(await other.fit.save(), 'loss_scale')).toBe(1048576 / 4);
    await fit.step(batch);
    await other.fit.step(batch);
    expect(await other.fit.save()).toEqual(await fit.save());
  });

  test('a scale that stays skips too', async () => {
    const { net, fit } = await start('Fixed');
    const before = await net.weights.hash();
    await fit.step(batch);
    expect(await net.weights.hash()).toBe(before);
  });

  test('f16 scales its loss unless told', async () => {
    const { net, fit } = await start('Usual');
    const before = await net.weights.hash();
    expect(saved(await fit.save(), 'loss_scale')).toBe(65536);
    for (let step = 0; step < 4; step++) await fit.step(batch);
    expect(await net.weights.hash()).not.toBe(before);
  });
});
