// What `@quantize` gains where reading weights is what takes time: one row through a dense layer of 4096, and one token
// of GPT-2 small, with weights of 32, 8 and 4 bits in turns. On WebAssembly.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compile, type FileHost } from '../src/index.ts';
import { processorTime } from './processor-time.ts';
import { median, type Row, type RunOptions, type Workload } from './workload.ts';

interface Tensor {
  data(): Promise<Float32Array>;
  dispose(): void;
}
interface Net {
  forward(x: unknown): Promise<Tensor>;
  session(dims: object): Promise<{ decode(ids: readonly (readonly number[])[], pos: number): Promise<Tensor> }>;
  readonly weights: { save(): Promise<Uint8Array> };
  dispose(): void;
}
type Run = () => Promise<Tensor>;

const widths = ['', '@quantize(bits=8)', '@quantize(bits=4)'];
const bits = [32, 8, 4];

async function load(file: string, attribute: string, threads: number): Promise<Net> {
  const host: FileHost = {
    read: (path) => readFileSync(path, 'utf8').replace('export model', `${attribute}\nexport model`),
    resolve: (from, specifier) => join(dirname(from), specifier),
  };
  const { js } = await compile(host, join('bench', 'models', file), { targets: ['wasm'] });
  if (js === undefined) throw new Error(`${file} does not compile with ${attribute}`);
  const folder = mkdtempSync(join(tmpdir(), 'dlm-bench-'));
  try {
    writeFileSync(join(folder, 'model.mjs'), js);
    const module = (await import(pathToFileURL(join(folder, 'model.mjs')).href)) as {
      load(options: object): Promise<Net>;
    };
    return await module.load({ device: 'wasm', threads, seed: 1 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const oneRow = (net: Net): Run => {
  const x = { data: Float32Array.from({ length: 4096 }, (_, i) => Math.sin(i)), shape: [1, 4096] };
  return () => net.forward(x);
};

async function oneToken(net: Net): Promise<Run> {
  const session = await net.session({ b: 1, cap: 256 });
  (await session.decode([[1, 2, 3, 4, 5, 6, 7, 8]], 0)).dispose();
  return () => session.decode([[9]], 8);
}

const cases = [
  { name: 'matvec 4096', file: 'matvec.dlm', start: oneRow },
  { name: 'GPT-2 small, one token', file: 'gpt2.dlm', start: oneToken },
] as const;

async function timed(run: Run, clock: () => number): Promise<number> {
  const started = clock();
  const result = await run();
  await result.data();
  const time = clock() - started;
  result.dispose();
  return time;
}

async function* rowsOf({ quick, threads, processor, only }: RunOptions): AsyncGenerator<Row> {
  const clock = processor ? processorTime : () => performance.now();
  for (const { name, file, start } of cases.filter((each) => each.name.includes(only))) {
    const nets: Net[] = [];
    for (const attribute of widths) nets.push(await load(file, attribute, threads));
    const runs: Run[] = [];
    for (const net of nets) runs.push(await start(net));
    const times: number[][] = runs.map(() => []);
    for (let round = 0; round < (quick ? 8 : 40); round++)
      for (const [at, run] of runs.entries()) {
        const time = await timed(run, clock);
        if (round > 2) times[at]?.push(time);
      }
    for (const [at, net] of nets.entries()) {
      const own = times[at] ?? [];
      const bytes = (await net.weights.save()).length;
      const value = Number(median(own).toPrecision(3));
      const spread = [Math.min(...own), Math.max(...own)] as const;
      yield { name: `${name}, ${bits[at]} bits`, value, unit: 'ms', spread, counts: { 'bytes of weights': bytes } };
      net.dispose();
    }
  }
}

/** The workload `quantized`. */
export const quantized: Workload = { name: 'quantized', run: (options) => rowsOf(options) };
