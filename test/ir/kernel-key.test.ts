// Keys of structures: numbers that JSON writes alike must still make different keys.
import { expect, test } from 'vitest';
import { structureKey } from '../../src/ir/kernel-key.ts';

const odd = [0, -0, NaN, Infinity, -Infinity, 1];
const constant = (value: number): object => ({ kind: 'const', type: 'f32', width: 1, value });

test('every number makes a key of its own', () => {
  const keys = odd.map((value) => structureKey(constant(value)));
  expect(new Set(keys).size).toBe(odd.length);
});

test('places count: the same numbers in another order are another structure', () => {
  const pairs = odd.flatMap((a) => odd.map((b) => structureKey([{ a: constant(a) }, [constant(b)]])));
  expect(new Set(pairs).size).toBe(odd.length ** 2);
});

test('equal structures share a key', () => {
  expect(structureKey(odd.map(constant))).toBe(structureKey(odd.map(constant)));
});
