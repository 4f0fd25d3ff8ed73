// Products of at most eight rows: a matrix times a vector, or a few. What counts is reading the matrix once, in
// whole vectors: a workgroup takes four of its rows (or 64 columns, where those lie side by side), its threads
// share k, and their partial sums meet in workgroup memory in an order that the dims alone decide.
import { asConstant, ceilDiv, max } from '../../../ir/dim.ts';
import type { KernelExpr, Statement } from '../../../ir/kernel.ts';
import type { Axis } from '../../../ir/nest.ts';
import type { Contraction } from './contraction.ts';
import {
  all,
  binary,
  int,
  laneNumbers,
  laneOf,
  less,
  literal,
  madd,
  named,
  plus,
  quotient,
  remainder,
  splat,
  times,
  widen,
} from './expressions.ts';
import { decode, points, storeAll, tableOf } from './loops.ts';
import { depthOf, forDepth, loadAlong, loadBlock, rowAt, rowsAt, sideOf, type Depth, type Side } from './operands.ts';
import { Scope } from './scope.ts';
import { writeProduct, type Tiles } from './matmul.ts';
import {
  KernelWriter,
  linearGrid,
  partFor,
  workgroupNumber,
  type KernelPart,
  type Surroundings,
  type Written,
} from './writer.ts';

/** Rows that one thread keeps sums of. */
export const mostFewRows = 8;
// As many where their number is known only at run time.
const someRows = 4;

const local = named('%lx');
// Partial sums of one result that are added one after the other.
const chunk = 8;

/** The contraction turned so that its constant few rows are `m`; undefined where neither side is so small. */
function withFewRows(c: Contraction): Contraction | undefined {
  const isFew = (axes: readonly Axis[]): boolean => (asConstant(points(axes)) ?? Infinity) <= mostFewRows;
  if (isFew(c.m)) return c;
  return isFew(c.n) ? { ...c, m: c.n, n: c.m, a: c.b, b: c.a } : undefined;
}

interface Shape {
  readonly rows: number;
  /** Threads side by side along columns, four columns each; the others share k. */
  readonly across: number;
  readonly threads: number;
}

// 16 kB of partial sums at most: what every device grants a workgroup.
const shapeOf = (rows: number, b: Side): Shape =>
  b.along === 'k' ? { rows, across: 1, threads: 64 } : { rows, across: 16, threads: rows > 4 ? 128 : 256 };

interface Place {
  readonly scope: Scope;
  readonly depth: Depth;
  readonly a: Side;
  readonly b: Side;
  readonly shape: Shape;
  /** First column of the workgroup. */
  readonly column: KernelExpr;
}

// Four columns of every row: the sums of this thread's share of k.
function ownSums({ scope, depth, a, b, shape, column }: Place): KernelExpr[] {
  const { writer, into } = scope;
  const bind = (x: KernelExpr): KernelExpr => writer.bind(into, x);
  const own = bind(plus(column, times(remainder(local, int(shape.across)), int(4))));
  const from = bind(times(quotient(local, int(shape.across)), int(4)));
  const sums = Array.from({ length: shape.rows }, () => writer.variable(into, splat(literal('f32', 0))));
  const rows = sums.map((_, row) => rowAt(scope, a, int(row)));
  const columns = rowsAt(scope, b, own);
  forDepth(depth, into, from, (shape.threads / shape.across) * 4, (block, k, loops) => {
    const lines = loadAlong(depth, a, rows, block, k, loops);
    const matrix = loadBlock(depth, b, columns, block, k, loops);
    sums.forEach((sum, row) => {
      for (const step of laneNumbers) {
        const [x, y] = [lines[row], matrix[step]];
        if (sum.kind !== 'name' || !x || !y) continue;
        block.push({ kind: 'assign', name: sum.name, value: madd(splat(laneOf(x, step)), y, sum) });
      }
    });
  });
  return sums;
}

// value(0) + value(1) + … + value(count − 1)
function sumUp(
  writer: KernelWriter,
  into: Statement[],
  count: number,
  value: (at: KernelExpr, block: Statement[]) => KernelExpr,
): KernelExpr {
  const [name, block]: [string, Statement[]] = [writer.fresh('i'), []];
  const next = value(named(name), block);
  const total = writer.variable(into, widen(literal('f32', 0), next.width));
  if (total.kind === 'name') block.push({ kind: 'assign', name: total.name, value: binary('add', total, next) });
  into.push({ kind: 'for', name, from: int(0), to: int(count), step: 1, body: block });
  return total;
}

// The sums of all threads in workgroup memory: vector `thread` of row `row` at row·threads + thread. Where many
// threads share k, groups of eight vectors stay.
function share({ scope, shape }: Place, sums: readonly KernelExpr[]): { array: string; parts: number } {
  const { writer, into } = scope;
  const { rows, across, threads } = shape;
  const array = writer.array('f32', rows * threads * 4);
  const index = (at: KernelExpr): KernelExpr => times(at, int(4));
  const put = (at: KernelExpr, value: KernelExpr): Statement => ({
    kind: 'store-array',
    array,
    index: index(at),
    value,
  });
  sums.forEach((sum, row) => into.push(put(plus(local, int(row * threads)), sum)));
  into.push({ kind: 'barrier' });
  const parts = threads / across;
  if (parts <= 2 * chunk) return { array, parts };
  const block: Statement[] = [];
  const first = writer.bind(
    block,
    plus(times(quotient(local, int(chunk)), int(threads)), remainder(local, int(chunk))),
  );
  const total = sumUp(writer, block, parts / chunk, (at) => ({
    kind: 'load-array',
    type: 'f32',
    width: 4,
    array,
    index: index(plus(first, times(at, int(chunk)))),
  }));
  block.push(put(first, total));
  into.push({ kind: 'if', cond: less(local, int(rows * chunk)), then: block, otherwise: [] }, { kind: 'barrier' });
  return { array, parts: chunk };
}

// One result per thread: the last sum, the epilogue and the stores.
function storeResults(place: Place, c: Contraction, sums: readonly KernelExpr[]): void {
  const { scope, shape, column, a, b } = place;
  const { writer, into } = scope;
  const { rows, across, threads } = shape;
  const { array, parts } = share(place, sums);
  const [name, block]: [string, Statement[]] = [writer.fresh('i'), []];
  const width = int(across * 4);
  const row = writer.bind(block, quotient(named(name), width));
  const offset = writer.bind(block, remainder(named(name), width));
  const x = writer.bind(block, plus(column, offset));
  const total = sumUp(writer, block, parts, (at) => {
    const vector = plus(times(row, int(threads)), times(at, int(across)));
    return { kind: 'load-array', type: 'f32', width: 1, array, index: plus(times(vector, int(4)), offset) };
  });
  const inside = [
    ...(a.exact ? [] : [less(row, writer.param(a.extent))]),
    ...(b.exact ? [] : [less(x, writer.param(b.extent))]),
  ];
  const cond = all(inside);
  const then: Statement[] = cond ? [] : block;
  const inner = scope.child(
    { axes: new Map([...decode(writer, then, c.m, row), ...decode(writer, then, c.n, x)]) },
    then,
    true,
  );
  inner.setReduced(c.stage.id, [total]);
  storeAll(inner, c.stores);
  if (cond) block.push({ kind: 'if', cond, then, otherwise: [] });
  into.push({ kind: 'for', name, from: local, to: int(rows * across * 4), step: threads, body: block });
}

/** A contraction as part of a kernel whose `m` has `rows` points at most; undefined where the matrix is not read in vectors. */
export function writeFewRows(writer: KernelWriter, c: Contraction, rows: number): KernelPart | undefined {
  const depth = depthOf(writer, c.k, [c.a, c.b], 4);
  const wide = sideOf(c.b, c.n, depth, 1);
  if (wide.along === 'neither' || depth.loops.length > 0) return undefined;
  const shape = shapeOf(rows, wide);
  const columns = shape.across * 4;
  const b = sideOf(c.b, c.n, depth, columns);
  const grid: Axis[] = [...c.batch, { name: '%tile', extent: ceilDiv(b.extent, columns) }];
  const block: Statement[] = [];
  const values = decode(writer, block, grid, named('n'));
  const column = writer.bind(block, times(values.get('%tile') ?? int(0), int(columns)));
  const scope = Scope.root(writer, tableOf(c.nest), block, { axes: values });
  const a = { ...sideOf(c.a, c.m, depth, 1), exact: asConstant(points(c.m)) === rows };
  const place: Place = { scope, depth, a, b, shape, column };
  storeResults(place, c, ownSums(place));
  return partFor(writer, shape.threads, points(grid), block);
}

const number: Statement = { kind: 'let', name: 'n', value: workgroupNumber };

/** Schedules a contraction of few rows; undefined where there are more, or the matrix is not read in vectors. */
export function scheduleFewRows(contraction: Contraction, surroundings: Surroundings): Written | undefined {
  const c = withFewRows(contraction);
  const rows = c && asConstant(points(c.m));
  if (!c || rows === undefined) return undefined;
  const writer = new KernelWriter(surroundings);
  const part = writeFewRows(writer, c, rows);
  if (!part) return undefined;
  return writer.finish(c.nest, c.nest.name, part.threads, linearGrid(part.total), [number, ...part.body]);
}

/**
 * Schedules a product whose rows are counted only at run time: in tiles, or as few rows where that is what they are.
 * Undefined where the two cannot share a kernel.
 */
export function scheduleAnyRows(c: Contraction, surroundings: Surroundings, tiles: Tiles): Written | undefined {
  const writer = new KernelWriter(surroundings);
  const few = writeFewRows(writer, c, someRows);
  const many = few && writeProduct(writer, c, tiles);
  if (!many || few.threads !== many.threads) return undefined;
  const isFew = less(writer.param(points(c.m)), int(someRows + 1));
  const body: Statement = { kind: 'if', cond: isFew, then: few.body, otherwise: many.body };
  const grid = linearGrid(max(few.total, many.total));
  return writer.finish(c.nest, c.nest.name, few.threads, grid, [number, body]);
}
