// A convolution whose columns are positions: images × rows × columns of an image (also the gradient by the image).
// A tile is some rows of images. The register kernel reads eight neighbours of the laid-out image, shifted by the tap.
// Results beside the end of a row are computed and left.
import { asConstant, constant as constantDim, product } from '../../../ir/dim.ts';
import type { Dim } from '../../../ir/dim.ts';
import { nestedSide, type NestedDepth } from './contraction.ts';
import { panelWidth, reach, rowsTogether, type Convolution } from './convolution.ts';
import { ImageTiles, type TileOfImages } from './image-tiles.ts';
import { i32, inArray, type Atom } from './kernel-writer.ts';
import { Patches } from './patches.ts';
import { RegisterTile } from './register-tile.ts';
import type { Tile } from './tiles.ts';
import type { Values } from './values.ts';

const registerRows = 4;
const mostColumns = 512;
const mostRows = 192;
/** Elements of packed weights, and of the image, that stay in a cache. */
const [mostWeights, mostImage] = [98304, 524288];

/** Emits the kernel body; returns how many rows of images threads share. Undefined where scratch memory would be large. */
export function emitConvolvedPositions(values: Values, c: Convolution): Dim | undefined {
  const shape = shapeOf(c);
  return shape && new ConvolvedPositions(values, c, shape).emit();
}

interface Shape extends TileOfImages {
  /** Panels of a row. */
  readonly panels: number;
  /** Rows of taps in a block of the sum. */
  readonly blockTaps: number;
}

function shapeOf({ parts, down, along, channelCount, images }: Convolution): Shape | undefined {
  const [height, width] = [down?.ownExtent ?? 1, along.ownExtent];
  const panels = Math.ceil(width / panelWidth);
  const { images: imageCount, rows: tileUnits } = rowsTogether(
    images,
    height,
    Math.floor(mostColumns / (panels * panelWidth)),
  );
  const imageRows = reach(down, Math.min(tileUnits, height), down?.depthExtent ?? 1);
  const pitch = width + Math.floor((along.depthStep * (along.depthExtent - 1)) / along.ownStep);
  const rowSize = channelCount * along.ownStep * pitch;
  const tapRow = along.depthExtent * channelCount;
  const rows = asConstant(product(parts.rows.map(({ extent }) => extent))) ?? mostRows;
  const fittingRows = Math.max(registerRows, Math.floor(mostWeights / tapRow / registerRows) * registerRows);
  const tileRows = Math.min(mostRows, Math.ceil(rows / registerRows) * registerRows, fittingRows);
  const blockTaps = Math.min(down?.depthExtent ?? 1, Math.max(1, Math.floor(mostWeights / (tileRows * tapRow))));
  if (imageCount * imageRows * rowSize > mostImage || tileRows * tapRow > 2 * mostWeights) return undefined;
  const rowSums = panels * panelWidth;
  const image = { height, width, images: imageCount, imageRows, pitch, rowSize };
  return { ...image, unitRows: 1, tileUnits, tileRows, rowSums, stride: tileUnits * rowSums, panels, blockTaps };
}

class ConvolvedPositions {
  private readonly nested: NestedDepth;
  private readonly patches: Patches;
  private readonly tiles: ImageTiles;
  private readonly registers: RegisterTile;
  /** Elements of a block of the sum, per row. */
  private readonly depth: number;

  constructor(
    private readonly values: Values,
    private readonly c: Convolution,
    private readonly shape: Shape,
  ) {
    const { parts, down, along, channels, channelCount } = c;
    const taps = down ? [down.depth, along.depth] : [along.depth];
    const inner = channels ?? { name: '%channel', extent: constantDim(1) };
    this.nested = {
      inner,
      steps: channelCount,
      left: nestedSide(parts.rows, parts.left, taps),
      right: nestedSide(parts.columns, parts.right, taps),
    };
    this.depth = shape.blockTaps * along.depthExtent * channelCount;
    this.patches = new Patches(values, this.nested, this.depth);
    this.tiles = new ImageTiles(values, c, shape, shape.tileRows);
    this.registers = new RegisterTile(values, registerRows, panelWidth / 4, this.tiles.sums, shape.stride);
  }

  emit(): Dim {
    const {
      values: { writer },
      c,
      shape,
      tiles,
    } = this;
    writer.array('left', shape.tileRows * this.depth);
    const packed = shape.blockTaps === (c.down?.depthExtent ?? 1) ? writer.variable(i32(-1)) : undefined;
    return tiles.forEach((tile) => {
      tiles.layOut(tile);
      this.accumulate(tile, packed);
      tiles.epilogue(tile);
    });
  }

  private accumulate(tile: Tile, packed: Atom | undefined): void {
    const { values, c, shape, nested } = this;
    const { writer, dims } = values;
    const rowOfTaps = c.along.depthExtent * c.channelCount;
    const panels = dims.combine('div', dims.sum(tile.rows, i32(registerRows - 1)), i32(registerRows));
    const tapRows = i32(c.down?.depthExtent ?? 1);
    writer.for(i32(0), tapRows, shape.blockTaps, (top) => {
      const bottom = dims.combine('min', dims.sum(top, i32(shape.blockTaps)), tapRows);
      const block = {
        start: dims.times(top, rowOfTaps),
        count: dims.times(dims.combine('sub', bottom, top), rowOfTaps),
      };
      const left = { array: 'left', width: registerRows, start: tile.row, count: tile.rows, panels };
      const pack = (): void => this.patches.pack(left, nested.left, block, tile.env);
      if (!packed) pack();
      else {
        writer.if(writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'ne', a: packed, b: tile.band }), () => {
          pack();
          writer.assign(packed, tile.band);
        });
      }
      writer.for(dims.combine('sub', tile.from, tile.base), dims.combine('sub', tile.to, tile.base), 1, (unit) =>
        this.productsOf(unit, panels, top, bottom),
      );
    });
  }

  // The sums of one row of an image.
  private productsOf(unit: Atom, panels: Atom, top: Atom, bottom: Atom): void {
    const { values, c, shape } = this;
    const { writer, dims } = values;
    const { down, along, channelCount } = c;
    const y = this.tiles.rowOf(unit);
    const isFirst = writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'eq', a: top, b: i32(0) });
    writer.for(i32(0), i32(shape.panels), 1, (across) =>
      writer.for(i32(0), panels, 1, (panel) => {
        const column = dims.times(dims.sum(dims.times(unit, shape.panels), across), panelWidth);
        const corner = dims.sum(dims.times(panel, registerRows * shape.stride), column);
        this.registers.sum(corner, isFirst, (add) => {
          const left = dims.times(panel, registerRows * this.depth);
          const right = dims.sum(dims.times(y, shape.rowSize), dims.times(across, panelWidth));
          writer.for(top, bottom, 1, (tapRow) =>
            writer.for(i32(0), i32(along.depthExtent), 1, (tap) => {
              const number = dims.sum(dims.times(dims.combine('sub', tapRow, top), along.depthExtent), tap);
              const fromLeft = dims.sum(left, dims.times(number, registerRows * channelCount));
              const shifted = dims.sum(dims.times(tapRow, (down?.depthStep ?? 0) * shape.rowSize), this.shiftOf(tap));
              const fromRight = dims.sum(right, shifted);
              writer.for(i32(0), i32(channelCount), 1, (channel) => {
                const leftAt = dims.sum(fromLeft, dims.times(channel, registerRows));
                const rightAt = dims.sum(fromRight, dims.times(channel, along.ownStep * shape.pitch));
                add({
                  left: (r) => inArray('left', dims.sum(leftAt, i32(r)), 1),
                  right: (v) => inArray('image', dims.sum(rightAt, i32(4 * v)), 4),
                });
              });
            }),
          );
        });
      }),
    );
  }

  // Where a tap along the row begins: its phase, and its distance in positions of a phase.
  private shiftOf(tap: Atom): Atom {
    const { dims } = this.values;
    const { ownStep, depthStep } = this.c.along;
    const at = dims.times(tap, depthStep);
    if (ownStep === 1) return at;
    const whole = dims.combine('div', at, i32(ownStep));
    const phase = dims.combine('sub', at, dims.times(whole, ownStep));
    return dims.sum(dims.times(phase, this.shape.pitch), whole);
  }
}
