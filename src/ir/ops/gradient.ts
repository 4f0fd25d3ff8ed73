// gradient: the derivative of a scalar, symbolically. The pass `autodiff` expands it; until then it
// only has types, so a function that holds one can still be interpreted up to its loss.
import { isFloat } from '../dtype.ts';
import { defineOp, ShapeError } from '../op.ts';
import { CompilerBug } from '../../support/diagnostic.ts';
import { shapes, tensorOf } from './arbitrary.ts';
import { requireScalar } from './key.ts';
import { operand, requireClass, typeText } from './shapes.ts';

export default defineOp({
  name: 'gradient',
  doc: 'd loss / d pᵢ for a float scalar (operand 0) and values pᵢ of the same region (the other operands), zero where the loss does not depend on pᵢ. Expanded by the pass `autodiff`, in order of appearance.',
  infer(inputs) {
    const loss = operand(inputs, 0);
    requireClass(loss, 'float');
    requireScalar(loss, 'the loss');
    const values = inputs.slice(1);
    for (const p of values) {
      if (!isFloat(p.dtype)) throw new ShapeError('dtype', `${typeText(p)} has no gradient: it is no float`);
    }
    return values;
  },
  vjp: null,
  lower: null,
  evaluate() {
    throw new CompilerBug('a gradient has a value only after the pass autodiff');
  },
  arbitrary: (fc) =>
    fc
      .tuple(tensorOf(fc, 'f32', []), shapes(fc))
      .chain(([loss, shape]) => tensorOf(fc, 'f32', shape).map((p) => ({ inputs: [loss, p], attrs: {} }))),
});
