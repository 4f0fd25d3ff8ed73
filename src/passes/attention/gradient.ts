// Attention and its gradients without a matrix of queries and keys in memory (Dao et al. 2022). The forward pass keeps
// two numbers of each query: its largest score and its sum of powers. Every product with the weights, or with their
// gradient, computes again what it multiplies, from the products of queries and keys and of rows of the gradient and
// values. The sum over keys that the gradient of a softmax takes is one of columns: Σ_s p·(g·v_s) = g·(Σ_s p·v_s).
import { constant, variable, type Dim } from '../../ir/dim.ts';
import { ExprPool, loadsIn, type Load } from '../../ir/expr-rewrite.ts';
import type { Expr } from '../../ir/expr.ts';
import type { Axis, Buffer, Nest } from '../../ir/nest.ts';
import { loadsOf, writesOf } from '../fusion/nest-graph.ts';
import type { ReduceStage, StoreStage } from '../schedule/flatten.ts';
import { attentionOf } from './forward.ts';
import { elementAt, factorsOf, inlined, joined, productMatrix, type Element, type Matrix } from './matrix.ts';
import { axesAt, isBinary, isResult, moved, nodesIn, onlyLoad, stagesOf, weight, type Softmax } from './parts.ts';

/** Who writes and who reads a buffer, where only nests of one list do. */
export interface Users {
  readonly writer: Nest;
  readonly readers: readonly Nest[];
}

/** What takes the place of nests, and of the buffers between them. */
export interface Replaced {
  readonly nests: ReadonlyMap<Nest, Nest | undefined>;
  readonly buffers: readonly Buffer[];
  readonly gone: readonly string[];
  /** The nest whose results, and what it keeps of each row, the others read. */
  readonly attention: Nest;
  /** Nests whose operands are read later than before. */
  readonly moved: readonly Nest[];
}

const load = (buffer: string, indices: Load['indices']): Load => ({ kind: 'load', dtype: 'f32', buffer, indices });

const binary = (op: 'sub' | 'mul' | 'div', a: Expr, b: Expr): Expr => ({ kind: 'binary', dtype: 'f32', op, a, b });

const names = (axes: readonly Axis[]): Dim[] => axes.map(({ name }) => variable(name));

// In any order.
function areSame(a: readonly Expr[], b: readonly Expr[]): boolean {
  const left = [...b];
  const isLeft = (e: Expr): boolean => left.includes(e) && left.splice(left.indexOf(e), 1).length > 0;
  return a.length === b.length && a.every(isLeft);
}

/** Rows of a matrix and their sums: what the gradient of a softmax is made of. */
function asRows(nest: Nest): { readonly sum: ReduceStage; readonly store: StoreStage } | undefined {
  const [sum, store, ...more] = nest.stages;
  if (sum?.kind !== 'reduce' || store?.kind !== 'store' || more.length > 0) return undefined;
  if (sum.monoid.name !== 'sum' || sum.dtypes[0] !== 'f32' || store.combine !== 'set') return undefined;
  return sum.axes.length === 1 && store.axes.length === 1 && store.value.dtype === 'f32' ? { sum, store } : undefined;
}

/** A product with a matrix becomes one with what its elements are made of. */
function productWith(nest: Nest, matrices: readonly Matrix[]): Nest | undefined {
  const parts = stagesOf(nest);
  const product = parts?.sum.args[0];
  if (!parts || !isBinary(product, 'mul')) return undefined;
  const matrixOf = (e: Expr): Matrix | undefined =>
    e.kind === 'load' ? matrices.find(({ store }) => store.buffer === e.buffer) : undefined;
  const [factor, other] = matrixOf(product.a) ? [product.a, product.b] : [product.b, product.a];
  const rest = [other, ...parts.stores.map(({ value }) => value)];
  if (loadsIn(rest).some(matrixOf)) return undefined;
  const matrix = matrixOf(factor);
  const element = factor.kind === 'load' && matrix && elementAt(matrix, factor);
  if (!element) return undefined;
  const stages = [...element.products, { ...parts.sum, args: [binary('mul', element.value, other)] }, ...parts.stores];
  return { ...nest, stages };
}

/** Attention, its gradients, and what they need of each query. */
class Gradient {
  private readonly nests = new Map<Nest, Nest | undefined>();
  private readonly buffers: Buffer[] = [];
  /** Buffers of what the softmax stores, and of what the forward pass keeps of each of its rows. */
  private readonly weights: readonly string[];
  private readonly statistics: string;

  constructor(
    private readonly softmax: Softmax,
    private readonly users: (buffer: string) => Users | undefined,
  ) {
    this.weights = softmax.stores.map(({ buffer }) => buffer);
    this.statistics = `${this.weights[0]}.rows`;
  }

  /** What takes the place of all; undefined where something else needs a matrix. */
  replaced(): Replaced | undefined {
    const { softmax, users, weights } = this;
    const [scores] = loadsIn([softmax.score]).flatMap(({ buffer }) => {
      const found = users(buffer);
      return found?.readers.length === 1 ? [{ buffer, first: found.writer }] : [];
    });
    const all = weights.map((buffer) => users(buffer)?.readers);
    const readers = [...new Set(all.flatMap((each) => each ?? []))];
    const second = scores && readers.find((nest) => attentionOf(scores.first, softmax, nest) !== undefined);
    const rows = readers.find((nest) => asRows(nest) !== undefined) ?? this.rowsBehind(readers);
    const matrices = scores && this.matrices(scores.first);
    if (all.includes(undefined) || !second || !rows || !matrices) return undefined;
    const pairs = this.pairsOf(rows);
    const gradient = pairs && this.gradient(rows, pairs, matrices, second);
    if (!gradient) return undefined;
    const others = readers.filter((nest) => nest !== second && nest !== rows && nest !== pairs);
    const consumers = users(gradient.store.buffer)?.readers;
    if (!consumers || !this.products(others, matrices) || !this.products(consumers, [gradient])) return undefined;
    this.nests.set(second, this.forward(scores.first, second));
    const gone = [scores.buffer, ...weights, ...writesOf(pairs), gradient.store.buffer];
    const inner = [scores.first, softmax.nest, pairs];
    for (const nest of inner) this.nests.set(nest, undefined);
    return { nests: this.nests, buffers: this.buffers, gone, attention: second, moved: [...inner, rows] };
  }

  // The rows that read what a product with the weights stores.
  private rowsBehind(readers: readonly Nest[]): Nest | undefined {
    for (const nest of readers) {
      const [buffer = '', ...more] = writesOf(nest);
      const [reader, ...others] = this.users(buffer)?.readers ?? [];
      if (reader && more.length + others.length === 0 && asRows(reader)) return reader;
    }
    return undefined;
  }

  // The product of rows of the gradient and values that `rows` reads, and nobody else.
  private pairsOf(rows: Nest): Nest | undefined {
    return loadsOf(rows)
      .map(({ buffer }) => this.users(buffer))
      .find((found) => found?.readers.length === 1 && stagesOf(found.writer) !== undefined)?.writer;
  }

  // What the softmax stores, by e^(score − top) / total and what the forward pass keeps of a row.
  private matrices(first: Nest): readonly Matrix[] | undefined {
    const { softmax, statistics } = this;
    const scores = productMatrix(first, 'score');
    const score = scores && inlined(softmax.score, [scores]);
    if (!score) return undefined;
    const part = (at: number): Expr => load(statistics, [...names(softmax.nest.axes), constant(at)]);
    const power: Expr = { kind: 'unary', dtype: 'f32', op: 'exp', x: binary('sub', score.value, part(0)) };
    const nodes = new Map([[weight, binary('div', power, part(1))]]);
    return softmax.stores.map((store): Matrix => {
      const value = moved(new Map(), { nodes }).expr(store.value);
      return { store, value, products: value === store.value ? [] : score.products };
    });
  }

  // Attention, which stores its two numbers of each row.
  private forward(first: Nest, second: Nest): Nest | undefined {
    const { softmax, statistics } = this;
    const { axes } = softmax.nest;
    const nest = attentionOf(first, softmax, second);
    const shape = [...axes.map(({ extent }) => extent), constant(2)];
    this.buffers.push({ id: statistics, type: { dtype: 'f32', shape } });
    const stores = [0, 1].map((part): StoreStage => ({
      kind: 'store',
      axes: [],
      buffer: statistics,
      indices: [...names(axes), constant(part)],
      value: { kind: 'reduced', dtype: 'f32', stage: 'mean', part },
      combine: 'set',
    }));
    return nest && { ...nest, stages: [...nest.stages, ...stores] };
  }

  // The gradient of the scores, with a number of each row in the place of the sum over its keys.
  private gradient(rows: Nest, pairs: Nest, matrices: readonly Matrix[], second: Nest): Matrix | undefined {
    const parts = asRows(rows);
    const matrix = productMatrix(pairs, 'pair');
    const [arg] = parts?.sum.args ?? [];
    const summed = arg && matrix && inlined(arg, [matrix]);
    const value = parts && matrix && inlined(parts.store.value, [matrix]);
    const mean = summed && this.sumOfRow(summed, second);
    const whole = value && inlined(value.value, matrices);
    if (!parts || !mean || !whole) return undefined;
    const sums = `${parts.store.buffer}.rows`;
    const at = names(rows.axes);
    this.buffers.push({ id: sums, type: { dtype: 'f32', shape: rows.axes.map(({ extent }) => extent) } });
    const sum: Expr = { kind: 'reduced', dtype: 'f32', stage: mean.id, part: 0 };
    this.nests.set(rows, {
      ...rows,
      stages: [mean, { ...parts.store, axes: [], buffer: sums, indices: at, value: sum }],
    });
    const results = nodesIn(whole.value).filter((e) => isResult(e, parts.sum));
    const by = moved(new Map(), { nodes: new Map(results.map((e) => [e, load(sums, at)])) });
    return { store: parts.store, value: by.expr(whole.value), products: joined([value, whole]) };
  }

  // Σ_s w·(g·v_s), of weights w that attention takes the mean of values by, as g·y, where y is that mean.
  private sumOfRow({ value, products: [pair] }: Element, second: Nest): ReduceStage | undefined {
    const { softmax, weights } = this;
    const parts = stagesOf(second);
    const seen = onlyLoad(loadsOf(second), ...weights);
    const place = onlyLoad(loadsIn([value]), ...weights);
    const product = parts?.sum.args[0];
    const result = parts?.stores.find((store) => isResult(store.value, parts.sum));
    if (!pair || !seen || !place || !result || !isBinary(product, 'mul')) return undefined;
    const axes = axesAt(seen.indices, place.indices);
    const [depth, ...deeper] = pair.axes;
    const [column, ...more] = second.axes.filter(({ name }) => !axes?.has(name));
    if (!axes || !depth || !column || deeper.length + more.length > 0 || column.extent.key !== depth.extent.key)
      return undefined;
    const stored = softmax.stores.map((store): Matrix => ({ store, value: store.value, products: [] }));
    const pool = new ExprPool();
    const factors = (e: Expr): Expr[] => factorsOf(inlined(e, stored)?.value ?? e).map((factor) => pool.intern(factor));
    const taken: Expr = { kind: 'reduced', dtype: 'f32', stage: pair.id, part: 0 };
    if (!areSame(factors(value), factors(binary('mul', taken, { ...seen, indices: place.indices })))) return undefined;
    axes.set(column.name, variable(depth.name));
    const by = moved(axes);
    const values = pool.intern(by.expr(product.a === seen ? product.b : product.a));
    const [arg] = pair.args;
    if (!isBinary(arg, 'mul')) return undefined;
    const isValues = (e: Expr): boolean => pool.intern(e) === values;
    const row = isValues(arg.b) ? arg.a : isValues(arg.a) ? arg.b : undefined;
    const indices = result.indices.map((index) => by.index(index));
    return row && { ...pair, args: [binary('mul', row, load(result.buffer, indices))] };
  }

  private products(nests: readonly Nest[], matrices: readonly Matrix[]): boolean {
    return nests.every((nest) => {
      const found = productWith(nest, matrices);
      this.nests.set(nest, found);
      return found !== undefined;
    });
  }
}

/** Attention and its gradients, where only they need its weights. @throws NotAffine */
export const withGradients = (softmax: Softmax, users: (buffer: string) => Users | undefined): Replaced | undefined =>
  new Gradient(softmax, users).replaced();
