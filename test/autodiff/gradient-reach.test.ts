// Which parameters a gradient reaches, and the step that is named when it does not.
import { expect, test } from 'vitest';
import { Builder, tensorType } from '../../src/ir/builder.ts';
import type { Value } from '../../src/ir/graph.ts';
import { gradientReach } from '../../src/ir/gradient-reach.ts';

const param = (): Value => ({ type: tensorType('f32', [2]) });
const total = (b: Builder, x: Value): Value => b.reduce('sum', x, [0]);

test('a path of differentiable steps reaches', () => {
  const b = new Builder();
  const w = param();
  const loss = total(b, b.mul(b.unary('tanh', w), b.unary('floor', w)));
  const { reached, blockedBy } = gradientReach(b.nodes, loss, [w]);
  expect([...reached]).toEqual([w]);
  expect(blockedBy.size).toBe(0);
});

test('the step nearest to the loss that has no gradient is named', () => {
  const b = new Builder();
  const [w, v] = [param(), param()];
  const rounded = b.unary('round', b.unary('sign', w));
  const loss = total(b, b.mul(rounded, v));
  const { reached, blockedBy } = gradientReach(b.nodes, loss, [w, v]);
  expect([...reached]).toEqual([v]);
  expect(blockedBy.get(w)?.op).toBe('round');
});

test.each(['stop_gradient', 'argreduce', 'cast'])('%s stands in the way', (op) => {
  const b = new Builder();
  const w = param();
  const attrs = op === 'argreduce' ? { kind: 'max', axis: 0 } : op === 'cast' ? { dtype: 'i32' } : {};
  const step = b.op(op, [b.mul(w, w)], attrs);
  const loss = op === 'argreduce' ? b.cast(step, 'f32') : total(b, b.cast(step, 'f32'));
  const { reached, blockedBy } = gradientReach(b.nodes, loss, [w]);
  expect(reached.size).toBe(0);
  expect(blockedBy.get(w)?.op).toBe(op);
});

test('a parameter without influence is in neither answer', () => {
  const b = new Builder();
  const [w, unused] = [param(), param()];
  b.unary('exp', unused);
  const { reached, blockedBy } = gradientReach(b.nodes, total(b, w), [w, unused]);
  expect([...reached]).toEqual([w]);
  expect(blockedBy.has(unused)).toBe(false);
});

test('a gradient that is part of the loss passes on', () => {
  const b = new Builder();
  const w = param();
  const [d = w] = b.node('gradient', [total(b, b.mul(w, w)), w]);
  const { reached } = gradientReach(b.nodes, total(b, d), [w]);
  expect(reached.has(w)).toBe(true);
});
