// Products with a large matrix whose rows are counted at run time: where there are three rows at most, as when a text is
// written token by token, the matrix is read once, as it lies. Packing it would cost more than the product.
import { asConstant, mul, type Dim } from '../../../ir/dim.ts';
import type { KernelExpr } from '../../../ir/kernel.ts';
import { loadsIn } from '../../../ir/expr-rewrite.ts';
import type { ReduceStage } from '../flatten.ts';
import { blocksOf } from './blocks.ts';
import type { Contraction } from './contraction.ts';
import { emptyEnvironment, withAxis, withReduced, type Environment } from './environment.ts';
import { i32, type Atom } from './kernel-writer.ts';
import { score } from './loops.ts';
import { maskOf } from './masked.ts';
import { reduceAlong } from './row-reductions.ts';
import type { Values } from './values.ts';

const mostRows = 3;
const largeMatrix = 2 ** 16;

const sumOf = ({ stage, depth, left, right }: Contraction): ReduceStage => ({
  kind: 'reduce',
  id: stage,
  axes: [depth],
  monoid: { name: 'sum', arity: 1 },
  args: [{ kind: 'binary', dtype: 'f32', op: 'mul', a: left, b: right }],
  dtypes: ['f32'],
});

// One matrix whose rows lie along the reduced axis.
function reads({ batch, rows, columns, depth, right, parts }: Contraction, sum: ReduceStage, values: Values): boolean {
  const size = asConstant(mul(columns.extent, depth.extent)) ?? 0;
  if (batch.length > 0 || asConstant(rows.extent) !== undefined || size < largeMatrix) return false;
  if (parts.depth.length > 1 || parts.columns.length > 1) return false;
  const indices = loadsIn([right]).flatMap((load) => load.indices);
  return score(indices, depth.name) > score(indices, columns.name) || blocksOf(sum, values.dims.facts) !== undefined;
}

/**
 * Emits a product both ways; `many` emits the other one, whose threads share groups of `unit` columns as the few rows do.
 * Undefined where the matrix is small, or not to be read along its rows.
 */
export function emitAnyRows(values: Values, c: Contraction, unit: number, many: () => Dim): Dim | undefined {
  const { writer, dims } = values;
  const sum = sumOf(c);
  if (maskOf(c) || !reads(c, sum, values)) return undefined;
  const rows = writer.dim(c.rows.extent);
  const isFew = writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'le', a: rows, b: i32(mostRows) });
  let extent: Dim | undefined;
  const few = (): void => {
    const to = dims.combine('min', dims.combine('mul', writer.end, i32(unit)), writer.dim(c.columns.extent));
    writer.for(dims.combine('mul', writer.begin, i32(unit)), to, 4, (column) =>
      fourColumns(values, c, column, to, (columns) =>
        writer.for(i32(0), rows, 1, (row) => {
          const place = withAxis(emptyEnvironment, c.rows.name, row);
          storeColumns(values, c, sum, place, columns);
        }),
      ),
    );
  };
  writer.if(isFew, few, () => (extent = many()));
  return extent;
}

// Columns from `first` on: four of them, or what is left one by one.
function fourColumns(
  { writer, dims }: Values,
  { columns }: Contraction,
  first: Atom,
  to: Atom,
  body: (columns: readonly Atom[]) => void,
): void {
  const four = (): void => body([0, 1, 2, 3].map((lane) => dims.combine('add', first, i32(lane))));
  if (dims.isMultiple(columns.extent, 4)) return four();
  const end = dims.combine('add', first, i32(4));
  writer.if(writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'le', a: end, b: to }), four, () =>
    writer.for(first, to, 1, (column) => body([column])),
  );
}

function storeColumns(
  values: Values,
  c: Contraction,
  sum: ReduceStage,
  place: Environment,
  columns: readonly Atom[],
): void {
  const envs = columns.map((column) => withAxis(place, c.columns.name, column));
  const results = reduceAlong(values, sum, envs);
  const [only] = results;
  const [first] = columns;
  if (!only || !first || columns.length === 1) return only && values.storeAll(c.stores, only);
  const [x, y, z, w] = results.flatMap(({ reduced }): KernelExpr[] => [...reduced.values()]);
  if (!x || !y || !z || !w) throw new RangeError('four columns have four sums');
  const lanes = values.writer.let({ kind: 'vector', type: 'f32', width: 4, lanes: [x, y, z, w] }, values.writer.depth);
  values.storeAll(c.stores, withReduced(withAxis(place, c.columns.name, first, true), c.stage, [lanes]));
}
