// The innermost part of every product: a few rows times a few vectors of columns, all sums in registers, and their way
// into a tile of sums in scratch memory.
import type { KernelExpr } from '../../../ir/kernel.ts';
import { constant, i32, inArray, type Atom } from './kernel-writer.ts';
import type { Values } from './values.ts';

/** One step along the reduced axis: the element of each row, and the four elements of each vector of columns. */
export interface Step {
  readonly left: (row: number) => KernelExpr;
  readonly right: (vector: number) => KernelExpr;
}

/** Sums in registers, `rows` × 4 · `vectors`, that go to the scratch array `tile`, whose rows are `stride` long. */
export class RegisterTile {
  constructor(
    private readonly values: Values,
    private readonly rows: number,
    private readonly vectors: number,
    private readonly tile: string,
    private readonly stride: number,
  ) {}

  /**
   * Σ over the steps that `steps` adds, to the tile at `corner`: in place of what is there where `isFirst` is true,
   * else in addition to it.
   */
  sum(corner: Atom, isFirst: Atom | boolean, steps: (add: (step: Step) => void) => void): void {
    const { writer } = this.values;
    const sums = Array.from({ length: this.rows * this.vectors }, () => writer.variable(constant('f32', 0, 4)));
    steps((step) => this.add(sums, step));
    this.keep(sums, corner, isFirst);
  }

  private add(sums: readonly Atom[], { left, right }: Step): void {
    const { writer } = this.values;
    const columns = Array.from({ length: this.vectors }, (_, v) => writer.load(right(v), false));
    for (let r = 0; r < this.rows; r++) {
      const row = writer.load({ kind: 'splat', type: 'f32', width: 4, x: left(r) }, false);
      columns.forEach((column, v) => {
        const sum = sums[r * this.vectors + v];
        if (sum) writer.assign(sum, { kind: 'madd', type: 'f32', width: 4, a: row, b: column, c: sum });
      });
    }
  }

  private keep(sums: readonly Atom[], corner: Atom, isFirst: Atom | boolean): void {
    const { writer } = this.values;
    const each = (value: (sum: Atom, index: KernelExpr) => KernelExpr) => (): void =>
      sums.forEach((sum, at) => {
        const offset = Math.floor(at / this.vectors) * this.stride + (at % this.vectors) * 4;
        const index: KernelExpr = { kind: 'binary', type: 'i32', width: 1, op: 'add', a: corner, b: i32(offset) };
        writer.push({ kind: 'store-array', array: this.tile, index, value: value(sum, index) });
      });
    const replace = each((sum) => sum);
    const increase = each((sum, index) => ({
      kind: 'binary',
      type: 'f32',
      width: 4,
      op: 'add',
      a: inArray(this.tile, index, 4),
      b: sum,
    }));
    if (typeof isFirst !== 'boolean') writer.if(isFirst, replace, increase);
    else if (isFirst) replace();
    else increase();
  }
}
