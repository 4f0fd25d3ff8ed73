// copy: the operand as a value of its own, so that a gradient can be taken with respect to it.
import { defineOp } from '../op.ts';
import { oneDType, tensors } from './arbitrary.ts';
import { arity, operand } from './shapes.ts';
import { tensorAt } from './tensor.ts';

export default defineOp({
  name: 'copy',
  doc: 'The operand as it is, as a value of its own: gradients can be taken with respect to it.',
  opaque: true,
  infer(inputs) {
    arity(inputs, 1);
    return [operand(inputs, 0)];
  },
  vjp: (_b, { cotangents: [ct] }) => [ct ?? null],
  lower: (k, [x]) => (x ? [k.map((i) => x.at(i))] : []),
  evaluate: (inputs) => [tensorAt(inputs, 0)],
  arbitrary: (fc) =>
    oneDType(fc, 'f32', 'i32')
      .chain((dtype) => tensors(fc, dtype))
      .map((x) => ({ inputs: [x], attrs: {} })),
});
