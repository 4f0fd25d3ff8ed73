// fold_in: a new random key from a key and a number.
import { defineOp } from '../op.ts';
import { threefry2x32 } from '../threefry.ts';
import { tensorOf } from './arbitrary.ts';
import { requireScalar } from './key.ts';
import { arity, operand, requireDType } from './shapes.ts';
import { fill, itemAt, tensorAt } from './tensor.ts';

export default defineOp({
  name: 'fold_in',
  doc: 'Both words of threefry2x32(key, (data, 0)): a key of its own for each number. Key and data are u32 scalars.',
  infer(inputs) {
    arity(inputs, 3);
    inputs.forEach((_, at) => {
      requireDType(operand(inputs, at), 'u32', at < 2 ? 'the key' : 'the data');
      requireScalar(operand(inputs, at), at < 2 ? 'the key' : 'the data');
    });
    return [operand(inputs, 0), operand(inputs, 1)];
  },
  vjp: null,
  lower(k, [k0, k1, data]) {
    if (!k0 || !k1 || !data) return [];
    const [key, counter] = [
      [k0.at([]), k1.at([])],
      [data.at([]), k.constant('u32', 0)],
    ] as const;
    const word = (at: 0 | 1) => k.store([], k.threefry(key, counter, at), at);
    return [k.nest([], [word(0), word(1)])];
  },
  evaluate(inputs) {
    const [k0 = 0, k1 = 0, data = 0] = inputs.map((_, at) => itemAt(tensorAt(inputs, at), 0));
    return threefry2x32([k0, k1], [data, 0]).map((word) => fill('u32', [], () => word));
  },
  arbitrary: (fc) => {
    const word = tensorOf(fc, 'u32', [], { min: 0, max: 4294967295 });
    return fc.tuple(word, word, word).map((inputs) => ({ inputs, attrs: {} }));
  },
});
