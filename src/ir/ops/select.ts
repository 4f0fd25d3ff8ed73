// select: one of two tensors, element by element.
import { product } from '../dim.ts';
import { defineOp } from '../op.ts';
import { oneDType, shapes, tensorOf } from './arbitrary.ts';
import { arity, operand, requireDType, requireSameDType, requireSameShape } from './shapes.ts';
import { fill, itemAt, tensorAt } from './tensor.ts';
import { inputAt } from './vjp.ts';

export default defineOp({
  name: 'select',
  doc: 'Operand 1 where operand 0 (bool) holds, else operand 2.',
  infer(inputs, _attrs, facts) {
    arity(inputs, 3);
    const [cond, x, y] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
    requireDType(cond, 'bool', 'the condition');
    requireSameDType(x, y);
    requireSameShape(facts, cond, x);
    requireSameShape(facts, x, y);
    return [x];
  },
  vjp(b, { inputs, cotangents: [ct], needs }) {
    if (!ct) return [null, null, null];
    const [cond, none] = [inputAt(inputs, 0), b.zero(ct)];
    return [null, needs[1] ? b.select(cond, ct, none) : null, needs[2] ? b.select(cond, none, ct) : null];
  },
  lower: (k, [cond, x, y]) => (cond && x && y ? [k.map((i) => k.select(cond.at(i), x.at(i), y.at(i)))] : []),
  evaluate(inputs) {
    const [cond, x, y] = [tensorAt(inputs, 0), tensorAt(inputs, 1), tensorAt(inputs, 2)];
    return [fill(x.dtype, x.shape, (e) => itemAt(itemAt(cond, e) ? x : y, e))];
  },
  cost: (_inputs, [out]) => ({ flops: product(out?.shape ?? []) }),
  arbitrary: (fc) =>
    fc
      .tuple(oneDType(fc, 'f32', 'f32', 'i32', 'bool'), shapes(fc))
      .chain(([dtype, shape]) =>
        fc
          .tuple(tensorOf(fc, 'bool', shape), tensorOf(fc, dtype, shape), tensorOf(fc, dtype, shape))
          .map((inputs) => ({ inputs, attrs: {} })),
      ),
});
