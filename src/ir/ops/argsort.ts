// argsort: the positions that put rows in order, or the first of them. Values follow by take_along.
import { constant, dim as toDim, mul, product, type Dim } from '../dim.ts';
import { isFloat, type DType } from '../dtype.ts';
import type { Expr } from '../expr.ts';
import type { Attrs } from '../graph.ts';
import type { LowerContext, Operand } from '../lower.ts';
import type { Nest, OpaqueNest } from '../nest.ts';
import { defineOp } from '../op.ts';
import { oneDType, tensors } from './arbitrary.ts';
import { dimOf, numberOf } from './attributes.ts';
import { arity, axesWithout, extent, operand, requireLessEqual } from './shapes.ts';
import { element, fill, forEachIndex, positionOf, tensorAt } from './tensor.ts';

const highest = 0x7fffffff;

// An i32 in the order of the elements: NaN is the highest, −0 is 0.
function keyOf(k: LowerContext, x: Expr, descending: boolean): Expr {
  const flip = (key: Expr): Expr => (descending ? k.binary('xor', key, k.constant('i32', -1)) : key);
  if (x.dtype === 'bool' || x.dtype === 'i32') return flip(k.cast('i32', x));
  if (x.dtype === 'u32') return flip(k.binary('xor', k.bitcast('i32', x), k.constant('i32', -0x80000000)));
  const value = k.cast('f32', x);
  const bits = k.bitcast('i32', value);
  const size = k.binary('and', bits, k.constant('i32', highest));
  const isNegative = k.binary('lt', bits, k.constant('i32', 0));
  const ordered = k.select(isNegative, k.binary('xor', bits, k.constant('i32', highest)), bits);
  const isZero = k.binary('eq', size, k.constant('i32', 0));
  const isNaN = k.binary('lt', k.constant('i32', 0x7f800000), size);
  const key = flip(k.select(isZero, k.constant('i32', 0), ordered));
  return k.select(isNaN, k.constant('i32', highest), key);
}

// `shape` with `axis` moved to the end, and an index there as an index of the original.
const movedLast = (shape: readonly Dim[], axis: number): Dim[] => [
  ...shape.toSpliced(axis, 1),
  ...shape.slice(axis, axis + 1),
];
const movedBack = (i: readonly Dim[], axis: number): Dim[] => [
  ...i.slice(0, axis),
  ...i.slice(-1),
  ...i.slice(axis, -1),
];

function lower(k: LowerContext, x: Operand, attrs: Attrs): (Nest | OpaqueNest)[] {
  const [axis, descending] = [numberOf(attrs, 'axis'), attrs['descending'] === true];
  const last = x.type.shape.length - 1;
  const keys = k.temporary({ dtype: 'i32', shape: movedLast(x.type.shape, axis) });
  const out = k.output();
  const order = axis === last ? out : k.temporary({ dtype: 'i32', shape: movedLast(out.type.shape, axis) });
  const sorting = { axis: last, descending: false, count: dimOf(attrs, 'count') };
  return [
    k.mapTo(keys, (i) => keyOf(k, x.at(movedBack(i, axis)), descending)),
    k.opaque([keys], [order], sorting),
    ...(axis === last ? [] : [k.map((i) => order.at(movedLast(i, axis)))]),
  ];
}

/** Order of two numbers with NaN last, for Array.sort. */
function compareNumbers(a: number, b: number, descending: boolean): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return descending ? b - a : a - b;
}

const dtypes: readonly DType[] = ['f32', 'f32', 'f32', 'i32', 'u32', 'bool'];

export default defineOp({
  name: 'argsort',
  doc: 'The positions along `axis` that put each row in order, i32; the first `count` of them. Equal elements keep their order; NaN comes last.',
  attrs: {
    axis: 'the axis to sort along',
    descending: 'whether the largest comes first',
    count: 'how many positions of each row, from the first on',
  },
  infer(inputs, attrs, facts) {
    arity(inputs, 1);
    const x = operand(inputs, 0);
    const [axis, count] = [numberOf(attrs, 'axis'), dimOf(attrs, 'count')];
    requireLessEqual(facts, count, extent(x, axis), `elements to take along axis ${axis}`);
    return [{ dtype: 'i32', shape: x.shape.with(axis, count) }];
  },
  vjp: null,
  lower: (k, [x], attrs) => (x ? lower(k, x, attrs) : []),
  evaluate(inputs, attrs, cx) {
    const x = tensorAt(inputs, 0);
    const [axis, count] = [numberOf(attrs, 'axis'), cx.dims(dimOf(attrs, 'count'))];
    const places = Array.from({ length: x.shape[axis] ?? 1 }, (_, place) => place);
    const out = fill('i32', x.shape.with(axis, count), () => 0);
    forEachIndex(
      axesWithout(x.shape.length, [axis]).map((other) => x.shape[other] ?? 1),
      (row) => {
        const at = (place: number): number[] => [...row.slice(0, axis), place, ...row.slice(axis)];
        const values = places.map((place) => element(x, at(place)));
        const order = places.toSorted((p, q) =>
          compareNumbers(values[p] ?? 0, values[q] ?? 0, attrs['descending'] === true),
        );
        for (let j = 0; j < count; j++) out.data[positionOf(out.shape, at(j))] = order[j] ?? 0;
      },
    );
    return [out];
  },
  // A comparison per element and halving.
  cost: ([x]) => ({ flops: mul(product(x?.shape ?? []), constant(16)) }),
  arbitrary: (fc) =>
    oneDType(fc, ...dtypes)
      .chain((dtype) => tensors(fc, dtype, {}, { minRank: 1, max: 6 }))
      .chain((x) => {
        const holes = fc.array(fc.nat({ max: x.data.length - 1 }), { maxLength: isFloat(x.dtype) ? 3 : 0 });
        const attrs = fc.record({
          axis: fc.nat({ max: x.shape.length - 1 }),
          descending: fc.boolean(),
          part: fc.nat(),
        });
        return fc.tuple(holes, attrs).map(([at, { part, ...given }]) => {
          const data = x.data.map((value, e) => (at.includes(e) ? Number.NaN : value));
          const count = toDim(1 + (part % (x.shape[given.axis] ?? 1)));
          return { inputs: [{ ...x, data }], attrs: { ...given, count } };
        });
      }),
});
