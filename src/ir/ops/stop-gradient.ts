// stop_gradient: the operand, through which no gradient flows.
import { defineOp } from '../op.ts';
import { oneDType, tensors } from './arbitrary.ts';
import { arity, operand } from './shapes.ts';
import { tensorAt } from './tensor.ts';

export default defineOp({
  name: 'stop_gradient',
  doc: 'The operand as it is; gradients stop here.',
  infer(inputs) {
    arity(inputs, 1);
    return [operand(inputs, 0)];
  },
  vjp: null,
  lower: (k, [x]) => (x ? [k.map((i) => x.at(i))] : []),
  evaluate: (inputs) => [tensorAt(inputs, 0)],
  arbitrary: (fc) =>
    oneDType(fc, 'f32', 'i32')
      .chain((dtype) => tensors(fc, dtype))
      .map((x) => ({ inputs: [x], attrs: {} })),
});
