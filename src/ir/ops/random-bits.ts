// random_bits: uniform 32-bit words from a key, one per element, in any order.
import { constant, floorDiv } from '../dim.ts';
import { rowMajor } from '../lower.ts';
import { defineOp } from '../op.ts';
import { threefry2x32 } from '../threefry.ts';
import { shapes, tensorOf } from './arbitrary.ts';
import { dimsOf } from './attributes.ts';
import { arity, operand, requireDType } from './shapes.ts';
import { fill, itemAt, resultShape, tensorAt } from './tensor.ts';
import { requireScalar } from './key.ts';

export default defineOp({
  name: 'random_bits',
  doc: 'Uniform u32 words: row-major element e is word e mod 2 of threefry2x32(key, (⌊e / 2⌋, 0)). The key is operands 0 and 1 (u32 scalars).',
  attrs: { shape: 'shape of the result' },
  infer(inputs, attrs) {
    arity(inputs, 2);
    inputs.forEach((_, at) => {
      requireDType(operand(inputs, at), 'u32', 'the key');
      requireScalar(operand(inputs, at), 'the key');
    });
    return [{ dtype: 'u32', shape: dimsOf(attrs, 'shape') }];
  },
  vjp: null,
  lower(k, [k0, k1]) {
    if (!k0 || !k1) return [];
    return [
      k.map((i) => {
        const position = rowMajor(i, k.type().shape);
        const counter = [k.index(floorDiv(position, 2), 'u32'), k.constant('u32', 0)] as const;
        const key = [k0.at([]), k1.at([])] as const;
        const odd = k.binary('and', k.index(position, 'u32'), k.constant('u32', 1));
        const isEven = k.binary('eq', odd, k.constant('u32', 0));
        return k.select(isEven, k.threefry(key, counter, 0), k.threefry(key, counter, 1));
      }),
    ];
  },
  evaluate(inputs, _attrs, cx) {
    const key = [itemAt(tensorAt(inputs, 0), 0), itemAt(tensorAt(inputs, 1), 0)] as const;
    return [fill('u32', resultShape(cx), (e) => threefry2x32(key, [Math.floor(e / 2), 0])[e % 2 === 0 ? 0 : 1])];
  },
  arbitrary: (fc) => {
    const word = tensorOf(fc, 'u32', [], { min: 0, max: 4294967295 });
    return fc.tuple(word, word, shapes(fc)).map(([k0, k1, shape]) => ({
      inputs: [k0, k1],
      attrs: { shape: shape.map(constant) },
    }));
  },
});
