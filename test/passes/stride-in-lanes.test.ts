// Steps of positions over four lanes that start at a multiple of 4: what is claimed holds at every such start.
import { expect, test } from 'vitest';
import { add, constant, evaluateDim, floorDiv, mod, mul, variable, type Dim } from '../../src/ir/dim.ts';
import { Facts } from '../../src/ir/dim-solver.ts';
import { startsAligned, strideInLanes } from '../../src/passes/schedule/linear.ts';

const k = variable('%k');
const facts = new Facts().withAxes([
  { name: '%k', extent: constant(256) },
  { name: '%i', extent: constant(8) },
]);
const word = add(mul(floorDiv(k, 16), 4), mod(k, 4));

const cases: readonly (readonly [name: string, d: Dim, stride: number | undefined, aligned: boolean])[] = [
  ['k', k, 1, true],
  ['k + 1', add(k, 1), 1, false],
  ['3k', mul(k, 3), 3, false],
  ['a word of a row', add(word, mul(variable('%i'), 64)), 1, true],
  ['a word of a row of odd length', add(word, mul(variable('%i'), 63)), 1, false],
  ['its place in the word', mod(floorDiv(k, 4), 4), 0, false],
  ['a scale', floorDiv(k, 32), 0, false],
  ['half', floorDiv(k, 2), undefined, false],
  ['parity', mod(k, 2), undefined, false],
  ['a block that starts between', floorDiv(add(k, 2), 16), undefined, false],
  ['a block of 6', floorDiv(k, 6), undefined, false],
];

test.each(cases)('%s', (_, d, stride, aligned) => {
  expect([strideInLanes(d, '%k', facts), startsAligned(d, '%k', facts)]).toEqual([stride, aligned]);
  const at = (position: number): number => evaluateDim(d, (name) => (name === '%k' ? position : 5));
  for (let first = 0; first < 256; first += 4) {
    const steps = [1, 2, 3].map((lane) => at(first + lane) - at(first));
    if (stride !== undefined) expect(steps).toEqual([stride, 2 * stride, 3 * stride]);
    if (aligned) expect(at(first) % 4).toBe(0);
  }
});
