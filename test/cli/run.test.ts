// `dlm run` of entry points that take numbers, optional tensors, or a session.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { dlm, temporaryFolder, type Ran } from './dlm.ts';

const folder = temporaryFolder();
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
write(
  'm.dlm',
  `export model M(d: int = 2) {
  param w: [d] = fn (s: list, fan_in: int, fan_out: int) => full(s, 3.0)
  cache past: [b, cap]
  export fn noise(count: int) -> [count, d] = normal([count, d])
  export fn tile(x: [b, d], n: int) -> [b, n, d] = for i < b, k < n, j < d => x[i, j]
  export fn masked(x: [b, d], keep: bool[b, d]? = none, by: f32[] = 1.0) -> [b, d] =
    if keep != none { where(keep, by * x * w, 0.0) } else { by * x * w }
  export fn extend(x: [b, t], pos: i32[]) -> [b, cap] {
    update past = put(past, x, at=pos, axis=1)
    past
  }
}
`,
);
write('x.csv', 'a,b,flag\n1,2,1\n3,4,0\n5,6,1\n');
write('five.csv', 'a,b\n1,2\n3,4\n5,6\n7,8\n9,10\n');

const run = (entry: string, ...args: string[]): Promise<Ran> =>
  dlm(['run', `m.dlm:${entry}`, '--weights', 'init', '--device', 'wasm', '--json', ...args], { cwd: folder });
const data = ['--data', 'x.csv', '--map', 'x=a,b'];
const result = ({ events, stderr }: Ran): unknown => {
  expect(stderr).toBe('');
  return events.at(-1)?.['result'];
};
const message = ({ events }: Ran): string => JSON.stringify(events.at(-1));

describe('numbers', () => {
  test('bind dims, and an entry without tensors needs no data', async () => {
    const noise = result(await run('noise', '--arg', 'count=5', '--seed', '3')) as number[][];
    expect(noise.map((row) => row.length)).toEqual([2, 2, 2, 2, 2]);
    expect(noise.flat().every((value) => Math.abs(value) < 6)).toBe(true);
    expect(new Set(noise.flat()).size).toBe(10);
    expect(result(await run('noise', '--arg', 'count=5', '--seed', '3'))).toEqual(noise);
    expect(result(await run('noise', '--arg', 'count=5', '--seed', '4'))).not.toEqual(noise);
  });

  test('stand beside tensors that come in batches', async () => {
    const rows = result(await run('tile', '--data', 'five.csv', '--map', 'x=a,b', '--arg', 'n=2', '--batch', '2'));
    const expected = [1, 3, 5, 7, 9].map((a) => [
      [a, a + 1],
      [a, a + 1],
    ]);
    expect(rows).toEqual(expected);
  });

  test.each([
    ['none', 'tile', data, '--arg n=… is missing'],
    ['zero', 'noise', ['--arg', 'count=0'], 'expected a whole number ≥ 1'],
    ['a fraction', 'noise', ['--arg', 'count=1.5'], 'expected a whole number ≥ 1'],
    ['an unknown name', 'noise', ['--arg', 'count=1', '--arg', 'size=2'], 'only count'],
    ['a tensor', 'masked', [...data, '--arg', 'x=2'], 'only by'],
    ['no data', 'masked', [], '--data is missing'],
    ['a size without a number', 'extend', [...data, '--dim', 'b'], '--dim b: expected name=value'],
    ['data for nothing', 'noise', ['--arg', 'count=1', '--data', 'x.csv'], 'takes no tensors'],
  ])('%s', async (_what, entry, args, text) => {
    const ran = await run(entry, ...args);
    expect(ran.code).toBe(2);
    expect(message(ran)).toContain(text);
  });
});

describe('optional arguments', () => {
  test('are left out where nothing of their name is given', async () => {
    expect(result(await run('masked', ...data))).toEqual([
      [3, 6],
      [9, 12],
      [15, 18],
    ]);
  });

  test('are given by a number, by --map, and by a column of their name', async () => {
    const masked = [
      [6, 12],
      [0, 0],
      [30, 36],
    ];
    expect(result(await run('masked', ...data, '--arg', 'by=2', '--map', 'keep=flag,flag'))).toEqual(masked);
    write('keep.csv', 'x,keep\n1,1\n2,0\n');
    const narrow = ['--data', 'keep.csv', '--set', 'M.d=1'];
    expect(result(await run('masked', ...narrow, '--batch', '1'))).toEqual([[3], [0]]);
  });
});

describe('sessions', () => {
  test('are made for the sizes that --dim gives', async () => {
    const rows = result(await run('extend', ...data, '--arg', 'pos=1', '--dim', 'b=3,cap=4'));
    expect(rows).toEqual([
      [0, 1, 2, 0],
      [0, 3, 4, 0],
      [0, 5, 6, 0],
    ]);
  });

  test('are asked for where sizes are open, and refused where they do not fit', async () => {
    const open = await run('extend', ...data, '--arg', 'pos=1');
    expect(open.code).toBe(1);
    expect(message(open)).toContain('E0905');
    const other = await run('extend', ...data, '--arg', 'pos=1', '--dim', 'b=2,cap=4');
    expect(message(other)).toContain('E9102');
    const full = await run('extend', ...data, '--arg', 'pos=3', '--dim', 'b=3', '--dim', 'cap=4');
    expect(message(full)).toContain('E9104');
    const needless = await run('masked', ...data, '--dim', 'b=3');
    expect(needless.code).toBe(2);
    expect(message(needless)).toContain('masked needs no session');
  });
});
