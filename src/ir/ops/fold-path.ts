// fold_path: the random key of a place, which its name says, from a key.
import { defineOp, ShapeError } from '../op.ts';
import type { Attrs } from '../graph.ts';
import { threefry2x32 } from '../threefry.ts';
import { tensorOf } from './arbitrary.ts';
import { requireScalar } from './key.ts';
import { arity, operand, requireDType } from './shapes.ts';
import { fill, itemAt, tensorAt } from './tensor.ts';

export default defineOp({
  name: 'fold_path',
  doc: 'Both words of a key of its own for each path: fold_in of each half of the 64 bits of its hash. The key is two u32 scalars.',
  attrs: { path: 'the name of a place' },
  infer(inputs, attrs) {
    arity(inputs, 2);
    inputs.forEach((_, at) => {
      requireDType(operand(inputs, at), 'u32', 'the key');
      requireScalar(operand(inputs, at), 'the key');
    });
    hashesOf(attrs);
    return [operand(inputs, 0), operand(inputs, 1)];
  },
  vjp: null,
  lower(k, [k0, k1], attrs) {
    if (!k0 || !k1) return [];
    const [first, second] = hashesOf(attrs).map((hash) => k.constant('u32', hash));
    if (!first || !second) return [];
    const zero = k.constant('u32', 0);
    const key = [k0.at([]), k1.at([])] as const;
    const half = (at: 0 | 1) => k.threefry(key, [first, zero], at);
    const word = (at: 0 | 1) => k.store([], k.threefry([half(0), half(1)], [second, zero], at), at);
    return [k.nest([], [word(0), word(1)])];
  },
  evaluate(inputs, attrs) {
    const [k0 = 0, k1 = 0] = inputs.map((_, at) => itemAt(tensorAt(inputs, at), 0));
    const [first, second] = hashesOf(attrs);
    const words = threefry2x32(threefry2x32([k0, k1], [first, 0]), [second, 0]);
    return words.map((word) => fill('u32', [], () => word));
  },
  arbitrary: (fc) => {
    const word = tensorOf(fc, 'u32', [], { min: 0, max: 4294967295 });
    return fc.tuple(word, word, fc.string()).map(([k0, k1, path]) => ({ inputs: [k0, k1], attrs: { path } }));
  },
});

function hashesOf({ path }: Attrs): readonly [number, number] {
  if (typeof path !== 'string') throw new ShapeError('attribute', "attribute 'path' must be a text");
  return [hash(path, 0x811c9dc5), hash(path, 0x9e3779b9)];
}

// FNV-1a from a given basis, with a last mix so that both words of a place differ in all bits. The runtime has it too.
function hash(path: string, basis: number): number {
  let h = basis;
  for (let at = 0; at < path.length; at++) h = Math.imul(h ^ path.charCodeAt(at), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}
