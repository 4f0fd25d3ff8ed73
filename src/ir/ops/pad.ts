// pad: elements of one value before, after and between those of the operand.
import { add, asConstant, constant, floorDiv, mod, mul, sub, zero, type Dim } from '../dim.ts';
import type { Condition } from '../expr.ts';
import type { Attrs, TensorType } from '../graph.ts';
import { defineOp, ShapeError } from '../op.ts';
import { oneDType, tensors } from './arbitrary.ts';
import { dimsOf, numberOf, numbersOf } from './attributes.ts';
import { arity, operand, requireLessEqual, typeText } from './shapes.ts';
import { build, element, resultShape, tensorAt } from './tensor.ts';
import { inputAt } from './vjp.ts';

interface PadAxis {
  readonly lo: Dim;
  readonly hi: Dim;
  /** Distance in the result between neighbours of the operand. */
  readonly step: number;
  readonly extent: Dim;
}

function padsOf(x: TensorType, attrs: Attrs): PadAxis[] {
  const [lo, hi, interior] = [dimsOf(attrs, 'lo'), dimsOf(attrs, 'hi'), numbersOf(attrs, 'interior')];
  const rank = x.shape.length;
  if (lo.length !== rank || hi.length !== rank || interior.length !== rank) {
    throw new ShapeError('attribute', `lo, hi and interior need one entry per axis of ${typeText(x)}`);
  }
  if (interior.some((n) => n < 0 || !Number.isInteger(n))) throw new ShapeError('attribute', 'interior must be ≥ 0');
  return x.shape.map((extent, axis) => ({
    lo: lo[axis] ?? zero,
    hi: hi[axis] ?? zero,
    step: (interior[axis] ?? 0) + 1,
    extent,
  }));
}

/** Extent of the operand with its interior padding. */
const dilated = ({ extent, step }: PadAxis): Dim => (step === 1 ? extent : add(mul(sub(extent, 1), step), 1));

/** Where element i of the result lies in the operand, and when it does. */
function source(pad: PadAxis, i: Dim): { index: Dim; conditions: Condition[] } {
  const offset = sub(i, pad.lo);
  const conditions: Condition[] = [];
  if (asConstant(pad.lo) !== 0) conditions.push({ kind: '>=0', lhs: offset });
  if (asConstant(pad.hi) !== 0) conditions.push({ kind: '>=0', lhs: sub(sub(dilated(pad), 1), offset) });
  if (pad.step !== 1) conditions.push({ kind: '==0', lhs: mod(offset, pad.step) });
  return { index: floorDiv(offset, pad.step), conditions };
}

export default defineOp({
  name: 'pad',
  doc: 'Puts `lo` elements before, `hi` after and `interior` between the elements of each axis; all have `value`.',
  attrs: {
    lo: 'elements before, per axis, ≥ 0',
    hi: 'elements after, per axis, ≥ 0',
    interior: 'elements between neighbours, per axis',
    value: 'their value',
  },
  infer(inputs, attrs, facts) {
    arity(inputs, 1);
    const x = operand(inputs, 0);
    numberOf(attrs, 'value');
    const pads = padsOf(x, attrs);
    pads.forEach(({ lo, hi }, axis) => {
      requireLessEqual(facts, 0, lo, `padding before axis ${axis}`);
      requireLessEqual(facts, 0, hi, `padding after axis ${axis}`);
    });
    return [{ dtype: x.dtype, shape: pads.map((pad) => add(add(pad.lo, dilated(pad)), pad.hi)) }];
  },
  vjp(b, { inputs, attrs, cotangents: [ct] }) {
    if (!ct) return [null];
    const { type } = inputAt(inputs, 0);
    const pads = padsOf(type, attrs);
    return [
      b.op('slice', [ct], { start: pads.map(({ lo }) => lo), size: type.shape, stride: pads.map(({ step }) => step) }),
    ];
  },
  lower(k, [x], attrs) {
    if (!x) return [];
    const pads = padsOf(x.type, attrs);
    const value = k.constant(x.type.dtype, numberOf(attrs, 'value'));
    return [
      k.map((i) => {
        const sources = pads.map((pad, axis) => source(pad, i[axis] ?? zero));
        return k.guard(
          sources.flatMap(({ conditions }) => conditions),
          x.at(sources.map(({ index }) => index)),
          value,
        );
      }),
    ];
  },
  evaluate(inputs, attrs, cx) {
    const x = tensorAt(inputs, 0);
    const lo = dimsOf(attrs, 'lo').map(cx.dims);
    const step = numbersOf(attrs, 'interior').map((n) => n + 1);
    const value = numberOf(attrs, 'value');
    return [
      build(x.dtype, resultShape(cx), (i) => {
        const index = i.map((at, axis) => (at - (lo[axis] ?? 0)) / (step[axis] ?? 1));
        const inside = index.every((at, axis) => Number.isInteger(at) && at >= 0 && at < (x.shape[axis] ?? 0));
        return inside ? element(x, index) : value;
      }),
    ];
  },
  arbitrary: (fc) =>
    oneDType(fc, 'f32', 'f32', 'i32')
      .chain((dtype) => tensors(fc, dtype))
      .chain((x) => {
        const counts = fc.array(fc.nat({ max: 2 }), { minLength: x.shape.length, maxLength: x.shape.length });
        return fc.tuple(counts, counts, counts, fc.integer({ min: -2, max: 2 })).map(([lo, hi, interior, value]) => ({
          inputs: [x],
          attrs: { lo: lo.map(constant), hi: hi.map(constant), interior, value },
        }));
      }),
});
