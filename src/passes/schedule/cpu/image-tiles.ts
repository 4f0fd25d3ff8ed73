// Tiles of a convolution whose columns are positions in images: which rows of images a tile is, what it reads, laid out
// once with its borders as [image][row][channel][phase][x] (x counts positions of one phase of the step along the row),
// and the way of its sums into memory.
import { mul, product, type Dim } from '../../../ir/dim.ts';
import { reach, type Convolution } from './convolution.ts';
import { withAxis, withReduced, type Environment } from './environment.ts';
import { atElement, atPosition, ImageRows } from './image.ts';
import { i32, inArray, type Atom } from './kernel-writer.ts';
import { overLanes } from './lanes.ts';
import { overTiles, type Tile } from './tiles.ts';
import type { Values } from './values.ts';

/** The shape of a tile. A unit is one or more neighbouring rows of an image, and what threads share. */
export interface TileOfImages {
  readonly height: number;
  readonly width: number;
  readonly unitRows: number;
  /** Units of a tile: of one image, or of several whole ones. */
  readonly tileUnits: number;
  readonly images: number;
  /** Rows of the laid-out image, elements of one phase, and of all phases and channels of a row. */
  readonly imageRows: number;
  readonly pitch: number;
  readonly rowSize: number;
  /** Rows of the product in a tile. */
  readonly tileRows: number;
  /** Sums of a row of an image; those of a row of the product are `stride` apart. */
  readonly rowSums: number;
  readonly stride: number;
}

/** What the last read of a row may take beyond it. */
const maxRead = 8;

/** The tiles of one convolution: scratch arrays `image` and `tile`. */
export class ImageTiles {
  readonly sums: string;
  private readonly rows: ImageRows;
  private readonly unitsOfImage: number;

  constructor(
    private readonly values: Values,
    private readonly c: Convolution,
    private readonly shape: TileOfImages,
    sumRows: number,
  ) {
    const { writer } = values;
    this.unitsOfImage = Math.ceil(shape.height / shape.unitRows);
    this.rows = new ImageRows(values, c.parts.right);
    this.sums = writer.array('tile', sumRows * shape.stride);
    writer.array('image', shape.images * shape.imageRows * shape.rowSize + maxRead);
  }

  /** Emits `body` for every tile of the share; returns how many units threads share. */
  forEach(body: (tile: Tile) => void): Dim {
    const { values, c, shape } = this;
    const tiling = {
      batch: c.parts.batch,
      rows: product(c.parts.rows.map(({ extent }) => extent)),
      tileRows: shape.tileRows,
      units: mul(product(c.images.map(({ extent }) => extent)), this.unitsOfImage),
      tileUnits: shape.tileUnits,
    };
    return overTiles(values, tiling, body);
  }

  /** The laid-out row at which unit `unit` of a tile begins. */
  rowOf(unit: Atom): Atom {
    const { dims } = this.values;
    const step = this.shape.unitRows * (this.c.down?.ownStep ?? 1);
    const { image, at } = this.shape.images === 1 ? { image: i32(0), at: unit } : this.decode(unit);
    return dims.sum(dims.times(image, this.shape.imageRows), dims.times(at, step));
  }

  // The image and the unit in it of unit `unit` of all images.
  private decode(unit: Atom): { image: Atom; at: Atom } {
    const { dims } = this.values;
    const image = dims.combine('div', unit, i32(this.unitsOfImage));
    return { image, at: dims.combine('sub', unit, dims.times(image, this.unitsOfImage)) };
  }

  /** Lays out what the units of the tile read. */
  layOut({ env, base, from, to }: Tile): void {
    const { values, c, shape } = this;
    const { writer, dims } = values;
    const start = this.decode(base);
    const end = dims.combine('sub', to, base);
    const step = shape.unitRows * (c.down?.ownStep ?? 1);
    const images = shape.images > 1 ? this.imagesOf(dims.combine('sub', from, base), end) : [i32(0), i32(1)];
    const all = reach(c.down, shape.height, c.down?.depthExtent ?? 1);
    const top = dims.times(start.at, step);
    const first = shape.images > 1 ? i32(0) : dims.times(dims.combine('sub', from, base), step);
    writer.for(images[0] ?? i32(0), images[1] ?? i32(1), 1, (image) => {
      const ofImage = atElement(values, c.images, dims.sum(start.image, image), env);
      writer.for(first, shape.images > 1 ? i32(all) : this.lastRow(end, top, all), 1, (y) => {
        const ofRow = c.down ? atPosition(ofImage, c.down, dims.sum(top, y)) : ofImage;
        const at = dims.times(dims.sum(dims.times(image, shape.imageRows), y), shape.rowSize);
        writer.for(i32(0), i32(c.channelCount), 1, (channel) =>
          this.layOutRow(
            c.channels ? withAxis(ofRow, c.channels.name, channel) : ofRow,
            dims.sum(at, dims.times(channel, c.along.ownStep * shape.pitch)),
          ),
        );
      });
    });
  }

  private imagesOf(first: Atom, end: Atom): [Atom, Atom] {
    const { dims } = this.values;
    return [this.decode(first).image, dims.sum(this.decode(dims.combine('sub', end, i32(1))).image, i32(1))];
  }

  // The last unit of an image may have fewer rows.
  private lastRow(end: Atom, top: Atom, all: number): Atom {
    const { dims } = this.values;
    const { unitRows, height } = this.shape;
    const { down } = this.c;
    const step = unitRows * (down?.ownStep ?? 1);
    const below = reach(down, unitRows, down?.depthExtent ?? 1);
    const last = dims.sum(dims.times(dims.combine('sub', end, i32(1)), step), i32(below));
    return height % unitRows === 0 ? last : dims.combine('min', last, dims.combine('sub', i32(all), top));
  }

  private layOutRow(env: Environment, at: Atom): void {
    const { values, c, shape } = this;
    const { own, depth, ownStep } = c.along;
    const positions = reach(c.along, shape.width, c.along.depthExtent);
    for (let phase = 0; phase < ownStep; phase++) {
      const begin = values.dims.sum(at, i32(phase * shape.pitch));
      // No more than taps read: without borders, what lies beyond may be beyond the buffer.
      const count = Math.ceil((positions - phase) / ownStep);
      this.rows.fill(withAxis(env, depth.name, i32(phase)), own.name, count, (x, value) =>
        values.writer.push({ kind: 'store-array', array: 'image', index: values.dims.sum(begin, x), value }),
      );
    }
  }

  /** Stores what the stores of the product make of the sums, those of `tile.rows` rows from `tile.row` on. */
  epilogue(tile: Tile): void {
    const { values, c, shape } = this;
    const { writer, dims } = values;
    const { height, unitRows } = shape;
    writer.for(tile.from, tile.to, 1, (unit) => {
      const { image, at } = this.decode(unit);
      const ofImage = atElement(values, c.images, image, tile.env);
      const top = dims.times(at, unitRows);
      const left = dims.combine('sub', i32(height), top);
      const rows = height % unitRows === 0 ? i32(unitRows) : dims.combine('min', i32(unitRows), left);
      writer.for(i32(0), rows, 1, (row) => {
        const { down } = c;
        const ofRow = down ? withAxis(ofImage, down.own.name, dims.sum(top, row)) : ofImage;
        const number = dims.sum(dims.times(dims.combine('sub', unit, tile.base), unitRows), row);
        this.storeRow(tile, ofRow, dims.times(number, shape.rowSums));
      });
    });
  }

  private storeRow(tile: Tile, ofImageRow: Environment, column: Atom): void {
    const { values, c, shape } = this;
    const { writer, dims } = values;
    const { own } = c.along;
    writer.for(i32(0), tile.rows, 1, (i) => {
      const ofRow = atElement(values, c.parts.rows, dims.sum(tile.row, i), ofImageRow);
      const begin = dims.sum(dims.times(i, shape.stride), column);
      const place = (x: Atom, vector: boolean): Environment => {
        const at = withAxis(ofRow, own.name, x, vector);
        const sum = writer.load(inArray(this.sums, dims.sum(begin, x), vector ? 4 : 1), false);
        return withReduced(at, c.parts.stage, [sum]);
      };
      overLanes(values, { extent: own.extent, from: i32(0), to: i32(shape.width), copies: 1 }, place, ([at = ofRow]) =>
        values.storeAll(c.parts.stores, at),
      );
    });
  }
}
