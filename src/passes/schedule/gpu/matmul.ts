// Matrix products in register tiles. Blocks of the operands are either put in workgroup memory (a tile shared
// by 64 or more threads) or used where they are (adapters without fast memory).
import { ceilDiv } from '../../../ir/dim.ts';
import type { KernelExpr, Statement } from '../../../ir/kernel.ts';
import type { Axis } from '../../../ir/nest.ts';
import { CompilerBug } from '../../../support/diagnostic.ts';
import type { Contraction } from './contraction.ts';
import {
  all,
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
import {
  depthOf,
  forDepth,
  forLines,
  isOfHalves,
  loadBlock,
  rowsAt,
  sideOf,
  type Depth,
  type LoopValues,
  type Side,
} from './operands.ts';
import { Scope } from './scope.ts';
import {
  invocationNumber,
  KernelWriter,
  linearGrid,
  partFor,
  workgroupNumber,
  type KernelPart,
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

interface Product {
  readonly writer: KernelWriter;
  readonly contraction: Contraction;
  readonly tiles: Tiles;
  readonly a: Side;
  readonly b: Side;
  readonly depth: Depth;
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
  const rows = (side: Side, from: KernelExpr, count: number): (readonly Scope[])[] =>
    fours(count).map((at) => rowsAt(scope, side, plus(from, int(at))));
  const [m, n] = [rows(p.a, m0, p.tiles.threadRows), rows(p.b, n0, p.tiles.threadColumns)];
  forDepth(p.depth, scope.into, int(0), 4, (block, k, loops) => {
    const blocks = (side: Side, places: readonly (readonly Scope[])[]): KernelExpr[][] =>
      places.map((place) => loadBlock(p.depth, side, place, block, k, loops));
    const [a, b] = [blocks(p.a, m), blocks(p.b, n)];
    for (const step of laneNumbers) {
      addOuter(
        tile,
        a.flatMap((x) => x[step] ?? []),
        b.flatMap((x) => x[step] ?? []),
        block,
      );
    }
  });
}

// One operand's tile in workgroup memory, k-major, and where it lies in the operand.
interface Staged {
  readonly side: Side;
  readonly array: string;
  readonly width: number;
  /** Elements from one k to the next: vectors that are turned would meet in one bank of memory. */
  readonly pitch: number;
  readonly from: KernelExpr;
}

function stagedOf({ writer, tiles }: Product, side: Side, width: number, from: KernelExpr): Staged {
  const pitch = width + 4;
  return { side, width, pitch, from, array: writer.array(isOfHalves(side.expr) ? 'f16' : 'f32', pitch * tiles.depth) };
}

const blocksOf = (p: Product, { width }: Staged): number => (width / 4) * (p.tiles.depth / 4);

// A 4×4 block of an operand's tile that one thread copies: its rows, and where it lies in the tile.
interface Copy {
  readonly staged: Staged;
  readonly rows: readonly Scope[];
  readonly kb: KernelExpr;
  readonly xb: KernelExpr;
}

function copyOf(p: Product, scope: Scope, staged: Staged, block: KernelExpr, like?: Copy): Copy {
  const { side, width, from } = staged;
  const bind = (value: KernelExpr): KernelExpr => p.writer.bind(scope.into, value);
  const along = side.along === 'k';
  const isLike = like?.staged.width === width && (like.staged.side.along === 'k') === along;
  const [across, deep] = [int(width / 4), int(p.tiles.depth / 4)];
  const kb = isLike ? like.kb : bind(times(along ? remainder(block, deep) : quotient(block, across), int(4)));
  const xb = isLike ? like.xb : bind(times(along ? quotient(block, deep) : remainder(block, across), int(4)));
  return { staged, kb, xb, rows: rowsAt(scope, side, bind(plus(from, xb))) };
}

function runCopy(
  p: Product,
  { staged, rows, kb, xb }: Copy,
  into: Statement[],
  k0: KernelExpr,
  loops: LoopValues,
): void {
  const { side, array, pitch } = staged;
  const k = p.writer.bind(into, plus(k0, kb));
  forLines(p.depth, side, rows, into, k, loops, (block, step, value) => {
    const index = plus(times(plus(kb, step), int(pitch)), xb);
    block.push({ kind: 'store-array', array, index, value });
  });
}

type Stage = (into: Statement[], k0: KernelExpr, loops: LoopValues) => void;

// All threads copy blocks of one operand.
function stageAlone(p: Product, scope: Scope, staged: Staged, threads: number): Stage {
  const count = blocksOf(p, staged);
  const copies = Array.from({ length: Math.ceil(count / threads) }, (_, round) => {
    const block = plus(named('%lx'), int(round * threads));
    return { block, all: (round + 1) * threads <= count, copy: copyOf(p, scope, staged, block) };
  });
  return (into, k0, loops) => {
    for (const { block, all: isWhole, copy } of copies) {
      const then: Statement[] = isWhole ? into : [];
      runCopy(p, copy, then, k0, loops);
      if (!isWhole) into.push({ kind: 'if', cond: less(block, int(count)), then, otherwise: [] });
    }
  };
}

// Where the blocks of both operands are as many as threads, one half of the threads copies each.
function stageBoth(p: Product, scope: Scope, a: Staged, b: Staged, threads: number): Stage {
  const half = blocksOf(p, a);
  if (2 * half !== threads || blocksOf(p, b) !== half) {
    const stages = [a, b].map((staged) => stageAlone(p, scope, staged, threads));
    return (...place) => stages.forEach((stage) => stage(...place));
  }
  const block = p.writer.bind(scope.into, remainder(named('%lx'), int(half)));
  const first = copyOf(p, scope, a, block);
  const second = copyOf(p, scope, b, block, first);
  return (into, k0, loops) => {
    const [then, otherwise]: [Statement[], Statement[]] = [[], []];
    runCopy(p, first, then, k0, loops);
    runCopy(p, second, otherwise, k0, loops);
    into.push({ kind: 'if', cond: less(named('%lx'), int(half)), then, otherwise });
  };
}

function multiplyStaged(p: Product, scope: Scope, tile: readonly (readonly KernelExpr[])[], place: StagedPlace): void {
  const { writer, tiles } = p;
  const a = stagedOf(p, p.a, tiles.rows, place.tileRow);
  const b = stagedOf(p, p.b, tiles.columns, place.tileColumn);
  const stage = stageBoth(p, scope, a, b, place.threads);
  const step = writer.fresh('k');
  const body: Statement[] = [];
  const read = ({ array, pitch }: Staged, from: KernelExpr, gap: number, count: number): KernelExpr[] =>
    fours(count).map((at) => {
      const index = plus(times(named(step), int(pitch)), plus(from, int((at / 4) * gap)));
      return writer.bind(body, { kind: 'load-array', type: 'f32', width: 4, array, index });
    });
  const rows = read(a, place.ownRow, 4, tiles.threadRows);
  const columns = read(b, place.ownColumn, place.columnGap, tiles.threadColumns);
  addOuter(tile, rows, columns, body);
  forDepth(p.depth, scope.into, int(0), tiles.depth, (block, k0, loops) => {
    stage(block, k0, loops);
    block.push(
      { kind: 'barrier' },
      { kind: 'for', name: step, from: int(0), to: int(tiles.depth), step: 1, body },
      { kind: 'barrier' },
    );
  });
}

// Where a workgroup's tile lies, and where in it a thread's registers lie.
interface StagedPlace {
  readonly tileRow: KernelExpr;
  readonly tileColumn: KernelExpr;
  readonly ownRow: KernelExpr;
  readonly ownColumn: KernelExpr;
  /** Columns from one vector of a thread to its next: neighbouring threads read neighbouring vectors. */
  readonly columnGap: number;
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
  columnGap: number,
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
    const n = writer.bind(inner.into, plus(n0, times(remainder(index, int(across)), int(columnGap))));
    if (wide) return storePart(p, inner, m, n, value);
    const lanes = laneNumbers.map((lane) => laneOf(value, lane));
    countedLoop(inner, 4, (single, lane) =>
      storePart(p, single, m, writer.bind(single.into, plus(n, lane)), writer.bind(single.into, pick(lanes, lane))),
    );
  });
}

// Where the tile of workgroup (or thread) n lies, and all that is computed of it.
function tileBlock(p: Product, grid: readonly Axis[], [rows, columns]: readonly [number, number]): Statement[] {
  const { writer, tiles } = p;
  const block: Statement[] = [];
  const values = decode(writer, block, grid, named('n'));
  const scope = Scope.root(writer, tableOf(p.contraction.nest), block, { axes: values });
  const bind = (value: KernelExpr): KernelExpr => writer.bind(block, value);
  const at = (name: string, size: number): KernelExpr => bind(times(values.get(name) ?? int(0), int(size)));
  const [row, column] = [at('%tile_row', rows), at('%tile_column', columns)];
  const tile = newTile(p, block);
  if (tiles.direct) {
    multiplyDirect(p, scope, tile, row, column);
    storeTile(p, scope, tile, row, column, 4);
    return block;
  }
  const across = tiles.columns / tiles.threadColumns;
  const ownRow = bind(times(quotient(named('%lx'), int(across)), int(tiles.threadRows)));
  const ownColumn = bind(times(remainder(named('%lx'), int(across)), int(4)));
  const [columnGap, threads] = [across * 4, threadsOf(tiles)];
  multiplyStaged(p, scope, tile, { tileRow: row, tileColumn: column, ownRow, ownColumn, columnGap, threads });
  storeTile(p, scope, tile, bind(plus(row, ownRow)), bind(plus(column, ownColumn)), columnGap);
  return block;
}

const threadsOf = (tiles: Tiles): number =>
  tiles.direct ? 64 : (tiles.rows / tiles.threadRows) * (tiles.columns / tiles.threadColumns);

/** A contraction with the given tiles, as part of a kernel; `n` is the thread's number where they are `direct`. */
export function writeProduct(writer: KernelWriter, contraction: Contraction, tiles: Tiles): KernelPart {
  const { batch, m, n, k } = contraction;
  const [rows, columns, step] = tiles.direct
    ? [tiles.threadRows, tiles.threadColumns, 4]
    : [tiles.rows, tiles.columns, tiles.depth];
  const depth = depthOf(writer, k, [contraction.a, contraction.b], step);
  const [a, b] = [sideOf(contraction.a, m, depth, rows), sideOf(contraction.b, n, depth, columns)];
  const grid: Axis[] = [
    ...batch,
    { name: '%tile_row', extent: ceilDiv(a.extent, rows) },
    { name: '%tile_column', extent: ceilDiv(b.extent, columns) },
  ];
  const block = tileBlock({ writer, contraction, tiles, depth, a, b }, grid, [rows, columns]);
  return partFor(writer, threadsOf(tiles), points(grid), block);
}

/** Schedules a contraction with the given tiles. */
export function scheduleProduct(contraction: Contraction, surroundings: Surroundings, tiles: Tiles): Written {
  const { nest } = contraction;
  const writer = new KernelWriter(surroundings);
  const { threads, total, body } = writeProduct(writer, contraction, tiles);
  const number: Statement = {
    kind: 'let',
    name: 'n',
    value: tiles.direct ? invocationNumber(threads) : workgroupNumber,
  };
  const grid = linearGrid(tiles.direct ? ceilDiv(total, threads) : total);
  return writer.finish(nest, nest.name, threads, grid, [number, ...body]);
}
