// What padding by what lies inside asks of the size of x, and what is said where it is too small.
import { expect, test } from 'vitest';
import { renderTerminal } from '../../src/support/render-terminal.ts';
import { program } from '../elaborate/files.ts';

const errors = (layer: string, input: string): string =>
  renderTerminal(
    program(`import { ${layer.split('(')[0]} } from "std/nn"
      export model M() {
        let pad = ${layer}
        export fn forward(x: ${input}) = pad(x)
      }`).diagnostics.filter(({ severity }) => severity === 'error'),
  );

test.each([
  ['ReflectionPad1d(2)', '[b, 3, 3]', '[b, 3, 2]'],
  ['CircularPad1d(3)', '[b, 3, 3]', '[b, 3, 2]'],
  ['Conv2d(3, 4, 5, padding=2, padding_mode="reflect")', '[b, 3, 3, 3]', '[b, 3, 2, 3]'],
])('%s takes %s but not %s', (layer, enough, small) => {
  expect(errors(layer, enough)).toBe('');
  expect(errors(layer, small)).toMatch(/^error\[E03/);
});

test('one element is enough to be repeated', () => {
  expect(errors('ReplicationPad1d(2)', '[b, 3, 1]')).toBe('');
  expect(errors('ReplicationPad1d(2)', '[b, 3, n]')).toBe('');
});

test('"same" with a stride is for zeros only', () => {
  const layer = (mode: string): string => `Conv1d(3, 4, 3, stride=2, padding="same", padding_mode="${mode}")`;
  expect(errors(layer('zeros'), '[b, 3, 6]')).toBe('');
  expect(errors(layer('circular'), '[b, 3, 6]')).toMatch(/^error\[E/);
});
