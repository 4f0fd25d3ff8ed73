// Host programs as the documentation writes them, `await using` and all: they type-check against the emitted .d.ts,
// and they run on both targets.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { transform } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile } from '../../src/index.ts';
import { importModule } from '../runtime/load-module.ts';
import { fileHost } from '../support/file-host.ts';
import { requestTestDevice } from '../support/webgpu.ts';
import { typeErrors } from '../types/type-errors.ts';

const classifier = `
import { load, createFitMlp, type FitMlpBatch } from './line.dlm.js';

interface Given {
  device: 'wasm' | GPUDevice;
  batches: FitMlpBatch[];
  pixels: Float32Array;
  keep(file: Uint8Array): Promise<void>;
}

export async function main({ device, batches, pixels, keep }: Given) {
  const lines: [number, string, number][] = [];
  await using net = await load({ seed: 7, device });
  await using fit = await createFitMlp(net, { lr: 3e-3 });
  for await (const e of fit.run(batches, { epochs: 5, every: 50 })) {
    if (e.type === 'step') lines.push([e.step, e.loss.toFixed(3), e.metrics.accuracy]);
  }
  using y = await net.predict(pixels);
  const classes: Int32Array = await y.data();
  await keep(await net.weights.save());
  return { lines, classes };
}
`;

const writer = `
import { load } from './line.dlm.js';

interface Given {
  device: 'wasm' | GPUDevice;
  prompt: number[];
  end: number;
  sample(logits: Float32Array, options: { topP: number }): number;
  write(id: number): void;
}

export async function main({ device, prompt, end, sample, write }: Given) {
  await using gpt = await load({ seed: 7, device });
  await using chat = await gpt.session({ b: 1, cap: 12, seed: 1 });
  let logits = await chat.decode([prompt], chat.pos);
  chat.pos += prompt.length;
  for await (const id of chat.stream({
    logits, step: (id) => chat.decode([[id]], chat.pos++), next: async (l) => sample(await l.data(), { topP: 0.9 }), until: end, max: 7,
  })) write(id);
  return chat.pos;
}
`;

const programs = {
  classifier: { text: classifier, model: 'mlp', set: { 'Mlp.inputs': '24', 'Mlp.hidden': '16' } },
  writer: {
    text: writer,
    model: 'tiny-gpt',
    set: {
      'TinyGpt.vocab': '11',
      'TinyGpt.d': '8',
      'TinyGpt.heads': '2',
      'TinyGpt.depth': '2',
      'TinyGpt.max_len': '16',
    },
  },
} as const;
type Name = keyof typeof programs;
type Main = (given: object) => Promise<unknown>;

const declarations: Partial<Record<Name, string>> = {};
const mains: Partial<Record<Name, Main>> = {};
const devices: Record<string, unknown> = { wasm: 'wasm' };
let release = (): void => {};

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dlm-host-'));
  for (const name of Object.keys(programs) as Name[]) {
    const { text, model, set } = programs[name];
    const { js = '', dts = '' } = await compile(fileHost, `test/exec/programs/${model}.dlm`, { set });
    declarations[name] = dts;
    const { code } = await transform(text.replace('./line.dlm.js', `./${name}.dlm.mjs`), {
      loader: 'ts',
      target: 'es2022',
      format: 'esm',
    });
    await writeFile(join(folder, `${name}.dlm.mjs`), js);
    await writeFile(join(folder, `${name}.mjs`), code);
    const imported = (await import(/* @vite-ignore */ pathToFileURL(join(folder, `${name}.mjs`)).href)) as {
      main: Main;
    };
    mains[name] = imported.main;
  }
  await rm(folder, { recursive: true });
  const found = await requestTestDevice();
  if ('missing' in found) throw new Error(`WebGPU is missing: ${found.missing}`);
  devices['webgpu'] = found.device;
  release = () => found.device.destroy();
});
afterAll(() => release());

test.each(Object.keys(programs) as Name[])('%s type-checks', async (name) => {
  expect(await typeErrors(declarations[name] ?? '', programs[name].text)).toEqual([]);
});

const argmax = (values: ArrayLike<number>): number => {
  const all = Array.from(values);
  return all.indexOf(Math.max(...all));
};

describe.each(['wasm', 'webgpu'])('on %s', (device) => {
  const run = (name: Name, given: object): Promise<unknown> => {
    const { [name]: main } = mains;
    if (!main) throw new Error(`${name} was not compiled`);
    return main({ device: devices[device], ...given });
  };

  test('the classifier learns, predicts and saves', async () => {
    // The class is the feature that is set.
    const rows = (from: number): { x: Float32Array; y: Int32Array } => {
      const y = Int32Array.from({ length: 8 }, (_, row) => (from + row) % 10);
      const x = Float32Array.from({ length: 8 * 24 }, (_, at) => (at % 24 === y[Math.floor(at / 24)] ? 3 : 0));
      return { x, y };
    };
    const batches = Array.from({ length: 40 }, (_, at) => rows(at));
    const saved: Uint8Array[] = [];
    const keep = async (file: Uint8Array): Promise<void> => void saved.push(file);
    const { x: pixels, y } = rows(0);
    const { lines, classes } = (await run('classifier', { batches, pixels, keep })) as {
      lines: [number, string, number][];
      classes: Int32Array;
    };
    expect(lines.map(([step]) => step)).toEqual([50, 100, 150, 200]);
    expect(Number(lines.at(-1)?.[1])).toBeLessThan(Number(lines[0]?.[1]));
    expect(Array.from(classes)).toEqual(Array.from(y));
    expect(saved[0]?.length).toBeGreaterThan((24 * 16 + 16 * 10) * 4);
  });

  test('the writer streams until its session is done', async () => {
    const ids: number[] = [];
    const given = { prompt: [3, 1, 4], end: -1, sample: argmax, write: (id: number) => void ids.push(id) };
    expect(await run('writer', given)).toBe(3 + 6);
    expect(ids).toHaveLength(7);
    expect(ids.every((id) => Number.isInteger(id) && id >= 0 && id < 11)).toBe(true);
  });
});

test('a model and a train may have the names of what the module is made of', async () => {
  const text = `
import { SGD } from "std/optim"
export model Model(n: int = 2) {
  param w: [n] = fn (s: list, fan_in: int, fan_out: int) => full(s, 3.0)
  export fn forward(x: [b, n]) -> [b] = sum(x * w, axis=-1)
}
export train Train(net: Model) {
  batch x: f32[b, 2]
  minimize mean(net(x)) using SGD(lr=0.1)
}
`;
  const { js, diagnostics } = await compile(
    { ...fileHost, read: (path) => (path === 'm.dlm' ? text : fileHost.read(path)) },
    'm.dlm',
  );
  expect(diagnostics.map(({ message }) => message)).toEqual([]);
  const made = await importModule<{
    load(options: object): Promise<{ dispose(): void }>;
    createTrain(net: object): Promise<{ step(batch: object): Promise<{ loss: number }> }>;
  }>(js ?? '');
  const net = await made.load({ device: 'wasm' });
  const fit = await made.createTrain(net);
  expect(Number.isFinite((await fit.step({ x: [[1, 2]] })).loss)).toBe(true);
  net.dispose();
});
