// A convolution whose columns are taps: the gradient by the weights, summed over all positions of all images. A block of
// the sum is some rows of images. They are laid out once, borders included, as [8 channels][image][row][x] with the
// channels of a group side by side; a panel of columns is one tap of a group of channels.
import { asConstant, constant as constantDim, mul, product, type Dim } from '../../../ir/dim.ts';
import type { KernelExpr } from '../../../ir/kernel.ts';
import { nestedSide, type NestedDepth } from './contraction.ts';
import { panelWidth, reach, rowsTogether, type Convolution } from './convolution.ts';
import { withAxis, withReduced, type Environment } from './environment.ts';
import { atElement, atPosition, ImageRows } from './image.ts';
import { i32, inArray, type Atom } from './kernel-writer.ts';
import { Patches } from './patches.ts';
import { RegisterTile } from './register-tile.ts';
import { overTiles, type Tile } from './tiles.ts';
import type { Values } from './values.ts';

const registerRows = 4;
const mostRows = 192;
/** Positions in a block of the sum, columns of a tile, and elements of the image. */
const [mostPositions, mostColumns, mostImage] = [640, 384, 524288];

/** Emits the kernel body; returns how many groups of channels threads share. Undefined where scratch memory would be large. */
export function emitConvolvedTaps(values: Values, c: Convolution): Dim | undefined {
  const shape = shapeOf(c);
  return shape && new ConvolvedTaps(values, c, shape).emit();
}

interface Shape {
  readonly height: number;
  readonly width: number;
  readonly taps: readonly [number, number];
  /** Groups of channels in a tile. */
  readonly groups: number;
  /** Rows of images in a block: of one image, or of several whole ones. */
  readonly blockRows: number;
  readonly images: number;
  /** Rows and columns of the laid-out image. */
  readonly imageRows: number;
  readonly imageColumns: number;
  readonly tileRows: number;
}

function shapeOf({ parts, down, along, channelCount, images }: Convolution): Shape | undefined {
  const [height, width] = [down?.depthExtent ?? 1, along.depthExtent];
  const taps = [down?.ownExtent ?? 1, along.ownExtent] as const;
  const all = Math.ceil(channelCount / panelWidth);
  const groups = Math.min(all, Math.max(1, Math.floor(mostColumns / (taps[0] * taps[1] * panelWidth))));
  const { images: imageCount, rows: blockRows } = rowsTogether(images, height, Math.floor(mostPositions / width));
  const imageRows = reach(down, taps[0], Math.min(blockRows, height));
  const imageColumns = reach(along, taps[1], width);
  const rows = asConstant(product(parts.rows.map(({ extent }) => extent))) ?? mostRows;
  const tileRows = Math.min(mostRows, Math.ceil(rows / registerRows) * registerRows);
  if (groups * imageCount * imageRows * imageColumns * panelWidth > mostImage) return undefined;
  return { height, width, taps, groups, blockRows, images: imageCount, imageRows, imageColumns, tileRows };
}

class ConvolvedTaps {
  private readonly nested: NestedDepth;
  private readonly patches: Patches;
  private readonly rows: ImageRows;
  private readonly registers: RegisterTile;
  /** Positions of a block, and columns of a tile. */
  private readonly depth: number;
  private readonly stride: number;

  constructor(
    private readonly values: Values,
    private readonly c: Convolution,
    private readonly shape: Shape,
  ) {
    const { parts, down, along, images } = c;
    const outer = down ? [...images, down.depth] : images;
    this.nested = {
      inner: along.depth,
      steps: shape.width,
      left: nestedSide(parts.rows, parts.left, outer),
      right: nestedSide(parts.columns, parts.right, outer),
    };
    this.depth = shape.blockRows * shape.width;
    this.stride = shape.groups * shape.taps[0] * shape.taps[1] * panelWidth;
    this.patches = new Patches(values, this.nested, this.depth);
    this.rows = new ImageRows(values, parts.right);
    const tile = values.writer.array('tile', shape.tileRows * this.stride);
    this.registers = new RegisterTile(values, registerRows, panelWidth / 4, tile, this.stride);
  }

  emit(): Dim {
    const { values, c, shape } = this;
    values.writer.array('left', shape.tileRows * this.depth);
    values.writer.array('image', shape.groups * this.groupSize);
    const tiling = {
      batch: c.parts.batch,
      rows: product(c.parts.rows.map(({ extent }) => extent)),
      tileRows: shape.tileRows,
      units: constantDim(Math.ceil(c.channelCount / panelWidth)),
      tileUnits: shape.groups,
    };
    return overTiles(values, tiling, (tile) => {
      this.accumulate(tile);
      this.epilogue(tile);
    });
  }

  private get rowSize(): number {
    return this.shape.imageColumns * panelWidth;
  }

  private get groupSize(): number {
    return this.shape.images * this.shape.imageRows * this.rowSize;
  }

  private accumulate(tile: Tile): void {
    const { values, c, shape, nested } = this;
    const { writer, dims } = values;
    const rows = writer.dim(mul(product(c.images.map(({ extent }) => extent)), shape.height));
    const panels = dims.combine('div', this.values.dims.sum(tile.rows, i32(registerRows - 1)), i32(registerRows));
    const groups = dims.combine('sub', tile.to, tile.from);
    writer.for(i32(0), rows, shape.blockRows, (start) => {
      const count = dims.combine('min', dims.combine('sub', rows, start), i32(shape.blockRows));
      const images = shape.images > 1 ? dims.combine('div', count, i32(shape.height)) : i32(1);
      this.layOut(tile, groups, start, images);
      const block = {
        start: this.values.dims.times(start, shape.width),
        count: this.values.dims.times(count, shape.width),
      };
      const left = { array: 'left', width: registerRows, start: tile.row, count: tile.rows, panels };
      this.patches.pack(left, nested.left, block, tile.env);
      const isFirst = writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'eq', a: start, b: i32(0) });
      writer.for(i32(0), groups, 1, (group) =>
        writer.for(i32(0), i32(shape.taps[0]), 1, (tapRow) =>
          writer.for(i32(0), i32(shape.taps[1]), 1, (tap) =>
            writer.for(i32(0), panels, 1, (panel) => this.products(group, tapRow, tap, panel, images, isFirst)),
          ),
        ),
      );
    });
  }

  private layOut(tile: Tile, groups: Atom, start: Atom, images: Atom): void {
    const { values, c, shape } = this;
    const { writer, dims } = values;
    const firstImage = dims.combine('div', start, i32(shape.height));
    const firstRow = dims.combine('sub', start, this.values.dims.times(firstImage, shape.height));
    writer.for(i32(0), groups, 1, (group) =>
      writer.for(i32(0), i32(panelWidth), 1, (lane) => {
        const number = this.values.dims.sum(
          this.values.dims.times(this.values.dims.sum(tile.from, group), panelWidth),
          lane,
        );
        const channel = dims.combine('min', number, i32(c.channelCount - 1));
        const ofChannel = c.channels ? withAxis(tile.env, c.channels.name, channel) : tile.env;
        writer.for(i32(0), images, 1, (image) => {
          const ofImage = atElement(values, c.images, this.values.dims.sum(firstImage, image), ofChannel);
          writer.for(i32(0), i32(shape.imageRows), 1, (y) => {
            const row = this.values.dims.sum(this.values.dims.times(firstRow, c.down?.depthStep ?? 1), y);
            const at = this.values.dims.times(
              this.values.dims.sum(this.values.dims.times(image, shape.imageRows), y),
              this.rowSize,
            );
            this.layOutRow(
              c.down ? atPosition(ofImage, c.down, row) : ofImage,
              this.values.dims.sum(this.values.dims.times(group, this.groupSize), at, lane),
            );
          });
        });
      }),
    );
  }

  // Neighbours in the row come from one load and lie a panel apart.
  private layOutRow(env: Environment, begin: Atom): void {
    const { along } = this.c;
    const axis = along.ownStep === 1 ? along.own : along.depth;
    this.rows.fill(atPosition(env, along, i32(0)), axis.name, this.shape.imageColumns, (x, value) => {
      const at = this.values.dims.sum(begin, this.values.dims.times(x, panelWidth));
      const put = (lane: number, item: KernelExpr): void =>
        this.values.writer.push({
          kind: 'store-array',
          array: 'image',
          index: this.values.dims.sum(at, i32(lane * panelWidth)),
          value: item,
        });
      if (value.width === 1) return put(0, value);
      for (const lane of [0, 1, 2, 3] as const) put(lane, { kind: 'lane', type: 'f32', width: 1, x: value, lane });
    });
  }

  // Σ over the positions of the block, for four rows and one tap of a group of channels.
  private products(group: Atom, tapRow: Atom, tap: Atom, panel: Atom, images: Atom, isFirst: Atom): void {
    const { values, c, shape } = this;
    const { writer } = values;
    const { down, along } = c;
    const number = this.values.dims.sum(
      this.values.dims.times(this.values.dims.sum(this.values.dims.times(group, shape.taps[0]), tapRow), shape.taps[1]),
      tap,
    );
    const corner = this.values.dims.sum(
      this.values.dims.times(panel, registerRows * this.stride),
      this.values.dims.times(number, panelWidth),
    );
    const blockHeight = Math.min(shape.blockRows, shape.height);
    this.registers.sum(corner, isFirst, (add) => {
      const left = this.values.dims.times(panel, registerRows * this.depth);
      const right = this.values.dims.sum(
        this.values.dims.times(group, this.groupSize),
        this.values.dims.times(tapRow, (down?.ownStep ?? 0) * this.rowSize),
        this.values.dims.times(tap, along.ownStep * panelWidth),
      );
      writer.for(i32(0), images, 1, (image) =>
        writer.for(i32(0), i32(blockHeight), 1, (row) => {
          const position = this.values.dims.times(
            this.values.dims.sum(this.values.dims.times(image, blockHeight), row),
            shape.width * registerRows,
          );
          const y = this.values.dims.sum(
            this.values.dims.times(image, shape.imageRows),
            this.values.dims.times(row, down?.depthStep ?? 0),
          );
          const [fromLeft, fromRight] = [
            this.values.dims.sum(left, position),
            this.values.dims.sum(right, this.values.dims.times(y, this.rowSize)),
          ];
          writer.for(i32(0), i32(shape.width), 1, (x) => {
            const leftAt = this.values.dims.sum(fromLeft, this.values.dims.times(x, registerRows));
            const rightAt = this.values.dims.sum(fromRight, this.values.dims.times(x, along.depthStep * panelWidth));
            add({
              left: (r) => inArray('left', this.values.dims.sum(leftAt, i32(r)), 1),
              right: (v) => inArray('image', this.values.dims.sum(rightAt, i32(4 * v)), 4),
            });
          });
        }),
      );
    });
  }

  private epilogue(tile: Tile): void {
    const { values, c, shape } = this;
    const { writer, dims } = values;
    const { parts, down, along } = c;
    writer.for(i32(0), tile.rows, 1, (i) => {
      const ofRow = atElement(values, parts.rows, this.values.dims.sum(tile.row, i), tile.env);
      const first = this.values.dims.times(tile.from, panelWidth);
      const end = dims.combine('min', this.values.dims.times(tile.to, panelWidth), i32(c.channelCount));
      writer.for(first, end, 1, (channel) => {
        const number = dims.combine('sub', channel, first);
        const group = dims.combine('div', number, i32(panelWidth));
        const lane = dims.combine('sub', number, this.values.dims.times(group, panelWidth));
        const ofChannel = c.channels ? withAxis(ofRow, c.channels.name, channel) : ofRow;
        const begin = this.values.dims.sum(
          this.values.dims.times(i, this.stride),
          this.values.dims.times(group, shape.taps[0] * shape.taps[1] * panelWidth),
          lane,
        );
        writer.for(i32(0), i32(shape.taps[0]), 1, (tapRow) =>
          writer.for(i32(0), i32(shape.taps[1]), 1, (tap) => {
            const ofTapRow = down ? withAxis(ofChannel, down.own.name, tapRow) : ofChannel;
            const at = withAxis(ofTapRow, along.own.name, tap);
            const panel = this.values.dims.sum(this.values.dims.times(tapRow, shape.taps[1]), tap);
            const sum = writer.load(
              inArray('tile', this.values.dims.sum(begin, this.values.dims.times(panel, panelWidth)), 1),
              false,
            );
            values.storeAll(parts.stores, withReduced(at, parts.stage, [sum]));
          }),
        );
      });
    });
  }
}
