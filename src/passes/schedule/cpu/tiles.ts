// Tiles of a product: some rows, and some units of columns beside each other. What threads share are the units of all
// rows of tiles; a share may begin and end within a tile. Where tiles end changes no sum.
import { add, asConstant, ceilDiv, floorDiv, mod, mul, product, variable, type Dim } from '../../../ir/dim.ts';
import type { Axis } from '../../../ir/nest.ts';
import { unravel } from './contraction.ts';
import { emptyEnvironment, withAxis, type Environment } from './environment.ts';
import { i32, type Atom } from './kernel-writer.ts';
import type { Values } from './values.ts';

/** How a product falls into tiles. */
export interface Tiling {
  readonly batch: readonly Axis[];
  readonly rows: Dim;
  readonly tileRows: number;
  /** Units beside each other, and how many of them a tile has at most. */
  readonly units: Dim;
  readonly tileUnits: number;
}

/** The part of a tile that is in the share of this thread. */
export interface Tile {
  /** Where it is along the axes of the batch. */
  readonly env: Environment;
  /** Which row of tiles it is in, of all of the batch. */
  readonly band: Atom;
  /** Its first row, and how many there are. */
  readonly row: Atom;
  readonly rows: Atom;
  /** Its units: from ≤ unit < to; `base` is the first unit of the whole tile. */
  readonly base: Atom;
  readonly from: Atom;
  readonly to: Atom;
}

/** Emits `body` for every tile of the share; returns how many units threads share. */
export function overTiles(values: Values, tiling: Tiling, body: (tile: Tile) => void): Dim {
  const { writer, dims } = values;
  const { batch, units, tileUnits } = tiling;
  const down = ceilDiv(tiling.rows, tiling.tileRows);
  const wide = ceilDiv(units, tileUnits);
  const [first, last] = tilesOfShare(values, units, wide, tileUnits);
  writer.for(first, last, 1, (at) => {
    const tileAxis = withAxis(emptyEnvironment, '%tile', at);
    const band = floorDiv(variable('%tile'), wide);
    const env = unravel(batch, floorDiv(band, down)).reduce(
      (e, [name, d]) => withAxis(e, name, dims.value(d, tileAxis)),
      emptyEnvironment,
    );
    const row = dims.combine('mul', dims.value(mod(band, down), tileAxis), i32(tiling.tileRows));
    const rows = dims.combine('min', dims.combine('sub', writer.dim(tiling.rows), row), i32(tiling.tileRows));
    const before = dims.value(mul(band, units), tileAxis);
    const base = dims.value(mul(mod(variable('%tile'), wide), tileUnits), tileAxis);
    const from = dims.combine('max', dims.combine('sub', writer.begin, before), base);
    const to = dims.combine('min', dims.combine('sub', writer.end, before), dims.combine('add', base, i32(tileUnits)));
    body({
      env,
      band: dims.value(band, tileAxis),
      row,
      rows,
      base,
      from,
      to: dims.combine('min', to, writer.dim(units)),
    });
  });
  return product([...batch.map((axis) => axis.extent), down, units]);
}

// From the tile in which the share begins to the one in which it ends.
function tilesOfShare({ writer, dims }: Values, units: Dim, wide: Dim, tileUnits: number): [Atom, Atom] {
  const share = withAxis(withAxis(emptyEnvironment, '%begin', writer.begin), '%end', writer.end);
  const [begin, end] = [variable('%begin'), variable('%end')];
  if (asConstant(wide) === 1)
    return [dims.value(floorDiv(begin, units), share), dims.value(ceilDiv(end, units), share)];
  const first = add(mul(floorDiv(begin, units), wide), floorDiv(mod(begin, units), tileUnits));
  const last = add(mul(floorDiv(end, units), wide), ceilDiv(mod(end, units), tileUnits));
  return [dims.value(first, share), dims.value(last, share)];
}
