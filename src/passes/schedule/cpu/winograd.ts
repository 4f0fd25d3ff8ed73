// 3 × 3 convolutions of step 1 by Winograd's F(2×2, 3×3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural
// Networks"): of every 4 × 4 elements of an image and every 3 × 3 weights, 16 combinations each; their products, summed
// over channels, are 16 matrix products, of which every 2 × 2 results are combinations. 16 multiplications do the work
// of 36. Combinations of weights are a kernel of their own, those of images lie in panels of eight squares.
import { add, constant as constantDim, asConstant, mul, product, variable, type Dim } from '../../../ir/dim.ts';
import { Rewriter } from '../../../ir/expr-rewrite.ts';
import type { Expr, Index } from '../../../ir/expr.ts';
import type { KernelExpr } from '../../../ir/kernel.ts';
import type { Buffer, Nest, Stage } from '../../../ir/nest.ts';
import { unravel } from './contraction.ts';
import { panelWidth, reach, rowsTogether, type Convolution, type Window } from './convolution.ts';
import { ImageTiles, type TileOfImages } from './image-tiles.ts';
import { i32, inArray, type Atom } from './kernel-writer.ts';
import { RegisterTile } from './register-tile.ts';
import type { Tile } from './tiles.ts';
import type { Values } from './values.ts';

const registerRows = 4;
/** Rows of which the products of one tile are combined together. */
const blockRows = 32;
/** Elements of combinations of images that a tile has at most. */
const mostImage = 262144;

/** A convolution that is computed so. */
export interface Winograd {
  readonly c: Convolution;
  readonly down: Window;
  readonly rows: number;
  readonly shape: WinogradShape;
}

interface WinogradShape extends TileOfImages {
  /** Squares beside each other, and panels of them in a tile. */
  readonly squares: number;
  readonly panels: number;
}

/** How to compute a convolution so, where that is faster. */
export function asWinograd(c: Convolution): Winograd | undefined {
  const { parts, down, along, channels } = c;
  const rows = asConstant(product(parts.rows.map(({ extent }) => extent)));
  const isSquare = [down, along].every((w) => w?.depthExtent === 3 && w.ownStep === 1 && w.depthStep === 1);
  if (c.columns !== 'positions' || !down || !isSquare || !channels || parts.batch.length > 0) return undefined;
  if (rows === undefined || rows % registerRows !== 0) return undefined;
  const shape = shapeOf(c, down, rows);
  return shape && pays(c, rows, shape) ? { c, down, rows, shape } : undefined;
}

function shapeOf({ along, channelCount, images }: Convolution, down: Window, rows: number): WinogradShape | undefined {
  const [height, width] = [down.ownExtent, along.ownExtent];
  const squares = Math.ceil(width / 8) * 4;
  const most = Math.floor(mostImage / (16 * channelCount * squares));
  if (most === 0) return undefined;
  const { images: imageCount, rows: tileUnits } = rowsTogether(images, Math.ceil(height / 2), most);
  const panels = Math.ceil((tileUnits * squares) / panelWidth);
  const imageRows = reach(down, 2 * Math.min(tileUnits, Math.ceil(height / 2)), 3);
  const pitch = 2 * squares + 2;
  const rowSums = 2 * squares;
  const image = { height, width, images: imageCount, imageRows, pitch, rowSize: channelCount * pitch };
  const stride = 2 * tileUnits * rowSums;
  return { ...image, unitRows: 2, tileUnits, tileRows: rows, rowSums, stride, squares, panels };
}

// Instructions on vectors: two per multiplication and addition, 20 for a square of an image, 12 for one of results.
function pays(
  { channelCount: channels, along }: Convolution,
  rows: number,
  { squares, height }: WinogradShape,
): boolean {
  const area = (height * along.ownExtent) / 4;
  const all = Math.ceil(height / 2) * squares;
  const combined = all * (8 * channels * rows + 20 * channels + 12 * rows);
  return combined < 0.8 * area * 18 * channels * rows;
}

const [panel, channel, lane] = ['%panel', '%channel', '%lane'].map((name) => variable(name)) as [Dim, Dim, Dim];

/** The nest (flat) that stores combinations of the weights as [16][panel of four rows][channel][row] in a buffer. */
export function combineWeights(
  { c, down, rows }: Winograd,
  origin: Nest['origin'],
  buffer: string,
): { nest: Nest; buffer: Buffer } {
  const { parts, channels, along } = c;
  const panels = rows / registerRows;
  const weight = (y: number, x: number): Expr => {
    const axes = new Map<string, Index>(unravel(parts.rows, add(mul(panel, registerRows), lane)));
    axes.set(down.depth.name, constantDim(y)).set(along.depth.name, constantDim(x));
    if (channels) axes.set(channels.name, channel);
    return new Rewriter({ axes }).expr(parts.left);
  };
  const square = fourOf([0, 1, 2].map((y) => [0, 1, 2].map((x) => weight(y, x))));
  const stages = square.map((value, at): Stage => {
    const place = mul(add(mul(add(panel, at * panels), c.channelCount), channel), registerRows);
    return { kind: 'store', axes: [], buffer, indices: [add(place, lane)], value, combine: 'set' };
  });
  const extents = { '%panel': panels, '%channel': c.channelCount, '%lane': registerRows };
  const axes = Object.entries(extents).map(([name, extent]) => ({ name, extent: constantDim(extent) }));
  const shape = [constantDim(16), ...axes.map(({ extent }) => extent)];
  return {
    nest: { kind: 'nest', name: 'weights', axes, stages, origin },
    buffer: { id: buffer, type: { dtype: 'f32', shape } },
  };
}

// G · g · Gᵀ, G = [1 0 0; ½ ½ ½; ½ −½ ½; 0 0 1], as 16 expressions.
function fourOf(g: readonly (readonly Expr[])[]): Expr[] {
  const op = (name: 'add' | 'sub' | 'mul', a: Expr, b: Expr): Expr => ({
    kind: 'binary',
    dtype: 'f32',
    op: name,
    a,
    b,
  });
  const half: Expr = { kind: 'const', dtype: 'f32', value: 0.5 };
  const four = ([a, b, c]: readonly Expr[]): Expr[] => {
    if (!a || !b || !c) return [];
    const sides = op('add', a, c);
    return [a, op('mul', op('add', sides, b), half), op('mul', op('sub', sides, b), half), c];
  };
  const columns = [0, 1, 2].map((x) => four(g.flatMap((row) => row[x] ?? [])));
  return [0, 1, 2, 3].flatMap((y) => four(columns.flatMap((column) => column[y] ?? [])));
}

/** Emits the kernel body; returns how many pairs of rows threads share. */
export function emitWinograd(values: Values, winograd: Winograd, weights: string): Dim {
  return new Emitter(values, winograd, weights).emit();
}

class Emitter {
  private readonly tiles: ImageTiles;
  private readonly registers: RegisterTile;
  /** Squares of a tile, whole panels of them. */
  private readonly width: number;

  constructor(
    private readonly values: Values,
    private readonly winograd: Winograd,
    private readonly weights: string,
  ) {
    const { c, shape } = winograd;
    const { writer } = values;
    this.width = shape.panels * panelWidth;
    this.tiles = new ImageTiles(values, c, shape, blockRows);
    writer.array('squares', 16 * c.channelCount * this.width);
    const sums = writer.array('sums', 16 * blockRows * this.width);
    this.registers = new RegisterTile(values, registerRows, panelWidth / 4, sums, this.width);
  }

  emit(): Dim {
    const { tiles, values } = this;
    const { writer, dims } = values;
    return tiles.forEach((tile) => {
      tiles.layOut(tile);
      const [from, to] = [dims.combine('sub', tile.from, tile.base), dims.combine('sub', tile.to, tile.base)];
      this.overSquares(from, to, (unit, group) => this.combineImage(unit, group));
      writer.for(i32(0), tile.rows, blockRows, (row) => {
        const rows = dims.combine('min', dims.combine('sub', tile.rows, row), i32(blockRows));
        const block: Tile = { ...tile, row: dims.sum(tile.row, row), rows };
        this.multiply(block, from, to);
        writer.for(i32(0), rows, 1, (i) =>
          this.overSquares(from, to, (unit, group) => this.combineSums(i, unit, group)),
        );
        tiles.epilogue(block);
      });
    });
  }

  // Four squares beside each other at a time.
  private overSquares(from: Atom, to: Atom, body: (unit: Atom, group: Atom) => void): void {
    const { writer } = this.values;
    writer.for(from, to, 1, (unit) =>
      writer.for(i32(0), i32(this.winograd.shape.squares / 4), 1, (group) => body(unit, group)),
    );
  }

  private squareAt(unit: Atom, group: Atom): Atom {
    const { dims } = this.values;
    return dims.sum(dims.times(unit, this.winograd.shape.squares), dims.times(group, 4));
  }

  private op(op: 'add' | 'sub', a: Atom, b: Atom): Atom {
    return this.values.writer.let({ kind: 'binary', type: 'f32', width: 4, op, a, b });
  }

  private pick(a: Atom, b: Atom, lanes: readonly [number, number, number, number]): Atom {
    return this.values.writer.let({ kind: 'shuffle', type: 'f32', width: 4, a, b, lanes });
  }

  // Bᵀ · d · B, Bᵀ = [1 0 −1 0; 0 1 1 0; 0 −1 1 0; 0 1 0 −1], of every channel.
  private combineImage(unit: Atom, group: Atom): void {
    const { values, winograd } = this;
    const { c, shape } = winograd;
    const { writer, dims } = values;
    const square = this.squareAt(unit, group);
    const panelAt = dims.combine('div', square, i32(panelWidth));
    const inPanel = dims.combine('sub', square, dims.times(panelAt, panelWidth));
    const to = dims.sum(dims.times(panelAt, c.channelCount * panelWidth), inPanel);
    const from = dims.sum(dims.times(this.tiles.rowOf(unit), shape.rowSize), dims.times(group, 8));
    writer.for(i32(0), i32(c.channelCount), 1, (ch) => {
      const at = dims.sum(from, dims.times(ch, shape.pitch));
      // Downwards on what lies beside each other, at 0, 4, 2 and 6; then every other element.
      const down = [0, 4, 2, 6].map((x) =>
        this.fourOf(
          [0, 1, 2, 3].map((y) => writer.load(inArray('image', dims.sum(at, i32(y * shape.rowSize + x)), 4), false)),
        ),
      );
      const put = dims.sum(to, dims.times(ch, panelWidth));
      for (let y = 0; y < 4; y++) {
        const [a, b, e, f] = down.map((column) => column[y]);
        if (!a || !b || !e || !f) continue;
        const [even, odd] = [[0, 2, 4, 6] as const, [1, 3, 5, 7] as const];
        const columns = [this.pick(a, b, even), this.pick(a, b, odd), this.pick(e, f, even), this.pick(e, f, odd)];
        this.fourOf(columns).forEach((value, x) => {
          const index = dims.sum(put, i32((4 * y + x) * c.channelCount * this.width));
          writer.push({ kind: 'store-array', array: 'squares', index, value });
        });
      }
    });
  }

  private fourOf([a, b, c, d]: readonly Atom[]): Atom[] {
    if (!a || !b || !c || !d) return [];
    return [this.op('sub', a, c), this.op('add', b, c), this.op('sub', c, b), this.op('sub', b, d)];
  }

  // 16 products: rows of the block × channels × squares.
  private multiply(block: Tile, from: Atom, to: Atom): void {
    const { values, winograd, width } = this;
    const { c, shape, rows } = winograd;
    const { writer, dims } = values;
    const first = dims.combine('div', dims.times(from, shape.squares), i32(panelWidth));
    const end = dims.combine('div', dims.sum(dims.times(to, shape.squares), i32(panelWidth - 1)), i32(panelWidth));
    const weights = writer.buffer(this.weights, 'read');
    const panels = dims.combine('div', block.rows, i32(registerRows));
    writer.for(i32(0), i32(16), 1, (at) =>
      writer.for(first, end, 1, (column) =>
        writer.for(i32(0), panels, 1, (row) => {
          const sums = dims.sum(
            dims.times(at, blockRows * width),
            dims.times(row, registerRows * width),
            dims.times(column, panelWidth),
          );
          const left = dims.sum(
            dims.times(at, rows * c.channelCount),
            dims.times(block.row, c.channelCount),
            dims.times(row, registerRows * c.channelCount),
          );
          const right = dims.sum(
            dims.times(at, c.channelCount * width),
            dims.times(column, c.channelCount * panelWidth),
          );
          this.registers.sum(sums, true, (add) =>
            writer.for(i32(0), i32(c.channelCount), 1, (ch) => {
              const leftAt = dims.sum(left, dims.times(ch, registerRows));
              const rightAt = dims.sum(right, dims.times(ch, panelWidth));
              add({
                left: (r): KernelExpr => {
                  const index = dims.sum(leftAt, i32(r));
                  return { kind: 'load', type: 'f32', width: 1, buffer: weights, index };
                },
                right: (v) => inArray('squares', dims.sum(rightAt, i32(4 * v)), 4),
              });
            }),
          );
        }),
      ),
    );
  }

  // Aᵀ · m · A, Aᵀ = [1 1 1 0; 0 1 −1 −1].
  private combineSums(row: Atom, unit: Atom, group: Atom): void {
    const { values, winograd, width } = this;
    const { shape } = winograd;
    const { writer, dims } = values;
    const from = dims.sum(dims.times(row, width), this.squareAt(unit, group));
    const to = dims.sum(dims.times(row, shape.stride), dims.times(unit, 2 * shape.rowSums), dims.times(group, 8));
    const columns = [0, 1, 2, 3].map((x) =>
      this.twoOf(
        [0, 1, 2, 3].map((y) => {
          const index = dims.sum(from, i32((4 * y + x) * blockRows * width));
          return writer.load(inArray('sums', index, 4), false);
        }),
      ),
    );
    for (const y of [0, 1] as const) {
      const [even, odd] = this.twoOf(columns.flatMap((column) => column[y] ?? []));
      if (!even || !odd) continue;
      const halves = [this.pick(even, odd, [0, 4, 1, 5]), this.pick(even, odd, [2, 6, 3, 7])];
      halves.forEach((value, half) => {
        const index = dims.sum(to, i32(y * shape.rowSums + 4 * half));
        writer.push({ kind: 'store-array', array: this.tiles.sums, index, value });
      });
    }
  }

  private twoOf([a, b, c, d]: readonly Atom[]): Atom[] {
    if (!a || !b || !c || !d) return [];
    const [first, second] = [this.op('add', a, this.op('add', b, c)), this.op('sub', this.op('sub', b, c), d)];
    return [first, second];
  }
}
