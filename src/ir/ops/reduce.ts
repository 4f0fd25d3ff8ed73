// reduce: sum, product, extremum, conjunction or disjunction over axes.
import type { Builder } from '../builder.ts';
import { product } from '../dim.ts';
import { lowest, highest, type DType } from '../dtype.ts';
import type { Attrs, Value } from '../graph.ts';
import { defineOp } from '../op.ts';
import { evaluateBinary } from '../scalar-semantics.ts';
import { oneDType, someAxes, tensors } from './arbitrary.ts';
import { numbersOf, textOf } from './attributes.ts';
import { merge } from './merge.ts';
import { arity, axesWithout, extent, operand, requireAxes, requireClass, requireDType } from './shapes.ts';
import { fill, forEachIndex, itemAt, positionOf, rounder, tensorAt } from './tensor.ts';
import { broadcastBack, inputAt } from './vjp.ts';

const kinds = ['sum', 'max', 'min', 'prod', 'and', 'or'] as const;
type ReduceKind = (typeof kinds)[number];

const kindOf = (attrs: Attrs): ReduceKind => textOf(attrs, 'kind', kinds);
const combine = { sum: 'add', max: 'max', min: 'min', prod: 'mul', and: 'and', or: 'or' } as const;

/** What a reduction over nothing gives. */
export function identity(kind: ReduceKind, dtype: DType): number {
  switch (kind) {
    case 'max':
      return lowest[dtype];
    case 'min':
      return highest[dtype];
    case 'prod':
    case 'and':
      return 1;
    case 'sum':
    case 'or':
      return 0;
  }
}

// The extremum may be reached more than once: each place gets an equal share.
function extremumVjp(b: Builder, x: Value, out: Value, ct: Value, axes: readonly number[]): Value {
  const reached = b.cast(b.binary('eq', x, broadcastBack(b, out, axes, x)), x.type.dtype);
  const share = b.div(ct, b.reduce('sum', reached, axes));
  return b.mul(reached, broadcastBack(b, share, axes, x));
}

// Product of the others: p / x where no factor is 0; with one factor 0, that one gets the product p of
// the rest; with more, all get 0. Exact in the first derivative, also at zeros.
function productVjp(b: Builder, x: Value, ct: Value, axes: readonly number[]): Value {
  const isZero = b.binary('eq', x, b.zero(x));
  const factor = b.select(isZero, b.one(x), x);
  const p = broadcastBack(b, b.mul(ct, b.reduce('prod', factor, axes)), axes, x);
  const zeros = broadcastBack(b, b.reduce('sum', b.cast(isZero, x.type.dtype), axes), axes, x);
  const others = b.sub(zeros, b.cast(isZero, x.type.dtype));
  return b.select(b.binary('eq', others, b.zero(others)), b.div(p, factor), b.zero(x));
}

export default defineOp({
  name: 'reduce',
  doc: 'Combines the elements along `axes`, which the result no longer has. f16 accumulates in f32.',
  attrs: { kind: 'sum, max, min, prod (numbers); and, or (bool)', axes: 'axes to reduce' },
  infer(inputs, attrs) {
    arity(inputs, 1);
    const x = operand(inputs, 0);
    const [kind, axes] = [kindOf(attrs), numbersOf(attrs, 'axes')];
    if (kind === 'and' || kind === 'or') requireDType(x, 'bool', `the operand of reduce ${kind}`);
    else requireClass(x, 'number');
    requireAxes(x, axes);
    return [{ dtype: x.dtype, shape: axesWithout(x.shape.length, axes).map((axis) => extent(x, axis)) }];
  },
  vjp(b, { inputs, outputs, attrs, cotangents: [ct] }) {
    if (!ct) return [null];
    const [x, out, axes] = [inputAt(inputs, 0), inputAt(outputs, 0), numbersOf(attrs, 'axes')];
    switch (kindOf(attrs)) {
      case 'sum':
        return [broadcastBack(b, ct, axes, x)];
      case 'max':
      case 'min':
        return [extremumVjp(b, x, out, ct, axes)];
      case 'prod':
        return [productVjp(b, x, ct, axes)];
      case 'and':
      case 'or':
        return [null];
    }
  },
  lower(k, [x], attrs) {
    if (!x) return [];
    const axes = numbersOf(attrs, 'axes');
    const accumulator = x.type.dtype === 'f16' ? 'f32' : x.type.dtype;
    const rank = x.type.shape.length;
    return [
      k.reduce(
        axes.map((axis) => extent(x.type, axis)),
        { name: kindOf(attrs), arity: 1 },
        (i, r) => [k.cast(accumulator, x.at(merge(rank, axes, r, i)))],
      ),
    ];
  },
  evaluate(inputs, attrs, cx) {
    const x = tensorAt(inputs, 0);
    const kind = kindOf(attrs);
    const kept = axesWithout(x.shape.length, numbersOf(attrs, 'axes'));
    const shape = kept.map((axis) => x.shape[axis] ?? 1);
    const out = fill(x.dtype, shape, () => identity(kind, x.dtype));
    const round = rounder(x.dtype, cx);
    forEachIndex(x.shape, (i) => {
      const at = positionOf(
        shape,
        kept.map((axis) => i[axis] ?? 0),
      );
      out.data[at] = round(evaluateBinary(combine[kind], x.dtype, itemAt(out, at), itemAt(x, positionOf(x.shape, i))));
    });
    return [out];
  },
  cost: ([x]) => ({ flops: product(x?.shape ?? []) }),
  arbitrary: (fc) =>
    fc
      .tuple(
        oneDType(fc, 'f32', 'f32', 'f32', 'i32', 'u32', 'bool'),
        fc.constantFrom('sum', 'max', 'min', 'prod'),
        fc.boolean(),
      )
      .chain(([dtype, number, both]) =>
        tensors(fc, dtype).chain((x) =>
          someAxes(fc, x.shape.length).map((axes) => ({
            inputs: [x],
            attrs: { kind: dtype !== 'bool' ? number : both ? 'and' : 'or', axes },
          })),
        ),
      ),
});
