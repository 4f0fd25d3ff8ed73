// Attention, a few rows at a time: their products with keys, the weights that are made of these, and the sum of values
// follow one another in cache. Keys and values are packed once for all rows that share them, in blocks; by softmax, sums
// are rescaled when a later block has a larger score. Keys that a causal mask leaves out are not visited. The gradients
// of attention are sums of the same form, of weights that are made of two products.
import { asConstant, ceilDiv, floorDiv, mod, product, variable, type Dim } from '../../../ir/dim.ts';
import type { BinaryOp } from '../../../ir/expr.ts';
import type { KernelExpr } from '../../../ir/kernel.ts';
import type { Axis } from '../../../ir/nest.ts';
import { keptKeys, keptRange, type KeptKeys } from '../kept.ts';
import { registerRows, type Attention, type DeepProduct } from './attention.ts';
import { unravel } from './contraction.ts';
import { emptyEnvironment, withAxis, withReduced, type Environment } from './environment.ts';
import { constant, i32, inArray, plus, type Atom } from './kernel-writer.ts';
import { overLanes } from './lanes.ts';
import { combined, identity, joinLanes } from './monoids.ts';
import { Packing, type Block, type Operand } from './packing.ts';
import { overAxes, widened } from './reductions.ts';
import { RegisterTile } from './register-tile.ts';
import type { Values } from './values.ts';

/** Rows that one thread takes together, and columns of a register tile. */
const rowsOfPart = 64;
const registerColumns = 8;

/** Elements of packed keys and values. */
const packedSize = 65536;

const max = { name: 'max', arity: 1 } as const;
const sum = { name: 'sum', arity: 1 } as const;
const lowest = identity(max, 'f32');

/** Emits the kernel body; returns how many parts of rows threads share. */
export const emitAttention = (values: Values, attention: Attention): Dim => new Parts(values, attention).emit();

// A bound of the keys that the row at an offset sees.
type Bound = (row: Atom) => Atom;

// Rows that one thread takes together.
interface Part {
  readonly env: Environment;
  /** The number of its batch. */
  readonly batch: Atom;
  readonly start: Atom;
  readonly count: Atom;
  readonly panels: Atom;
  readonly from: Bound;
  readonly to: Bound;
}

// Keys of a block that rows of a panel see: from ≤ key < count.
interface Keys extends Block {
  readonly from: Atom;
}

// A row of four.
interface Row {
  /** Its number in the part, and where its line of products begins. */
  readonly row: Atom;
  readonly line: Atom;
  readonly env: Environment;
}

// The operands of a product, and a line for each of four rows: the product itself, then weights.
interface Arrays {
  readonly rows: string;
  readonly keys: string;
  readonly lines: string;
}

class Parts {
  /** Keys that are packed together. */
  private readonly size: number;
  /** Columns of values, up to whole panels. */
  private readonly wide: number;
  private readonly isSoftmax: boolean;
  private readonly kept: KeptKeys | undefined;
  private readonly products: readonly (DeepProduct & Arrays)[];
  private readonly arrays: Readonly<Record<'values' | 'weights' | 'sums' | 'tops' | 'totals', string>>;

  constructor(
    private readonly values: Values,
    private readonly at: Attention,
  ) {
    const roundUp = (x: number): number => Math.ceil(x / registerColumns) * registerColumns;
    const array = (name: string, size: number): string => values.writer.array(name, size);
    this.wide = roundUp(at.columns);
    const elements = at.products.reduce((all, { deep }) => all + deep, this.wide);
    const most = Math.floor(packedSize / elements / registerColumns) * registerColumns;
    this.size = Math.min(most, roundUp(asConstant(at.key.extent) ?? most));
    this.isSoftmax = at.over.monoid.name === 'softmax';
    const [kept] = at.products.flatMap(({ stage }) => keptKeys(at.weight, stage.id, at.row, at.key) ?? []);
    this.kept = this.isSoftmax && kept && kept.otherwise <= -1e29 ? kept : undefined;
    this.products = at.products.map((each, number) => ({
      ...each,
      rows: array(`rows${number}`, rowsOfPart * each.deep),
      keys: array(`keys${number}`, this.size * each.deep),
      lines: array(`lines${number}`, registerRows * this.size),
    }));
    this.arrays = {
      values: array('values', this.size * this.wide),
      weights: this.products[0]?.lines ?? '',
      sums: array('sums', rowsOfPart * this.wide),
      tops: this.isSoftmax ? array('tops', rowsOfPart) : '',
      totals: this.isSoftmax ? array('totals', rowsOfPart) : '',
    };
  }

  emit(): Dim {
    const {
      values: { writer, dims },
      at: { batch, row },
    } = this;
    const held = writer.variable(i32(-1));
    const down = ceilDiv(row.extent, rowsOfPart);
    writer.for(writer.begin, writer.end, 1, (part) => {
      const here = withAxis(emptyEnvironment, '%part', part);
      const number = floorDiv(variable('%part'), down);
      const env = unravel(batch, number).reduce(
        (e, [name, d]) => withAxis(e, name, dims.value(d, here)),
        emptyEnvironment,
      );
      const start = dims.times(dims.value(mod(variable('%part'), down), here), rowsOfPart);
      const rest = dims.combine('sub', writer.dim(row.extent), start);
      const count = dims.combine('min', rest, i32(rowsOfPart));
      const panels = this.panels(count, registerRows);
      for (const each of this.products) this.packSide(each, 'row', { start, count }, env);
      this.attend({ env, batch: dims.value(number, here), start, count, panels }, held);
      this.store({ env, start, count });
    });
    return product([...batch.map(({ extent }) => extent), down]);
  }

  private panels(count: Atom, width: number): Atom {
    const { dims } = this.values;
    return dims.combine('div', dims.combine('add', count, i32(width - 1)), i32(width));
  }

  private operand(expr: Operand['expr'], axis: Axis, array: string, width: number, { start, count }: Block): Operand {
    return { expr, axis, array, width, start, count, panels: this.panels(count, width) };
  }

  private packSide(each: DeepProduct & Arrays, side: 'row' | 'key', block: Block, env: Environment): void {
    const { values, at } = this;
    const { depth, deep } = each;
    const [array, width] = side === 'row' ? [each.rows, registerRows] : [each.keys, registerColumns];
    const operand = this.operand(each[side], at[side], array, width, block);
    new Packing(values, depth, deep).pack(operand, { start: i32(0), count: i32(deep) }, env);
  }

  private attend(part: Omit<Part, 'from' | 'to'>, held: Atom): void {
    const { values, kept, at } = this;
    const { writer, dims } = values;
    const all = writer.dim(at.key.extent);
    if (kept) return this.attendKept(part, kept, held);
    const range = this.isSoftmax ? undefined : keptRange(at, dims.facts);
    const bound = range && ((row: Atom): Atom => this.bound(part, range.at, row));
    const [from, to] = range?.kind === 'from' ? [bound, undefined] : [undefined, bound];
    this.overKeys({ ...part, from: from ?? (() => i32(0)), to: to ?? (() => all) }, held);
  }

  // The number of keys before `at`, of a row.
  private bound({ env, start }: Pick<Part, 'env' | 'start'>, at: Dim, row: Atom): Atom {
    const { writer, dims } = this.values;
    const count = dims.value(at, withAxis(env, this.at.row.name, dims.combine('add', start, row)));
    return dims.combine('max', dims.combine('min', count, writer.dim(this.at.key.extent)), i32(0));
  }

  // Where a row sees only keys whose scores are about as low as those of keys that its mask leaves out, these count
  // too: then the rows of the part are done again, with all keys.
  private attendKept(part: Omit<Part, 'from' | 'to'>, kept: KeptKeys, held: Atom): void {
    const { values, at, arrays } = this;
    const { writer } = values;
    const all = writer.dim(at.key.extent);
    const again = writer.variable(constant('bool', 1));
    writer.for(i32(0), i32(2), 1, (pass) =>
      writer.if(again, () => {
        const isSecond = writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'eq', a: pass, b: i32(1) });
        const to = (row: Atom): Atom => {
          const some = this.bound(part, kept.count, row);
          return writer.let({ kind: 'select', type: 'i32', width: 1, cond: isSecond, then: all, otherwise: some });
        };
        this.overKeys({ ...part, from: () => i32(0), to }, held);
        const least = writer.variable(constant('f32', 0));
        writer.for(i32(0), part.count, 1, (row) =>
          writer.assign(
            least,
            combined({ name: 'min', arity: 1 }, least, writer.load(inArray(arrays.tops, row, 1), false)),
          ),
        );
        const b = constant('f32', kept.otherwise / 2);
        writer.assign(again, { kind: 'binary', type: 'bool', width: 1, op: 'lt', a: least, b });
      }),
    );
  }

  // All blocks of keys that some row of the part sees.
  private overKeys(part: Part, held: Atom): void {
    const { values, at, size } = this;
    const { writer, dims } = values;
    this.begin(part);
    const all = writer.dim(at.key.extent);
    const lastRow = dims.combine('sub', part.count, i32(1));
    const blocks = dims.value(ceilDiv(at.key.extent, size), part.env);
    overAxes(values, at.otherKeys, [part.env], ([env = part.env]) => {
      const batch = at.otherKeys.reduce(
        (n, { name, extent }) =>
          dims.combine('add', dims.combine('mul', n, writer.dim(extent)), env.axes.get(name) ?? i32(0)),
        part.batch,
      );
      const first = dims.times(dims.combine('div', part.from(i32(0)), i32(size)), size);
      writer.for(first, part.to(lastRow), size, (start) => {
        const block = { start, count: dims.combine('min', dims.combine('sub', all, start), i32(size)) };
        const number = dims.sum(dims.combine('mul', batch, blocks), dims.combine('div', start, i32(size)));
        this.pack(env, block, number, held);
        writer.for(i32(0), part.panels, 1, (panel) => this.takeKeys({ ...part, env }, panel, block));
      });
    });
  }

  private begin({ count }: Part): void {
    const { values, arrays, wide } = this;
    const { writer, dims } = values;
    if (this.isSoftmax)
      writer.for(i32(0), count, 1, (row) => {
        this.put(arrays.tops, row, constant('f32', lowest));
        this.put(arrays.totals, row, constant('f32', 0));
      });
    writer.for(i32(0), dims.times(count, wide), 4, (at) => this.put(arrays.sums, at, constant('f32', 0, 4)));
  }

  // A panel of rows takes in the keys of a block that one of them sees.
  private takeKeys(part: Part, panel: Atom, block: Block): void {
    const { values, size } = this;
    const { writer, dims } = values;
    const first = dims.times(panel, registerRows);
    const end = dims.combine('min', dims.combine('add', first, i32(registerRows)), part.count);
    const inBlock = (key: Atom): Atom => dims.combine('max', dims.combine('sub', key, block.start), i32(0));
    const from = inBlock(dims.combine('and', part.from(first), i32(-registerColumns)));
    const to = dims.combine('add', part.to(dims.combine('sub', end, i32(1))), i32(3));
    const count = dims.combine('min', inBlock(dims.combine('and', to, i32(-4))), block.count);
    const keys: Keys = { start: block.start, from, count };
    for (const each of this.products) this.multiply(each, panel, keys);
    writer.for(first, end, 1, (row) => {
      const line = dims.times(dims.combine('sub', row, first), size);
      const env = withAxis(part.env, this.at.row.name, dims.combine('add', part.start, row));
      if (this.isSoftmax) this.softmax({ row, line, env }, keys);
      else this.weigh({ row, line, env }, keys);
    });
    this.addValues(first, keys);
  }

  // Parts of one batch come one after another: where all keys are one block they are packed once.
  private pack(env: Environment, block: Block, number: Atom, held: Atom): void {
    const { values, at, arrays, size } = this;
    const { writer } = values;
    const known = writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'eq', a: number, b: held });
    writer.if(
      known,
      () => undefined,
      () => {
        for (const each of this.products) this.packSide(each, 'key', block, env);
        const columns = { start: i32(0), count: i32(at.columns) };
        const rows = this.operand(at.value, at.column, arrays.values, registerColumns, columns);
        new Packing(values, at.key, size).pack(rows, block, env);
        writer.assign(held, number);
      },
    );
  }

  private put(array: string, index: KernelExpr, value: KernelExpr): void {
    this.values.writer.push({ kind: 'store-array', array, index, value });
  }

  private read(array: string, index: KernelExpr, width: 1 | 4): Atom {
    return this.values.writer.load(inArray(array, index, width), false);
  }

  // lines[row, key] = Σ_k row[row, k] · key[key, k]
  private multiply({ rows, keys, lines, deep }: DeepProduct & Arrays, panel: Atom, { from, count }: Keys): void {
    const { values, size } = this;
    const { writer, dims } = values;
    const tile = new RegisterTile(values, registerRows, registerColumns / 4, lines, size);
    const left = dims.times(panel, registerRows * deep);
    writer.for(from, count, registerColumns, (key) =>
      tile.sum(key, true, (add) => {
        const right = dims.times(key, deep);
        writer.for(i32(0), i32(deep), 1, (k) => {
          const [a, b] = [
            dims.combine('add', left, dims.times(k, registerRows)),
            dims.combine('add', right, dims.times(k, registerColumns)),
          ];
          add({
            left: (row) => inArray(rows, plus(a, row), 1),
            right: (vector) => inArray(keys, plus(b, 4 * vector), 4),
          });
        });
      }),
    );
  }

  // Scores of a row become e^(score − top); what was summed before is rescaled to that.
  private softmax(row: Row, keys: Keys): void {
    const { values, arrays, wide, at } = this;
    const { writer, dims } = values;
    const before = this.read(arrays.tops, row.row, 1);
    const top = writer.load(combined(max, before, this.scores(row, keys)), false);
    const scale = this.exp(this.apply('sub', before, top));
    this.put(arrays.tops, row.row, top);
    const [wideTop, wideScale] = [values.widen(top), values.widen(scale)];
    const total = writer.variable(constant('f32', 0, 4));
    writer.for(i32(0), keys.count, 4, (key) => {
      const place = dims.combine('add', row.line, key);
      const power = this.exp(this.apply('sub', this.read(arrays.weights, place, 4), wideTop));
      const weight = this.before(keys.count, key, power);
      this.put(arrays.weights, place, weight);
      writer.assign(total, combined(sum, total, weight));
    });
    const carried = this.apply('mul', this.read(arrays.totals, row.row, 1), scale);
    this.put(arrays.totals, row.row, this.apply('add', carried, joinLanes(writer, sum, total)));
    writer.for(i32(0), i32(wide), 4, (column) => {
      const place = dims.combine('add', dims.times(row.row, wide), column);
      this.put(arrays.sums, place, this.apply('mul', this.read(arrays.sums, place, 4), wideScale));
    });
    const { factor } = at;
    if (!factor) return;
    this.overLine(row, keys, (point, index, width) => {
      const weight = this.read(arrays.weights, index, width);
      this.put(arrays.weights, index, this.apply('mul', weight, widened(values, factor, point, width)));
    });
  }

  // Of the last group of lanes only keys before the end count.
  private before(end: Atom, key: Atom, power: Atom): Atom {
    const { values, at } = this;
    const { writer, dims } = values;
    if (dims.isMultiple(at.key.extent, 4)) return power;
    const number = values.value(
      { kind: 'index', dtype: 'i32', dim: variable('%key') },
      withAxis(emptyEnvironment, '%key', key, true),
    );
    const cond = writer.let({ kind: 'binary', type: 'bool', width: 4, op: 'lt', a: number, b: values.widen(end) });
    return writer.let({ kind: 'select', type: 'f32', width: 4, cond, then: power, otherwise: constant('f32', 0, 4) });
  }

  private exp(x: Atom): Atom {
    return this.values.writer.load({ kind: 'unary', type: 'f32', width: x.width, op: 'exp', x }, false);
  }

  private apply(op: BinaryOp, a: Atom, b: Atom): Atom {
    return this.values.writer.load({ kind: 'binary', type: 'f32', width: a.width, op, a, b }, false);
  }

  // The points of a row and its keys, which know their products, and where these lie.
  private overLine(
    { line, env }: Row,
    { start, from, count }: Keys,
    body: (point: Environment, index: Atom, width: 1 | 4) => void,
  ): void {
    const { values, at } = this;
    const { dims } = values;
    const places = new Map<Environment, Atom>();
    const place = (key: Atom, vector: boolean): Environment => {
      const index = dims.combine('add', line, key);
      const here = withAxis(env, at.key.name, dims.combine('add', start, key), vector);
      const point = this.products.reduce(
        (known, { stage, lines }) => withReduced(known, stage.id, [this.read(lines, index, vector ? 4 : 1)]),
        here,
      );
      places.set(point, index);
      return point;
    };
    const extent = dims.isMultiple(at.key.extent, 4) ? at.key.extent : undefined;
    overLanes(values, { extent, from, to: count, copies: 1 }, place, (points) => {
      for (const point of points) body(point, places.get(point) ?? line, point.vector === undefined ? 1 : 4);
    });
  }

  // What the score is beside the product (scale, mask, bias); returns the largest.
  private scores(row: Row, keys: Keys): Atom {
    const { values, at, arrays } = this;
    const { writer, dims } = values;
    const lanes = writer.variable(constant('f32', lowest, 4));
    const single = writer.variable(constant('f32', lowest));
    this.overLine(row, keys, (point, index, width) => {
      const top = width === 4 ? lanes : single;
      const score = widened(values, at.weight, point, width);
      this.put(arrays.weights, index, score);
      writer.assign(top, combined(max, top, score));
    });
    const joined = joinLanes(writer, max, lanes);
    const isWhole = dims.isMultiple(at.key.extent, 4);
    return isWhole ? joined : writer.load(combined(max, joined, single), false);
  }

  // Weights of a sum.
  private weigh(row: Row, keys: Keys): void {
    this.overLine(row, keys, (point, index, width) =>
      this.put(this.arrays.weights, index, widened(this.values, this.at.weight, point, width)),
    );
  }

  // sums[row, column] += Σ_key weight[row, key] · value[key, column]
  private addValues(first: Atom, { from, count }: Keys): void {
    const { values, arrays, size, wide } = this;
    const { writer, dims } = values;
    const tile = new RegisterTile(values, registerRows, registerColumns / 4, arrays.sums, wide);
    writer.for(i32(0), i32(wide), registerColumns, (column) =>
      tile.sum(dims.combine('add', dims.times(first, wide), column), false, (add) => {
        const right = dims.times(column, size);
        writer.for(from, count, 1, (key) => {
          const b = dims.combine('add', right, dims.times(key, registerColumns));
          add({
            left: (row) => inArray(arrays.weights, plus(key, row * size), 1),
            right: (vector) => inArray(arrays.values, plus(b, 4 * vector), 4),
          });
        });
      }),
    );
  }

  private store({ env, start, count }: Pick<Part, 'env' | 'start' | 'count'>): void {
    const { values, at, arrays, wide } = this;
    const { writer, dims } = values;
    const { column, over, row } = at;
    writer.for(i32(0), count, 1, (i) => {
      const here = withAxis(env, row.name, dims.combine('add', start, i));
      const carried = this.isSoftmax ? [arrays.tops, arrays.totals].map((array) => this.read(array, i, 1)) : [];
      overLanes(
        values,
        { extent: column.extent, from: i32(0), to: i32(at.columns), copies: 1 },
        (j, vector) => {
          const index = dims.combine('add', dims.times(i, wide), j);
          const parts = [...carried, this.read(arrays.sums, index, vector ? 4 : 1)];
          return withReduced(withAxis(here, column.name, j, vector), over.id, parts);
        },
        ([point = here]) => values.storeAll(at.stores, point),
      );
      values.storeAll(at.rowStores, withReduced(here, over.id, carried));
    });
  }
}
