// rank: where each element would stand if its row were sorted. Sorting is built from it (sort-graph.ts).
import { product, mul, zero, type Dim } from '../dim.ts';
import { isFloat, type DType } from '../dtype.ts';
import type { Expr } from '../expr.ts';
import type { LowerContext } from '../lower.ts';
import { defineOp } from '../op.ts';
import { oneDType, tensors } from './arbitrary.ts';
import { numberOf } from './attributes.ts';
import { arity, extent, operand } from './shapes.ts';
import { build, element, tensorAt } from './tensor.ts';

// NaN by its bits: a shader may assume that there is none when it compares floats.
function isNaNExpr(k: LowerContext, x: Expr): Expr {
  const bits = k.bitcast('i32', k.cast('f32', x));
  const size = k.binary('and', bits, k.constant('i32', 0x7fffffff));
  return k.binary('lt', k.constant('i32', 0x7f800000), size);
}

/** A bool as a number, so that bools can be compared. */
const comparable = (k: LowerContext, x: Expr): Expr => (x.dtype === 'bool' ? k.cast('i32', x) : x);

// Whether element j comes before element i. NaN comes last, equal elements keep their order.
function comesBefore(k: LowerContext, at: (position: Dim) => Expr, j: Dim, i: Dim, descending: boolean): Expr {
  const [mine, other] = [comparable(k, at(i)), comparable(k, at(j))];
  const isEarlier = k.binary('lt', k.index(j), k.index(i));
  const beats = descending ? k.binary('lt', mine, other) : k.binary('lt', other, mine);
  const ordered = k.binary('or', beats, k.binary('and', k.binary('eq', other, mine), isEarlier));
  if (!isFloat(mine.dtype)) return ordered;
  const [iIsNaN, jIsNaN] = [isNaNExpr(k, mine), isNaNExpr(k, other)];
  return k.select(
    iIsNaN,
    k.binary('or', k.unary('not', jIsNaN), isEarlier),
    k.binary('and', k.unary('not', jIsNaN), ordered),
  );
}

/** Order of two numbers with NaN last, for Array.sort. */
function compareNumbers(a: number, b: number, descending: boolean): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return descending ? b - a : a - b;
}

const dtypes: readonly DType[] = ['f32', 'f32', 'f32', 'i32', 'u32', 'bool'];

export default defineOp({
  name: 'rank',
  doc: 'Position that each element takes when its row along `axis` is sorted: i32 from 0, a permutation of each row. Equal elements keep their order; NaN comes last.',
  attrs: { axis: 'the axis to sort along', descending: 'whether the largest comes first' },
  infer(inputs, attrs) {
    arity(inputs, 1);
    const x = operand(inputs, 0);
    extent(x, numberOf(attrs, 'axis'));
    return [{ dtype: 'i32', shape: x.shape }];
  },
  vjp: null,
  lower(k, [x], attrs) {
    if (!x) return [];
    const [axis, descending] = [numberOf(attrs, 'axis'), attrs['descending'] === true];
    return [
      k.reduce([extent(x.type, axis)], { name: 'sum', arity: 1 }, (i, [r = zero]) => {
        const at = (position: Dim): Expr => x.at(i.map((d, other) => (other === axis ? position : d)));
        return [k.cast('i32', comesBefore(k, at, r, i[axis] ?? zero, descending))];
      }),
    ];
  },
  evaluate(inputs, attrs) {
    const x = tensorAt(inputs, 0);
    const [axis, descending] = [numberOf(attrs, 'axis'), attrs['descending'] === true];
    const places = Array.from({ length: x.shape[axis] ?? 1 }, (_, place) => place);
    return [
      build('i32', x.shape, (i) => {
        const at = (place: number): number => element(x, [...i.slice(0, axis), place, ...i.slice(axis + 1)]);
        return [...places].sort((p, q) => compareNumbers(at(p), at(q), descending)).indexOf(i[axis] ?? 0);
      }),
    ];
  },
  cost: ([x], _outputs, attrs) => ({ flops: mul(product(x?.shape ?? []), x ? extent(x, numberOf(attrs, 'axis')) : 1) }),
  arbitrary: (fc) =>
    oneDType(fc, ...dtypes)
      .chain((dtype) => tensors(fc, dtype, {}, { minRank: 1, max: 6 }))
      .chain((x) => {
        const holes = fc.array(fc.nat({ max: x.data.length - 1 }), { maxLength: isFloat(x.dtype) ? 3 : 0 });
        const attrs = fc.record({ axis: fc.nat({ max: x.shape.length - 1 }), descending: fc.boolean() });
        return fc.tuple(holes, attrs).map(([at, given]) => {
          const data = x.data.map((value, e) => (at.includes(e) ? Number.NaN : value));
          return { inputs: [{ ...x, data }], attrs: given };
        });
      }),
});
