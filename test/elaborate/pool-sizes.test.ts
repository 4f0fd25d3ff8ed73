// Lengths of pooled axes: written as simply as stride, window and padding allow.
import { expect, test } from 'vitest';
import { graphOf } from './evaluate.ts';

const pooledLength = (window: string): string | undefined =>
  graphOf(`import { max_pool2d } from "std/nn"
export model M() {
  export fn forward(x: [b, 1, h, 9]) requires h >= 4 = max_pool2d(x, ${window}, ceil_mode=true)
}`).functions.find(({ name }) => name === 'M.forward')?.results[0]?.value.type.shape[2]?.key;

test('with ceil_mode a window that must begin inside needs no minimum', () => {
  expect(pooledLength('3, stride=2')).not.toContain('min');
  expect(pooledLength('3, stride=2, padding=1')).not.toContain('min');
  expect(pooledLength('1, stride=2')).toContain('min');
});
