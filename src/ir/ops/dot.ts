// dot: the contraction of two tensors over pairs of axes (einsum without repeated or dropped axes).
import type { Builder } from '../builder.ts';
import { product, type Dim } from '../dim.ts';
import type { Attrs, Value } from '../graph.ts';
import { defineOp } from '../op.ts';
import { tensorOf } from './arbitrary.ts';
import { pairsOf } from './attributes.ts';
import { merge } from './merge.ts';
import { arity, axesWithout, extent, operand, requireAxes, requireClass, requireEqual, requireSameDType, typeText } from './shapes.ts';
import { build, element, forEachIndex, tensorAt, rounder } from './tensor.ts';
import { inputAt } from './vjp.ts';

type Pairs = readonly (readonly [number, number])[];

interface Roles {
  readonly batch: Pairs;
  readonly contract: Pairs;
  readonly freeA: readonly number[];
  readonly freeB: readonly number[];
}

function rolesOf(attrs: Attrs, rankA: number, rankB: number): Roles {
  const [batch, contract] = [pairsOf(attrs, 'batch'), pairsOf(attrs, 'contract')];
  const used = [...batch, ...contract];
  return {
    batch, contract,
    freeA: axesWithout(rankA, used.map(([a]) => a)),
    freeB: axesWithout(rankB, used.map(([, b]) => b)),
  };
}

/**
 * Cotangent of one operand (`self`), given the other: ct · other over the other's free axes.
 * ct has the axes [batch, free of a, free of b]; the product has [batch, free of self, contracted in the
 * other's order], which a permutation brings into the order of `self`.
 */
function operandVjp(b: Builder, ct: Value, other: Value, side: 0 | 1, { batch, contract, freeA, freeB }: Roles): Value {
  const [freeSelf, freeOther] = side === 0 ? [freeA, freeB] : [freeB, freeA];
  const n = batch.length;
  const otherStart = side === 0 ? n + freeA.length : n;
  const of = (pair: readonly [number, number], which: 0 | 1): number => pair[which];
  const theirs: 0 | 1 = side === 0 ? 1 : 0;
  const result = b.dot(
    ct, other,
    batch.map((pair, at) => [at, of(pair, theirs)] as const),
    freeOther.map((axis, at) => [otherStart + at, axis] as const),
  );
  const contracted = [...contract].sort((p, q) => of(p, theirs) - of(q, theirs));
  const axes = [...batch.map((pair) => of(pair, side)), ...freeSelf, ...contracted.map((pair) => of(pair, side))];
  const order = axesWithout(axes.length, []).map((axis) => axes.indexOf(axis));
  return order.every((axis, at) => axis === at) ? result : b.permute(result, order);
}

export default defineOp({
  name: 'dot',
  doc: 'Sum of products over the `contract` axes, for each point of the `batch` axes. The result has the batch axes, the free axes of the first operand, then those of the second. f16 accumulates in f32.',
  attrs: { batch: 'pairs [axis of the first, axis of the second] that run together', contract: 'pairs that are summed over' },
  infer(inputs, attrs, facts) {
    arity(inputs, 2);
    const [a, b] = [operand(inputs, 0), operand(inputs, 1)];
    requireSameDType(a, b);
    requireClass(a, 'number');
    const { batch, contract, freeA, freeB } = rolesOf(attrs, a.shape.length, b.shape.length);
    const used = [...batch, ...contract];
    requireAxes(a, used.map(([axis]) => axis));
    requireAxes(b, used.map(([, axis]) => axis));
    for (const [p, q] of used) {
      requireEqual(facts, extent(a, p), extent(b, q), `axis ${p} of ${typeText(a)} and axis ${q} of ${typeText(b)}`);
    }
    const shape = [...batch.map(([p]) => extent(a, p)), ...freeA.map((p) => extent(a, p)), ...freeB.map((q) => extent(b, q))];
    return [{ dtype: a.dtype, shape }];
  },
  vjp(b, { inputs, attrs, cotangents: [ct], needs }) {
    if (!ct) return [null, null];
    const [x, y] = [inputAt(inputs, 0), inputAt(inputs, 1)];
    const roles = rolesOf(attrs, x.type.shape.length, y.type.shape.length);
    return [needs[0] ? operandVjp(b, ct, y, 0, roles) : null, needs[1] ? operandVjp(b, ct, x, 1, roles) : null];
  },
  lower(k, [a, b], attrs) {
    if (!a || !b) return [];
    const { batch, contract, freeA } = rolesOf(attrs, a.type.shape.length, b.type.shape.length);
    const accumulator = a.type.dtype === 'f16' ? 'f32' : a.type.dtype;
    const paired = [...batch, ...contract];
    const n = batch.length;
    const first = (i: readonly Dim[], r: readonly Dim[]) =>
      merge(a.type.shape.length, paired.map(([p]) => p), [...i.slice(0, n), ...r], i.slice(n, n + freeA.length));
    const second = (i: readonly Dim[], r: readonly Dim[]) =>
      merge(b.type.shape.length, paired.map(([, q]) => q), [...i.slice(0, n), ...r], i.slice(n + freeA.length));
    return [k.reduce(
      contract.map(([p]) => extent(a.type, p)),
      { name: 'sum', arity: 1 },
      (i, r) => [k.binary('mul', k.cast(accumulator, a.at(first(i, r))), k.cast(accumulator, b.at(second(i, r))))],
    )];
  },
  evaluate(inputs, attrs, cx) {
    const [a, b] = [tensorAt(inputs, 0), tensorAt(inputs, 1)];
    const { batch, contract, freeA, freeB } = rolesOf(attrs, a.shape.length, b.shape.length);
    const paired = [...batch, ...contract];
    const n = batch.length;
    const at = (rank: number, axes: readonly number[], used: readonly number[], free: readonly number[]): number[] => {
      let next = 0;
      return Array.from({ length: rank }, (_, axis) => {
        const p = axes.indexOf(axis);
        return (p >= 0 ? used[p] : free[next++]) ?? 0;
      });
    };
    const shape = [
      ...batch.map(([p]) => a.shape[p] ?? 1), ...freeA.map((p) => a.shape[p] ?? 1), ...freeB.map((q) => b.shape[q] ?? 1),
    ];
    const round = rounder(a.dtype, cx);
    const isWhole = a.dtype === 'i32' || a.dtype === 'u32';
    return [build(a.dtype, shape, (i) => {
      let sum = 0;
      forEachIndex(contract.map(([p]) => a.shape[p] ?? 1), (r) => {
        const used = [...i.slice(0, n), ...r];
        const x = element(a, at(a.shape.length, paired.map(([p]) => p), used, i.slice(n, n + freeA.length)));
        const y = element(b, at(b.shape.length, paired.map(([, q]) => q), used, i.slice(n + freeA.length)));
        sum = isWhole ? (sum + Math.imul(x, y)) | 0 : round(sum + round(x * y));
      });
      return a.dtype === 'u32' ? sum >>> 0 : sum;
    })];
  },
  cost([a], [out], attrs) {
    const contracted = a ? pairsOf(attrs, 'contract').map(([p]) => extent(a, p)) : [];
    return { flops: product([2, ...(out?.shape ?? []), ...contracted]) };
  },
  arbitrary: (fc) => {
    // Roles of axes by letter: b batch, k contracted, m free in the first, n in the second; each at most once or twice.
    const letters = fc.record({
      b: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
      k: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 2 }),
      m: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 1 }),
      n: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 1 }),
      float: fc.constantFrom('f32', 'f32', 'f32', 'i32'),
    });
    return letters.chain(({ b, k, m, n, float }) => {
      const name = (letter: string, sizes: readonly number[]) => sizes.map((size, at) => ({ id: `${letter}${at}`, size }));
      const mix = (axes: { id: string; size: number }[]) =>
        fc.shuffledSubarray(axes, { minLength: axes.length, maxLength: axes.length });
      const [batch, contract] = [name('b', b), name('k', k)];
      return fc.tuple(mix([...batch, ...contract, ...name('m', m)]), mix([...batch, ...contract, ...name('n', n)])).chain(([x, y]) => {
        const pair = ({ id }: { id: string }): [number, number] => [x.findIndex((axis) => axis.id === id), y.findIndex((axis) => axis.id === id)];
        return fc
          .tuple(tensorOf(fc, float, x.map(({ size }) => size)), tensorOf(fc, float, y.map(({ size }) => size)))
          .map((inputs) => ({ inputs, attrs: { batch: batch.map(pair), contract: contract.map(pair) } }));
      });
    });
  },
});
