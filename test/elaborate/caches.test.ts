// Session dims: free names of cache types, equal to dims of that name wherever a cache is read or written.
import { describe, expect, test } from 'vitest';
import { sampleTensor } from '../support/graph-cases.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import { functionNamed, graphOf, tensorFrom } from './evaluate.ts';
import { program } from './files.ts';

const layer = `
layer Memory(d: int) {
  cache past: [b, cap, d]
  fn plain(x: [b, d]) -> [b, d] = 2 * x
  fn append(x: [b, t, d], pos: i32[]) -> [b, cap, d] {
    update past = put(past, x, at=pos, axis=1)
    past
  }
}
`;
const model = (entry: string): string => `${layer}
export model M(d: int = 2) {
  let memory = Memory(d)
  ${entry}
}
`;
const errors = (text: string): string[] =>
  program(text).diagnostics.flatMap((d) => (d.severity === 'error' ? [`${d.code} ${d.message}`] : []));

const facts = (entry: string): { dims: string[]; facts: string[]; inputs: string[] } => {
  const fn = functionNamed(graphOf(model(entry)), 'M.f');
  return {
    dims: fn.dims.map(({ name }) => name),
    facts: fn.facts.map(({ lhs, kind }) => `${lhs.key} ${kind}`),
    inputs: fn.inputs.map(({ name, role }) => `${role} ${name}`),
  };
};

describe('session dims', () => {
  test('become dims of an entry that reads or writes a cache, and what is put in must fit', () => {
    expect(facts('export fn f(x: [b, t, d], pos: i32[]) = memory.append(x, pos)')).toEqual({
      dims: ['b', 't', 'cap'],
      facts: ['cap - t >=0'],
      inputs: ['argument x', 'argument pos', 'cache memory.past'],
    });
    expect(facts('export fn f(x: [b, 1, d], pos: i32[]) = memory.append(x, pos)').facts).toEqual([]);
  });

  test('leave functions alone that touch no cache', () => {
    expect(facts('export fn f(x: [n, d]) -> [n, d] = memory.plain(x)')).toEqual({
      dims: ['n'],
      facts: [],
      inputs: ['argument x'],
    });
  });

  test('equal the dims of that name in the functions that led there, as a guard of the entry', () => {
    const { dims, facts: guards } = facts(
      'export fn f(x: [n, t, d], pos: i32[]) -> [n, cap, d] = memory.append(x, pos)',
    );
    expect(dims).toEqual(['n', 't', 'b', 'cap']);
    expect(guards).toContain('-b + n ==0');
  });

  test('are ints of the layer, not of its signatures, and need a cache to be known', () => {
    const text = `export model M(d: int = 2) {
  cache past: [b, cap, d]
  export fn size(x: [cap, d]) -> [cap, d] = 2 * x
  export fn f(x: [b, d]) -> f32[] = sum(past) + f32(cap * b) + sum(x)
}`;
    const graph = graphOf(text);
    expect(functionNamed(graph, 'M.size').inputs.map(({ role }) => role)).toEqual(['argument']);
    const past = sampleTensor([3, 5, 2], 1, 'f32');
    const results = interpret(functionNamed(graph, 'M.f'), {
      past,
      x: tensorFrom([
        [0, 0],
        [0, 0],
        [0, 0],
      ]),
    });
    expect(results['result']?.data[0]).toBeCloseTo(past.data.reduce((a, v) => a + v, 0) + 15, 5);
    expect(
      errors('export model M(d: int = 2) {\n  cache past: [b, cap, d]\n  export fn f(x: [b, d]) = x * f32(cap)\n}\n'),
    ).toEqual([expect.stringMatching(/^E0901 .*`cap`/)]);
  });

  test('stand alone somewhere, and differ from what they are set to only by a guard', () => {
    expect(errors('export model M() {\n  cache past: [2 * m]\n  export fn f(x: [2]) = x\n}\n')).toEqual([
      expect.stringMatching(/^E0311 .*`m`/),
    ]);
    expect(errors(model('export fn f(x: [3, t, d], pos: i32[]) = memory.append(x, pos)'))).toEqual([]);
    expect(facts('export fn f(x: [3, t, d], pos: i32[]) = memory.append(x, pos)').facts).toContain('-b + 3 ==0');
  });
});

test('caches of layers in a loop are carried by it', () => {
  const graph = graphOf(
    model(`export fn f(x: [b, 1, d], count: int) -> [b, 1, d] =
    fold h = x over i < count => 0.5 * h + memory.append(h, i)[:, 0:1]`),
  );
  const results = interpret(
    functionNamed(graph, 'M.f'),
    { x: tensorFrom([[[1, 2]]]), 'memory.past': sampleTensor([1, 3, 2], 1, 'f32') },
    { dims: { count: 2 } },
  );
  // h1 = x / 2 + x, h2 = h1 / 2 + x; the cache holds x, then h1.
  expect([...(results['result']?.data ?? [])]).toEqual([1.75, 3.5]);
  expect([...(results['memory.past']?.data ?? [])].slice(0, 4)).toEqual([1, 2, 1.5, 3]);
});
