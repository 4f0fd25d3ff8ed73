// Attention, a few queries at a time: their scores, softmax and mean of values follow one another in cache. Keys and
// values are packed once for all queries that share them, in blocks; sums are rescaled when a later block has a larger
// score. Keys that a causal mask leaves out are not visited.
import { asConstant, ceilDiv, floorDiv, mod, product, variable, type Dim } from '../../../ir/dim.ts';
import type { BinaryOp, Expr } from '../../../ir/expr.ts';
import type { KernelExpr } from '../../../ir/kernel.ts';
import type { Axis, Nest } from '../../../ir/nest.ts';
import { asAttention as asAnyAttention, type Attention as AnyAttention, type Product } from '../attention.ts';
import { unravel } from './contraction.ts';
import { emptyEnvironment, withAxis, withReduced, type Environment } from './environment.ts';
import { constant, i32, inArray, plus, type Atom } from './kernel-writer.ts';
import { overLanes } from './lanes.ts';
import { keptKeys, type KeptKeys } from '../kept.ts';
import { combined, identity, joinLanes } from './monoids.ts';
import { Packing, type Block, type Operand } from './packing.ts';
import { widened } from './reductions.ts';
import { RegisterTile } from './register-tile.ts';
import type { Values } from './values.ts';

/** Rows of queries that one thread takes together, and the columns of the register kernels. */
const rowsOfPart = 64;
const registerRows = 4;
const registerColumns = 8;

/** Elements of packed keys and values. */
const packedSize = 65536;

const max = { name: 'max', arity: 1 } as const;
const sum = { name: 'sum', arity: 1 } as const;
const lowest = identity(max, 'f32');

/** Attention with one product, one axis of queries and one of keys; depth and columns are known. */
interface Attention extends Omit<AnyAttention, 'keys'> {
  readonly keys: Axis;
  readonly scores: Product['stage'];
  readonly query: Expr;
  readonly key: Expr;
  readonly row: Axis;
  readonly depth: Axis;
  readonly deep: number;
  readonly columns: number;
}

/** The attention that a flat nest is, if it is one that this schedule is good for. */
export function asAttention(nest: Nest): Attention | undefined {
  const found = asAnyAttention(nest);
  const row = found?.rows.at(-1);
  const [scores, ...others] = found?.products ?? [];
  const [keys, ...parts] = found?.keys ?? [];
  const [depth, ...more] = scores?.stage.axes ?? [];
  if (!found || !scores || !row || !depth || !keys) return undefined;
  if (others.length + more.length + parts.length + found.rowStores.length > 0) return undefined;
  if (found.over.monoid.name !== 'softmax' || found.factor) return undefined;
  const [deep, columns] = [asConstant(depth.extent) ?? 0, asConstant(found.column.extent) ?? 0];
  const areMany = ({ extent }: Axis): boolean => (asConstant(extent) ?? registerRows) >= registerRows;
  if (deep < 4 || columns < 4 || Math.max(deep, columns) > 256 || !areMany(row) || !areMany(keys)) return undefined;
  const batch = [...found.batch, ...found.rows.slice(0, -1)];
  const { stage, row: query, key } = scores;
  return { ...found, scores: stage, query, key, keys, batch, row, depth, deep, columns };
}

/** Emits the kernel body; returns how many parts of rows threads share. */
export const emitAttention = (values: Values, attention: Attention): Dim => new Parts(values, attention).emit();

// Queries that one thread takes together.
interface Part {
  readonly env: Environment;
  /** The number of its batch. */
  readonly batch: Atom;
  readonly queries: Operand;
  /** The keys that its row at an offset sees, from the first on. */
  readonly keysOf: (row: Atom) => Atom;
}

// A row of the scores of four queries.
interface Row {
  /** Its number in the part, and where its scores begin. */
  readonly row: Atom;
  readonly line: Atom;
  readonly env: Environment;
}

class Parts {
  /** Keys that are packed together. */
  private readonly size: number;
  /** Columns of values, up to whole panels. */
  private readonly wide: number;
  private readonly kept: KeptKeys | undefined;
  private readonly arrays: Readonly<
    Record<'queries' | 'keys' | 'values' | 'scores' | 'sums' | 'tops' | 'totals', string>
  >;

  constructor(
    private readonly values: Values,
    private readonly at: Attention,
  ) {
    const roundUp = (x: number): number => Math.ceil(x / registerColumns) * registerColumns;
    this.wide = roundUp(at.columns);
    const most = Math.floor(packedSize / (at.deep + this.wide) / registerColumns) * registerColumns;
    this.size = Math.min(most, roundUp(asConstant(at.keys.extent) ?? most));
    const kept = keptKeys(at.weight, at.scores.id, at.row, at.keys);
    this.kept = kept && kept.otherwise <= -1e29 ? kept : undefined;
    const array = (name: string, size: number): string => values.writer.array(name, size);
    this.arrays = {
      queries: array('queries', rowsOfPart * at.deep),
      keys: array('keys', this.size * at.deep),
      values: array('values', this.size * this.wide),
      scores: array('scores', registerRows * this.size),
      sums: array('sums', rowsOfPart * this.wide),
      tops: array('tops', rowsOfPart),
      totals: array('totals', rowsOfPart),
    };
  }

  emit(): Dim {
    const {
      values: { writer, dims },
      at: { batch, row, query, deep, depth },
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
      const queries = this.operand(query, row, this.arrays.queries, registerRows, { start, count });
      new Packing(this.values, depth, deep).pack(queries, { start: i32(0), count: i32(deep) }, env);
      this.attend({ env, batch: dims.value(number, here), queries }, held);
      this.store(queries, env);
    });
    return product([...batch.map(({ extent }) => extent), down]);
  }

  private operand(expr: Operand['expr'], axis: Axis, array: string, width: number, { start, count }: Block): Operand {
    const { dims } = this.values;
    const panels = dims.combine('div', dims.combine('add', count, i32(width - 1)), i32(width));
    return { expr, axis, array, width, start, count, panels };
  }

  // Where a row sees only keys whose scores are about as low as those of keys that its mask leaves out, these count
  // too: then the rows of the part are done again, with all keys.
  private attend(part: Omit<Part, 'keysOf'>, held: Atom): void {
    const { values, kept, at, arrays } = this;
    const { writer, dims } = values;
    const all = writer.dim(at.keys.extent);
    if (!kept) return this.overKeys({ ...part, keysOf: () => all }, held);
    const again = writer.variable(constant('bool', 1));
    writer.for(i32(0), i32(2), 1, (pass) =>
      writer.if(again, () => {
        const isSecond = writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'eq', a: pass, b: i32(1) });
        const keysOf = (row: Atom): Atom => {
          const last = dims.combine('add', part.queries.start, row);
          const count = dims.value(kept.count, withAxis(part.env, at.row.name, last));
          const some = dims.combine('max', dims.combine('min', count, all), i32(0));
          return writer.let({ kind: 'select', type: 'i32', width: 1, cond: isSecond, then: all, otherwise: some });
        };
        this.overKeys({ ...part, keysOf }, held);
        const least = writer.variable(constant('f32', 0));
        writer.for(i32(0), part.queries.count, 1, (row) =>
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
    const { values, at, arrays, size } = this;
    const { writer, dims } = values;
    const { queries } = part;
    writer.for(i32(0), queries.count, 1, (row) => {
      this.put(arrays.tops, row, constant('f32', lowest));
      this.put(arrays.totals, row, constant('f32', 0));
    });
    const all = writer.dim(at.keys.extent);
    const lastRow = dims.combine('sub', queries.count, i32(1));
    const blocks = dims.value(ceilDiv(at.keys.extent, size), part.env);
    writer.for(i32(0), part.keysOf(lastRow), size, (start) => {
      const block = { start, count: dims.combine('min', dims.combine('sub', all, start), i32(size)) };
      const number = dims.sum(dims.combine('mul', part.batch, blocks), dims.combine('div', start, i32(size)));
      this.pack(part, block, number, held);
      writer.for(i32(0), queries.panels, 1, (panel) => {
        const first = dims.times(panel, registerRows);
        const end = dims.combine('min', dims.combine('add', first, i32(registerRows)), queries.count);
        const seen = dims.combine('sub', part.keysOf(dims.combine('sub', end, i32(1))), start);
        const count = dims.combine('min', dims.combine('max', this.roundedUp(seen), i32(0)), block.count);
        const keys = { start, count };
        this.scores(panel, count);
        writer.for(first, end, 1, (row) => {
          const line = dims.times(dims.combine('sub', row, first), size);
          const env = withAxis(part.env, at.row.name, dims.combine('add', queries.start, row));
          this.softmax({ row, line, env }, keys);
        });
        this.mean(first, keys);
      });
    });
  }

  private roundedUp(count: Atom): Atom {
    const { dims } = this.values;
    return dims.combine('and', dims.combine('add', count, i32(3)), i32(-4));
  }

  // Parts of one batch come one after another: where all keys are one block they are packed once.
  private pack({ env }: Part, block: Block, number: Atom, held: Atom): void {
    const { values, at, arrays, size } = this;
    const { writer } = values;
    const known = writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'eq', a: number, b: held });
    writer.if(
      known,
      () => undefined,
      () => {
        const keys = this.operand(at.key, at.keys, arrays.keys, registerColumns, block);
        new Packing(values, at.depth, at.deep).pack(keys, { start: i32(0), count: i32(at.deep) }, env);
        const columns = { start: i32(0), count: i32(at.columns) };
        const rows = this.operand(at.value, at.column, arrays.values, registerColumns, columns);
        new Packing(values, at.keys, size).pack(rows, block, env);
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

  // scores[row, key] = Σ_k query[row, k] · key[key, k]
  private scores(panel: Atom, count: Atom): void {
    const { values, at, arrays, size } = this;
    const { writer, dims } = values;
    const tile = new RegisterTile(values, registerRows, registerColumns / 4, arrays.scores, size);
    const left = dims.times(panel, registerRows * at.deep);
    writer.for(i32(0), count, registerColumns, (key) =>
      tile.sum(key, undefined, (add) => {
        const right = dims.times(key, at.deep);
        writer.for(i32(0), i32(at.deep), 1, (k) => {
          const [a, b] = [
            dims.combine('add', left, dims.times(k, registerRows)),
            dims.combine('add', right, dims.times(k, registerColumns)),
          ];
          add({
            left: (row) => inArray(arrays.queries, plus(a, row), 1),
            right: (vector) => inArray(arrays.keys, plus(b, 4 * vector), 4),
          });
        });
      }),
    );
  }

  // Scores of a row become e^(score − top); what was summed before is rescaled to that.
  private softmax(row: Row, keys: Block): void {
    const { values, arrays, wide } = this;
    const { writer, dims } = values;
    const before = this.read(arrays.tops, row.row, 1);
    const top = writer.load(combined(max, before, this.finishScores(row, keys)), false);
    const scale = this.exp(this.apply('sub', before, top));
    this.put(arrays.tops, row.row, top);
    const [wideTop, wideScale] = [values.widen(top), values.widen(scale)];
    const total = writer.variable(constant('f32', 0, 4));
    writer.for(i32(0), keys.count, 4, (key) => {
      const place = dims.combine('add', row.line, key);
      const power = this.exp(this.apply('sub', this.read(arrays.scores, place, 4), wideTop));
      const weight = this.before(keys.count, key, power);
      this.put(arrays.scores, place, weight);
      writer.assign(total, combined(sum, total, weight));
    });
    const carried = this.apply('mul', this.read(arrays.totals, row.row, 1), scale);
    this.put(arrays.totals, row.row, this.apply('add', carried, joinLanes(writer, sum, total)));
    writer.if(this.isLater(keys), () =>
      writer.for(i32(0), i32(wide), 4, (column) => {
        const place = dims.combine('add', dims.times(row.row, wide), column);
        this.put(arrays.sums, place, this.apply('mul', this.read(arrays.sums, place, 4), wideScale));
      }),
    );
  }

  // Of the last group of lanes only keys before the end count.
  private before(end: Atom, key: Atom, power: Atom): Atom {
    const { values, at } = this;
    const { writer, dims } = values;
    if (dims.isMultiple(at.keys.extent, 4)) return power;
    const number = values.value(
      { kind: 'index', dtype: 'i32', dim: variable('%key') },
      withAxis(emptyEnvironment, '%key', key, true),
    );
    const cond = writer.let({ kind: 'binary', type: 'bool', width: 4, op: 'lt', a: number, b: values.widen(end) });
    return writer.let({ kind: 'select', type: 'f32', width: 4, cond, then: power, otherwise: constant('f32', 0, 4) });
  }

  private isLater({ start }: Block): Atom {
    return this.values.writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'lt', a: i32(0), b: start });
  }

  private exp(x: Atom): Atom {
    return this.values.writer.load({ kind: 'unary', type: 'f32', width: x.width, op: 'exp', x }, false);
  }

  private apply(op: BinaryOp, a: Atom, b: Atom): Atom {
    return this.values.writer.load({ kind: 'binary', type: 'f32', width: a.width, op, a, b }, false);
  }

  // What the score is beside the product (scale, mask, bias); returns the largest.
  private finishScores({ line, env }: Row, { start, count }: Block): Atom {
    const { values, at, arrays } = this;
    const { writer, dims } = values;
    const { keys } = at;
    const isWhole = dims.isMultiple(keys.extent, 4);
    const lanes = writer.variable(constant('f32', lowest, 4));
    const single = writer.variable(constant('f32', lowest));
    const places = new Map<Environment, Atom>();
    const place = (key: Atom, vector: boolean): Environment => {
      const here = withAxis(env, keys.name, dims.combine('add', start, key), vector);
      const index = dims.combine('add', line, key);
      const point = withReduced(here, at.scores.id, [this.read(arrays.scores, index, vector ? 4 : 1)]);
      places.set(point, index);
      return point;
    };
    const extent = isWhole ? keys.extent : undefined;
    overLanes(values, { extent, from: i32(0), to: count, copies: 1 }, place, (points) => {
      for (const point of points) {
        const top = point.vector === undefined ? single : lanes;
        const score = widened(values, at.weight, point, top.width === 4 ? 4 : 1);
        this.put(arrays.scores, places.get(point) ?? line, score);
        writer.assign(top, combined(max, top, score));
      }
    });
    const joined = joinLanes(writer, max, lanes);
    return isWhole ? joined : writer.load(combined(max, joined, single), false);
  }

  // sums[row, column] += Σ_key weight[row, key] · value[key, column]
  private mean(first: Atom, block: Block): void {
    const { values, arrays, size, wide } = this;
    const { writer, dims } = values;
    const tile = new RegisterTile(values, registerRows, registerColumns / 4, arrays.sums, wide);
    const isFirst = writer.let({ kind: 'binary', type: 'bool', width: 1, op: 'eq', a: block.start, b: i32(0) });
    writer.for(i32(0), i32(wide), registerColumns, (column) =>
      tile.sum(dims.combine('add', dims.times(first, wide), column), isFirst, (add) => {
        const right = dims.times(column, size);
        writer.for(i32(0), block.count, 1, (key) => {
          const b = dims.combine('add', right, dims.times(key, registerColumns));
          add({
            left: (row) => inArray(arrays.scores, plus(key, row * size), 1),
            right: (vector) => inArray(arrays.values, plus(b, 4 * vector), 4),
          });
        });
      }),
    );
  }

  private store(queries: Operand, env: Environment): void {
    const { values, at, arrays, wide } = this;
    const { writer, dims } = values;
    const { column, over, row } = at;
    writer.for(i32(0), queries.count, 1, (i) => {
      const here = withAxis(env, row.name, dims.combine('add', queries.start, i));
      const [top, total] = [arrays.tops, arrays.totals].map((array) => this.read(array, i, 1)) as [Atom, Atom];
      overLanes(
        values,
        { extent: column.extent, from: i32(0), to: i32(at.columns), copies: 1 },
        (j, vector) => {
          const index = dims.combine('add', dims.times(i, wide), j);
          const parts = [top, total, this.read(arrays.sums, index, vector ? 4 : 1)];
          return withReduced(withAxis(here, column.name, j, vector), over.id, parts);
        },
        ([point = here]) => values.storeAll(at.stores, point),
      );
    });
  }
}
