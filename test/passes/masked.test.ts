// Products of which only a part is kept: what is left out changes no result.
import { expect, test } from 'vitest';
import { variable, type DimLike } from '../../src/ir/dim.ts';
import type { GraphFunction } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import type { NestFunction } from '../../src/ir/nest.ts';
import { asContraction } from '../../src/passes/schedule/cpu/contraction.ts';
import { maskOf, type Mask } from '../../src/passes/schedule/cpu/masked.ts';
import { flattenNest } from '../../src/passes/schedule/flatten.ts';
import { graphOf, nestsOf, tensor } from '../wasm/graphs.ts';
import { runNests } from '../wasm/run-nests.ts';

type Parts = readonly [rows: DimLike, columns: DimLike];

interface Way {
  /** Compared with the number of the column is that of the row, or the other way round. */
  readonly first: 'row' | 'column';
  readonly op: 'lt' | 'le';
  readonly sums: 'where it holds' | 'elsewhere';
  /** Added to the number of the row. */
  readonly offset: number;
}

// where(i + offset ≤ j, a·b, −3) and the like, in 3 batches.
function masked([rows, columns]: Parts, { first, op, sums, offset }: Way): GraphFunction {
  const shape = [3, rows, columns];
  return graphOf(
    { a: ['f32', [3, rows, 5]], w: ['f32', [3, 5, columns]] },
    (b, { a, w }) => {
      if (!a || !w) return [];
      const number = (axis: number, more: number) =>
        b.add(b.op('iota', [], { dtype: 'i32', shape, axis }), b.full('i32', more, shape));
      const [row, column] = [number(1, offset), number(2, 0)];
      const cond = first === 'row' ? b.binary(op, row, column) : b.binary(op, column, row);
      const product = b.dot(a, w, [[0, 0]], [[2, 1]]);
      const rest = b.full('f32', -3, shape);
      const kept = sums === 'elsewhere' ? b.select(cond, rest, product) : b.select(cond, product, rest);
      return [kept];
    },
    ['m', 'n'].map((name) => ({ name, min: 1 })),
  );
}

function maskIn(nests: NestFunction): Mask | undefined {
  const [nest] = nests.body;
  if (nest?.kind !== 'nest' || nests.body.length > 1) throw new Error('one nest was expected');
  const contraction = asContraction(flattenNest(nest, nests));
  return contraction && maskOf(contraction);
}

const ways = (['row', 'column'] as const).flatMap((first) =>
  (['lt', 'le'] as const).flatMap((op) =>
    (['where it holds', 'elsewhere'] as const).flatMap((sums) =>
      [0, -7, 11].map((offset): Way => ({ first, op, sums, offset })),
    ),
  ),
);

test.each(ways)('%o', (way) => {
  for (const [rows, columns] of [
    [9, 21],
    [203, 17],
  ] as const) {
    const inputs = { a: tensor([3, rows, 5], 1), w: tensor([3, 5, columns], 2) };
    const fn = masked([rows, columns], way);
    const { y0: want } = interpret(fn, inputs);
    const nests = nestsOf(fn, true);
    expect(maskIn(nests)).toBeDefined();
    const bound = nestsOf(masked([variable('m'), variable('n')], way), true);
    expect(maskIn(bound)).toBeDefined();
    for (const got of [
      runNests(nests, inputs),
      runNests(nests, inputs, {}, 2),
      runNests(bound, inputs, { m: rows, n: columns }),
    ])
      got['y0']?.data.forEach((value, at) => {
        if (!(Math.abs(value - (want?.data[at] ?? Number.NaN)) < 1e-5)) expect.fail(`${at}: ${value}`);
      });
  }
});

test('a part that no line bounds is not left out', () => {
  const shape = [20, 20];
  const fn = graphOf({ a: ['f32', [20, 5]], w: ['f32', [5, 20]] }, (b, { a, w }) => {
    if (!a || !w) return [];
    const [row, column] = [0, 1].map((axis) => b.op('iota', [], { dtype: 'i32', shape, axis }));
    if (!row || !column) return [];
    return [b.select(b.binary('eq', row, column), b.dot(a, w, [], [[1, 0]]), b.full('f32', 0, shape))];
  });
  expect(maskIn(nestsOf(fn, true))).toBeUndefined();
});
