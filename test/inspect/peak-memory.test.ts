// Peak memory as a formula, against the fullest moment counted for concrete dims.
import { fc, test as property } from '@fast-check/vitest';
import { expect, test } from 'vitest';
import { peakMemory } from '../../src/inspect/peak-memory.ts';
import { constant, evaluateDim, mul, variable } from '../../src/ir/dim.ts';
import type { Plan, PlanBuffer } from '../../src/ir/plan.ts';

const plan = (buffers: readonly PlanBuffer[]): Plan => ({
  name: 'f',
  kind: 'entry',
  target: 'gpu',
  dims: [],
  facts: [],
  inputs: [],
  results: [],
  buffers,
  steps: [],
  record: [],
  host: [],
});

const buffer = fc.record({
  pool: fc.constantFrom('weights' as const, 'persistent' as const, 'io' as const, 'arena' as const),
  dims: fc.array(fc.constantFrom('b', 't', '3', '8'), { minLength: 1, maxLength: 3 }),
  first: fc.nat({ max: 5 }),
  length: fc.nat({ max: 4 }),
});

property.prop([fc.array(buffer, { maxLength: 8 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })])(
  'the formula is the fullest moment',
  (items, b, t) => {
    const buffers = items.map(({ pool, dims, first, length }, at): PlanBuffer => ({
      id: `b${at}`,
      pool,
      dtype: 'f32',
      first,
      last: first + length,
      shape: dims.map((name) => (/\d/.test(name) ? constant(Number(name)) : variable(name))),
    }));
    const sizes: Readonly<Record<string, number>> = { b, t };
    const bytes = ({ shape }: PlanBuffer): number =>
      shape.reduce((size, extent) => size * evaluateDim(extent, (name) => sizes[name]), 4);
    const lasting = buffers.filter(({ pool }) => pool === 'weights' || pool === 'persistent');
    const at = (step: number): number =>
      buffers
        .filter((each) => !lasting.includes(each) && each.first <= step && step <= each.last)
        .reduce((sum, each) => sum + bytes(each), 0);
    const expected =
      lasting.reduce((sum, each) => sum + bytes(each), 0) +
      Math.max(...Array.from({ length: 11 }, (_, step) => at(step)));
    expect(evaluateDim(peakMemory(plan(buffers)), (name) => sizes[name])).toBe(expected);
  },
);

test('a moment that another one covers leaves the formula', () => {
  const b = variable('b');
  const arena = (id: string, first: number, last: number, size: number): PlanBuffer => ({
    id,
    pool: 'arena',
    dtype: 'f32',
    shape: [mul(b, size)],
    first,
    last,
  });
  expect(peakMemory(plan([arena('x', 0, 1, 2), arena('y', 1, 2, 3), arena('z', 2, 3, 1)])).key).toBe('20*b');
  const aliased: PlanBuffer = { ...arena('w', 0, 3, 100), alias: 'x' };
  expect(peakMemory(plan([arena('x', 0, 1, 2), aliased])).key).toBe('8*b');
});
