// What a reduction and its row's store share is computed once on the CPU.
import { expect, test } from 'vitest';
import type { Builder } from '../../src/ir/builder.ts';
import { walkExprs } from '../../src/ir/expr-rewrite.ts';
import type { Value } from '../../src/ir/graph.ts';
import type { Nest } from '../../src/ir/nest.ts';
import { flattenNest } from '../../src/passes/schedule/flatten.ts';
import { keepRowValues } from '../../src/passes/schedule/cpu/row-values.ts';
import { graphOf, nestsOf } from '../wasm/graphs.ts';

function softmaxLike(b: Builder, x: Value, costly: boolean): Value {
  const rows = (v: Value): Value => b.broadcast(v, [0], x.type.shape);
  const shifted = b.sub(x, rows(b.reduce('max', x, [1])));
  const e = costly ? b.unary('exp', shifted) : b.unary('abs', shifted);
  return b.div(e, rows(b.reduce('sum', e, [1])));
}

function rowNest(costly: boolean): Nest {
  const fn = nestsOf(
    graphOf({ x: ['f32', [6, 40]] }, (b, { x }) => (x ? [softmaxLike(b, x, costly)] : [])),
    true,
  );
  const [nest] = fn.body;
  if (nest?.kind !== 'nest' || fn.body.length > 1) throw new Error('one nest was expected');
  return flattenNest(nest, fn);
}

function count(nest: Nest, op: 'exp' | 'div' | 'recip'): number {
  let found = 0;
  for (const stage of nest.stages) {
    walkExprs(stage.kind === 'reduce' ? stage.args : [stage.value], (e) => {
      if ((e.kind === 'unary' || e.kind === 'binary') && e.op === op) found++;
    });
  }
  return found;
}

test('a costly value is stored first and read back', () => {
  const nest = rowNest(true);
  expect(count(nest, 'exp')).toBe(2);
  const kept = keepRowValues(nest, () => true);
  expect(count(kept, 'exp')).toBe(1);
  expect(kept.stages.map(({ kind }) => kind)).toEqual(['reduce', 'store', 'reduce', 'store']);
});

test('a row of exponentials is multiplied by the reciprocal of its sum', () => {
  const kept = keepRowValues(rowNest(true), () => true);
  expect([count(kept, 'div'), count(kept, 'recip')]).toEqual([0, 1]);
});

test('a cheap one is computed twice, and one that f16 would round', () => {
  const cheap = rowNest(false);
  expect(keepRowValues(cheap, () => true)).toBe(cheap);
  const costly = rowNest(true);
  expect(keepRowValues(costly, () => false)).toBe(costly);
});
