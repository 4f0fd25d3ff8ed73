// dim: the size of a dim as a run-time scalar.
import { constant } from '../dim.ts';
import { defineOp } from '../op.ts';
import { dimOf } from './attributes.ts';
import { arity } from './shapes.ts';
import { fill } from './tensor.ts';

export default defineOp({
  name: 'dim',
  doc: 'The value of a dim as an i32 scalar.',
  attrs: { dim: 'the dim' },
  infer(inputs, attrs) {
    arity(inputs, 0);
    dimOf(attrs, 'dim');
    return [{ dtype: 'i32', shape: [] }];
  },
  vjp: () => [],
  lower: (k, _inputs, attrs) => [k.map(() => k.index(dimOf(attrs, 'dim')))],
  evaluate: (_inputs, attrs, cx) => [fill('i32', [], () => cx.dims(dimOf(attrs, 'dim')))],
  arbitrary: (fc) => fc.nat({ max: 9 }).map((n) => ({ inputs: [], attrs: { dim: constant(n) } })),
});
