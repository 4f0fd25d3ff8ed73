// Matrix product on packed panels (Goto and van de Geijn, "Anatomy of high-performance matrix
// multiplication"): tiles of rows × columns, and parts of them, are shared by threads; per block of the reduced axis
// both operands are packed into private panels, a register kernel adds up, and the epilogue runs on the tile.
import { add, asConstant, ceilDiv, floorDiv, mod, mul, negate, sameDim, variable, type Dim } from '../../../ir/dim.ts';
import type { Expr } from '../../../ir/expr.ts';
import type { KernelExpr } from '../../../ir/kernel.ts';
import type { Axis } from '../../../ir/nest.ts';
import type { Contraction, NestedSide } from './contraction.ts';
import { withAxis, withReduced, type Environment } from './environment.ts';
import { i32, inArray, plus, type Atom } from './kernel-writer.ts';
import { overLanes } from './lanes.ts';
import { maskOf, type Mask } from './masked.ts';
import { Packing, partOf, type Block, type Operand } from './packing.ts';
import { Patches } from './patches.ts';
import { RegisterTile } from './register-tile.ts';
import { overTiles, type Tile } from './tiles.ts';
import type { Values } from './values.ts';

/** Sizes of tiles, in elements. Columns of the register kernel are a multiple of 4. */
export interface TileShape {
  readonly registerRows: number;
  readonly registerColumns: number;
  /** Multiples of the register tile. */
  readonly tileRows: number;
  readonly tileColumns: number;
  readonly depth: number;
}

/** 4 × 8 keeps 8 accumulators, 2 columns and 1 row in registers; `bench/wasm-matmul.ts` measures it. */
export const defaultTiles: TileShape = {
  registerRows: 4,
  registerColumns: 8,
  tileRows: 192,
  tileColumns: 384,
  depth: 512,
};

/** Emits the kernel body; returns how many tiles threads share. */
export function emitMatrixProduct(values: Values, c: Contraction, tiles: TileShape = defaultTiles): Dim {
  return new MatrixProduct(values, c, tiles).emit();
}

/** An operand's part of a tile. */
interface Side extends Operand {
  readonly nested: NestedSide | undefined;
  /** The buffer that holds the operand in panels already. */
  readonly packed: string | undefined;
}

/** The element of an operand that lies in panels of `width` along `axis`: [axis / width][depth][axis % width]. */
export const panelIndex = (axis: Dim, depth: Dim, width: number): readonly [Dim, Dim, Dim] => [
  floorDiv(axis, width),
  depth,
  mod(axis, width),
];

// The buffer that `expr` reads in panels, all of it.
function panelsOf(expr: Expr, axis: Axis, depth: Axis, width: number): string | undefined {
  if (expr.kind !== 'load' || expr.dtype !== 'f32') return undefined;
  const [index] = expr.indices;
  const [panel, step, lane] = panelIndex(variable(axis.name), variable(depth.name), width);
  const wanted = add(add(mul(mul(panel, depth.extent), width), mul(step, width)), lane);
  return index && !('kind' in index) && sameDim(index, wanted) ? expr.buffer : undefined;
}

// Whole inner steps, and the whole sum where it is not much more than a block.
function blockDepth({ nested, depth }: Contraction, size: number): number {
  if (!nested) return size;
  const all = asConstant(depth.extent);
  if (all !== undefined && all <= 1.25 * size) return all;
  return nested.steps > size ? size : nested.steps * Math.floor(size / nested.steps);
}

class MatrixProduct {
  private readonly tile: string;
  private readonly t: TileShape;
  private readonly packing: Packing;
  private readonly patches: Patches | undefined;
  private readonly registers: RegisterTile;
  private readonly mask: Mask | undefined;

  constructor(
    private readonly values: Values,
    private readonly c: Contraction,
    tiles: TileShape,
  ) {
    this.t = { ...tiles, depth: blockDepth(c, tiles.depth) };
    this.packing = new Packing(values, c.depth, this.t.depth);
    this.patches =
      c.nested && this.t.depth % c.nested.steps === 0 ? new Patches(values, c.nested, this.t.depth) : undefined;
    this.mask = maskOf(c);
    this.tile = values.writer.array('tile', tiles.tileRows * tiles.tileColumns);
    const vectors = tiles.registerColumns / 4;
    this.registers = new RegisterTile(values, tiles.registerRows, vectors, this.tile, tiles.tileColumns);
  }

  // What threads share are register tiles' columns of a row of tiles.
  emit(): Dim {
    const {
      values: { writer },
      c,
      t,
    } = this;
    const left = writer.array('left', t.tileRows * t.depth);
    const right = writer.array('right', t.tileColumns * t.depth);
    const tiling = {
      batch: c.batch,
      rows: c.rows.extent,
      tileRows: t.tileRows,
      units: ceilDiv(c.columns.extent, t.registerColumns),
      tileUnits: t.tileColumns / t.registerColumns,
    };
    return overTiles(this.values, tiling, (tile) => {
      const rows = this.sideOf('left', c.rows, left, t.registerRows, tile.row, tile.rows);
      const columns = this.columnsOf(tile, right);
      this.accumulate(rows, columns, tile.env);
      this.epilogue(rows, columns, tile.env);
    });
  }

  private sideOf(which: 'left' | 'right', axis: Axis, array: string, width: number, start: Atom, count: Atom): Side {
    const {
      values: { dims },
      c,
    } = this;
    const panels = dims.combine('div', dims.combine('add', count, i32(width - 1)), i32(width));
    const packed = panelsOf(c[which], axis, c.depth, width);
    return { expr: c[which], nested: c.nested?.[which], axis, array, packed, width, start, count, panels };
  }

  private columnsOf({ from, to }: Tile, array: string): Side {
    const {
      values: { writer, dims },
      c: { columns },
      t,
    } = this;
    const start = dims.combine('mul', from, i32(t.registerColumns));
    const wide = dims.combine('mul', dims.combine('sub', to, from), i32(t.registerColumns));
    const count = dims.combine('min', dims.combine('sub', writer.dim(columns.extent), start), wide);
    return this.sideOf('right', columns, array, t.registerColumns, start, count);
  }

  private accumulate(rows: Side, columns: Side, env: Environment): void {
    const {
      values: { writer, dims },
      c,
      t,
    } = this;
    const extent = writer.dim(c.depth.extent);
    writer.for(i32(0), extent, t.depth, (start) => {
      const block = { start, count: dims.combine('min', dims.combine('sub', extent, start), i32(t.depth)) };
      this.pack(rows, block, env);
      this.pack(columns, block, env);
      writer.for(i32(0), columns.panels, 1, (q) => {
        const [from, to] = this.panelsKept(rows, columns, q, env);
        writer.for(from, to, 1, (p) => this.registerTile(rows, columns, p, q, block));
      });
    });
  }

  // The panels of rows in which something of panel q of the columns is kept.
  private panelsKept(rows: Side, columns: Side, q: Atom, env: Environment): [Atom, Atom] {
    const { mask, c, t } = this;
    const { dims } = this.values;
    if (!mask) return [i32(0), rows.panels];
    const first = dims.combine('add', columns.start, dims.combine('mul', q, i32(t.registerColumns)));
    const column = mask.widens ? dims.combine('add', first, i32(t.registerColumns - 1)) : first;
    const corner = withAxis(withAxis(env, c.rows.name, rows.start), c.columns.name, column);
    const panels = (count: Dim): Atom =>
      dims.combine('div', dims.combine('max', dims.value(count, corner), i32(0)), i32(t.registerRows));
    if (mask.grows) return [panels(negate(mask.kept)), rows.panels];
    return [i32(0), dims.combine('min', panels(add(mask.kept, t.registerRows)), rows.panels)];
  }

  private pack(side: Side, block: Block, env: Environment): void {
    if (side.packed !== undefined) return;
    if (this.patches && side.nested) return this.patches.pack(side, side.nested, block, env);
    this.packing.pack(side, block, env);
  }

  // tile[p, q] (+)= Σ_k left panel p [k, rows] · right panel q [k, columns].
  private registerTile(left: Side, right: Side, p: Atom, q: Atom, block: Block): void {
    const {
      values: { writer, dims },
      t,
    } = this;
    const corner = dims.combine(
      'add',
      dims.combine('mul', p, i32(t.registerRows * t.tileColumns)),
      dims.combine('mul', q, i32(t.registerColumns)),
    );
    const isFirst = writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'eq', a: block.start, b: i32(0) });
    this.registers.sum(corner, isFirst, (addStep) => {
      const [leftBase, rightBase] = [this.panelBase(left, p, block), this.panelBase(right, q, block)];
      writer.for(i32(0), block.count, 1, (k) => {
        const leftAt = dims.combine('add', leftBase, dims.combine('mul', k, i32(t.registerRows)));
        const rightAt = dims.combine('add', rightBase, dims.combine('mul', k, i32(t.registerColumns)));
        addStep({
          left: (row) => this.panelLoad(left, plus(leftAt, row), 1),
          right: (vector) => this.panelLoad(right, plus(rightAt, 4 * vector), 4),
        });
      });
    });
  }

  /** Where the block of a panel begins: in the private array, or among all panels of the whole operand. */
  private panelBase({ packed, start, width }: Side, panel: Atom, block: Block): Atom {
    const { dims, writer } = this.values;
    if (packed === undefined) return dims.combine('mul', panel, i32(width * this.t.depth));
    const number = dims.combine('add', dims.combine('div', start, i32(width)), panel);
    const length = dims.combine('mul', writer.dim(this.c.depth.extent), i32(width));
    return dims.combine('add', dims.combine('mul', number, length), dims.combine('mul', block.start, i32(width)));
  }

  private panelLoad({ packed, array }: Side, index: KernelExpr, width: 1 | 4): KernelExpr {
    if (packed === undefined) return inArray(array, index, width);
    return { kind: 'load', type: 'f32', width, buffer: this.values.writer.buffer(packed, 'read'), index };
  }

  private epilogue(rows: Side, columns: Side, env: Environment): void {
    const { values, c, t } = this;
    const { writer, dims } = values;
    writer.for(i32(0), rows.count, 1, (i) => {
      const row = withAxis(env, c.rows.name, dims.combine('add', rows.start, i));
      const place = (j: Atom, vector: boolean): Environment => {
        const at = withAxis(row, c.columns.name, dims.combine('add', columns.start, j), vector);
        const index = dims.combine('add', dims.combine('mul', i, i32(t.tileColumns)), j);
        const sum = writer.load(inArray(this.tile, index, vector ? 4 : 1), false);
        return withReduced(at, c.stage, [sum]);
      };
      overLanes(
        values,
        { extent: partOf(values, c.columns.extent, t.tileColumns), from: i32(0), to: columns.count, copies: 1 },
        place,
        ([at = row]) => values.storeAll(c.stores, at),
      );
    });
  }
}
