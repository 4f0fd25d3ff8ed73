// Random orders for the generators of ops: distinct positions in every row along an axis.
import type * as FastCheck from 'fast-check';
import type { Tensor } from '../op.ts';
import { orders, shapes } from './arbitrary.ts';
import { fill, forEachIndex, positionOf } from './tensor.ts';

/** An order and its inverse: rank[order[j]] = j, −1 for positions that the order leaves out. */
export interface OrderCase {
  readonly order: Tensor;
  readonly rank: Tensor;
  readonly axis: number;
  readonly extent: number;
}

/** The first positions of random permutations. */
export const orderCases = (fc: typeof FastCheck): FastCheck.Arbitrary<OrderCase> =>
  shapes(fc, { minRank: 1, max: 5 })
    .chain((shape) => fc.tuple(fc.constant(shape), fc.nat({ max: shape.length - 1 })))
    .chain(([shape, axis]) => {
      const rows = shape.reduce((size, n, at) => (at === axis ? size : size * n), 1);
      const permutations = fc.array(orders(fc, shape[axis] ?? 1), { minLength: rows, maxLength: rows });
      return fc.tuple(permutations, fc.integer({ min: 1, max: shape[axis] ?? 1 })).map(([permuted, count]) => {
        const order = fill('i32', shape.with(axis, count), () => 0);
        const rank = fill('i32', shape, () => -1);
        let row = 0;
        forEachIndex(shape.with(axis, 1), (i) => {
          permuted[row++]?.slice(0, count).forEach((place, j) => {
            order.data[positionOf(order.shape, i.with(axis, j))] = place;
            rank.data[positionOf(shape, i.with(axis, place))] = j;
          });
        });
        return { order, rank, axis, extent: shape[axis] ?? 1 };
      });
    });
