// Matrix products in register tiles. Operands are read in blocks of 4×4 (four k, four rows or columns),
// with vector loads along whichever side is contiguous, turned in registers, and either put in workgroup
// memory (a tile shared by 64 or more threads) or used where they are (adapters without fast memory).
// Positions past an edge are clamped to the last one; what they give is masked along k and never stored.
import { asConstant, ceilDiv, constant, mod, sub, type Dim } from '../../../ir/dim.ts';
import type { Expr } from '../../../ir/expr.ts';
import type { KernelExpr, Statement } from '../../../ir/kernel.ts';
import type { Axis } from '../../../ir/nest.ts';
import { CompilerBug } from '../../../support/diagnostic.ts';
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
  minus,
  named,
  plus,
  quotient,
  remainder,
  select,
  splat,
  times,
  vectorFrom,
} from './expressions.ts';
import {
  countedLoop,
  decode,
  definitions,
  pick,
  points,
  runsInLanes,
  storeAll,
  storesInLanes,
  tableOf,
} from './loops.ts';
import { Scope } from './scope.ts';
import {
  invocationNumber,
  KernelWriter,
  linearGrid,
  workgroupNumber,
  type Surroundings,
  type Written,
} from './writer.ts';

/** Sizes of a product's tiles; all are multiples of 4. */
export interface Tiles {
  /** Rows and columns of a workgroup's tile; unused when `direct`. */
  readonly rows: number;
  readonly columns: number;
  /** Steps of k that are in workgroup memory at once. */
  readonly depth: number;
  /** Rows and columns of a thread's registers. */
  readonly threadRows: number;
  readonly threadColumns: number;
  /** Registers straight from storage, without workgroup memory. */
  readonly direct: boolean;
}

type Along = 'k' | 'x' | 'neither';

// One operand: its expression, its own axes (m or n), and the direction of its vector loads.
interface Side {
  readonly expr: Expr;
  readonly axes: readonly Axis[];
  readonly extent: Dim;
  readonly along: Along;
  /** Rows or columns of the tile divide the extent. */
  readonly exact: boolean;
}

interface Product {
  readonly writer: KernelWriter;
  readonly contraction: Contraction;
  readonly tiles: Tiles;
  readonly a: Side;
  readonly b: Side;
  readonly k: readonly Axis[];
  readonly depth: Dim;
  /** The step along k divides its extent. */
  readonly exactDepth: boolean;
}

const divides = (step: number, extent: Dim): boolean => asConstant(mod(extent, constant(step))) === 0;

function sideOf(writer: KernelWriter, expr: Expr, axes: readonly Axis[], k: readonly Axis[], step: number): Side {
  const extent = points(axes);
  const runs = (axis: Axis | undefined): boolean => {
    if (!axis) return false;
    const lanes = runsInLanes(writer, [expr], axis);
    return lanes.ok && lanes.vectorLoads > 0;
  };
  const along: Along = runs(axes.at(-1)) ? 'x' : runs(k.at(-1)) ? 'k' : 'neither';
  return { expr, axes, extent, along, exact: divides(step, extent) };
}

const least = (a: KernelExpr, b: KernelExpr): KernelExpr => binary('min', a, b);

/** min(position, extent − width), unless positions cannot pass the edge. */
const clamp = (writer: KernelWriter, position: KernelExpr, extent: Dim, width: number, exact: boolean): KernelExpr =>
  exact ? position : least(position, writer.param(sub(extent, width)));

// The 4×4 block of a side at (x, k), both multiples of 4: one vector along x for each of four k.
function loadBlock(p: Product, scope: Scope, side: Side, x: KernelExpr, k: KernelExpr): KernelExpr[] {
  const { writer } = p;
  const { into } = scope;
  const place = (xAt: KernelExpr, kAt: KernelExpr, vector: 'k' | 'x' | undefined): KernelExpr => {
    const values = new Map([...decode(writer, into, side.axes, xAt), ...decode(writer, into, p.k, kAt)]);
    const axis = vector === undefined ? undefined : (vector === 'x' ? side.axes : p.k).at(-1)?.name;
    const inner = scope.child(axis === undefined ? { axes: values } : { axes: values, vector: axis });
    return writer.bind(into, inner.emit(side.expr));
  };
  const kAt = (step: number): KernelExpr => clamp(writer, plus(k, int(step)), p.depth, 1, p.exactDepth);
  const xAt = (step: number): KernelExpr => clamp(writer, plus(x, int(step)), side.extent, 1, side.exact);
  const zero = splat(literal('f32', 0));
  if (side.along === 'k') {
    const first = writer.bind(into, clamp(writer, k, p.depth, 4, p.exactDepth));
    const rows = laneNumbers.map((i) => splat(place(writer.bind(into, xAt(i)), first, 'k')));
    const inside = less(k, writer.param(p.depth));
    return laneNumbers.map((at) => {
      const column = vectorFrom((i) => laneOf(rows[i] ?? zero, at));
      return writer.bind(into, p.exactDepth ? column : select(inside, column, zero));
    });
  }
  const first = side.along === 'x' ? writer.bind(into, clamp(writer, x, side.extent, 4, side.exact)) : undefined;
  return laneNumbers.map((at) => {
    const depth = writer.bind(into, kAt(at));
    const line = first
      ? splat(place(first, depth, 'x'))
      : vectorFrom((i) => place(writer.bind(into, xAt(i)), depth, undefined));
    const inside = less(plus(k, int(at)), writer.param(p.depth));
    return writer.bind(into, p.exactDepth ? line : select(inside, line, zero));
  });
}

// Accumulators of a thread: rows × columns/4 vectors.
const newTile = (p: Product, into: Statement[]): KernelExpr[][] =>
  Array.from({ length: p.tiles.threadRows }, () =>
    Array.from({ length: p.tiles.threadColumns / 4 }, () => p.writer.variable(into, splat(literal('f32', 0)))),
  );

// tile += outer product of one column of a with one row of b.
function addOuter(
  tile: readonly (readonly KernelExpr[])[],
  a: readonly KernelExpr[],
  b: readonly KernelExpr[],
  into: Statement[],
): void {
  tile.forEach((row, i) =>
    row.forEach((acc, j) => {
      const [x, y] = [a[i >> 2], b[j]];
      const lane = laneNumbers[i % 4];
      if (acc.kind !== 'name' || !x || !y || lane === undefined) throw new CompilerBug('a register tile has a hole');
      into.push({ kind: 'assign', name: acc.name, value: madd(splat(laneOf(x, lane)), y, acc) });
    }),
  );
}

const fours = (count: number): number[] => Array.from({ length: count / 4 }, (_, at) => at * 4);

function multiplyDirect(
  p: Product,
  scope: Scope,
  tile: readonly (readonly KernelExpr[])[],
  m0: KernelExpr,
  n0: KernelExpr,
): void {
  const block: Statement[] = [];
  const inner = scope.child({}, block);
  const k = named(p.writer.fresh('k'));
  const blocks = (side: Side, from: KernelExpr, count: number): KernelExpr[][] =>
    fours(count).map((at) => loadBlock(p, inner, side, plus(from, int(at)), k));
  const a = blocks(p.a, m0, p.tiles.threadRows);
  const b = blocks(p.b, n0, p.tiles.threadColumns);
  for (const step of laneNumbers) {
    addOuter(
      tile,
      a.flatMap((x) => x[step] ?? []),
      b.flatMap((x) => x[step] ?? []),
      block,
    );
  }
  if (k.kind === 'name')
    scope.into.push({ kind: 'for', name: k.name, from: int(0), to: p.writer.param(p.depth), step: 4, body: block });
}

// One operand's tile in workgroup memory, k-major, and where it lies in the operand.
interface Staged {
  readonly side: Side;
  readonly array: string;
  readonly width: number;
  readonly from: KernelExpr;
}

const blocksOf = (p: Product, { width }: Staged): number => (width / 4) * (p.tiles.depth / 4);

// Copies one 4×4 block of an operand's tile.
function copyBlock(p: Product, scope: Scope, staged: Staged, k0: KernelExpr, block: KernelExpr): void {
  const { side, array, width } = staged;
  const bind = (value: KernelExpr): KernelExpr => p.writer.bind(scope.into, value);
  const [across, deep] = [int(width / 4), int(p.tiles.depth / 4)];
  const along = side.along === 'k';
  const kb = bind(times(along ? remainder(block, deep) : quotient(block, across), int(4)));
  const xb = bind(times(along ? quotient(block, deep) : remainder(block, across), int(4)));
  const lines = loadBlock(p, scope, side, bind(plus(staged.from, xb)), bind(plus(k0, kb)));
  lines.forEach((value, at) => {
    const index = plus(times(plus(kb, int(at)), int(width)), xb);
    scope.into.push({ kind: 'store-array', array, index, value });
  });
}

// Each thread copies its blocks of an operand's tile.
function stageAlone(p: Product, scope: Scope, staged: Staged, k0: KernelExpr, threads: number): void {
  const count = blocksOf(p, staged);
  for (let done = 0; done < count; done += threads) {
    const block = plus(named('%lx'), int(done));
    if (done + threads <= count) {
      copyBlock(p, scope, staged, k0, block);
      continue;
    }
    const into: Statement[] = [];
    copyBlock(p, scope.child({}, into, true), staged, k0, block);
    scope.into.push({ kind: 'if', cond: less(block, int(count)), then: into, otherwise: [] });
  }
}

// Where the blocks of both operands are as many as threads, one part of the threads copies each.
function stageBoth(p: Product, scope: Scope, a: Staged, b: Staged, k0: KernelExpr, threads: number): void {
  const first = blocksOf(p, a);
  if (first + blocksOf(p, b) !== threads) {
    for (const staged of [a, b]) stageAlone(p, scope, staged, k0, threads);
    return;
  }
  const [then, otherwise]: [Statement[], Statement[]] = [[], []];
  copyBlock(p, scope.child({}, then, true), a, k0, named('%lx'));
  copyBlock(p, scope.child({}, otherwise, true), b, k0, minus(named('%lx'), int(first)));
  scope.into.push({ kind: 'if', cond: less(named('%lx'), int(first)), then, otherwise });
}

function multiplyStaged(p: Product, scope: Scope, tile: readonly (readonly KernelExpr[])[], place: StagedPlace): void {
  const { writer, tiles } = p;
  const [aTile, bTile] = [
    writer.array('f32', tiles.rows * tiles.depth),
    writer.array('f32', tiles.columns * tiles.depth),
  ];
  const k0 = writer.fresh('k');
  const block: Statement[] = [];
  const inner = scope.child({}, block, true);
  const [a0, b0] = [
    { side: p.a, array: aTile, width: tiles.rows, from: place.tileRow },
    { side: p.b, array: bTile, width: tiles.columns, from: place.tileColumn },
  ];
  stageBoth(p, inner, a0, b0, named(k0), place.threads);
  const step = writer.fresh('k');
  const body: Statement[] = [];
  const read = (array: string, width: number, from: KernelExpr, count: number): KernelExpr[] =>
    fours(count).map((at) => {
      const index = plus(times(named(step), int(width)), plus(from, int(at)));
      return writer.bind(body, { kind: 'load-array', type: 'f32', width: 4, array, index });
    });
  const a = read(aTile, tiles.rows, place.ownRow, tiles.threadRows);
  const b = read(bTile, tiles.columns, place.ownColumn, tiles.threadColumns);
  addOuter(tile, a, b, body);
  block.push(
    { kind: 'barrier' },
    { kind: 'for', name: step, from: int(0), to: int(tiles.depth), step: 1, body },
    { kind: 'barrier' },
  );
  scope.into.push({ kind: 'for', name: k0, from: int(0), to: writer.param(p.depth), step: tiles.depth, body: block });
}

// Where a workgroup's tile lies, and where in it a thread's registers lie.
interface StagedPlace {
  readonly tileRow: KernelExpr;
  readonly tileColumn: KernelExpr;
  readonly ownRow: KernelExpr;
  readonly ownColumn: KernelExpr;
  readonly threads: number;
}

// Stores of one row of four columns, or of one element, where it lies inside the result.
function storePart(p: Product, scope: Scope, row: KernelExpr, column: KernelExpr, value: KernelExpr): void {
  const { writer, contraction: c } = p;
  const conditions = [
    ...(p.a.exact ? [] : [less(row, writer.param(p.a.extent))]),
    ...(p.b.exact ? [] : [less(column, writer.param(p.b.extent))]),
  ];
  const cond = all(conditions);
  const block: Statement[] = cond ? [] : scope.into;
  const values = new Map([...decode(writer, block, c.m, row), ...decode(writer, block, c.n, column)]);
  const inner = scope.child(definitions(c.n, values, value.width === 4), block, true);
  inner.setReduced(c.stage.id, [value]);
  storeAll(inner, c.stores);
  if (cond) scope.into.push({ kind: 'if', cond, then: block, otherwise: [] });
}

// The epilogue and the stores, four columns at a time. It is a loop: epilogues can be long, and in one
// iteration all loads come before all stores, so that results may take the place of operands.
function storeTile(
  p: Product,
  scope: Scope,
  tile: readonly (readonly KernelExpr[])[],
  m0: KernelExpr,
  n0: KernelExpr,
): void {
  const { writer, contraction: c } = p;
  const last = c.n.at(-1);
  const roots = c.stores.map((store) => store.value);
  const wide = last !== undefined && runsInLanes(writer, roots, last).ok && storesInLanes(writer, c.stores, last);
  const across = p.tiles.threadColumns / 4;
  const parts = tile.flat();
  countedLoop(scope, parts.length, (inner, index) => {
    const value = writer.bind(inner.into, pick(parts, index));
    const m = writer.bind(inner.into, plus(m0, quotient(index, int(across))));
    const n = writer.bind(inner.into, plus(n0, times(remainder(index, int(across)), int(4))));
    if (wide) return storePart(p, inner, m, n, value);
    const lanes = laneNumbers.map((lane) => laneOf(value, lane));
    countedLoop(inner, 4, (single, lane) =>
      storePart(p, single, m, writer.bind(single.into, plus(n, lane)), writer.bind(single.into, pick(lanes, lane))),
    );
  });
}

/** Schedules a contraction with the given tiles. */
export function scheduleProduct(contraction: Contraction, surroundings: Surroundings, tiles: Tiles): Written {
  const { nest, batch, m, n, k } = contraction;
  const writer = new KernelWriter(surroundings);
  const [rows, columns, depth] = tiles.direct
    ? [tiles.threadRows, tiles.threadColumns, 4]
    : [tiles.rows, tiles.columns, tiles.depth];
  const p: Product = {
    writer,
    contraction,
    tiles,
    k,
    a: sideOf(writer, contraction.a, m, k, rows),
    b: sideOf(writer, contraction.b, n, k, columns),
    depth: points(k),
    exactDepth: divides(depth, points(k)),
  };
  const grid: Axis[] = [
    ...batch,
    { name: '%tile_row', extent: ceilDiv(p.a.extent, rows) },
    { name: '%tile_column', extent: ceilDiv(p.b.extent, columns) },
  ];
  const total = points(grid);
  const block: Statement[] = [];
  const values = decode(writer, block, grid, named('n'));
  const scope = Scope.root(writer, tableOf(nest), block, { axes: values });
  const at = (name: string, size: number): KernelExpr =>
    writer.bind(block, times(values.get(name) ?? int(0), int(size)));
  const [row, column] = [at('%tile_row', rows), at('%tile_column', columns)];
  const tile = newTile(p, block);
  const across = tiles.columns / tiles.threadColumns;
  const threads = tiles.direct ? 64 : (tiles.rows / tiles.threadRows) * across;
  if (tiles.direct) {
    multiplyDirect(p, scope, tile, row, column);
    storeTile(p, scope, tile, row, column);
  } else {
    const ownRow = writer.bind(block, times(quotient(named('%lx'), int(across)), int(tiles.threadRows)));
    const ownColumn = writer.bind(block, times(remainder(named('%lx'), int(across)), int(tiles.threadColumns)));
    multiplyStaged(p, scope, tile, { tileRow: row, tileColumn: column, ownRow, ownColumn, threads });
    storeTile(p, scope, tile, writer.bind(block, plus(row, ownRow)), writer.bind(block, plus(column, ownColumn)));
  }
  const body: Statement[] = [
    { kind: 'let', name: 'n', value: tiles.direct ? invocationNumber(threads) : workgroupNumber },
    { kind: 'if', cond: less(named('n'), writer.param(total)), then: block, otherwise: [] },
  ];
  return writer.finish(nest, nest.name, threads, linearGrid(tiles.direct ? ceilDiv(total, threads) : total), body);
}
