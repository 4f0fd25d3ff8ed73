// dynamic_update_slice: a tensor with a box replaced, where run-time numbers say (a cache takes in a token).
// Each element asks whether it lies in the box, so that threads never meet and the op fuses like a map.
import { zero } from '../dim.ts';
import type { Expr, Index } from '../expr.ts';
import type { Value } from '../graph.ts';
import type { LowerContext } from '../lower.ts';
import { defineOp, ShapeError } from '../op.ts';
import { tensorOf } from './arbitrary.ts';
import { boxCases, clampedStarts, requireStarts, startOf } from './dynamic-slice.ts';
import { placeOf } from './indexing.ts';
import { operand, requireLessEqual, requireSameDType, typeText } from './shapes.ts';
import { build, element, tensorAt } from './tensor.ts';
import { inputAt } from './vjp.ts';

const startsOf = <T>(inputs: readonly T[]): readonly T[] => inputs.slice(2);

/** x outside the box, `inside` in it. */
const outsideOnly = (k: LowerContext, places: readonly Expr[], inside: Expr, outside: Expr): Expr =>
  places.reduceRight((value, place) => k.select(place, value, outside), inside);

export default defineOp({
  name: 'dynamic_update_slice',
  doc: 'Operand 0 with operand 1 in place of the box that begins at the other operands (an i32 scalar per axis). A start that leaves no room for the box is moved to the nearest that does.',
  infer(inputs, _attrs, facts) {
    const [x, update] = [operand(inputs, 0), operand(inputs, 1)];
    requireSameDType(x, update);
    if (x.shape.length !== update.shape.length)
      throw new ShapeError('rank', `${typeText(update)} cannot replace a box of ${typeText(x)}`);
    requireStarts(x, startsOf(inputs));
    update.shape.forEach((size, axis) => {
      requireLessEqual(
        facts,
        size,
        x.shape[axis] ?? zero,
        `axis ${axis} of the update ${typeText(update)} of ${typeText(x)}`,
      );
    });
    return [x];
  },
  vjp(b, { inputs, cotangents: [ct], needs }) {
    const starts = startsOf(inputs);
    const none = starts.map(() => null);
    if (!ct) return [null, null, ...none];
    const update = inputAt(inputs, 1);
    const outside = (): Value => b.op('dynamic_update_slice', [ct, b.zero(update), ...starts]);
    const inside = (): Value => b.op('dynamic_slice', [ct, ...starts], { size: update.type.shape });
    return [needs[0] ? outside() : null, needs[1] ? inside() : null, ...none];
  },
  lower(k, [x, update, ...starts]) {
    if (!x || !update) return [];
    return [
      k.map((i) => {
        const places: Expr[] = [];
        const index = i.map((at, axis): Index => {
          const size = update.type.shape[axis] ?? zero;
          const start = startOf(k, starts[axis], x.type.shape[axis] ?? zero, size);
          if (!start) return at;
          const place = placeOf(k, k.binary('sub', k.index(at), start), size);
          places.push(place.inRange);
          return place.index;
        });
        return outsideOnly(k, places, update.at(index), x.at(i));
      }),
    ];
  },
  evaluate(inputs) {
    const [x, update] = [tensorAt(inputs, 0), tensorAt(inputs, 1)];
    const starts = clampedStarts(startsOf(inputs), x.shape, update.shape);
    return [
      build(x.dtype, x.shape, (i) => {
        const at = i.map((place, axis) => place - (starts[axis] ?? 0));
        const isInside = at.every((place, axis) => place >= 0 && place < (update.shape[axis] ?? 0));
        return isInside ? element(update, at) : element(x, i);
      }),
    ];
  },
  arbitrary: (fc) =>
    boxCases(fc).chain(({ x, size, starts }) =>
      tensorOf(fc, x.dtype, size).map((update) => ({ inputs: [x, update, ...starts], attrs: {} })),
    ),
});
