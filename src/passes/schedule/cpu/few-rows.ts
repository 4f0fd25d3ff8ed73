// Products with a large matrix whose rows are counted at run time: where there are three rows at most, as when a text is
// written token by token, the matrix is read as it lies. Packing it would cost more than the product.
import { asConstant, mul, type Dim } from '../../../ir/dim.ts';
import type { KernelExpr } from '../../../ir/kernel.ts';
import { loadsIn } from '../../../ir/expr-rewrite.ts';
import type { ReduceStage } from '../flatten.ts';
import { blockName, blocksOf, inBlocks, laneName, type Blocks } from './blocks.ts';
import { axesOf } from '../expr-dims.ts';
import type { Contraction } from './contraction.ts';
import { emptyEnvironment, withAxis, withReduced, type Environment } from './environment.ts';
import { constant, i32, type Atom } from './kernel-writer.ts';
import { score } from './loops.ts';
import { maskOf } from './masked.ts';
import { overChunks } from './reductions.ts';
import { reduceAlong, rowsAtOnce } from './row-reductions.ts';
import type { Values } from './values.ts';

/** Columns of a block: two lines of the processor's memory, eight sums in registers. */
const width = 32;
const chunk = 1024;
const mostRows = 3;
const largeMatrix = 2 ** 18;

const sumOf = ({ stage, depth, left, right }: Contraction): ReduceStage => ({
  kind: 'reduce',
  id: stage,
  axes: [depth],
  monoid: { name: 'sum', arity: 1 },
  args: [{ kind: 'binary', dtype: 'f32', op: 'mul', a: left, b: right }],
  dtypes: ['f32'],
});

const isOpen = ({ batch, rows, columns, depth, parts }: Contraction): boolean =>
  batch.length === 0 &&
  asConstant(rows.extent) === undefined &&
  (asConstant(mul(columns.extent, depth.extent)) ?? 0) >= largeMatrix &&
  parts.depth.length === 1 &&
  parts.columns.length === 1;

// What emits a few rows of the product for a range of columns: along the matrix' rows, or across them.
function wayToRead(values: Values, c: Contraction): ((from: Atom, to: Atom) => void) | undefined {
  const { facts } = values.dims;
  const sum = sumOf(c);
  const indices = loadsIn([c.right]).flatMap((load) => load.indices);
  if (score(indices, c.depth.name) > score(indices, c.columns.name) || blocksOf(sum, facts))
    return (from, to) => alongRows(values, c, sum, from, to);
  const isWhole = facts.divisible(c.columns.extent, width) === 'proved';
  const blocks =
    isWhole && !axesOf(c.left).has(c.columns.name) ? inBlocks(c.right, c.columns, width, facts) : undefined;
  return blocks && ((from, to) => acrossRows(values, c, blocks, from, to));
}

/**
 * Emits a product both ways; `many` emits the other one, whose threads share groups of `unit` columns as the few rows do.
 * Undefined where the matrix is small.
 */
export function emitAnyRows(values: Values, c: Contraction, unit: number, many: () => Dim): Dim | undefined {
  const { writer, dims } = values;
  const few = isOpen(c) && !maskOf(c) ? wayToRead(values, c) : undefined;
  if (!few) return undefined;
  const rows = writer.dim(c.rows.extent);
  const isFew = writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'le', a: rows, b: i32(mostRows) });
  let extent: Dim | undefined;
  const first = (at: Atom): Atom =>
    dims.combine('min', dims.combine('mul', at, i32(unit)), writer.dim(c.columns.extent));
  writer.if(
    isFew,
    () => few(first(writer.begin), first(writer.end)),
    () => (extent = many()),
  );
  return extent;
}

// The matrix lies row by row of what is reduced: some columns at a time, each a row in memory.
function alongRows(values: Values, c: Contraction, sum: ReduceStage, from: Atom, to: Atom): void {
  const { writer } = values;
  const count = rowsAtOnce(values, sum, c.columns.extent);
  writer.for(from, to, count, (column) =>
    columnsFrom(values, c, count, column, to, (columns) =>
      overRows(values, c, (place) => storeColumns(values, c, sum, place, columns)),
    ),
  );
}

const overRows = ({ writer }: Values, { rows }: Contraction, body: (place: Environment) => void): void =>
  writer.for(i32(0), writer.dim(rows.extent), 1, (row) => body(withAxis(emptyEnvironment, rows.name, row)));

// Columns are neighbours: a block of them at a time, each with a sum of its own. Of blocks that two threads would share
// the first to begin one takes all of it.
function acrossRows(values: Values, c: Contraction, blocks: Blocks, from: Atom, to: Atom): void {
  const { writer, dims } = values;
  const begins = (at: Atom): Atom => dims.combine('div', dims.combine('add', at, i32(width - 1)), i32(width));
  writer.for(begins(from), begins(to), 1, (block) =>
    overRows(values, c, (row) => {
      const place = withAxis(row, blockName, block);
      const zero = constant('f32', 0, 4);
      const totals = blocks.fours.map(() => writer.variable(zero));
      overChunks(values, writer.dim(c.depth.extent), chunk, (start, end) => {
        const partial = blocks.fours.map(() => writer.variable(zero));
        writer.for(start, end, 1, (k) => addRow(values, c, blocks, withAxis(place, c.depth.name, k), partial));
        totals.forEach((total, at) =>
          writer.assign(total, { kind: 'binary', type: 'f32', width: 4, op: 'add', a: total, b: partial[at] ?? zero }),
        );
      });
      const column = dims.combine('mul', block, i32(width));
      totals.forEach((total, at) => {
        const first = dims.combine('add', column, i32(4 * at));
        const lanes = withAxis(row, c.columns.name, first, true);
        values.storeAll(c.stores, withReduced(lanes, c.stage, [writer.load(total, false)]));
      });
    }),
  );
}

// sums += left · shared · four
function addRow(values: Values, c: Contraction, { fours, shared }: Blocks, place: Environment, sums: Atom[]): void {
  const { writer } = values;
  const lanes = withAxis(place, laneName, i32(0), true);
  const factor = shared.reduce(
    (a, e): Atom => writer.let({ kind: 'binary', type: 'f32', width: 1, op: 'mul', a, b: values.value(e, place) }),
    values.value(c.left, place),
  );
  const a = values.widen(factor);
  fours.forEach((four, at) => {
    const sum = sums[at];
    const b = values.widen(values.value(four, lanes));
    if (sum) writer.assign(sum, { kind: 'madd', type: 'f32', width: 4, a, b, c: sum });
  });
}

// Columns from `first` on: `count` of them, or what is left one by one.
function columnsFrom(
  { writer, dims }: Values,
  { columns }: Contraction,
  count: number,
  first: Atom,
  to: Atom,
  body: (columns: readonly Atom[]) => void,
): void {
  const all = (): void => body(Array.from({ length: count }, (_, at) => dims.combine('add', first, i32(at))));
  if (dims.isMultiple(columns.extent, count)) return all();
  const end = dims.combine('add', first, i32(count));
  writer.if(writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'le', a: end, b: to }), all, () =>
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
  if (only && columns.length === 1) return values.storeAll(c.stores, only);
  const sums = results.flatMap(({ reduced }): KernelExpr[] => [...reduced.values()]);
  columns.forEach((first, at) => {
    const [x, y, z, w] = sums.slice(at, at + 4);
    if (at % 4 !== 0 || !x || !y || !z || !w) return;
    const lanes = values.writer.let(
      { kind: 'vector', type: 'f32', width: 4, lanes: [x, y, z, w] },
      values.writer.depth,
    );
    values.storeAll(c.stores, withReduced(withAxis(place, c.columns.name, first, true), c.stage, [lanes]));
  });
}
