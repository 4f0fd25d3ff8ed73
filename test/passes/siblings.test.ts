// Sibling merges: nests over the same points that share what they load become one, and nothing else does.
import { expect, test } from 'vitest';
import { interpretNests } from '../../src/ir/nest-interpreter.ts';
import { parseNests } from '../../src/ir/nest-text.ts';
import type { NestFunction } from '../../src/ir/nest.ts';
import { fuse } from '../../src/passes/fuse.ts';
import { sampleTensor } from '../support/graph-cases.ts';

/** A function that gives y and z from x, w and the weights a and b. */
const program = (body: string, y = '[n, m]', z = '[n, m]'): string => `nests "siblings"

func @siblings(
  @x argument "x",
  @a argument "a",
  @b argument "b"
) entry dims (n >= 1, m >= 1) {
  buffer @x: f32[n, m]
  buffer @a: f32[m]
  buffer @b: f32[m]
  buffer @y: f32${y}
  buffer @z: f32${z}
${body}
  return output "y" @y, output "z" @z;
}
`;

const scaled = (name: string, to: string, by: string, from = 'x'): string => `  nest "${name}" [%i: n, %j: m] {
    store set @${to}[%i, %j] = mul.f32(load.f32(@${from}, %i, %j), load.f32(@${by}, %j))
  }`;

const sums = (to: string, by: string, extent = 'm'): string => `  nest "sum" [%i: n] {
    reduce "r" sum over [%k: ${extent}] (mul.f32(load.f32(@x, %i, %k), load.f32(@${by}, %k))) : f32;
    store set @${to}[%i] = reduced.f32("r", 0)
  }`;

/** Nests after fusion, and how many siblings it counted; what they compute must stay. */
function fused(text: string): { readonly nests: number; readonly merges: number } {
  const counts = new Map<string, number>();
  const module = parseNests(text);
  const after = fuse.run(module, { count: (name, times = 1) => counts.set(name, (counts.get(name) ?? 0) + times) });
  const [before, fn] = [module.functions[0], after.functions[0]];
  if (!before || !fn) throw new Error('no function');
  expect(run(fn)).toEqual(run(before));
  return { nests: fn.body.length, merges: counts.get('merge-sibling') ?? 0 };
}

const inputs = { x: sampleTensor([3, 4]), a: sampleTensor([4], 2), b: sampleTensor([4], 3) };
const run = (fn: NestFunction): unknown =>
  Object.entries(interpretNests(fn, inputs)).map(([name, { shape, data }]) => [name, shape, [...data]]);

test('two maps of one tensor are one nest', () => {
  expect(fused(program([scaled('mul', 'y', 'a'), scaled('mul', 'z', 'b')].join('\n')))).toEqual({
    nests: 1,
    merges: 1,
  });
});

test('maps that share nothing but their shape stay apart', () => {
  const other = `  nest "iota" [%i: n, %j: m] {
    store set @z[%i, %j] = cast.f32(index.i32(%i + %j))
  }`;
  expect(fused(program(`${scaled('mul', 'y', 'a')}\n${other}`))).toEqual({ nests: 2, merges: 0 });
});

test('a map that is stored in another order stays apart', () => {
  const turned = `  nest "permute" [%i: n, %j: m] {
    store set @z[%j, %i] = neg.f32(load.f32(@x, %i, %j))
  }`;
  expect(fused(program(`${scaled('mul', 'y', 'a')}\n${turned}`, '[n, m]', '[m, n]'))).toEqual({ nests: 2, merges: 0 });
});

test('short rows of one tensor are one nest, rows of unknown length are not', () => {
  const fixed = (text: string): string => text.replaceAll('n, m]', 'n, 4]').replaceAll('[m]', '[4]');
  const short = fixed(program([sums('y', 'a', '4'), sums('z', 'b', '4')].join('\n'), '[n]', '[n]'));
  expect(fused(short)).toEqual({ nests: 1, merges: 1 });
  const long = program([sums('y', 'a'), sums('z', 'b')].join('\n'), '[n]', '[n]');
  expect(fused(long)).toEqual({ nests: 2, merges: 0 });
});

test('what depends on a sibling through a third step stays behind it', () => {
  const body = [
    scaled('mul', 'y', 'a'),
    // All of y in one number, which z needs: no merge of y and z can run before it.
    `  nest "total" [] {
    reduce "r" sum over [%k: n, %l: m] (load.f32(@y, %k, %l)) : f32;
    store set @t[] = reduced.f32("r", 0)
  }
  nest "add" [%i: n, %j: m] {
    store set @z[%i, %j] = add.f32(load.f32(@x, %i, %j), load.f32(@t))
  }`,
  ].join('\n');
  const text = program(body).replace('  buffer @y:', '  buffer @t: f32[]\n  buffer @y:');
  expect(fused(text)).toEqual({ nests: 3, merges: 0 });
});

test('numbers are computed together, whatever they read', () => {
  const one = (to: string, at: number): string => `  nest "add" [] {
    store set @${to}[] = add.f32(load.f32(@x, ${at}, 0), const.f32(1))
  }`;
  expect(fused(program(`${one('y', 0)}\n${one('z', 0)}`, '[]', '[]'))).toEqual({ nests: 1, merges: 1 });
});
