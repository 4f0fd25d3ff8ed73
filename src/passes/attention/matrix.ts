// Matrices of queries and keys whose elements are computed where they are read, in the place of lying in memory.
import { variable } from '../../ir/dim.ts';
import { loadsIn, type Load } from '../../ir/expr-rewrite.ts';
import type { Expr } from '../../ir/expr.ts';
import type { Axis, Nest } from '../../ir/nest.ts';
import type { ReduceStage, StoreStage } from '../schedule/flatten.ts';
import { axesAt, isBinary, moved, onlyLoad, stagesOf } from './parts.ts';

/** A value, and the products that it reads the results of. */
export interface Element {
  readonly value: Expr;
  readonly products: readonly ReduceStage[];
}

/** One element of a matrix, at the axes of its store. */
export interface Matrix extends Element {
  readonly store: StoreStage;
}

/** The matrix that a product stores: its sum becomes the product `id`. */
export function productMatrix(nest: Nest, id: string): Matrix | undefined {
  const parts = stagesOf(nest);
  const [store, ...more] = parts?.stores ?? [];
  if (!parts || !store || more.length > 0) return undefined;
  const { sum } = parts;
  const depth = sum.axes.map(({ extent }, at): Axis => ({ name: `%${id}${at}`, extent }));
  const axes = new Map(sum.axes.map(({ name }, at) => [name, variable(depth[at]?.name ?? name)]));
  const by = moved(axes, { stages: new Map([[sum.id, id]]) });
  const product: ReduceStage = { ...sum, id, axes: depth, args: sum.args.map((arg) => by.expr(arg)) };
  const known = new Set(store.indices.flatMap((index) => ('kind' in index ? [] : [index.key])));
  if (nest.axes.some(({ name }) => !known.has(variable(name).key))) return undefined;
  return { store, value: by.expr(store.value), products: [product] };
}

/** The element of a matrix that a load reads. */
export function elementAt({ store, value, products }: Matrix, at: Load): Element | undefined {
  const axes = axesAt(store.indices, at.indices);
  if (!axes) return undefined;
  const by = moved(axes);
  return {
    value: by.expr(value),
    products: products.map((product) => ({ ...product, args: product.args.map((arg) => by.expr(arg)) })),
  };
}

/** `e` with elements of matrices in the place of their loads; undefined where one is read at several places. */
export function inlined(e: Expr, matrices: readonly Matrix[]): Element | undefined {
  const loads = loadsIn([e]);
  const elements = new Map<string, Element>();
  for (const matrix of matrices) {
    const { buffer } = matrix.store;
    if (!loads.some((load) => load.buffer === buffer)) continue;
    const at = onlyLoad(loads, ...matrices.map(({ store }) => store.buffer));
    const element = at && elementAt(matrix, at);
    if (!element) return undefined;
    elements.set(buffer, element);
  }
  const value = moved(new Map(), { load: ({ buffer }) => elements.get(buffer)?.value }).expr(e);
  return { value, products: joined([...elements.values()]) };
}

/** The products of some elements at one place, each once. */
export const joined = (elements: readonly Element[]): readonly ReduceStage[] => [
  ...new Map(elements.flatMap(({ products }) => products.map((product) => [product.id, product]))).values(),
];

/** The factors of a product. */
export const factorsOf = (e: Expr): readonly Expr[] =>
  isBinary(e, 'mul') ? [...factorsOf(e.a), ...factorsOf(e.b)] : [e];

/** The product of factors. */
export const times = (factors: readonly Expr[]): Expr | undefined =>
  factors.length === 0
    ? undefined
    : factors.reduce((a, b): Expr => ({ kind: 'binary', dtype: 'f32', op: 'mul', a, b }));
