// The commands that look at programs: check, fmt, compile, ir, summary, explain; and the command line itself.
import { copyFileSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { passNames } from '../../src/index.ts';
import { parseGraph } from '../../src/ir/graph-text.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import { interpretNests } from '../../src/ir/nest-interpreter.ts';
import { parseNests } from '../../src/ir/nest-text.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { parseProgram, printProgram } from '../../src/ir/plan-text.ts';
import { dlm, temporaryFolder, type Ran } from './dlm.ts';

const folder = temporaryFolder();
copyFileSync('examples/iris/iris.dlm', join(folder, 'iris.dlm'));
const run = (...args: string[]): Promise<Ran> => dlm(args, { cwd: folder });
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
const text = (name: string): string => readFileSync(join(folder, name), 'utf8');

const five = `import { Linear } from "std/nn"

export model Net(hidden: int = 16) {
  let fc1 = Linear(4, hidden, bais=true)
  let fc2 = Linear(hidden, 3)

  export fn forward(x: [b, 4]) -> [b, 3] = x |> rellu |> fc2
  export fn other(x: [b, 4]) -> [b, 3] = Linear(4, 3)(x)
  export fn third(x: [b, 4], y: i32[b]) -> bool[b] = x == y
}
export model Mix(hidden: int = 16) {
  let fc1 = Linear(4, hidden)
  let fc2 = Linear(32, 3)
  export fn forward(x: [b, 4]) -> [b, 3] = x |> fc1 |> fc2
}
`;

describe('check', () => {
  write('five.dlm', five);

  test('prints every mistake with its place, and exits with 1', async () => {
    const found = await run('check', 'five.dlm');
    expect(found.code).toBe(1);
    const codes = [...found.stdout.matchAll(/^error\[(E\d+)\]/gm)].map(([, code]) => code);
    expect(codes).toEqual(['E0201', 'E0202', 'E0501', 'E0401', 'E0301']);
    expect([...found.stdout.matchAll(/^ *--> five\.dlm:(\d+):/gm)].map(([, line]) => line)).toEqual([
      '4',
      '7',
      '8',
      '9',
      '14',
    ]);
    expect(found.stdout).toContain('how the shape came about');
    expect(found.stderr).toBe('1 file: 5 errors\n');
  });

  test('speaks JSON, SARIF and GitHub', async () => {
    const json = JSON.parse((await run('check', 'five.dlm', '--json')).stdout) as { code: string }[];
    expect(json).toHaveLength(5);
    const sarif = JSON.parse((await run('check', 'five.dlm', '--format', 'sarif')).stdout) as {
      runs: { results: unknown[] }[];
    };
    expect(sarif.runs[0]?.results).toHaveLength(5);
    const github = await run('check', 'five.dlm', '--format', 'github');
    expect(github.stdout).toMatch(/^::error file=five\.dlm,line=4,/);
  });

  test('--fix applies what is certain', async () => {
    write('fixable.dlm', five);
    const fixed = await run('check', 'fixable.dlm', '--fix');
    expect(text('fixable.dlm')).toContain('Linear(4, hidden, bias=true)');
    expect(text('fixable.dlm')).toContain('x |> relu |> fc2');
    expect(fixed.stderr).toMatch(/^applied \d fixes/);
    expect(fixed.stdout).not.toContain('E0201');
  });

  test('finds nothing wrong with the examples', async () => {
    const found = await dlm(['check', 'examples']);
    expect(found).toMatchObject({ code: 0, stdout: '' });
    expect(found.stderr).toMatch(/^\d+ files: no problems\n$/);
  });
});

describe('fmt', () => {
  test('rewrites, is then content, and leaves broken files alone', async () => {
    write('ugly.dlm', 'export   model M( n:int=2 ){ export fn f(x:[b,n])->[b,n]=x+1.0 }\n');
    write('broken.dlm', 'export model {\n');
    const before = await run('fmt', '--check', 'ugly.dlm', 'iris.dlm');
    expect(before).toMatchObject({ code: 1, stdout: 'ugly.dlm\n' });
    const formatted = await run('fmt', 'ugly.dlm', 'broken.dlm');
    expect(formatted.code).toBe(1);
    expect(formatted.stderr).toContain('broken.dlm:1:');
    expect(text('broken.dlm')).toBe('export model {\n');
    expect(text('ugly.dlm')).toContain('export model M(n: int = 2) {');
    expect(await run('fmt', '--check', 'ugly.dlm')).toMatchObject({ code: 0, stdout: '' });
  });
});

describe('compile', () => {
  test('writes a module that loads and declarations beside it', async () => {
    const compiled = await run('compile', 'iris.dlm', '-o', 'out', '--json');
    expect(compiled.events.at(-1)).toMatchObject({
      event: 'done',
      files: [{ path: 'out/iris.dlm.js' }, { path: 'out/iris.dlm.d.ts' }],
    });
    const module = (await import(/* @vite-ignore */ pathToFileURL(join(folder, 'out/iris.dlm.js')).href)) as Record<
      string,
      unknown
    >;
    expect(Object.keys(module).sort()).toEqual(['DlmError', 'createFitIris', 'load', 'loadIris', 'meta']);
    expect(text('out/iris.dlm.d.ts')).toContain('predict(');
  });

  test('writes nothing when one of the files is wrong', async () => {
    write('five.dlm', five);
    const compiled = await run('compile', 'iris.dlm', 'five.dlm', '-o', 'none');
    expect(compiled).toMatchObject({ code: 1, stdout: '' });
    expect(existsSync(join(folder, 'none'))).toBe(false);
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  });
});

/** Some batch and some weights for `FitIris.step`; the same on every call. */
function inputs(
  shapes: Readonly<Record<string, readonly [Tensor['dtype'], readonly number[]]>>,
): Record<string, Tensor> {
  const made = Object.entries(shapes).map(([name, [dtype, shape]], item) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const value = (at: number): number => (dtype === 'f32' ? Math.sin(at + item) / 2 : (at + item) % 3);
    return [name, { dtype, shape, data: Float64Array.from({ length: size }, (_, at) => value(at)) }] as const;
  });
  return Object.fromEntries(made);
}

const batch = inputs({
  x: ['f32', [5, 4]],
  y: ['i32', [5]],
  'fc1.weight': ['f32', [16, 4]],
  'fc1.bias': ['f32', [16]],
  'fc2.weight': ['f32', [3, 16]],
  'fc2.bias': ['f32', [3]],
});
const all = {
  ...batch,
  lr: scalar('f32', 0.1),
  iteration: scalar('i32', 3),
  'key.0': scalar('u32', 1),
  'key.1': scalar('u32', 2),
};

function scalar(dtype: Tensor['dtype'], value: number): Tensor {
  return { dtype, shape: [], data: Float64Array.of(value) };
}

describe('ir', () => {
  test('every dump parses back and interprets to the same loss', async () => {
    const { events } = await run('ir', 'iris.dlm:FitIris.step', '--all', '--json');
    const losses = events.map(({ pass, level, text: dump }) => {
      const [name, source] = [String(pass), String(dump)];
      if (level === 'graph') {
        const [fn] = parseGraph(source).functions;
        return [name, fn && interpret(fn, all, { outputs: ['loss'] })['loss']?.data[0]] as const;
      }
      if (level === 'nest') {
        const [fn] = parseNests(source).functions;
        return [
          name,
          fn &&
            interpretNests(fn, { ...slots(fn.inputs.map((input) => input.name)), ...all }, { outputs: ['loss'] })[
              'loss'
            ]?.data[0],
        ] as const;
      }
      expect(printProgram(parseProgram(source))).toBe(source);
      return [name, undefined] as const;
    });
    const [, first] = losses[0] ?? [];
    expect(first).toBeGreaterThan(0.5);
    const isOfGpu = (name: string): boolean => name !== 'panels' && !name.endsWith('-cpu');
    expect(losses.map(([name]) => name)).toEqual(passNames.filter(isOfGpu));
    for (const [name, loss] of losses.slice(0, -1)) expect(loss, name).toBeCloseTo(first ?? NaN, 12);
  });

  test('prints one pass, one level, and what changed between two', async () => {
    const after = await run('ir', 'iris.dlm:FitIris', '--after', 'autodiff');
    expect(parseGraph(after.stdout).functions.map(({ name }) => name)).toEqual(['FitIris.step', 'FitIris.evaluate']);
    const kernels = await run('ir', 'iris.dlm:forward', '--level', 'kernel', '--target', 'wasm');
    expect(kernels.stdout).toMatch(/^kernel /);
    const diff = await run('ir', 'iris.dlm:FitIris.step', '--diff', 'cse,dce');
    expect(diff.stdout).toMatch(/^--- after cse\n\+\+\+ after dce\n/);
    expect(diff.stdout).toMatch(/^-/m);
    const stats = await run('ir', 'iris.dlm', '--stats');
    expect(stats.stdout).toMatch(/^dce +\d+\.\d ms/m);
  });

  test('a dump is a program: passes that ran change nothing more', async () => {
    write('dumped.ir', (await run('ir', 'iris.dlm', '--after', 'host-scalars')).stdout);
    const [whole, again] = [
      await run('ir', 'iris.dlm', '--level', 'plan'),
      await run('ir', 'dumped.ir', '--level', 'plan'),
    ];
    expect(again.code, again.stderr).toBe(0);
    expect(again.stdout.length).toBeGreaterThan(1000);
    expect(again.stdout).toBe(whole.stdout);
    write('torn.ir', 'module "x" func');
    expect(await run('ir', 'torn.ir')).toMatchObject({ code: 1, stderr: expect.stringContaining('E0802') as string });
  });

  test('names the passes and functions that there are', async () => {
    expect(await run('ir', 'iris.dlm', '--after', 'magic')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('autodiff') as string,
    });
    expect(await run('ir', 'iris.dlm:magic')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Iris.forward') as string,
    });
  });
});

// The optimizer starts from zero.
function slots(names: readonly string[]): Record<string, Tensor> {
  const found = names
    .filter((name) => /^[mv]:/.test(name))
    .map((name) => [name, zeroLike(batch[name.slice(2)])] as const);
  return Object.fromEntries(found);
}

function zeroLike(tensor: Tensor | undefined): Tensor {
  return tensor ? { ...tensor, data: new Float64Array(tensor.data.length) } : scalar('f32', 0);
}

describe('summary', () => {
  test('counts parameters, and costs as formulas or for given dims', async () => {
    const plain = await run('summary', 'iris.dlm');
    expect(plain.stdout).toMatch(/^model Iris: 131 parameters, 524 B$/m);
    expect(plain.stdout).toMatch(/^ {2}fc2\.weight {2}f32\[3, 16\] +48$/m);
    const { events } = await run('summary', 'iris.dlm:Iris.forward', '--dim', 'b=10', '--json');
    const [forward] = (events[0]?.['functions'] ?? []) as {
      flops: { formula: string; value: number };
      peak: { formula: string; value: number };
    }[];
    // Two multiply-adds a weight, a bias each, tanh at the price that its op states.
    expect(forward?.flops.formula).toMatch(/^\d+\*b$/);
    expect(forward?.flops.value).toBeGreaterThanOrEqual(10 * (2 * 4 * 16 + 2 * 16 * 3));
    // Weights, and at the fullest moment x or the result beside the hidden layer.
    expect(forward?.peak).toEqual({ formula: '80*b + 524', value: 1324 });
  });

  test('counts caches as formulas, apart from the parameters', async () => {
    write(
      'echo.dlm',
      `export model Echo(d: int = 2) {
  param w: [d] = normal(0.5)
  cache past: [b, cap, d]
  cache seen: i32[b]
  export fn extend(x: [b, t, d], pos: i32[]) -> [b, cap, d] {
    update past = put(past, x * w, at=pos, axis=1)
    update seen = seen + t
    past
  }
}
`,
    );
    const plain = await run('summary', 'echo.dlm');
    expect(plain.stdout).toMatch(/^model Echo: 2 parameters, 8 B$/m);
    expect(plain.stdout).toMatch(/^ {2}caches of a session: 8\*b\*cap \+ 4\*b B$/m);
    expect(plain.stdout).toMatch(/^ {4}past {2}f32\[b, cap, 2\] {2}8\*b\*cap B$/m);
    const { events } = await run('summary', 'echo.dlm', '--dim', 'b=2,cap=100', '--json');
    const [echo] = (events[0]?.['models'] ?? []) as { parameters: unknown[]; session: { value: number } }[];
    expect(echo?.parameters).toHaveLength(1);
    expect(echo?.session.value).toBe(1608);
    // The caches are in memory while the entry runs, with x and the result.
    const [extend] = (events[0]?.['functions'] ?? []) as { peak: { formula: string } }[];
    expect(extend?.peak.formula).toContain('b*cap');
  });

  test('lists kernels with the lines they came from', async () => {
    const listed = await run('summary', 'iris.dlm:forward', '--kernels');
    expect(listed.stdout).toContain('iris.dlm:10');
  });
});

describe('the command line', () => {
  test('explains codes', async () => {
    expect((await run('explain', 'e0301')).stdout).toMatch(/^E0301 feature-mismatch\n/);
    expect((await run('explain')).stdout.split('\n').length).toBeGreaterThan(50);
    expect(await run('explain', 'E9999')).toMatchObject({ code: 2, stdout: '' });
  });

  test('shows help and version, and refuses what it does not know', async () => {
    expect(await run('--help')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('$ dlm train --help') as string,
    });
    expect((await run('train', '--help')).stdout).toContain('--resume <file>');
    expect((await run('--version')).stdout).toMatch(/^dlm\/test/);
    expect(await run('fly')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('there is no command fly') as string,
    });
    expect(await run('check')).toMatchObject({ code: 2 });
    expect(await run('train', 'iris.dlm', '--data')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--data') as string,
    });
  });

  test('says which file it cannot write', async () => {
    write('blocked', '');
    const ran = await run('compile', 'iris.dlm', '-o', 'blocked/inside');
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toContain('error[E0810]: cannot write blocked/inside/iris.dlm.js: a part of its path is a file');
  });
});
