// Plans of many steps are printed from where things stand, and read as they were.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bufferCounter } from '../../src/codegen/host/plan-text.ts';
import type { PlanSpec } from '../../src/runtime/program.ts';
import { readPlan } from '../../src/runtime/plan-text.ts';

const interval = fc.tuple(fc.integer({ min: -2, max: 40 }), fc.nat(40));
const step = fc.record({ buffers: fc.array(fc.nat(60), { maxLength: 5 }), turns: fc.constantFrom(1, 1, 1, 0, 2) });

test('what was printed is read', () => {
  fc.assert(
    fc.property(fc.array(interval), fc.array(step), fc.boolean(), (intervals, steps, isLong) => {
      let before = 0;
      const buffers = intervals.map(([first, length]): readonly [0, number, number, number] => {
        const after = first - before;
        before = first;
        return [0, 64, after, length];
      });
      const [ofStep, ofWord] = [bufferCounter(isLong), bufferCounter(isLong)];
      const printed: PlanSpec = {
        buffers: ['w', ...buffers],
        inputs: [],
        outputs: [],
        // A loop's steps are there once for each turn; in the table they are there once.
        steps: steps.flatMap(({ buffers: used, turns }) => {
          const read = used.map((buffer) => Number(turns === 1 ? ofStep.once(buffer) : ofStep.often(buffer)));
          return Array.from({ length: turns }, () => [3, read, 1, [7]] as const);
        }),
        words: steps.map(({ buffers: used }) => `${'a'.repeat(used.length)}p`).join(''),
        table: steps.flatMap(({ buffers: used }) => [...used.map((buffer) => Number(ofWord.once(buffer))), -3]),
      };
      const read = readPlan(printed);
      expect(read.buffers).toEqual(['w', ...intervals.map(([first, length]) => [0, 64, first, first + length])]);
      expect(read.steps).toEqual(
        steps.flatMap(({ buffers: used, turns }) => Array.from({ length: turns }, () => [3, used, 1, [7]])),
      );
      expect(read.table).toEqual(steps.flatMap(({ buffers: used }) => [...used, -3]));
    }),
  );
});

test('buffers of equal layers are equal numbers', () => {
  const counter = bufferCounter(true);
  const layers = [0, 1, 2].map((layer) => [3 * layer, 3 * layer + 1, 3 * layer + 2].map(counter.once));
  expect(layers).toEqual([
    ['-1', '-1', '-1'],
    ['-1', '-1', '-1'],
    ['-1', '-1', '-1'],
  ]);
  expect([9, 9, 8, 0].map(counter.once)).toEqual(['-1', '-2', '-3', '-11']);
  expect([40, 41, 10, 42].map(counter.once)).toEqual(['40', '41', '-1', '42']);
});
