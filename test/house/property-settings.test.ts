// The global settings reach every property: number of cases and seed.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runs } from '../support/property-settings.ts';

test('a property draws the configured number of cases from the configured seed', () => {
  let drawn = 0;
  const report = fc.check(fc.property(fc.integer(), () => void drawn++));
  expect(drawn).toBe(runs(100));
  expect(report.seed).toBe(Number(process.env['DLM_SEED'] ?? '42'));
});
