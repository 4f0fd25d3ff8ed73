// dynamic_slice: a box of fixed size that begins where run-time numbers say.
import { constant, sameDim, sub, zero, type Dim } from '../dim.ts';
import type { Attrs, TensorType } from '../graph.ts';
import type { Expr, Index } from '../expr.ts';
import type { LowerContext, Operand } from '../lower.ts';
import { defineOp, ShapeError, type OpCase, type Tensor } from '../op.ts';
import { oneDType, tensorOf, tensors } from './arbitrary.ts';
import { dimsOf } from './attributes.ts';
import { operand, requireDType, requireLessEqual, typeText } from './shapes.ts';
import { build, element, itemAt, resultShape, tensorAt } from './tensor.ts';
import { inputAt } from './vjp.ts';
import type * as FastCheck from 'fast-check';

/** Requires one i32 scalar per axis of `x`. @throws ShapeError */
export function requireStarts(x: TensorType, starts: readonly TensorType[]): void {
  if (starts.length !== x.shape.length)
    throw new ShapeError('rank', `${starts.length} starts for ${typeText(x)}, which has ${x.shape.length} axes`);
  starts.forEach((start, axis) => {
    requireDType(start, 'i32', `the start of axis ${axis}`);
    if (start.shape.length > 0)
      throw new ShapeError('rank', `the start of axis ${axis} is ${typeText(start)}, not i32[]`);
  });
}

/** The start along an axis, moved so that the box fits; undefined where the box is the whole axis. */
export function startOf(k: LowerContext, start: Operand | undefined, extent: Dim, size: Dim): Expr | undefined {
  if (!start || sameDim(extent, size)) return undefined;
  return k.binary('max', k.constant('i32', 0), k.binary('min', start.at([]), k.index(sub(extent, size))));
}

/** Starts in numbers, moved so that a box of `size` fits. */
export const clampedStarts = (starts: readonly Tensor[], shape: readonly number[], size: readonly number[]): number[] =>
  starts.map((start, axis) => Math.max(0, Math.min(itemAt(start, 0), (shape[axis] ?? 0) - (size[axis] ?? 0))));

/** A random box in a random tensor, and starts that may lie outside. */
export const boxCases = (fc: typeof FastCheck): FastCheck.Arbitrary<{ x: Tensor; size: number[]; starts: Tensor[] }> =>
  oneDType(fc, 'f32', 'f32', 'i32', 'bool')
    .chain((dtype) => tensors(fc, dtype, {}, { max: 5 }))
    .chain((x) => {
      const sizes = fc.tuple(...x.shape.map((n) => fc.integer({ min: 1, max: n })));
      const starts = fc.tuple(...x.shape.map((n) => tensorOf(fc, 'i32', [], { min: -2, max: n + 1 })));
      return fc.tuple(sizes, starts).map(([size, given]) => ({ x, size, starts: given }));
    });

const startsOf = <T>(inputs: readonly T[]): readonly T[] => inputs.slice(1);

/** Adds to an index along an axis, statically where the box is the whole axis. */
const shifted = (k: LowerContext, i: Dim, start: Expr | undefined): Index =>
  start ? { kind: 'dynamic', expr: k.binary('add', start, k.index(i)) } : i;

function sizesOf(x: TensorType, attrs: Attrs): Dim[] {
  const sizes = dimsOf(attrs, 'size');
  if (sizes.length !== x.shape.length)
    throw new ShapeError('attribute', `size needs one entry per axis of ${typeText(x)}`);
  return sizes;
}

export default defineOp({
  name: 'dynamic_slice',
  doc: 'The box of `size` elements that begins at the other operands (an i32 scalar per axis). A start that leaves no room for the box is moved to the nearest that does.',
  attrs: { size: 'elements taken, per axis' },
  infer(inputs, attrs, facts) {
    const x = operand(inputs, 0);
    const sizes = sizesOf(x, attrs);
    requireStarts(x, startsOf(inputs));
    sizes.forEach((size, axis) => {
      requireLessEqual(facts, 0, size, `size of the slice of axis ${axis}`);
      requireLessEqual(facts, size, x.shape[axis] ?? zero, `size of the slice of axis ${axis} of ${typeText(x)}`);
    });
    return [{ dtype: x.dtype, shape: sizes }];
  },
  vjp(b, { inputs, cotangents: [ct] }) {
    const none = startsOf(inputs).map(() => null);
    return [ct ? b.op('dynamic_update_slice', [b.zero(inputAt(inputs, 0)), ct, ...startsOf(inputs)]) : null, ...none];
  },
  lower(k, [x, ...starts], attrs) {
    if (!x) return [];
    const sizes = sizesOf(x.type, attrs);
    return [
      k.map((i) => {
        const from = sizes.map((size, axis) => startOf(k, starts[axis], x.type.shape[axis] ?? zero, size));
        return x.at(i.map((at, axis) => shifted(k, at, from[axis])));
      }),
    ];
  },
  evaluate(inputs, _attrs, cx) {
    const x = tensorAt(inputs, 0);
    const size = resultShape(cx);
    const starts = clampedStarts(startsOf(inputs), x.shape, size);
    return [
      build(x.dtype, size, (i) =>
        element(
          x,
          i.map((at, axis) => at + (starts[axis] ?? 0)),
        ),
      ),
    ];
  },
  arbitrary: (fc) =>
    boxCases(fc).map(({ x, size, starts }): OpCase => ({
      inputs: [x, ...starts],
      attrs: { size: size.map(constant) },
    })),
});
