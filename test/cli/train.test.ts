// `dlm train` and `dlm run` as users call them, on the examples: events, weights, resuming, interruption, bad input.
import { copyFileSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseNpy } from '../../src/io/npy.ts';
import { parseSafetensors } from '../../src/io/safetensors.ts';
import { dlm, temporaryFolder, type Ran } from './dlm.ts';

const folder = temporaryFolder();
copyFileSync('examples/iris/iris.dlm', join(folder, 'iris.dlm'));
copyFileSync('examples/data/iris.csv', join(folder, 'iris.csv'));

const columns = ['--map', 'x=sepal_length..petal_width', '--device', 'wasm'];
const data = ['--data', 'iris.csv', ...columns];
const iris = ['iris.dlm', ...data, '--map', 'y=species'];

const run = (...args: string[]): Promise<Ran> => dlm(args, { cwd: folder });
const bytes = (name: string): Buffer => readFileSync(join(folder, name));

async function trainedWeights(seed: string, name: string): Promise<Buffer> {
  await run('train', ...iris, '--epochs', '2', '--seed', seed, '--save', name);
  return bytes(name);
}

describe('training', () => {
  test('ends with the accuracy on held-out examples and saves weights that predict the same', async () => {
    const trained = await run(
      'train',
      ...iris,
      '--valid',
      '0.2',
      '--epochs',
      '40',
      '--seed',
      '1',
      '--save',
      'w.safetensors',
      '--json',
    );
    expect(trained).toMatchObject({ code: 0, stderr: '' });
    const done = trained.events.at(-1);
    expect(done).toMatchObject({ event: 'done', on: 'valid', step: 160, weights: 'w.safetensors' });
    const metrics = done?.['metrics'] as { accuracy: number } | undefined;
    expect(metrics?.accuracy).toBeGreaterThanOrEqual(0.9);
    expect(trained.events[0]).toMatchObject({ event: 'start', device: 'wasm', examples: { train: 120, valid: 30 } });
    expect(trained.events.filter(({ event }) => event === 'step')).toHaveLength(160);

    const { tensors, metadata } = parseSafetensors(bytes('w.safetensors'), 'w');
    expect([...tensors.keys()]).toEqual(['fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias']);
    expect(JSON.parse(metadata['dlm.classes'] ?? '')).toEqual({ y: ['setosa', 'versicolor', 'virginica'] });

    const predicted = await run('run', 'iris.dlm', ...data, '--weights', 'w.safetensors');
    const species = bytes('iris.csv')
      .toString()
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(',').at(-1));
    const [title, ...rows] = predicted.stdout.trim().split('\n');
    expect(title).toBe('result');
    expect(rows.filter((row, at) => row === species[at]).length / 150).toBeGreaterThan(0.93);
  });

  test('is the same for the same seed, and another for another', async () => {
    const [first, again, other] = [
      await trainedWeights('5', 'a.safetensors'),
      await trainedWeights('5', 'b.safetensors'),
      await trainedWeights('6', 'c.safetensors'),
    ];
    expect(again.equals(first)).toBe(true);
    expect(other.equals(first)).toBe(false);
  });

  test('resumed from a checkpoint gives the bits of an uninterrupted run', async () => {
    const options = ['--valid', '0.1', '--batch', '20', '--seed', '3'];
    await run('train', ...iris, ...options, '--epochs', '6', '--save', 'whole.safetensors');
    await run('train', ...iris, ...options, '--epochs', '2', '--checkpoint', 'half.safetensors');
    const resumed = await run(
      'train',
      ...iris,
      '--epochs',
      '6',
      '--resume',
      'half.safetensors',
      '--save',
      'both.safetensors',
      '--json',
    );
    expect(resumed.events[0]).toMatchObject({ batch: 20, seed: 3, valid: 0.1 });
    expect(bytes('both.safetensors').equals(bytes('whole.safetensors'))).toBe(true);
  });

  test('interrupted in the middle of an epoch leaves a checkpoint that continues to the same bits', async () => {
    const options = [...iris, '--seed', '4', '--batch', '7'];
    let sent = false;
    const stopped = await dlm(['train', ...options, '--epochs', '100000', '--save', 'stop.safetensors', '--json'], {
      cwd: folder,
      // Once: a second Ctrl-C ends the process at once.
      watch: (chunk, signal) => {
        if (!sent && chunk.includes('"event":"step"')) signal('SIGINT');
        sent ||= chunk.includes('"event":"step"');
      },
    });
    expect(stopped.code).toBe(130);
    const last = stopped.events.at(-1);
    expect(last).toMatchObject({ event: 'interrupted', checkpoint: 'stop.checkpoint.safetensors' });
    expect(existsSync(join(folder, 'stop.safetensors'))).toBe(false);
    const epochs = String(Math.ceil((Number(last?.['step']) + 1) / 22) + 1);
    await run('train', ...options, '--epochs', epochs, '--save', 'straight.safetensors');
    await run(
      'train',
      ...options,
      '--epochs',
      epochs,
      '--resume',
      'stop.checkpoint.safetensors',
      '--save',
      'stop.safetensors',
    );
    expect(bytes('stop.safetensors').equals(bytes('straight.safetensors'))).toBe(true);
  });

  test('takes options, settings and a second file to validate on', async () => {
    const rows = bytes('iris.csv').toString().trim().split('\n');
    writeFileSync(join(folder, 'valid.csv'), [rows[0], ...rows.filter((row) => /virginica/.test(row))].join('\n'));
    const trained = await run(
      'train',
      ...iris,
      '--valid',
      'valid.csv',
      '--epochs',
      '1',
      '--option',
      'lr=0',
      '--set',
      'Iris.hidden=3',
      '--save',
      's.safetensors',
      '--json',
    );
    expect(trained.events[0]).toMatchObject({ examples: { train: 150, valid: 50 } });
    expect(parseSafetensors(bytes('s.safetensors'), 's').tensors.get('fc1.weight')?.shape).toEqual([3, 4]);
    // With a learning rate of 0 nothing moves.
    await run(
      'train',
      ...iris,
      '--epochs',
      '3',
      '--option',
      'lr=0',
      '--set',
      'Iris.hidden=3',
      '--save',
      'still.safetensors',
    );
    expect(bytes('still.safetensors').equals(bytes('s.safetensors'))).toBe(true);
  });

  test('writes plain lines where there is no terminal, and nothing but data on standard output', async () => {
    const trained = await run('train', ...iris, '--valid', '0.2', '--epochs', '10');
    expect(trained.stdout).toBe('');
    expect(trained.stderr).toMatch(/^epoch 10\/10 {2}step 40\/40 .* loss \d.* accuracy \d/m);
    expect(trained.stderr).toMatch(/^held out: loss .* accuracy .* \(40 steps in /m);
    expect(trained.stderr).not.toContain('\u001B');
  });
});

describe('devices', () => {
  const options = ['--valid', '0.2', '--epochs', '3', '--seed', '1', '--json'];

  test('WebGPU trains like WebAssembly, within the tolerance of f32', async ({ skip }) => {
    const onGpu = await run('train', ...iris, ...options, '--device', 'webgpu');
    if (onGpu.code === 3) skip('no WebGPU device on this machine');
    expect(onGpu.code, onGpu.stderr).toBe(0);
    expect(onGpu.events[0]).toMatchObject({ event: 'start', device: 'webgpu' });
    const onCpu = await run('train', ...iris, ...options);
    const [gpuLoss, cpuLoss] = [onGpu, onCpu].map(({ events }) => Number(events.at(-1)?.['loss']));
    expect(gpuLoss).toBeCloseTo(cpuLoss ?? NaN, 4);
  });
});

test('the digits of the README reach 0.96 on held-out examples', async () => {
  const digits = [
    'examples/digits/digits.dlm',
    '--data',
    'examples/data/digits.csv',
    '--map',
    'x=pixel_0..pixel_63',
    '--map',
    'y=digit',
  ];
  const trained = await dlm([
    'train',
    ...digits,
    '--valid',
    '0.2',
    '--epochs',
    '40',
    '--seed',
    '7',
    '--device',
    'wasm',
    '--json',
  ]);
  expect(trained.events.at(-1)).toMatchObject({ event: 'done', on: 'valid' });
  const metrics = trained.events.at(-1)?.['metrics'] as { accuracy: number } | undefined;
  expect(metrics?.accuracy).toBeGreaterThanOrEqual(0.96);
});

describe('results', () => {
  test('as .npy, .json and .csv files hold what is printed', async () => {
    const forward = ['run', 'iris.dlm:forward', ...data, '--weights', 'init', '--seed', '2'];
    const printed = await run(...forward);
    for (const kind of ['npy', 'json', 'csv']) expect((await run(...forward, '--out', `o.${kind}`)).code).toBe(0);
    expect(bytes('o.csv').toString()).toBe(printed.stdout);
    const { shape, data: values } = parseNpy(bytes('o.npy'), 'o.npy');
    expect(shape).toEqual([150, 3]);
    const { result } = JSON.parse(bytes('o.json').toString()) as { result: number[][] };
    expect(result.flat()).toEqual(Array.from(values));
    const [, first = ''] = printed.stdout.split('\n');
    expect(first.split(',').map((text) => Math.fround(Number(text)))).toEqual(result[0]);
  });

  test('do not depend on the batch size', async () => {
    const predict = ['run', 'iris.dlm', ...data, '--weights', 'init'];
    expect((await run(...predict, '--batch', '7')).stdout).toBe((await run(...predict)).stdout);
  });
});

const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
write('empty.csv', 'a,b,c,d,species\n');
write('nothing.csv', '');
write('nan.csv', 'sepal_length,sepal_width,petal_length,petal_width,species\n1,2,3,4,a\n1,NaN,3,4,b\n');
write('short.safetensors', 'short');
write(
  'boom.dlm',
  readFileSync('examples/iris/iris.dlm', 'utf8').replace(
    'x |> fc1 |> tanh |> fc2',
    'x |> fc1 |> exp |> exp |> exp |> fc2',
  ),
);
write('broken.dlm', 'export model {');

const empty = ['--data', 'empty.csv', '--map', 'x=a..d', '--map', 'y=species'];
const train = (file: string, ...more: string[]): string[] => [
  'train',
  'iris.dlm',
  ...columns,
  '--map',
  'y=species',
  '--data',
  file,
  '--save',
  'never.safetensors',
  ...more,
];

describe('bad input', () => {
  test.each([
    ['no such data file', train('none.csv'), 1, 'E0802'],
    ['an empty table', ['train', 'iris.dlm', ...empty, '--save', 'never.safetensors'], 1, 'E0806'],
    ['a table without anything', train('nothing.csv'), 1, 'E0806'],
    ['NaN', train('nan.csv'), 1, 'E0807'],
    ['a column that does not exist', ['train', 'iris.dlm', ...data, '--map', 'y=spezies'], 1, 'E0805'],
    ['a broken program', ['train', 'broken.dlm', ...data], 1, 'E0101'],
    ['no such program', ['train', 'none.dlm', ...data], 1, 'E0802'],
    ['a truncated checkpoint', train('iris.csv', '--resume', 'short.safetensors'), 1, 'E0802'],
    [
      'a loss that overflows',
      ['train', 'boom.dlm', ...data, '--map', 'y=species', '--save', 'never.safetensors'],
      1,
      'E0809',
    ],
    ['no data', ['train', 'iris.dlm'], 2, '--data is missing'],
    ['a place that cannot be written', train('iris.csv', '--save', 'iris.csv/w.safetensors'), 1, 'E0810'],
    ['an unknown option', train('iris.csv', '--option', 'momentum=1'), 2, 'FitIris has no option momentum, only lr'],
    ['an unknown train', ['train', 'iris.dlm:Fit', ...data], 2, 'iris.dlm:FitIris'],
    ['a share that leaves nothing', train('iris.csv', '--valid', '0.999'), 2, 'leaves 0 to train on'],
    ['a misspelled flag', train('iris.csv', '--epoch', '3'), 2, 'epoch'],
    ['no weights', ['run', 'iris.dlm', ...data], 2, '--weights is missing'],
    ['truncated weights', ['run', 'iris.dlm', ...data, '--weights', 'short.safetensors'], 1, 'E0802'],
    ['an unknown entry point', ['run', 'iris.dlm:guess', ...data, '--weights', 'init'], 2, 'iris.dlm:Iris.predict'],
    [
      'a result that no file can hold',
      ['run', 'iris.dlm', ...data, '--weights', 'init', '--out', 'never.png'],
      2,
      '.csv, .json or .npy',
    ],
  ])('%s', async (_what, args, code, text) => {
    const before = readdirSync(folder);
    const json = await run(...args, '--json');
    expect(json).toMatchObject({ code, stderr: '' });
    expect(JSON.stringify(json.events.at(-1))).toContain(text);
    expect(readdirSync(folder)).toEqual(before);
  });

  test('weights of another model are compared by name', async () => {
    copyFileSync(resolve('examples/digits/digits.dlm'), join(folder, 'digits.dlm'));
    const pixels = Array.from({ length: 64 }, (_, at) => `p${at}`);
    write('pixels.csv', `${pixels.join()}\n${pixels.map(() => '1').join()}\n`);
    await run('train', ...iris, '--epochs', '1', '--save', 'other.safetensors');
    const ran = await run(
      'run',
      'digits.dlm',
      '--data',
      'pixels.csv',
      '--map',
      'x=p0..p63',
      '--weights',
      'other.safetensors',
      '--device',
      'wasm',
    );
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toContain('error[E0801]: checkpoint does not fit `Mlp` (other.safetensors)');
    expect(ran.stderr).toMatch(/fc1\.weight +file f32\[16, 4\] +model f32\[128, 64\]/);
    expect(ran.stderr).toMatch(/fc3\.bias +missing/);
  });

  test('a GPU that is not there is exit code 3', async () => {
    const hidden = { VK_ICD_FILENAMES: '/nonexistent', VK_DRIVER_FILES: '/nonexistent', LD_LIBRARY_PATH: '' };
    const ran = await dlm(['train', ...iris, '--device', 'webgpu'], { cwd: folder, env: hidden });
    expect(ran.stderr).toContain('error[E0804]: no device for target `webgpu`');
    expect(ran.code).toBe(3);
  });
});

test('two models train against each other and are saved side by side', async () => {
  write(
    'pair.dlm',
    `import { Linear } from "std/nn"
import { SGD } from "std/optim"

export model Maker(n: int = 2) {
  let fc = Linear(n, 2)
  export fn forward(z: [b, n]) -> [b, 2] = fc(z)
}
export model Judge(n: int = 2) {
  let fc = Linear(n, 1)
  export fn forward(x: [b, n]) -> [b, 1] = fc(x)
}
export train Pair(maker: Maker, judge: Judge, lr: f32[]) {
  batch x: f32[b, 2], z: f32[b, 2]
  let fake = maker(z)
  step judging {
    minimize mean(sigmoid(judge(stop_gradient(fake)))) - mean(sigmoid(judge(x))) of judge using SGD(lr=lr)
  }
  step making {
    minimize 0.0 - mean(sigmoid(judge(fake))) of maker using SGD(lr=lr)
  }
}
`,
  );
  write('pair.csv', `a,b,c,d\n${Array.from({ length: 8 }, (_, at) => `${at},1,${8 - at},0`).join('\n')}\n`);
  const pair = ['pair.dlm', '--data', 'pair.csv', '--map', 'x=a,b', '--map', 'z=c,d', '--device', 'wasm'];
  expect(await run('train', ...pair)).toMatchObject({ code: 2, stderr: 'dlm: Pair needs --option lr=…\n' });
  const trained = await run(
    'train',
    ...pair,
    '--option',
    'lr=0.1',
    '--epochs',
    '2',
    '--save',
    'pair.safetensors',
    '--json',
  );
  const done = trained.events.at(-1);
  expect(done).toMatchObject({ weights: ['pair.maker.safetensors', 'pair.judge.safetensors'] });
  expect(Object.keys(done?.['losses'] ?? {})).toEqual(['judging', 'making']);
  expect([...parseSafetensors(bytes('pair.judge.safetensors'), 'pair').tensors.keys()]).toEqual([
    'fc.weight',
    'fc.bias',
  ]);
});
