// Work of graph nodes against counts made by hand.
import { expect, test } from 'vitest';
import { flopsOf } from '../../src/inspect/flops.ts';
import { parseFunction } from '../../src/ir/graph-text.ts';

test('a product counts two a multiply-add, an elementwise op one an element', () => {
  const fn = parseFunction(`func @f(%x: f32[b, 4] argument "x", %w: f32[4, 3] param "w") entry dims (b >= 1) {
    %0 = dot(%x, %w) {batch = [], contract = [[1, 0]]} : f32[b, 3]
    %1 = add(%0, %0) : f32[b, 3]
    return output "0" %1;
  }`);
  // 2 * b * 4 * 3 + b * 3
  expect(flopsOf(fn.nodes).key).toBe('27*b');
});

test('the body of a loop counts once a step', () => {
  const fn = parseFunction(`func @f(%h: f32[5] argument "h", %x: f32[t, 5] argument "x") entry dims (t >= 1) {
    %0, %1 = scan(%h, %x) {carries = 1, length = dim(t), reverse = false} : f32[5], f32[t, 5]
      region (%i: i32[], %carry: f32[5], %row: f32[5]) {
        %2 = mul(%carry, %row) : f32[5]
        yield %2, %2;
      }
    return output "0" %0;
  }`);
  expect(flopsOf(fn.nodes).key).toBe('5*t');
});
