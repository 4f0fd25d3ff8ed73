// scatter: writes rows into a tensor by id. `add` is the adjoint of gather.
import type { Builder } from '../builder.ts';
import { product, variable, type Dim } from '../dim.ts';
import { lowest } from '../dtype.ts';
import type { Expr, Index } from '../expr.ts';
import type { Attrs, Value } from '../graph.ts';
import type { LowerContext, Operand } from '../lower.ts';
import type { Nest } from '../nest.ts';
import { defineOp, type VjpContext } from '../op.ts';
import { evaluateBinary } from '../scalar-semantics.ts';
import { oneDType, shapes, tensorOf } from './arbitrary.ts';
import { numberOf, textOf } from './attributes.ts';
import { placeOf } from './indexing.ts';
import { arity, extent, operand, requireClass, requireDType, requireSameDType, requireSameShape } from './shapes.ts';
import { element, forEachIndex, itemAt, positionOf, rounder, tensorAt } from './tensor.ts';
import { inputAt } from './vjp.ts';

const combines = ['add', 'set', 'max'] as const;
type Combine = (typeof combines)[number];
const combineOf = (attrs: Attrs): Combine => textOf(attrs, 'combine', combines);

const gathered = (b: Builder, x: Value, ids: Value, axis: number): Value => b.op('gather', [x, ids], { axis });

// Where several updates meet, the last one wins and alone gets the cotangent: number the ids, scatter
// the numbers, and see who is still there.
function lastWins(b: Builder, x: Value, ids: Value, updates: Value, axis: number): Value {
  const { shape } = ids.type;
  const numbers = b.reshape(b.op('iota', [], { dtype: 'i32', shape: [product(shape)], axis: 0 }), shape);
  const nobody = b.full('i32', -1, [extent(x.type, axis)]);
  const winner = b.op('scatter', [nobody, ids, numbers], { axis: 0, combine: 'set' });
  const wins = b.binary('eq', gathered(b, winner, ids, 0), numbers);
  return b.broadcast(
    wins,
    shape.map((_, at) => axis + at),
    updates.type.shape,
  );
}

function setVjp(b: Builder, { inputs, needs }: VjpContext, ct: Value, axis: number): (Value | null)[] {
  const [x, ids, updates] = [inputAt(inputs, 0), inputAt(inputs, 1), inputAt(inputs, 2)];
  const kept = (): Value => b.op('scatter', [ct, ids, b.zero(updates)], { axis, combine: 'set' });
  const written = (): Value =>
    b.select(lastWins(b, x, ids, updates, axis), gathered(b, ct, ids, axis), b.zero(updates));
  return [needs[0] ? kept() : null, null, needs[2] ? written() : null];
}

// Everything that reaches the maximum gets an equal share: the operand itself and any updates.
function maxVjp(b: Builder, { inputs, outputs, needs }: VjpContext, ct: Value, axis: number): (Value | null)[] {
  const [x, ids, updates] = [inputAt(inputs, 0), inputAt(inputs, 1), inputAt(inputs, 2)];
  const out = inputAt(outputs, 0);
  const mine = b.cast(b.binary('eq', x, out), x.type.dtype);
  const theirs = b.cast(b.binary('eq', updates, gathered(b, out, ids, axis)), x.type.dtype);
  const share = b.div(ct, b.op('scatter', [mine, ids, theirs], { axis, combine: 'add' }));
  return [needs[0] ? b.mul(mine, share) : null, null, needs[2] ? b.mul(theirs, gathered(b, share, ids, axis)) : null];
}

/**
 * Where an update goes and what it stores. `set` keeps the id as it is: a dynamic store outside the buffer
 * drops. `add` and `max` also stay inside it, with a value that changes nothing.
 */
function target(k: LowerContext, combine: Combine, id: Expr, update: Expr, extent: Dim): { index: Index; value: Expr } {
  if (combine === 'set') return { index: { kind: 'dynamic', expr: id }, value: update };
  const { index, inRange } = placeOf(k, id, extent);
  const nothing = k.constant(update.dtype, combine === 'add' ? 0 : lowest[update.dtype]);
  return { index, value: k.select(inRange, update, nothing) };
}

function scatterNest(k: LowerContext, ids: Operand, updates: Operand, attrs: Attrs): Nest {
  const [axis, rank, combine] = [numberOf(attrs, 'axis'), ids.type.shape.length, combineOf(attrs)];
  const axes = k.axes(updates.type.shape);
  const i = axes.map(({ name }) => variable(name));
  const id = ids.at(i.slice(axis, axis + rank));
  const { index, value } = target(k, combine, id, updates.at(i), extent(k.type(), axis));
  return k.nest(axes, [k.store([...i.slice(0, axis), index, ...i.slice(axis + rank)], value, 0, combine)]);
}

export default defineOp({
  name: 'scatter',
  doc: 'Operand 0 with the slices of operand 2 combined into it along `axis`, at the ids of operand 1 (i32), in row-major order of the ids. Ids out of range are dropped; `set` lets the last one win.',
  attrs: { axis: 'axis of operand 0 that the ids index', combine: 'add, set or max' },
  infer(inputs, attrs, facts) {
    arity(inputs, 3);
    const [x, ids, updates] = [operand(inputs, 0), operand(inputs, 1), operand(inputs, 2)];
    const axis = numberOf(attrs, 'axis');
    extent(x, axis);
    requireDType(ids, 'i32', 'the ids');
    requireSameDType(x, updates);
    if (combineOf(attrs) !== 'set') requireClass(x, 'number');
    const shape = [...x.shape.slice(0, axis), ...ids.shape, ...x.shape.slice(axis + 1)];
    requireSameShape(facts, { dtype: x.dtype, shape }, updates);
    return [x];
  },
  vjp(b, cx) {
    const [ct] = cx.cotangents;
    const axis = numberOf(cx.attrs, 'axis');
    if (!ct) return [null, null, null];
    if (combineOf(cx.attrs) === 'set') return setVjp(b, cx, ct, axis);
    if (combineOf(cx.attrs) === 'max') return maxVjp(b, cx, ct, axis);
    return [ct, null, cx.needs[2] ? gathered(b, ct, inputAt(cx.inputs, 1), axis) : null];
  },
  lower: (k, [x, ids, updates], attrs) =>
    x && ids && updates ? [k.map((i) => x.at(i)), scatterNest(k, ids, updates, attrs)] : [],
  evaluate(inputs, attrs, cx) {
    const [x, ids, updates] = [tensorAt(inputs, 0), tensorAt(inputs, 1), tensorAt(inputs, 2)];
    const [axis, rank, combine] = [numberOf(attrs, 'axis'), ids.shape.length, combineOf(attrs)];
    const out = { ...x, data: x.data.slice() };
    const round = rounder(x.dtype, cx);
    forEachIndex(updates.shape, (i) => {
      const id = element(ids, i.slice(axis, axis + rank));
      if (id < 0 || id >= (x.shape[axis] ?? 0)) return;
      const at = positionOf(x.shape, [...i.slice(0, axis), id, ...i.slice(axis + rank)]);
      const update = element(updates, i);
      out.data[at] = combine === 'set' ? update : round(evaluateBinary(combine, x.dtype, itemAt(out, at), update));
    });
    return [out];
  },
  arbitrary: (fc) =>
    fc
      .tuple(
        oneDType(fc, 'f32', 'f32', 'i32'),
        shapes(fc, { minRank: 1 }),
        shapes(fc, { maxRank: 2 }),
        fc.constantFrom(...combines),
      )
      .chain(([dtype, shape, idShape, combine]) =>
        fc
          .nat({ max: shape.length - 1 })
          .chain((axis) =>
            fc
              .tuple(
                tensorOf(fc, dtype, shape),
                tensorOf(fc, 'i32', idShape, { min: -1, max: shape[axis] ?? 1 }),
                tensorOf(fc, dtype, [...shape.slice(0, axis), ...idShape, ...shape.slice(axis + 1)]),
              )
              .map((inputs) => ({ inputs, attrs: { axis, combine } })),
          ),
      ),
});
