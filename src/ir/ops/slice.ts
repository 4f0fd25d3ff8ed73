// slice: a box of elements, with a stride along each axis. A negative stride walks backwards.
import { add, constant, mul, sub, zero, type Dim } from '../dim.ts';
import type { Attrs, TensorType } from '../graph.ts';
import { defineOp, ShapeError } from '../op.ts';
import { oneDType, tensors } from './arbitrary.ts';
import { dimsOf, numbersOf } from './attributes.ts';
import { arity, operand, requireLessEqual, typeText } from './shapes.ts';
import { build, element, resultShape, tensorAt } from './tensor.ts';
import { inputAt } from './vjp.ts';

interface SliceAxis {
  readonly start: Dim;
  readonly size: Dim;
  readonly stride: number;
}

function slicesOf(x: TensorType, attrs: Attrs): SliceAxis[] {
  const [start, size, stride] = [dimsOf(attrs, 'start'), dimsOf(attrs, 'size'), numbersOf(attrs, 'stride')];
  const rank = x.shape.length;
  if (start.length !== rank || size.length !== rank || stride.length !== rank) {
    throw new ShapeError('attribute', `start, size and stride need one entry per axis of ${typeText(x)}`);
  }
  return start.map((s, axis) => ({ start: s, size: size[axis] ?? zero, stride: stride[axis] ?? 1 }));
}

const last = ({ start, size, stride }: SliceAxis): Dim => add(start, mul(sub(size, 1), stride));

export default defineOp({
  name: 'slice',
  doc: 'Element k along an axis is element start + k · stride of the operand. A negative stride walks backwards from start.',
  attrs: { start: 'first element taken, per axis', size: 'elements taken, per axis', stride: 'step, per axis, not 0' },
  infer(inputs, attrs, facts) {
    arity(inputs, 1);
    const x = operand(inputs, 0);
    const slices = slicesOf(x, attrs);
    slices.forEach((slice, axis) => {
      if (slice.stride === 0) throw new ShapeError('attribute', `stride of axis ${axis} is 0`);
      const [low, high] = slice.stride > 0 ? [slice.start, last(slice)] : [last(slice), slice.start];
      const extent = x.shape[axis] ?? zero;
      requireLessEqual(facts, 0, slice.size, `size of the slice of axis ${axis}`);
      requireLessEqual(facts, 0, low, `first element of the slice of axis ${axis}`);
      requireLessEqual(facts, high, sub(extent, 1), `last element of the slice of axis ${axis} of ${typeText(x)}`);
    });
    return [{ dtype: x.dtype, shape: slices.map(({ size }) => size) }];
  },
  vjp(b, { inputs, attrs, cotangents: [ct] }) {
    if (!ct) return [null];
    const { type } = inputAt(inputs, 0);
    const slices = slicesOf(type, attrs);
    const backwards = slices.map(({ stride }) => stride < 0);
    const forward = !backwards.includes(true)
      ? ct
      : b.op('slice', [ct], {
          start: slices.map(({ size }, axis) => (backwards[axis] ? sub(size, 1) : zero)),
          size: slices.map(({ size }) => size),
          stride: backwards.map((back) => (back ? -1 : 1)),
        });
    const [lows, highs] = [0, 1].map((end) => slices.map((s) => (s.stride > 0 === (end === 0) ? s.start : last(s))));
    const padded = b.op('pad', [forward], {
      lo: lows ?? [],
      hi: (highs ?? []).map((high, axis) => sub(sub(type.shape[axis] ?? zero, 1), high)),
      interior: slices.map(({ stride }) => Math.abs(stride) - 1),
      value: 0,
    });
    return [padded];
  },
  lower(k, [x], attrs) {
    if (!x) return [];
    const slices = slicesOf(x.type, attrs);
    return [k.map((i) => x.at(slices.map(({ start, stride }, axis) => add(start, mul(stride, i[axis] ?? zero)))))];
  },
  evaluate(inputs, attrs, cx) {
    const x = tensorAt(inputs, 0);
    const start = dimsOf(attrs, 'start').map(cx.dims);
    const stride = numbersOf(attrs, 'stride');
    const shape = dimsOf(attrs, 'size').map(cx.dims);
    return [
      build(x.dtype, shape.length ? shape : resultShape(cx), (i) =>
        element(
          x,
          i.map((k, axis) => (start[axis] ?? 0) + k * (stride[axis] ?? 1)),
        ),
      ),
    ];
  },
  arbitrary: (fc) =>
    oneDType(fc, 'f32', 'f32', 'i32')
      .chain((dtype) => tensors(fc, dtype, {}, { max: 5 }))
      .chain((x) => {
        const axes = x.shape.map((n) =>
          fc
            .tuple(fc.nat({ max: n - 1 }), fc.constantFrom(1, 1, 2, 3, -1, -2), fc.nat())
            .map(([start, stride, pick]) => {
              const room = 1 + Math.floor((stride > 0 ? n - 1 - start : start) / Math.abs(stride));
              return { start, stride, size: 1 + (pick % room) };
            }),
        );
        return fc.tuple(...axes).map((slices) => ({
          inputs: [x],
          attrs: {
            start: slices.map(({ start }) => constant(start)),
            size: slices.map(({ size }) => constant(size)),
            stride: slices.map(({ stride }) => stride),
          },
        }));
      }),
});
