// argreduce: where along an axis the largest or smallest element lies.
import { product } from '../dim.ts';
import { defineOp } from '../op.ts';
import { oneDType, tensors } from './arbitrary.ts';
import { numberOf, textOf } from './attributes.ts';
import { merge } from './merge.ts';
import { arity, axesWithout, extent, operand, requireClass } from './shapes.ts';
import { build, element, tensorAt } from './tensor.ts';

const kinds = ['max', 'min'] as const;

export default defineOp({
  name: 'argreduce',
  doc: 'Index of the largest (`max`) or smallest (`min`) element along `axis`; the lowest on ties.',
  attrs: { kind: 'max or min', axis: 'axis to search' },
  infer(inputs, attrs) {
    arity(inputs, 1);
    const x = operand(inputs, 0);
    const axis = numberOf(attrs, 'axis');
    requireClass(x, 'number');
    extent(x, axis);
    textOf(attrs, 'kind', kinds);
    return [{ dtype: 'i32', shape: axesWithout(x.shape.length, [axis]).map((other) => extent(x, other)) }];
  },
  vjp: null,
  lower(k, [x], attrs) {
    if (!x) return [];
    const [axis, kind] = [numberOf(attrs, 'axis'), textOf(attrs, 'kind', kinds)];
    const accumulator = x.type.dtype === 'f16' ? 'f32' : x.type.dtype;
    return [
      k.reduce(
        [extent(x.type, axis)],
        { name: `arg${kind}`, arity: 2 },
        (i, r) => [k.cast(accumulator, x.at(merge(x.type.shape.length, [axis], r, i))), k.index(r[0] ?? 0)],
        [(_i, [, index]) => index ?? k.constant('i32', 0)],
      ),
    ];
  },
  evaluate(inputs, attrs) {
    const x = tensorAt(inputs, 0);
    const [axis, sign] = [numberOf(attrs, 'axis'), textOf(attrs, 'kind', kinds) === 'max' ? 1 : -1];
    const shape = x.shape.filter((_, other) => other !== axis);
    return [
      build('i32', shape, (i) => {
        const at = (r: number): number => sign * element(x, [...i.slice(0, axis), r, ...i.slice(axis)]);
        let best = 0;
        for (let r = 1; r < (x.shape[axis] ?? 0); r++) if (at(r) > at(best) || Number.isNaN(at(best))) best = r;
        return best;
      }),
    ];
  },
  cost: ([x]) => ({ flops: product(x?.shape ?? []) }),
  arbitrary: (fc) =>
    oneDType(fc, 'f32', 'i32', 'u32')
      .chain((dtype) => tensors(fc, dtype, {}, { minRank: 1 }))
      .chain((x) =>
        fc
          .tuple(fc.constantFrom('max', 'min'), fc.nat({ max: x.shape.length - 1 }))
          .map(([kind, axis]) => ({ inputs: [x], attrs: { kind, axis } })),
      ),
});
