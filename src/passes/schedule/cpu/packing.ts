// Operands of products in panels, as register kernels read them: [own axis / width][reduced axis][own axis % width].
import { asConstant, constant as constantDim, type Dim } from '../../../ir/dim.ts';
import { loadsIn } from '../../../ir/expr-rewrite.ts';
import type { Expr } from '../../../ir/expr.ts';
import type { KernelExpr } from '../../../ir/kernel.ts';
import type { Axis } from '../../../ir/nest.ts';
import { blockName, blocksAlong, laneName, type Blocks } from './blocks.ts';
import { withAxis, type Environment } from './environment.ts';
import { i32, plus, type Atom } from './kernel-writer.ts';
import { overLanes } from './lanes.ts';
import { score } from './loops.ts';
import type { Values } from './values.ts';

/** Panels of an operand in a scratch array: their width, and which positions along its own axis they hold. */
export interface Panels {
  readonly array: string;
  readonly width: number;
  readonly start: Atom;
  readonly count: Atom;
  readonly panels: Atom;
}

/** The part of an operand that is in a tile. */
export interface Operand extends Panels {
  readonly expr: Expr;
  readonly axis: Axis;
}

/** The block of the reduced axis. */
export interface Block {
  readonly start: Atom;
  readonly count: Atom;
}

/** Positions past the end repeat the last one: their results are never stored. */
export function within(values: Values, side: Panels, at: Atom): Atom {
  const { dims } = values;
  return dims.combine('add', side.start, dims.combine('min', at, dims.combine('sub', side.count, i32(1))));
}

/** A dim that divides where the part of `extent` in any tile does: tiles start at multiples of `size`. */
export function partOf(values: Values, extent: Dim, size: number): Dim | undefined {
  const c = asConstant(extent);
  if (c !== undefined && c <= size) return extent;
  return values.dims.isMultiple(extent, 4) ? constantDim(size) : undefined;
}

/** Packs blocks of the reduced axis `depth`, of at most `size` positions. */
export class Packing {
  constructor(
    private readonly values: Values,
    private readonly depth: Axis,
    private readonly size: number,
  ) {}

  /** Fills the panels of `side`. */
  pack(side: Operand, block: Block, env: Environment): void {
    const blocks = blocksAlong(side.expr, this.depth, this.values.dims.facts);
    if (blocks && this.size % blocks.size === 0) return this.packBlocks(side, blocks, block, env);
    const indices = loadsIn([side.expr]).flatMap((load) => load.indices);
    const along = score(indices, this.depth.name);
    const across = score(indices, side.axis.name);
    if (across > along) this.packAcross(side, block, env);
    else this.packAlong(side, block, env);
  }

  private storeArray(array: string, index: Atom, offset: number, value: KernelExpr): void {
    this.values.writer.push({ kind: 'store-array', array, index: plus(index, offset), value });
  }

  // Neighbours along the reduced axis are contiguous: four are read at once and stored apart.
  private packAlong(side: Operand, block: Block, env: Environment): void {
    const { values, depth, size } = this;
    const { writer, dims } = values;
    const rows = dims.combine('mul', side.panels, i32(side.width));
    writer.for(i32(0), rows, 1, (j) => {
      const panel = dims.combine('div', j, i32(side.width));
      const inPanel = dims.combine('sub', j, dims.combine('mul', panel, i32(side.width)));
      const base = dims.combine('add', dims.combine('mul', panel, i32(side.width * size)), inPanel);
      const row = withAxis(env, side.axis.name, within(values, side, j));
      const offsets = new Map<Environment, Atom>();
      const place = (k: Atom, vector: boolean): Environment => {
        const at = withAxis(row, depth.name, dims.combine('add', block.start, k), vector);
        offsets.set(at, dims.combine('add', base, dims.combine('mul', k, i32(side.width))));
        return at;
      };
      overLanes(
        values,
        { extent: partOf(values, depth.extent, size), from: i32(0), to: block.count, copies: 1 },
        place,
        (envs) => {
          for (const at of envs) this.storeApart(side, at, offsets.get(at) ?? base);
        },
      );
    });
  }

  // Elements that lie several to a word: block by block, four at a time.
  private packBlocks(side: Operand, { size, fours, shared }: Blocks, block: Block, env: Environment): void {
    const { values } = this;
    const { writer, dims } = values;
    const rows = dims.combine('mul', side.panels, i32(side.width));
    const [first, count] = [block.start, block.count].map((at) => dims.combine('div', at, i32(size)));
    if (!first || !count) return;
    writer.for(i32(0), rows, 1, (j) => {
      const panel = dims.combine('div', j, i32(side.width));
      const inPanel = dims.combine('sub', j, dims.combine('mul', panel, i32(side.width)));
      const base = dims.combine('add', dims.combine('mul', panel, i32(side.width * this.size)), inPanel);
      const row = withAxis(env, side.axis.name, within(values, side, j));
      writer.for(i32(0), count, 1, (at) => {
        const place = withAxis(withAxis(row, blockName, dims.combine('add', first, at)), laneName, i32(0), true);
        const index = dims.combine('add', base, dims.combine('mul', at, i32(size * side.width)));
        fours.forEach((four, u) => {
          const e = shared.reduce((a, b): Expr => ({ kind: 'binary', dtype: 'f32', op: 'mul', a, b }), four);
          this.storeApart({ ...side, expr: e }, place, dims.combine('add', index, i32(4 * u * side.width)));
        });
      });
    });
  }

  private storeApart(side: Operand, at: Environment, index: Atom): void {
    const value = this.values.value(side.expr, at);
    if (at.vector === undefined) return this.storeArray(side.array, index, 0, value);
    const wide = this.values.widen(value);
    for (const lane of [0, 1, 2, 3] as const) {
      this.storeArray(side.array, index, lane * side.width, { kind: 'lane', type: 'f32', width: 1, x: wide, lane });
    }
  }

  // Neighbours along the side's own axis are contiguous: whole panels are copied four lanes at a time.
  private packAcross(side: Operand, block: Block, env: Environment): void {
    const {
      values: { writer, dims },
      size,
    } = this;
    writer.for(i32(0), side.panels, 1, (panel) => {
      const first = dims.combine('mul', panel, i32(side.width));
      const base = dims.combine('mul', panel, i32(side.width * size));
      const forEachStep = (body: (env: Environment, index: Atom) => void): void =>
        writer.for(i32(0), block.count, 1, (k) =>
          body(
            withAxis(env, this.depth.name, dims.combine('add', block.start, k)),
            dims.combine('add', base, dims.combine('mul', k, i32(side.width))),
          ),
        );
      const single = (): void =>
        forEachStep((at, index) => {
          for (let i = 0; i < side.width; i++) {
            const place = within(this.values, side, dims.combine('add', first, i32(i)));
            this.storeArray(side.array, index, i, this.values.value(side.expr, withAxis(at, side.axis.name, place)));
          }
        });
      if (side.width % 4 !== 0) return single();
      const fits: KernelExpr = {
        kind: 'binary',
        type: 'bool',
        width: 1,
        op: 'le',
        a: dims.combine('add', first, i32(side.width)),
        b: side.count,
      };
      writer.if(
        writer.let(fits),
        () =>
          forEachStep((at, index) => {
            for (let i = 0; i < side.width; i += 4) {
              const place = dims.combine('add', side.start, dims.combine('add', first, i32(i)));
              const value = this.values.value(side.expr, withAxis(at, side.axis.name, place, true));
              this.storeArray(side.array, index, i, this.values.widen(value));
            }
          }),
        single,
      );
    });
  }
}
