// concat: tensors one after the other along an axis.
import { add, sub, zero, type Dim } from '../dim.ts';
import type { Expr } from '../expr.ts';
import type { TensorType } from '../graph.ts';
import type { LowerContext, Operand } from '../lower.ts';
import { defineOp, ShapeError } from '../op.ts';
import { oneDType, shapes, tensorOf } from './arbitrary.ts';
import { numberOf } from './attributes.ts';
import { extent, operand, requireEqual, requireSameDType, typeText } from './shapes.ts';
import { build, element, resultShape } from './tensor.ts';

const replaced = (i: readonly Dim[], axis: number, by: Dim): Dim[] => i.map((d, at) => (at === axis ? by : d));

// The first operand whose end lies behind the index holds the element.
function pick(k: LowerContext, operands: readonly Operand[], axis: number, i: readonly Dim[]): Expr {
  const [first, ...rest] = operands;
  if (!first) throw new ShapeError('rank', 'concat needs at least one operand');
  const at = i[axis] ?? zero;
  if (rest.length === 0) return first.at(i);
  const size = extent(first.type, axis);
  return k.guard(
    [{ kind: '>=0', lhs: sub(sub(size, 1), at) }],
    first.at(i),
    pick(k, rest, axis, replaced(i, axis, sub(at, size))),
  );
}

function checkOperand(
  first: TensorType,
  x: TensorType,
  axis: number,
  equal: (a: Dim, b: Dim, other: number) => void,
): void {
  requireSameDType(first, x);
  if (first.shape.length !== x.shape.length) {
    throw new ShapeError('rank', `operands have types ${typeText(first)} and ${typeText(x)}`);
  }
  first.shape.forEach((d, other) => {
    if (other !== axis) equal(d, extent(x, other), other);
  });
}

export default defineOp({
  name: 'concat',
  doc: 'Operands one after the other along `axis`; all other extents are equal.',
  attrs: { axis: 'the axis along which extents add up' },
  infer(inputs, attrs, facts) {
    const first = operand(inputs, 0);
    const axis = numberOf(attrs, 'axis');
    let total = extent(first, axis);
    for (const x of inputs.slice(1)) {
      checkOperand(first, x, axis, (a, b, other) =>
        requireEqual(facts, a, b, `axis ${other} of ${typeText(first)} and ${typeText(x)}`),
      );
      total = add(total, extent(x, axis));
    }
    return [{ dtype: first.dtype, shape: replaced(first.shape, axis, total) }];
  },
  vjp(b, { inputs, attrs, cotangents: [ct], needs }) {
    const axis = numberOf(attrs, 'axis');
    let offset = zero;
    return inputs.map(({ type }, at) => {
      const start = type.shape.map((_, other) => (other === axis ? offset : zero));
      offset = add(offset, extent(type, axis));
      if (!ct || !needs[at]) return null;
      return b.op('slice', [ct], { start, size: type.shape, stride: type.shape.map(() => 1) });
    });
  },
  lower: (k, inputs, attrs) => [k.map((i) => pick(k, inputs, numberOf(attrs, 'axis'), i))],
  evaluate(inputs, attrs, cx) {
    const axis = numberOf(attrs, 'axis');
    return [
      build(inputs[0]?.dtype ?? 'f32', resultShape(cx), (i) => {
        let at = i[axis] ?? 0;
        for (const x of inputs) {
          const size = x.shape[axis] ?? 0;
          if (at < size)
            return element(
              x,
              i.map((d, other) => (other === axis ? at : d)),
            );
          at -= size;
        }
        throw new ShapeError('shape', 'concat: index past the last operand');
      }),
    ];
  },
  arbitrary: (fc) =>
    fc.tuple(oneDType(fc, 'f32', 'f32', 'i32'), shapes(fc, { minRank: 1 })).chain(([dtype, shape]) =>
      fc
        .tuple(
          fc.nat({ max: shape.length - 1 }),
          fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
        )
        .chain(([axis, sizes]) =>
          fc
            .tuple(
              ...sizes.map((n) =>
                tensorOf(
                  fc,
                  dtype,
                  shape.map((d, at) => (at === axis ? n : d)),
                ),
              ),
            )
            .map((inputs) => ({ inputs, attrs: { axis } })),
        ),
    ),
});
