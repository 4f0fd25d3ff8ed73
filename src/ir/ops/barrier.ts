// barrier: the operand as it is, past which no pass merges equal nodes: what `@remat` computes again in
// the backward pass stays apart from the first time.
import { defineOp } from '../op.ts';
import { oneDType, tensors } from './arbitrary.ts';
import { arity, operand } from './shapes.ts';
import { tensorAt } from './tensor.ts';

export default defineOp({
  name: 'barrier',
  doc: 'The operand as it is. Nodes behind a barrier are not merged with equal nodes before it.',
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
