// A convolution whose columns are positions: images × rows × columns of an image (also the gradient by the image).
// A tile is some rows of images. What they read is laid out once, borders included, as [image][row][channel][phase][x],
// x counting positions of one phase of the step along the row; the register kernel reads eight neighbours of it, shifted
// by the tap. Results beside the end of a row are computed and left.
import { asConstant, constant as constantDim, mul, product } from '../../../ir/dim.ts';
import type { Dim } from '../../../ir/dim.ts';
import { nestedSide, type NestedDepth } from './contraction.ts';
import { panelWidth, reach, rowsTogether, type Convolution } from './convolution.ts';
import { withAxis, withReduced, type Environment } from './environment.ts';
import { atElement, atPosition, ImageRows } from './image.ts';
import { i32, inArray, type Atom } from './kernel-writer.ts';
import { overLanes } from './lanes.ts';
import { Patches } from './patches.ts';
import { RegisterTile } from './register-tile.ts';
import { overTiles, type Tile } from './tiles.ts';
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

interface Shape {
  readonly height: number;
  readonly width: number;
  /** Panels of a row. */
  readonly panels: number;
  /** Rows of images in a tile: of one image, or of several whole ones. */
  readonly tileUnits: number;
  readonly images: number;
  /** Rows of the laid-out image, elements of one phase, and of all phases and channels of a row. */
  readonly imageRows: number;
  readonly pitch: number;
  readonly rowSize: number;
  readonly tileRows: number;
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
  return { height, width, panels, tileUnits, images: imageCount, imageRows, pitch, rowSize, tileRows, blockTaps };
}

class ConvolvedPositions {
  private readonly nested: NestedDepth;
  private readonly patches: Patches;
  private readonly rows: ImageRows;
  private readonly registers: RegisterTile;
  /** Elements of a block of the sum, per row; of a row of the tile of sums. */
  private readonly depth: number;
  private readonly stride: number;

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
    this.stride = shape.tileUnits * shape.panels * panelWidth;
    this.patches = new Patches(values, this.nested, this.depth);
    this.rows = new ImageRows(values, parts.right);
    const tile = values.writer.array('tile', shape.tileRows * this.stride);
    this.registers = new RegisterTile(values, registerRows, panelWidth / 4, tile, this.stride);
  }

  emit(): Dim {
    const { values, c, shape } = this;
    const { writer } = values;
    writer.array('left', shape.tileRows * this.depth);
    writer.array('image', shape.images * shape.imageRows * shape.rowSize + panelWidth);
    const packed = shape.blockTaps === (c.down?.depthExtent ?? 1) ? writer.variable(i32(-1)) : undefined;
    const tiling = {
      batch: c.parts.batch,
      rows: product(c.parts.rows.map(({ extent }) => extent)),
      tileRows: shape.tileRows,
      units: mul(product(c.images.map(({ extent }) => extent)), shape.height),
      tileUnits: shape.tileUnits,
    };
    return overTiles(values, tiling, (tile) => {
      this.layOut(tile);
      this.accumulate(tile, packed);
      this.epilogue(tile);
    });
  }

  // Rows of the tile, of which row `unit` is one: its image, counted in the tile, and the row in it.
  private placeOf(unit: Atom): { image: Atom; row: Atom } {
    return this.shape.images === 1 ? { image: i32(0), row: unit } : this.decode(unit);
  }

  // The image and the row in it of row `unit` of all images.
  private decode(unit: Atom): { image: Atom; row: Atom } {
    const image = this.values.dims.combine('div', unit, i32(this.shape.height));
    return { image, row: this.values.dims.combine('sub', unit, this.values.dims.times(image, this.shape.height)) };
  }

  private layOut({ env, base, from, to }: Tile): void {
    const { values, c, shape } = this;
    const { writer, dims } = values;
    const { down } = c;
    const start = this.decode(base);
    const [first, end] = [dims.combine('sub', from, base), dims.combine('sub', to, base)];
    const several = shape.images > 1;
    const images = several
      ? ([
          this.placeOf(first).image,
          this.values.dims.sum(this.placeOf(dims.combine('sub', end, i32(1))).image, i32(1)),
        ] as const)
      : ([i32(0), i32(1)] as const);
    const step = down?.ownStep ?? 1;
    const below = reach(down, 1, down?.depthExtent ?? 1) - 1;
    const rows = several
      ? ([i32(0), i32(shape.imageRows)] as const)
      : ([
          this.values.dims.times(first, step),
          this.values.dims.sum(this.values.dims.times(dims.combine('sub', end, i32(1)), step), i32(below + 1)),
        ] as const);
    writer.for(images[0], images[1], 1, (image) => {
      const ofImage = atElement(values, c.images, this.values.dims.sum(start.image, image), env);
      writer.for(rows[0], rows[1], 1, (y) => {
        const row = this.values.dims.sum(this.values.dims.times(start.row, step), y);
        const ofRow = down ? atPosition(ofImage, down, row) : ofImage;
        const at = this.values.dims.times(
          this.values.dims.sum(this.values.dims.times(image, shape.imageRows), y),
          shape.rowSize,
        );
        writer.for(i32(0), i32(c.channelCount), 1, (channel) =>
          this.layOutRow(
            c.channels ? withAxis(ofRow, c.channels.name, channel) : ofRow,
            this.values.dims.sum(at, this.values.dims.times(channel, c.along.ownStep * shape.pitch)),
          ),
        );
      });
    });
  }

  private layOutRow(env: Environment, at: Atom): void {
    const { values, c, shape } = this;
    const { own, depth, ownStep } = c.along;
    const positions = reach(c.along, shape.width, c.along.depthExtent);
    for (let phase = 0; phase < ownStep; phase++) {
      const begin = this.values.dims.sum(at, i32(phase * shape.pitch));
      // No more than taps read: without borders, what lies beyond may be beyond the buffer.
      const count = Math.ceil((positions - phase) / ownStep);
      this.rows.fill(withAxis(env, depth.name, i32(phase)), own.name, count, (x, value) =>
        values.writer.push({ kind: 'store-array', array: 'image', index: this.values.dims.sum(begin, x), value }),
      );
    }
  }

  private accumulate(tile: Tile, packed: Atom | undefined): void {
    const { values, c, shape, nested } = this;
    const { writer, dims } = values;
    const rowOfTaps = c.along.depthExtent * c.channelCount;
    const panels = dims.combine('div', this.values.dims.sum(tile.rows, i32(registerRows - 1)), i32(registerRows));
    const tapRows = i32(c.down?.depthExtent ?? 1);
    writer.for(i32(0), tapRows, shape.blockTaps, (top) => {
      const bottom = dims.combine('min', this.values.dims.sum(top, i32(shape.blockTaps)), tapRows);
      const block = {
        start: this.values.dims.times(top, rowOfTaps),
        count: this.values.dims.times(dims.combine('sub', bottom, top), rowOfTaps),
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
    const { image, row } = this.placeOf(unit);
    const y = this.values.dims.sum(
      this.values.dims.times(image, shape.imageRows),
      this.values.dims.times(row, down?.ownStep ?? 1),
    );
    const isFirst = writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'eq', a: top, b: i32(0) });
    writer.for(i32(0), i32(shape.panels), 1, (across) =>
      writer.for(i32(0), panels, 1, (panel) => {
        const column = this.values.dims.times(
          this.values.dims.sum(this.values.dims.times(unit, shape.panels), across),
          panelWidth,
        );
        const corner = this.values.dims.sum(this.values.dims.times(panel, registerRows * this.stride), column);
        this.registers.sum(corner, isFirst, (add) => {
          const left = this.values.dims.times(panel, registerRows * this.depth);
          const right = this.values.dims.sum(
            this.values.dims.times(y, shape.rowSize),
            this.values.dims.times(across, panelWidth),
          );
          writer.for(top, bottom, 1, (tapRow) =>
            writer.for(i32(0), i32(along.depthExtent), 1, (tap) => {
              const number = this.values.dims.sum(
                this.values.dims.times(dims.combine('sub', tapRow, top), along.depthExtent),
                tap,
              );
              const fromLeft = this.values.dims.sum(left, this.values.dims.times(number, registerRows * channelCount));
              const shifted = this.values.dims.sum(
                this.values.dims.times(tapRow, (down?.depthStep ?? 0) * shape.rowSize),
                this.shiftOf(tap),
              );
              const fromRight = this.values.dims.sum(right, shifted);
              writer.for(i32(0), i32(channelCount), 1, (channel) => {
                const leftAt = this.values.dims.sum(fromLeft, this.values.dims.times(channel, registerRows));
                const rightAt = this.values.dims.sum(
                  fromRight,
                  this.values.dims.times(channel, along.ownStep * shape.pitch),
                );
                add({
                  left: (r) => inArray('left', this.values.dims.sum(leftAt, i32(r)), 1),
                  right: (v) => inArray('image', this.values.dims.sum(rightAt, i32(4 * v)), 4),
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
    const at = this.values.dims.times(tap, depthStep);
    if (ownStep === 1) return at;
    const whole = dims.combine('div', at, i32(ownStep));
    const phase = dims.combine('sub', at, this.values.dims.times(whole, ownStep));
    return this.values.dims.sum(this.values.dims.times(phase, this.shape.pitch), whole);
  }

  private epilogue(tile: Tile): void {
    const { values, c, shape } = this;
    const { writer, dims } = values;
    const { parts, down, along } = c;
    writer.for(tile.from, tile.to, 1, (unit) => {
      const { image, row } = this.decode(unit);
      const ofImage = atElement(values, c.images, image, tile.env);
      const ofUnit = down ? withAxis(ofImage, down.own.name, row) : ofImage;
      const column = this.values.dims.times(dims.combine('sub', unit, tile.base), shape.panels * panelWidth);
      writer.for(i32(0), tile.rows, 1, (i) => {
        const ofRow = atElement(values, parts.rows, this.values.dims.sum(tile.row, i), ofUnit);
        const begin = this.values.dims.sum(this.values.dims.times(i, this.stride), column);
        const place = (x: Atom, vector: boolean): Environment => {
          const at = withAxis(ofRow, along.own.name, x, vector);
          const sum = writer.load(inArray('tile', this.values.dims.sum(begin, x), vector ? 4 : 1), false);
          return withReduced(at, parts.stage, [sum]);
        };
        overLanes(
          values,
          { extent: along.own.extent, from: i32(0), to: i32(shape.width), copies: 1 },
          place,
          ([at = ofRow]) => values.storeAll(parts.stores, at),
        );
      });
    });
  }
}
